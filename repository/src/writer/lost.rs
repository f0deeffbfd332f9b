//! Looks which packs of the index the store still has, before a run relies on them.
//!
//! A chunk counts as stored only where its pack is in the list, as long as the index says. What was lost is then stored again
//! by the next backup of the same bytes, and no new snapshot needs a pack that is known to be gone. A list that lags costs
//! space and nothing else. Whether the bytes are still the right ones is the business of `check`.

use std::collections::HashSet;

use base::Digest;
use base::id::DomainId;
use stores::store::{EndlessList, list_all};
use stores::{Attempt, Operation, StoreError};

use super::error::WriteError;
use crate::fence::Condemned;
use crate::format::names;
use crate::index::Index;
use crate::repository::Repository;

/// For each pack of the index, whether it is gone. Call it after the index was read: packs are stored before they are listed
/// there.
pub(super) async fn packs(
    repository: &Repository,
    domain: &DomainId,
    index: &Index,
    condemned: &Condemned,
) -> Result<Vec<bool>, WriteError> {
    let mut lost = vec![true; index.n_packs() as usize];
    let prefix = names::packs_of(domain);
    let failed = |source| WriteError::Read { object: prefix.to_string(), source };
    let mut after = None;
    loop {
        let page = repository.store().list(&prefix, after.as_ref()).await.map_err(failed)?;
        for entry in page.entries {
            let Ok(digest) = entry.key.name().parse::<Digest>() else { continue };
            for number in index.named(digest) {
                let is_whole = index.pack(number).is_some_and(|pack| pack.length == entry.size) && !condemned.has(&digest);
                if let Some(lost) = lost.get_mut(number as usize).filter(|_| is_whole) {
                    *lost = false;
                }
            }
        }
        match page.next {
            None => break,
            next if next == after => {
                let attempt = Attempt::new(Operation::List, prefix.as_str(), repository.store().location());
                return Err(failed(StoreError::Other { attempt, source: Some(std::sync::Arc::new(EndlessList)) }));
            }
            next => after = next,
        }
    }
    let n_lost = lost.iter().filter(|lost| **lost).count();
    if n_lost > 0 {
        tracing::warn!(packs = n_lost, %domain, "packs of the index are not in the store, or are being deleted; what is in them is stored again where it is met");
    }
    Ok(lost)
}

/// Those of `packs` that the store does not list.
pub(super) async fn missing(repository: &Repository, domain: &DomainId, packs: &[Digest]) -> Result<Vec<Digest>, WriteError> {
    let prefix = names::packs_of(domain);
    let listed = list_all(repository.store().as_ref(), &prefix).await;
    let listed = listed.map_err(|source| WriteError::Read { object: prefix.to_string(), source })?;
    let there: HashSet<Digest> = listed.iter().filter_map(|entry| entry.key.name().parse().ok()).collect();
    Ok(packs.iter().filter(|pack| !there.contains(pack)).copied().collect())
}

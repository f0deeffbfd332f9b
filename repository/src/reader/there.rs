//! Which packs the store lists. A chunk that was stored anew lies in several packs by the index, which forgets nothing; once one of them
//! turns out to be gone, the others that are gone, too, are looked at last.

use std::collections::HashSet;
use std::sync::Arc;

use base::Digest;
use stores::store::list_all;

use super::{Found, Inner, ReadError};
use crate::format::names;

/// For each domain, whether the pack with a number is listed.
#[derive(Debug)]
pub(super) struct There(Vec<Vec<bool>>);

impl There {
    pub(super) fn has(&self, found: &Found) -> bool {
        self.0.get(found.domain).and_then(|packs| packs.get(found.place.pack as usize)).copied().unwrap_or(false)
    }
}

/// Whether an error says that a pack is gone.
pub(super) fn is_gone(error: &ReadError) -> bool {
    matches!(error, ReadError::Store { source, .. } if source.is_not_found())
}

/// Lists the packs, once. A store that does not list them leaves the order as it is.
pub(super) async fn learn(inner: &Arc<Inner>) -> Option<&There> {
    inner.there.get_or_try_init(|| look(inner)).await.inspect_err(|error| tracing::warn!(%error, "packs cannot be listed")).ok()
}

async fn look(inner: &Inner) -> Result<There, stores::StoreError> {
    let mut all = Vec::new();
    for domain in &inner.domains {
        let listed = list_all(inner.repository.store().as_ref(), &names::packs_of(&domain.name)).await?;
        let listed: HashSet<Digest> = listed.iter().filter_map(|entry| entry.key.name().parse().ok()).collect();
        let numbers = 0..domain.index.n_packs();
        all.push(numbers.map(|number| domain.index.digest(number).is_some_and(|digest| listed.contains(&digest))).collect());
    }
    Ok(There(all))
}

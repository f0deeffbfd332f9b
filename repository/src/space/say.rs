//! What is said of space, and read again: packs that are retired, and how much of packs was live.

use std::collections::{BTreeMap, BTreeSet};

use base::Digest;
use base::hint::whole_story;
use jiff::Timestamp;
use stores::error::StoreError;

use super::{Live, Waste, uses, waste};
use crate::format::statement::{Document, Retired, Usage, live_lists, pack_lists};
use crate::keys::Steward;
use crate::prune::say::{Said, seal};
use crate::prune::{Facts, Lies, PackAt, PruneError, believed, gather, plan, statements};
use crate::repository::Repository;

/// What a key holder measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// When it was stored, by the store's clock.
    pub stored: Timestamp,
    /// Live bytes of packs; packs that are not named are all live.
    pub live: BTreeMap<PackAt, u64>,
}

impl Published {
    /// What of the packs that are there is live, as far as it was measured.
    pub fn of(&self, facts: &Facts) -> BTreeMap<PackAt, Live> {
        let known = facts.packs.iter().filter_map(|pack| Some((pack, *self.live.get(&pack.at)?)));
        known.map(|(pack, live)| (pack.at.clone(), Live { live, dead: pack.size.saturating_sub(live) })).collect()
    }
}

/// What is dead of the packs that restore points need now, and when that was measured; none where nobody has. No key is needed.
pub async fn told(repository: &Repository) -> Result<Option<(Timestamp, Waste)>, PruneError> {
    let Some(last) = published(repository).await? else { return Ok(None) };
    let facts = gather(repository).await?;
    let packs = uses(&facts, &plan(&facts, &repository.protocol()), &last.of(&facts));
    Ok(Some((last.stored, waste(&packs))))
}

/// Says which packs writers are to use nothing of any more. Gives the statement's name. Who maintains may say so, and no key that reads
/// is needed. It harms nobody who does not know of it: the packs stay as long as restore points need them.
pub async fn retire(repository: &Repository, packs: &BTreeSet<PackAt>, said: Said<'_>) -> Result<Digest, PruneError> {
    let document = Retired {
        lifeboat: Retired::KIND.to_owned(),
        repository: repository.id().to_string(),
        at: said.now,
        packs: pack_lists(packs),
        reason: said.reason.to_owned(),
    };
    seal(repository, said.steward, "retired", &document).await
}

/// All packs that were ever retired. What cannot be believed retires nothing; who may not look there sees nothing.
pub async fn retired(repository: &Repository) -> Result<BTreeSet<PackAt>, PruneError> {
    let mut packs = BTreeSet::new();
    for (stored, digest, object) in found(repository, "retired/").await? {
        match believed::<Retired>(repository, Lies { digest, object: &object, stored }) {
            Ok(told) => {
                for domain in told.packs.keys() {
                    packs.extend(told.of(domain).unwrap_or_default().into_iter().map(|pack| (domain.clone(), pack)));
                }
            }
            Err(doubt) => {
                tracing::warn!(statement = %digest, what = %doubt.what, "a list of retired packs cannot be believed; it retires nothing");
            }
        }
    }
    Ok(packs)
}

/// Says what was measured, for those who maintain without a key that reads.
pub async fn publish(
    repository: &Repository,
    live: &BTreeMap<PackAt, Live>,
    n_snapshots: u64,
    steward: &Steward,
    now: Timestamp,
) -> Result<Digest, PruneError> {
    let partly: BTreeMap<PackAt, u64> = live.iter().filter(|(_, live)| live.dead > 0).map(|(at, live)| (at.clone(), live.live)).collect();
    let document = Usage {
        lifeboat: Usage::KIND.to_owned(),
        repository: repository.id().to_string(),
        at: now,
        snapshots: n_snapshots,
        live: live_lists(&partly),
    };
    seal(repository, steward, "usage", &document).await
}

/// What was measured last and can be believed.
pub async fn published(repository: &Repository) -> Result<Option<Published>, PruneError> {
    let mut newest: Option<Published> = None;
    for (stored, digest, object) in found(repository, "usage/").await? {
        let Some(stored) = stored else { continue };
        let told = believed::<Usage>(repository, Lies { digest, object: &object, stored: Some(stored) }).map_err(|doubt| doubt.what);
        match told.and_then(|told| told.rows().map_err(|error| whole_story(&error))) {
            Ok(live) if newest.as_ref().is_none_or(|newest| newest.stored < stored) => newest = Some(Published { stored, live }),
            Ok(_) => {}
            Err(what) => tracing::warn!(statement = %digest, %what, "what was measured of packs cannot be believed"),
        }
    }
    Ok(newest)
}

async fn found(repository: &Repository, prefix: &str) -> Result<Vec<(Option<Timestamp>, Digest, bytes::Bytes)>, PruneError> {
    match statements(repository, prefix).await {
        Ok(found) => Ok(found.into_iter().map(|(entry, digest, object)| (entry.modified, digest, object)).collect()),
        Err(PruneError::Store { source: StoreError::Denied { .. }, .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

//! Does what a plan says, as far as a second look agrees.

use std::collections::{BTreeMap, BTreeSet};

use base::{Clock, Digest};
use bytes::Bytes;
use jiff::Timestamp;
use stores::error::StoreError;
use stores::key::Key;

use super::{Facts, PackAt, Plan, PruneError, gather, plan};
use crate::format::names::{self, CONDEMNED, Name};
use crate::format::statement::{CONDEMNED_MAX, Condemned, Document as _, encode, pack_lists};
use crate::keys::Steward;
use crate::lock::locked_until;
use crate::repository::Repository;

/// A machine whose wall clock and whose passed time differ by more, in seconds, is out of step.
const IN_STEP_S: i64 = 60;

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The condemned list that was stored, and its packs.
    pub condemned: Option<(Name, usize)>,
    /// Packs that are deleted.
    pub deleted: BTreeSet<PackAt>,
    /// Packs that could be deleted if they were not locked, and until when. A prune after that deletes them.
    pub locked: BTreeMap<PackAt, Timestamp>,
    /// Packs that the store refused to delete, and what it said. A later prune tries again.
    pub refused: Vec<(PackAt, String)>,
}

/// Looks again, then deletes and condemns what `wanted` and the second look agree on. `steward` signs the condemned list.
pub async fn apply(repository: &Repository, wanted: &Plan, steward: &Steward, clock: &dyn Clock) -> Result<Applied, PruneError> {
    let (wall, passed) = (clock.now(), clock.monotonic());
    let facts = gather(repository).await?;
    let apart =
        clock.now().duration_since(wall).as_secs() - i64::try_from(clock.monotonic().saturating_sub(passed).as_secs()).unwrap_or(i64::MAX);
    if apart.abs() > IN_STEP_S {
        return Err(PruneError::Clock { seconds: apart });
    }
    let found = plan(&facts, &repository.protocol());
    let agreed = wanted.delete.intersection(&found.delete).next().or_else(|| wanted.condemn.intersection(&found.condemn).next());
    if !found.blocked.is_empty() || (agreed.is_none() && !found.blocked_in.is_empty()) {
        return Err(PruneError::Blocked { why: found.hindrances() });
    }
    let mut applied = Applied::default();
    let store = repository.store();
    for pack in wanted.delete.intersection(&found.delete) {
        let deleter = store.deleter().ok_or_else(|| PruneError::NoDelete { location: store.location() })?;
        let key = names::pack(&pack.0, &pack.1);
        // A bucket with versions answers yes to a delete of what is locked, and only hides it.
        if let Some(until) = locked_until(&**store, &key, facts.now).await {
            applied.locked.insert(pack.clone(), until);
            continue;
        }
        match deleter.delete(&key).await {
            Ok(()) => drop(applied.deleted.insert(pack.clone())),
            Err(error @ (StoreError::Denied { .. } | StoreError::Unsupported { .. })) => {
                applied.refused.push((pack.clone(), error.to_string()));
            }
            Err(source) => return Err(PruneError::Store { object: key.to_string(), source }),
        }
    }
    if !repository.protocol().remembers() {
        forget(repository, &facts, &applied).await?;
    }
    let packs: BTreeSet<PackAt> = wanted.condemn.intersection(&found.condemn).take(CONDEMNED_MAX).cloned().collect();
    if !packs.is_empty() {
        let generation = facts.generations.iter().map(|generation| generation.number.saturating_add(1)).max().unwrap_or(0);
        let (lifeboat, repository_id) = (Condemned::KIND.to_owned(), repository.id().to_string());
        let list = Condemned { lifeboat, repository: repository_id, at: clock.now(), generation, packs: pack_lists(&packs) };
        let object = Bytes::from(steward.seal(&encode(&list)));
        let name = Name { seq: generation, digest: Digest::of(&object) };
        let key: Key = format!("{CONDEMNED}{name}").parse().expect("a name is made of characters that keys allow");
        super::say::put(repository, &key, object).await?;
        applied.condemned = Some((name, packs.len()));
    }
    Ok(applied)
}

/// What must not be: takes away the condemned lists whose packs are all deleted.
async fn forget(repository: &Repository, facts: &Facts, applied: &Applied) -> Result<(), PruneError> {
    let there: BTreeSet<&PackAt> = facts.packs.iter().map(|pack| &pack.at).filter(|at| !applied.deleted.contains(*at)).collect();
    for entry in super::gather::list(repository, CONDEMNED).await? {
        let number = entry.key.name().parse::<Name>().ok().map(|name| name.seq);
        let done = facts
            .generations
            .iter()
            .find(|one| Some(one.number) == number)
            .is_some_and(|one| one.packs.iter().all(|at| !there.contains(at)));
        if let Some(deleter) = repository.store().deleter().filter(|_| done) {
            deleter.delete(&entry.key).await.map_err(|source| PruneError::Store { object: entry.key.to_string(), source })?;
        }
    }
    Ok(())
}

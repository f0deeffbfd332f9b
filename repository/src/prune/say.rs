//! What people say of snapshots: that one may go, that it stays after all, that it is held, that its pack set was compared.

use std::collections::BTreeSet;

use base::Digest;
use bytes::Bytes;
use jiff::Timestamp;
use stores::error::StoreError;
use stores::key::Key;
use stores::store::Put;

use super::PruneError;
use super::gather::{Doubts, holds, tombstones};
use super::plan::is_old;
use crate::format::statement::{Attestation, Document, Hold, Release, Tombstone, Undo, encode};
use crate::format::tree::{ChunkRef, NodeKind, TreeRef};
use crate::keys::Steward;
use crate::reader::Reader;
use crate::repository::Repository;
use crate::snapshots::{Snapshot, SnapshotId};

/// Who says something, when, and why.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The key that signs.
    pub steward: &'a Steward,
    /// By the clock of this machine; it decides nothing.
    pub now: Timestamp,
    /// The person.
    pub who: &'a str,
    /// The reason.
    pub reason: &'a str,
}

/// Stores an object whose name ends in its digest. One that is there already is the same. Gives the store's time by which it is there.
pub(super) async fn put(repository: &Repository, key: &Key, object: Bytes) -> Result<Option<Timestamp>, PruneError> {
    let failed = |source| PruneError::Store { object: key.to_string(), source };
    match repository.store().put_new(key, object.clone(), Digest::of(&object)).await {
        Ok(Put { date: Some(date) }) => Ok(Some(date)),
        Ok(Put { date: None }) | Err(StoreError::Exists { .. }) => Ok(repository.store().head(key).await.map_err(failed)?.date),
        Err(source) => Err(failed(source)),
    }
}

pub(crate) async fn seal(repository: &Repository, steward: &Steward, folder: &str, document: &impl Document) -> Result<Digest, PruneError> {
    sealed(repository, steward, folder, document).await.map(|(digest, _)| digest)
}

async fn sealed(
    repository: &Repository,
    steward: &Steward,
    folder: &str,
    document: &impl Document,
) -> Result<(Digest, Option<Timestamp>), PruneError> {
    let object = Bytes::from(steward.seal(&encode(document)));
    let digest = Digest::of(&object);
    let key: Key = format!("{folder}/{digest}").parse().expect("digests are made of characters that keys allow");
    let there = put(repository, &key, object).await?;
    Ok((digest, there))
}

/// Says that a snapshot may go, by `rule`. Within the grace period [`undo`] takes it back.
pub async fn tombstone(repository: &Repository, snapshot: SnapshotId, rule: &str, said: Said<'_>) -> Result<Digest, PruneError> {
    let document = Tombstone {
        lifeboat: Tombstone::KIND.to_owned(),
        repository: repository.id().to_string(),
        at: said.now,
        snapshot: *snapshot.digest(),
        reason: said.reason.to_owned(),
        rule: rule.to_owned(),
        who: said.who.to_owned(),
    };
    seal(repository, said.steward, &format!("tombstones/{snapshot}"), &document).await
}

/// Says that a snapshot stays after all. Refused when the store lists no tombstone of it, and when its tombstone is older than the grace period by the store's clock, before or by
/// the time when the store has the answer: a prune may have gone by the tombstone meanwhile.
pub async fn undo(repository: &Repository, snapshot: SnapshotId, said: Said<'_>) -> Result<(), PruneError> {
    let mut undone = BTreeSet::new();
    loop {
        let now = super::gather(repository).await?.now;
        let found = tombstones(repository, &mut Doubts::default()).await?;
        // A list may be behind: what was undone is not undone again.
        let Some(told) = found.get(snapshot.digest()).filter(|told| undone.insert(told.digest)) else {
            return if undone.is_empty() { Err(PruneError::Nothing { what: format!("tombstone of {snapshot}") }) } else { Ok(()) };
        };
        let is_over = |now: Timestamp| is_old(now, Some(told.stored), repository.protocol().grace());
        if is_over(now) {
            return Err(PruneError::TooLate { snapshot });
        }
        let document = Undo {
            lifeboat: Undo::KIND.to_owned(),
            repository: repository.id().to_string(),
            at: said.now,
            snapshot: *snapshot.digest(),
            tombstone: told.digest,
            who: said.who.to_owned(),
        };
        let (_, there) = sealed(repository, said.steward, &format!("tombstones/{snapshot}"), &document).await?;
        if there.is_none_or(is_over) {
            return Err(PruneError::TooLate { snapshot });
        }
    }
}

/// Keeps snapshots until the hold is released. Gives the hold's name. Refused when a pack of one is gone: it would be listed as one that
/// can be restored, and hinder every prune.
pub async fn hold(repository: &Repository, snapshots: &BTreeSet<SnapshotId>, said: Said<'_>) -> Result<Digest, PruneError> {
    let document = Hold {
        lifeboat: Hold::KIND.to_owned(),
        repository: repository.id().to_string(),
        at: said.now,
        snapshots: snapshots.iter().map(|id| *id.digest()).collect(),
        reason: said.reason.to_owned(),
        who: said.who.to_owned(),
    };
    let hold = seal(repository, said.steward, "holds", &document).await?;
    let facts = super::gather(repository).await?;
    let broken = super::plan(&facts, &repository.protocol()).broken;
    if let Some((snapshot, n_packs)) = broken.into_iter().find(|(id, _)| snapshots.contains(id)) {
        release(repository, hold, Said { reason: "packs of what it held are gone", ..said }).await?;
        return Err(PruneError::Gone { snapshot, n_packs });
    }
    Ok(hold)
}

/// Those of `snapshots` whose tombstone can no longer be undone: a prune that began before they were held may still delete their packs.
pub async fn at_risk(repository: &Repository, snapshots: &BTreeSet<SnapshotId>) -> Result<BTreeSet<SnapshotId>, PruneError> {
    let now = super::gather(repository).await?.now;
    let found = tombstones(repository, &mut Doubts::default()).await?;
    let grace = repository.protocol().grace();
    let over = |id: &&SnapshotId| found.get(id.digest()).is_some_and(|told| is_old(now, Some(told.stored), grace));
    Ok(snapshots.iter().filter(over).copied().collect())
}

/// Ends a hold.
pub async fn release(repository: &Repository, hold: Digest, said: Said<'_>) -> Result<(), PruneError> {
    if !held(repository).await?.iter().any(|(digest, _)| *digest == hold) {
        return Err(PruneError::Nothing { what: format!("hold {hold}") });
    }
    let (reason, who) = (said.reason.to_owned(), said.who.to_owned());
    let document = Release { lifeboat: Release::KIND.to_owned(), repository: repository.id().to_string(), at: said.now, hold, reason, who };
    seal(repository, said.steward, "holds", &document).await?;
    Ok(())
}

/// All holds that nobody has released.
pub async fn held(repository: &Repository) -> Result<Vec<(Digest, Hold)>, PruneError> {
    Ok(holds(repository, &mut Doubts::default()).await?.into_iter().collect())
}

/// Walks a snapshot's trees, compares what they need with its pack set, and says so. Needs a reader's key.
pub async fn attest(
    repository: &Repository,
    reader: &Reader,
    snapshot: &Snapshot,
    steward: &Steward,
    now: Timestamp,
) -> Result<(), PruneError> {
    let wrong = |what: String| PruneError::Attest { snapshot: snapshot.id, what };
    let set: BTreeSet<Digest> = snapshot.packs.iter().copied().collect();
    let mut needed = BTreeSet::new();
    let mut take = |chunks: &[ChunkRef]| {
        for chunk in chunks {
            let mut places = reader.packs_of(chunk.id).filter(|(domain, pack)| **domain == snapshot.domain && set.contains(pack));
            let (_, pack) = places.next().ok_or_else(|| wrong(format!("chunk {} is in none of its packs", chunk.id)))?;
            needed.insert(pack);
        }
        Ok::<(), PruneError>(())
    };
    let (mut left, mut seen) = (vec![snapshot.root.clone()], std::collections::HashSet::<TreeRef>::new());
    while let Some(tree) = left.pop() {
        if !seen.insert(tree.clone()) {
            continue;
        }
        take(&tree.chunks)?;
        for node in reader.tree(&tree).await.map_err(|error| wrong(base::hint::whole_story(&error)))? {
            match node.kind {
                NodeKind::Directory { tree } => left.push(tree),
                NodeKind::File { content } => take(content.refs())?,
                _ => {}
            }
        }
    }
    let document = Attestation {
        lifeboat: Attestation::KIND.to_owned(),
        repository: repository.id().to_string(),
        at: now,
        snapshot: *snapshot.id.digest(),
        needed: needed.len() as u64,
        named: set.len() as u64,
    };
    seal(repository, steward, &format!("attest/{}", snapshot.id), &document).await?;
    Ok(())
}

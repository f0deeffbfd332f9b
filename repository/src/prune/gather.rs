//! Looks at everything that a prune decides by. Needs no key.
//!
//! Order: the time, condemned lists, packs, and only then snapshots and what people said of them. A snapshot that comes in between
//! is then seen, and a pack that comes in between is not.

use std::collections::{BTreeMap, BTreeSet};

use base::Digest;
use base::hint::whole_story;
use base::id::DomainId;
use bytes::Bytes;
use jiff::Timestamp;
use stores::key::{Key, Prefix};
use stores::store::{Entry, list_all};

use super::plan::is_old;
use super::{Facts, Generation, PackFact, PruneError, SnapshotFact};
use crate::fence::FenceError;
use crate::format::names::{self, Name, numbered};
use crate::format::statement::{Attestation, Condemned, Document, Hold, Release, Tombstone, Undo, decode};
use crate::repository::Repository;
use crate::snapshots::{SnapshotId, chain, open};
use crate::trust::Act;

type Unclear = Vec<(String, String)>;

pub(super) async fn list(repository: &Repository, prefix: &str) -> Result<Vec<Entry>, PruneError> {
    let prefix: Prefix = prefix.parse().expect("a plain prefix");
    let listed = list_all(repository.store().as_ref(), &prefix).await;
    listed.map_err(|source| PruneError::Store { object: prefix.to_string(), source })
}

async fn get(repository: &Repository, key: &Key) -> Result<Bytes, PruneError> {
    repository.store().get(key).await.map_err(|source| PruneError::Store { object: key.to_string(), source })
}

/// The document in `object`, if its name, its signer and its repository are right.
pub(crate) fn believed<D: Document>(repository: &Repository, digest: Digest, object: &[u8], act: Act) -> Result<D, String> {
    if Digest::of(object) != digest {
        return Err("its SHA-256 is not the one in its name".to_owned());
    }
    let line = object.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let document: D = decode(line).map_err(|error| whole_story(&error))?;
    repository.trust().statement(object, act, document.at()).map_err(|error| whole_story(&error))?;
    if document.repository() == repository.id().to_string() { Ok(document) } else { Err("it belongs to another repository".to_owned()) }
}

/// Everything, as it is now.
pub async fn gather(repository: &Repository) -> Result<Facts, PruneError> {
    let prefix: Prefix = names::CONDEMNED.parse().expect("a plain prefix");
    let first = repository.store().list(&prefix, None).await;
    let first = first.map_err(|source| PruneError::Store { object: prefix.to_string(), source })?;
    let now = first.date.ok_or_else(|| FenceError::NoTime { location: repository.store().location() })?;
    let mut facts = Facts { now, ..Facts::default() };
    for entry in list(repository, names::CONDEMNED).await? {
        let Ok(name) = entry.key.name().parse::<Name>() else { continue };
        match believed::<Condemned>(repository, name.digest, &get(repository, &entry.key).await?, Act::Maintain) {
            Ok(told) => {
                let mut packs = BTreeSet::new();
                for domain in told.packs.keys() {
                    packs.extend(told.of(domain).unwrap_or_default().into_iter().map(|pack| (domain.clone(), pack)));
                }
                facts.generations.push(Generation { number: name.seq, stored: entry.modified, packs });
            }
            Err(what) => facts.unclear.push((entry.key.to_string(), what)),
        }
    }
    for entry in list(repository, "packs/").await? {
        let at = entry.key.segments().nth(1).and_then(|domain| domain.parse::<DomainId>().ok()).zip(entry.key.name().parse().ok());
        if let Some(at) = at.filter(|(domain, digest)| names::pack(domain, digest) == entry.key) {
            facts.packs.push(PackFact { at, size: entry.size, stored: entry.modified });
        }
    }
    snapshots(repository, &mut facts).await?;
    Ok(facts)
}

async fn snapshots(repository: &Repository, facts: &mut Facts) -> Result<(), PruneError> {
    let (mut sound, mut seen) = (BTreeMap::new(), BTreeSet::new());
    for entry in list(repository, "snapshots/").await? {
        let Some(at) = numbered("snapshots", &entry.key) else { continue };
        seen.insert(at.clone());
        match open::public(repository, &at, &get(repository, &entry.key).await?) {
            Ok(public) => drop(sound.insert(at, (entry.key, public))),
            Err(error) => facts.unclear.push((entry.key.to_string(), whole_story(&error))),
        }
    }
    let links = sound.iter().map(|(at, (_, public))| (at.clone(), public.prev)).collect();
    let apart = chain::apart(repository.trust(), &links);
    let before: BTreeSet<_> =
        links.iter().filter(|(at, _)| !apart.contains_key(at)).filter_map(|(at, prev)| chain::before(at, *prev)).collect();
    for (at, (key, public)) in sound {
        if let Some(what) = apart.get(&at) {
            facts.unclear.push((key.to_string(), what.clone()));
            continue;
        }
        let packs = public.packs.into_iter().map(|pack| (at.domain.clone(), pack)).collect();
        let (id, key) = (SnapshotId::new(at.name.digest), key.to_string());
        facts.snapshots.push(SnapshotFact { id, key, packs, tombstone: None, held: None, attested: false });
    }
    for at in before.difference(&seen) {
        let key = names::snapshot(&at.domain, &at.writer, &at.name);
        facts.unclear.push((key.to_string(), "it is missing: the next snapshot of its writer names it".to_owned()));
    }
    let tombstones = tombstones(repository, &mut facts.unclear).await?;
    let holds = holds(repository, &mut facts.unclear).await?;
    let attested = attested(repository).await?;
    for snapshot in &mut facts.snapshots {
        let id = snapshot.id.digest();
        snapshot.tombstone = tombstones.get(id).map(|(_, stored, reason)| (*stored, reason.clone()));
        snapshot.held = holds.iter().find(|(_, hold)| hold.snapshots.contains(id)).map(|(_, hold)| hold.reason.clone());
        snapshot.attested = attested.contains(id);
    }
    Ok(())
}

/// By snapshot: digest of the first tombstone that counts, when it was stored, its reason.
pub(super) async fn tombstones(
    repository: &Repository,
    unclear: &mut Unclear,
) -> Result<BTreeMap<Digest, (Digest, Timestamp, String)>, PruneError> {
    let (mut found, mut undone) = (Vec::new(), BTreeSet::new());
    for entry in list(repository, "tombstones/").await? {
        let Ok(digest) = entry.key.name().parse::<Digest>() else { continue };
        let object = get(repository, &entry.key).await?;
        match believed::<Tombstone>(repository, digest, &object, Act::Maintain) {
            // Without an instant nobody can tell when it can no longer be undone: it does not count.
            Ok(told) => found.extend(entry.modified.map(|stored| (told.snapshot, (digest, stored, told.reason)))),
            Err(what) => match believed::<Undo>(repository, digest, &object, Act::Maintain) {
                Ok(told) => drop(undone.insert(told.tombstone)),
                Err(_) => unclear.push((entry.key.to_string(), what)),
            },
        }
    }
    found.retain(|(_, (digest, ..))| !undone.contains(digest));
    found.sort_by_key(|(_, (_, stored, _))| std::cmp::Reverse(*stored));
    Ok(found.into_iter().collect())
}

/// The holds that nobody has released, by the digests of their objects.
pub(super) async fn holds(repository: &Repository, unclear: &mut Unclear) -> Result<BTreeMap<Digest, Hold>, PruneError> {
    let (mut found, mut released) = (BTreeMap::new(), BTreeSet::new());
    for entry in list(repository, "holds/").await? {
        let Ok(digest) = entry.key.name().parse::<Digest>() else { continue };
        let object = get(repository, &entry.key).await?;
        match believed::<Hold>(repository, digest, &object, Act::Maintain) {
            Ok(hold) => drop(found.insert(digest, hold)),
            Err(what) => match believed::<Release>(repository, digest, &object, Act::Maintain) {
                Ok(told) => drop(released.insert(told.hold)),
                Err(_) => unclear.push((entry.key.to_string(), what)),
            },
        }
    }
    found.retain(|digest, _| !released.contains(digest));
    Ok(found)
}

/// Snapshots that nobody wants any more: their tombstones can no longer be undone, and no hold keeps them.
pub(crate) async fn expired(repository: &Repository) -> Result<BTreeSet<Digest>, PruneError> {
    let prefix: Prefix = "tombstones/".parse().expect("a plain prefix");
    let first = repository.store().list(&prefix, None).await;
    let now = first.map_err(|source| PruneError::Store { object: prefix.to_string(), source })?.date;
    let (tombstones, holds) = (tombstones(repository, &mut Vec::new()).await?, holds(repository, &mut Vec::new()).await?);
    let is_over = |stored: Timestamp| now.is_some_and(|now| is_old(now, Some(stored), repository.protocol().grace()));
    let over = tombstones.into_iter().filter(|(_, (_, stored, _))| is_over(*stored)).map(|(snapshot, _)| snapshot);
    Ok(over.filter(|snapshot| !holds.values().any(|hold| hold.snapshots.contains(snapshot))).collect())
}

async fn attested(repository: &Repository) -> Result<BTreeSet<Digest>, PruneError> {
    let mut attested = BTreeSet::new();
    for entry in list(repository, "attest/").await? {
        let Ok(digest) = entry.key.name().parse::<Digest>() else { continue };
        let told = believed::<Attestation>(repository, digest, &get(repository, &entry.key).await?, Act::Attest);
        attested.extend(told.ok().map(|told| told.snapshot));
    }
    Ok(attested)
}

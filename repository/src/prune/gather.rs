//! Looks at everything that a prune decides by. Needs no key.
//!
//! Order: the time, condemned lists, packs, and only then snapshots and what people said of them. A snapshot that comes in between
//! is then seen, and a pack that comes in between is not.

use std::collections::{BTreeMap, BTreeSet};

use base::Digest;
use base::hint::whole_story;
use base::id::DomainId;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use stores::key::{Key, Prefix};
use stores::store::{Entry, list_all};

use super::plan::is_old;
use super::{Content, Facts, Generation, PackAt, PackFact, PruneError, SnapshotFact};
use crate::fence::FenceError;
use crate::format::names::{self, Name, numbered};
use crate::format::statement::{Attestation, Condemned, Document, Hold, Release, Tombstone, Undo, decode};
use crate::repository::Repository;
use crate::snapshots::{SnapshotId, chain, open};
use crate::trust::Act;

/// Objects that are fetched at once.
const AT_ONCE: usize = 16;

type Unclear = Vec<(String, String)>;

/// A tombstone that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// SHA-256 of its object.
    pub(crate) digest: Digest,
    /// When it was stored, by the store's clock.
    pub(crate) stored: Timestamp,
    /// Why.
    pub(crate) reason: String,
    /// The rule that it names.
    pub(crate) rule: String,
}

pub(super) async fn list(repository: &Repository, prefix: &str) -> Result<Vec<Entry>, PruneError> {
    let prefix: Prefix = prefix.parse().expect("a plain prefix");
    let listed = list_all(repository.store().as_ref(), &prefix).await;
    listed.map_err(|source| PruneError::Store { object: prefix.to_string(), source })
}

async fn get(repository: &Repository, key: &Key) -> Result<Bytes, PruneError> {
    repository.store().get(key).await.map_err(|source| PruneError::Store { object: key.to_string(), source })
}

/// Every object below `prefix` whose name is a digest, in the order of the listing.
pub(crate) async fn statements(repository: &Repository, prefix: &str) -> Result<Vec<(Entry, Digest, Bytes)>, PruneError> {
    let named = list(repository, prefix).await?.into_iter();
    let named = named.filter_map(|entry| entry.key.name().parse::<Digest>().ok().map(|digest| (entry, digest)));
    let fetched = stream::iter(named).map(|(entry, digest)| async move {
        let object = get(repository, &entry.key).await?;
        Ok((entry, digest, object))
    });
    fetched.buffered(AT_ONCE).try_collect().await
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
    facts.generations = generations(repository, &mut facts.unclear).await?;
    for entry in list(repository, "packs/").await? {
        let at = entry.key.segments().nth(1).and_then(|domain| domain.parse::<DomainId>().ok()).zip(entry.key.name().parse().ok());
        if let Some(at) = at.filter(|(domain, digest)| names::pack(domain, digest) == entry.key) {
            facts.packs.push(PackFact { at, size: entry.size, stored: entry.modified });
        }
    }
    snapshots(repository, &mut facts).await?;
    Ok(facts)
}

async fn generations(repository: &Repository, unclear: &mut Unclear) -> Result<Vec<Generation>, PruneError> {
    let mut generations = Vec::new();
    for entry in list(repository, names::CONDEMNED).await? {
        let Ok(name) = entry.key.name().parse::<Name>() else { continue };
        match believed::<Condemned>(repository, name.digest, &get(repository, &entry.key).await?, Act::Maintain) {
            Ok(told) => {
                let mut packs = BTreeSet::new();
                for domain in told.packs.keys() {
                    packs.extend(told.of(domain).unwrap_or_default().into_iter().map(|pack| (domain.clone(), pack)));
                }
                generations.push(Generation { number: name.seq, stored: entry.modified, packs });
            }
            Err(what) => unclear.push((entry.key.to_string(), what)),
        }
    }
    Ok(generations)
}

/// Every pack that was ever condemned.
pub(crate) async fn condemned(repository: &Repository) -> Result<BTreeSet<PackAt>, PruneError> {
    let generations = generations(repository, &mut Vec::new()).await?;
    Ok(generations.into_iter().flat_map(|generation| generation.packs).collect())
}

/// The snapshots that have a tombstone which counts, and that nobody holds.
pub(crate) async fn dropped(repository: &Repository) -> Result<BTreeMap<Digest, Dropped>, PruneError> {
    let mut dropped = tombstones(repository, &mut Vec::new()).await?;
    if !dropped.is_empty() {
        let held: BTreeSet<Digest> = holds(repository, &mut Vec::new()).await?.into_values().flat_map(|hold| hold.snapshots).collect();
        dropped.retain(|snapshot, _| !held.contains(snapshot));
    }
    Ok(dropped)
}

async fn snapshots(repository: &Repository, facts: &mut Facts) -> Result<(), PruneError> {
    let (mut sound, mut seen) = (BTreeMap::new(), BTreeSet::new());
    for entry in list(repository, "snapshots/").await? {
        let Some(at) = numbered("snapshots", &entry.key) else { continue };
        seen.insert(at.clone());
        match open::public(repository, &at, &get(repository, &entry.key).await?) {
            Ok(public) => drop(sound.insert(at, (entry, public))),
            Err(error) => facts.unclear.push((entry.key.to_string(), whole_story(&error))),
        }
    }
    let links = sound.iter().map(|(at, (_, public))| (at.clone(), public.prev)).collect();
    let apart = chain::apart(repository.trust(), &links);
    let before: BTreeSet<_> =
        links.iter().filter(|(at, _)| !apart.contains_key(at)).filter_map(|(at, prev)| chain::before(at, *prev)).collect();
    for (at, (entry, public)) in sound {
        if let Some(what) = apart.get(&at) {
            facts.unclear.push((entry.key.to_string(), what.clone()));
            continue;
        }
        facts.snapshots.push(SnapshotFact {
            id: SnapshotId::new(at.name.digest),
            key: entry.key.to_string(),
            content: Content::of(&public.root, public.taken, public.finished),
            packs: public.packs.into_iter().map(|pack| (at.domain.clone(), pack)).collect(),
            domain: at.domain,
            writer: at.writer,
            seq: at.name.seq,
            complete: public.complete,
            stored: entry.modified,
            read: public.condemned.read,
            tombstone: None,
            rule: None,
            held: None,
            attested: false,
        });
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
        snapshot.tombstone = tombstones.get(id).map(|told| (told.stored, told.reason.clone()));
        snapshot.rule = tombstones.get(id).map(|told| told.rule.clone());
        snapshot.held = holds.iter().find(|(_, hold)| hold.snapshots.contains(id)).map(|(_, hold)| hold.reason.clone());
        snapshot.attested = attested.contains(id);
    }
    Ok(())
}

/// By snapshot: the first tombstone that counts.
pub(super) async fn tombstones(repository: &Repository, unclear: &mut Unclear) -> Result<BTreeMap<Digest, Dropped>, PruneError> {
    let (mut found, mut undone) = (Vec::<(Digest, Dropped)>::new(), BTreeSet::new());
    for (entry, digest, object) in statements(repository, "tombstones/").await? {
        match believed::<Tombstone>(repository, digest, &object, Act::Maintain) {
            // Without an instant nobody can tell when it can no longer be undone: it does not count.
            Ok(told) => {
                found
                    .extend(entry.modified.map(|stored| (told.snapshot, Dropped { digest, stored, reason: told.reason, rule: told.rule })));
            }
            Err(what) => match believed::<Undo>(repository, digest, &object, Act::Maintain) {
                Ok(told) => drop(undone.insert(told.tombstone)),
                Err(_) => unclear.push((entry.key.to_string(), what)),
            },
        }
    }
    found.retain(|(_, told)| !undone.contains(&told.digest));
    found.sort_by_key(|(_, told)| std::cmp::Reverse(told.stored));
    Ok(found.into_iter().collect())
}

/// The holds that nobody has released, by the digests of their objects.
pub(super) async fn holds(repository: &Repository, unclear: &mut Unclear) -> Result<BTreeMap<Digest, Hold>, PruneError> {
    let (mut found, mut released) = (BTreeMap::new(), BTreeSet::new());
    for (entry, digest, object) in statements(repository, "holds/").await? {
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
    let over = tombstones.into_iter().filter(|(_, told)| is_over(told.stored)).map(|(snapshot, _)| snapshot);
    Ok(over.filter(|snapshot| !holds.values().any(|hold| hold.snapshots.contains(snapshot))).collect())
}

async fn attested(repository: &Repository) -> Result<BTreeSet<Digest>, PruneError> {
    let mut attested = BTreeSet::new();
    for (_, digest, object) in statements(repository, "attest/").await? {
        attested.extend(believed::<Attestation>(repository, digest, &object, Act::Attest).ok().map(|told| told.snapshot));
    }
    Ok(attested)
}

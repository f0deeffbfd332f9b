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

use super::believe::{Does, Doubt, Either, Lies, believed, either};
use super::plan::is_old;
use super::{Content, Facts, Generation, PackAt, PackFact, PackSet, PruneError, SnapshotFact, Unclear, set};
use crate::fence::FenceError;
use crate::format::names::{self, Name, numbered};
use crate::format::statement::{Attestation, Condemned, Hold, Release, Tombstone, Undo};
use crate::repository::Repository;
use crate::snapshots::{SnapshotId, chain, open};
use crate::trust::Numbering;

/// Objects that are fetched at once.
const AT_ONCE: usize = 16;

/// What is told of objects that do not count.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    pub(super) unclear: Vec<Unclear>,
    pub(super) aside: Vec<(String, String)>,
}

impl Doubts {
    fn take(&mut self, key: &Key, doubt: Doubt) {
        if doubt.has_ended {
            tracing::warn!(object = %key, what = %doubt.what, "a statement counts for nothing");
            self.aside.push((key.to_string(), doubt.what));
        } else {
            self.unclear.push(Unclear::anywhere(key, doubt.what));
        }
    }
}

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

/// Everything, as it is now.
pub async fn gather(repository: &Repository) -> Result<Facts, PruneError> {
    let prefix: Prefix = names::CONDEMNED.parse().expect("a plain prefix");
    let first = repository.store().list(&prefix, None).await;
    let first = first.map_err(|source| PruneError::Store { object: prefix.to_string(), source })?;
    let now = first.date.ok_or_else(|| FenceError::NoTime { location: repository.store().location() })?;
    let mut facts = Facts { now, ..Facts::default() };
    let mut doubts = Doubts::default();
    facts.generations = generations(repository, &mut doubts).await?;
    for entry in list(repository, "packs/").await? {
        let at = entry.key.segments().nth(1).and_then(|domain| domain.parse::<DomainId>().ok()).zip(entry.key.name().parse().ok());
        if let Some(at) = at.filter(|(domain, digest)| names::pack(domain, digest) == entry.key) {
            facts.packs.push(PackFact { at, size: entry.size, stored: entry.modified });
        }
    }
    snapshots(repository, &mut facts, &mut doubts).await?;
    statements_of(repository, &mut facts, &mut doubts).await?;
    facts.unclear.append(&mut doubts.unclear);
    facts.aside.append(&mut doubts.aside);
    Ok(facts)
}

async fn generations(repository: &Repository, doubts: &mut Doubts) -> Result<Vec<Generation>, PruneError> {
    let mut generations = Vec::new();
    for entry in list(repository, names::CONDEMNED).await? {
        let Ok(name) = entry.key.name().parse::<Name>() else { continue };
        let object = get(repository, &entry.key).await?;
        match believed::<Condemned>(repository, Lies { digest: name.digest, object: &object, stored: entry.modified }) {
            Ok(told) => {
                let mut packs = BTreeSet::new();
                for domain in told.packs.keys() {
                    packs.extend(told.of(domain).unwrap_or_default().into_iter().map(|pack| (domain.clone(), pack)));
                }
                generations.push(Generation { number: name.seq, stored: entry.modified, packs });
            }
            Err(doubt) => doubts.take(&entry.key, doubt),
        }
    }
    Ok(generations)
}

/// Every pack that was ever condemned.
pub(crate) async fn condemned(repository: &Repository) -> Result<BTreeSet<PackAt>, PruneError> {
    let generations = generations(repository, &mut Doubts::default()).await?;
    Ok(generations.into_iter().flat_map(|generation| generation.packs).collect())
}

/// The snapshots that have a tombstone which counts, and that nobody holds.
pub(crate) async fn dropped(repository: &Repository) -> Result<BTreeMap<Digest, Dropped>, PruneError> {
    let mut dropped = tombstones(repository, &mut Doubts::default()).await?;
    if !dropped.is_empty() {
        let held: BTreeSet<Digest> =
            holds(repository, &mut Doubts::default()).await?.into_values().flat_map(|hold| hold.snapshots).collect();
        dropped.retain(|snapshot, _| !held.contains(snapshot));
    }
    Ok(dropped)
}

async fn snapshots(repository: &Repository, facts: &mut Facts, doubts: &mut Doubts) -> Result<(), PruneError> {
    let (mut sound, mut seen, mut numbering) = (BTreeMap::new(), BTreeSet::new(), set::Numbering::default());
    for entry in list(repository, "snapshots/").await? {
        let Some(at) = numbered("snapshots", &entry.key) else { continue };
        seen.insert(at.clone());
        // What a writer stores after its right has ended hinders nobody.
        if let Err(ended) = repository.trust().believes(Numbering::Snapshot, &at) {
            doubts.aside.push((entry.key.to_string(), whole_story(&ended)));
            continue;
        }
        match open::public(repository, &at, &get(repository, &entry.key).await?) {
            // The names of packs are kept once, not once a snapshot.
            Ok(mut public) => {
                let packs = numbering.of(std::mem::take(&mut public.packs).into_iter().map(|pack| (at.domain.clone(), pack)));
                (public.sealed, public.indexes) = Default::default();
                drop(sound.insert(at, (entry, public, packs)));
            }
            Err(error) => doubts.unclear.push(Unclear::within(&at.domain, &entry.key, whole_story(&error))),
        }
    }
    let links = sound.iter().map(|(at, (_, public, _))| (at.clone(), public.prev)).collect();
    let apart = chain::apart(repository.trust(), &links);
    let before: BTreeSet<_> =
        links.iter().filter(|(at, _)| !apart.told.contains_key(at)).filter_map(|(at, prev)| chain::before(at, *prev)).collect();
    let names_of_packs = numbering.names();
    for (at, (entry, public, packs)) in sound {
        if let Some(what) = apart.told.get(&at) {
            doubts.aside.push((entry.key.to_string(), what.clone()));
            continue;
        }
        facts.snapshots.push(SnapshotFact {
            id: SnapshotId::new(at.name.digest),
            key: entry.key.to_string(),
            content: Content::of(&public.root, public.taken, public.finished),
            packs: PackSet::new(&names_of_packs, packs),
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
    // Below a break in the chain of a writer whose right has ended what is sound cannot be told from what is not.
    let missing = before.union(&apart.broken).filter(|at| !seen.contains(at));
    doubts.unclear.extend(missing.map(|at| {
        let key = names::snapshot(&at.domain, &at.writer, &at.name);
        Unclear::within(&at.domain, &key, "it is missing: the next snapshot of its writer, or the trust document, names it".to_owned())
    }));
    Ok(())
}

/// What people said of the snapshots.
async fn statements_of(repository: &Repository, facts: &mut Facts, doubts: &mut Doubts) -> Result<(), PruneError> {
    let tombstones = tombstones(repository, doubts).await?;
    let holds = holds(repository, doubts).await?;
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

/// Each statement below `prefix`, as far as it counts: of the first kind, or what takes that back.
async fn both<A: Does, B: Does>(
    repository: &Repository,
    prefix: &str,
    doubts: &mut Doubts,
) -> Result<Vec<(Entry, Digest, Either<A, B>)>, PruneError> {
    let mut found = Vec::new();
    for (entry, digest, object) in statements(repository, prefix).await? {
        match either(repository, Lies { digest, object: &object, stored: entry.modified }) {
            Ok(told) => found.push((entry, digest, told)),
            Err(doubt) => doubts.take(&entry.key, doubt),
        }
    }
    Ok(found)
}

/// By snapshot: the first tombstone that counts.
pub(super) async fn tombstones(repository: &Repository, doubts: &mut Doubts) -> Result<BTreeMap<Digest, Dropped>, PruneError> {
    let (mut found, mut undone) = (Vec::<(Digest, Dropped)>::new(), BTreeSet::new());
    for (entry, digest, told) in both::<Tombstone, Undo>(repository, "tombstones/", doubts).await? {
        match told {
            // Without an instant nobody can tell when it can no longer be undone: it does not count.
            Either::One(told) => {
                found
                    .extend(entry.modified.map(|stored| (told.snapshot, Dropped { digest, stored, reason: told.reason, rule: told.rule })));
            }
            Either::Other(undo) => drop(undone.insert(undo.tombstone)),
        }
    }
    found.retain(|(_, told)| !undone.contains(&told.digest));
    found.sort_by_key(|(_, told)| std::cmp::Reverse(told.stored));
    Ok(found.into_iter().collect())
}

/// The holds that nobody has released, by the digests of their objects.
pub(super) async fn holds(repository: &Repository, doubts: &mut Doubts) -> Result<BTreeMap<Digest, Hold>, PruneError> {
    let (mut found, mut released) = (BTreeMap::new(), BTreeSet::new());
    for (_, digest, told) in both::<Hold, Release>(repository, "holds/", doubts).await? {
        match told {
            Either::One(hold) => drop(found.insert(digest, hold)),
            Either::Other(release) => drop(released.insert(release.hold)),
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
    let (tombstones, holds) = (tombstones(repository, &mut Doubts::default()).await?, holds(repository, &mut Doubts::default()).await?);
    let is_over = |stored: Timestamp| now.is_some_and(|now| is_old(now, Some(stored), repository.protocol().grace()));
    let over = tombstones.into_iter().filter(|(_, told)| is_over(told.stored)).map(|(snapshot, _)| snapshot);
    Ok(over.filter(|snapshot| !holds.values().any(|hold| hold.snapshots.contains(snapshot))).collect())
}

async fn attested(repository: &Repository) -> Result<BTreeSet<Digest>, PruneError> {
    let mut attested = BTreeSet::new();
    for (entry, digest, object) in statements(repository, "attest/").await? {
        let lies = Lies { digest, object: &object, stored: entry.modified };
        attested.extend(believed::<Attestation>(repository, lies).ok().map(|told| told.snapshot));
    }
    Ok(attested)
}

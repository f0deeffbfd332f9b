//! Lists snapshots: verified, opened, in order of time; damage is told beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::id::DomainId;
use futures_util::StreamExt as _;
use futures_util::stream;
use stores::error::StoreError;
use stores::key::{Key, Prefix};
use stores::store::list_all;

use super::chain;
use super::open::{at, whole};
use super::{DroppedSnapshot, Listing, Snapshot, SnapshotKey};
use base::hint::whole_story;

use crate::finding::Finding;
use crate::format::names::{self, Name, Numbered};
use crate::prune::{PruneError, dropped};
use crate::reader::ReadError;
use crate::repository::Repository;
use crate::seal::domain::{DomainSeal, Purpose};

/// Objects that are fetched at once.
const AT_ONCE: usize = 8;

/// All snapshots that `key` opens: a host sees those of its domain, a person sees all.
pub async fn list(repository: &Repository, key: &SnapshotKey<'_>) -> Result<Listing, ReadError> {
    let closed = |error| ReadError::Key(Arc::new(error));
    let mut seals = BTreeMap::new();
    match key {
        SnapshotKey::Writer(key) => {
            let keys = key.open(repository).await.map_err(closed)?;
            seals.insert(key.domain().clone(), DomainSeal::new(&keys.k_index, Purpose::Snapshot));
        }
        SnapshotKey::Reader(key) => {
            for (domain, keys) in key.open(repository).await.map_err(closed)?.domains {
                seals.insert(domain, DomainSeal::new(&keys.k_index, Purpose::Snapshot));
            }
        }
    }
    let only = match key {
        SnapshotKey::Writer(key) => Some(key.domain()),
        SnapshotKey::Reader(_) => None,
    };
    list_opened(repository, &seals, only).await
}

/// As [`list`], with the seals at hand; `only` limits it to one domain.
pub(crate) async fn list_opened(
    repository: &Repository,
    seals: &BTreeMap<DomainId, DomainSeal>,
    only: Option<&DomainId>,
) -> Result<Listing, ReadError> {
    let prefix = only.map_or_else(|| "snapshots/".to_owned(), |domain| format!("snapshots/{domain}/"));
    let prefix: Prefix = prefix.parse().expect("ids are made of characters that keys allow, and are short");
    let entries = list_all(repository.store().as_ref(), &prefix).await;
    let entries = entries.map_err(|source| ReadError::Store { object: prefix.to_string(), source })?;
    let mut found = stream::iter(entries.into_iter().map(|entry| entry.key))
        .map(|key| async move {
            let object = repository.store().get(&key).await;
            (key, object)
        })
        .buffer_unordered(AT_ONCE);
    let mut listing = Listing::default();
    while let Some((key, object)) = found.next().await {
        match object {
            Ok(object) => match open_one(repository, seals, &key, &object) {
                Ok(snapshot) => listing.snapshots.push(snapshot),
                Err(what) => listing.damaged.push(Finding::new(key.as_str(), what)),
            },
            // Listed and gone again: the store is not what it says, and that is a finding as well.
            Err(error) if error.is_not_found() => listing.damaged.push(Finding::new(key.as_str(), "it is listed and is not there")),
            Err(source) => return Err(ReadError::Store { object: key.to_string(), source }),
        }
    }
    drop(found);
    leave_apart(repository, &mut listing);
    gaps(&mut listing);
    listing.snapshots.sort_by(|a, b| (a.taken, &a.writer, a.seq).cmp(&(b.taken, &b.writer, b.seq)));
    listing.damaged.sort_by(|a, b| a.object.cmp(&b.object));
    set_apart(repository, &mut listing).await?;
    Ok(listing)
}

/// Takes the dropped snapshots out of the others. A credential that may not read tombstones sees all snapshots.
async fn set_apart(repository: &Repository, listing: &mut Listing) -> Result<(), ReadError> {
    let mut tombstones = match dropped(repository).await {
        Ok(tombstones) => tombstones,
        Err(PruneError::Store { source: StoreError::Denied { .. }, .. }) => return Ok(()),
        Err(PruneError::Store { object, source }) => return Err(ReadError::Store { object, source }),
        Err(_) => return Ok(()),
    };
    if tombstones.is_empty() {
        return Ok(());
    }
    for snapshot in std::mem::take(&mut listing.snapshots) {
        match tombstones.remove(snapshot.id.digest()) {
            Some(told) => listing.dropped.push(DroppedSnapshot { snapshot, since: told.stored, reason: told.reason }),
            None => listing.snapshots.push(snapshot),
        }
    }
    Ok(())
}

fn open_one(repository: &Repository, seals: &BTreeMap<DomainId, DomainSeal>, key: &Key, object: &[u8]) -> Result<Snapshot, String> {
    let at = at(key).ok_or_else(|| "its name is not one that a snapshot has".to_owned())?;
    let seal = seals.get(&at.domain).ok_or_else(|| format!("no key of domain {} is at hand", at.domain))?;
    whole(repository, &at, object, seal).map_err(|error| whole_story(&error))
}

/// Takes out what a writer stored under an older number after its right had ended.
fn leave_apart(repository: &Repository, listing: &mut Listing) {
    let link = |snapshot: &Snapshot| (place(snapshot), snapshot.prev.map(|prev| *prev.digest()));
    let apart = chain::apart(repository.trust(), &listing.snapshots.iter().map(link).collect()).told;
    listing.snapshots.retain(|snapshot| !apart.contains_key(&place(snapshot)));
    let name = |at: &Numbered| names::snapshot(&at.domain, &at.writer, &at.name);
    listing.damaged.extend(apart.into_iter().map(|(at, what)| Finding::new(name(&at), what)));
}

fn place(snapshot: &Snapshot) -> Numbered {
    let name = Name { seq: snapshot.seq, digest: *snapshot.id.digest() };
    Numbered { domain: snapshot.domain.clone(), writer: snapshot.writer.clone(), name }
}

/// Each snapshot names the one before it, so storage cannot leave one out in the middle, or put another in its place, unseen. Two with
/// one number, which two processes wrote at once, are both there; the next names one of them.
fn gaps(listing: &mut Listing) {
    let sound = listing.snapshots.iter().map(|snapshot| snapshot.key().to_string());
    let known: BTreeSet<String> = sound.chain(listing.damaged.iter().map(|finding| finding.object.clone())).collect();
    let mut missing: BTreeSet<String> = BTreeSet::new();
    for snapshot in &listing.snapshots {
        let Some(at) = chain::before(&place(snapshot), snapshot.prev.map(|prev| *prev.digest())) else { continue };
        let key = names::snapshot(&at.domain, &at.writer, &at.name).to_string();
        if !known.contains(&key) {
            missing.insert(key);
        }
    }
    listing.damaged.extend(missing.into_iter().map(|key| Finding::new(key, "it is missing: the next snapshot names it")));
}

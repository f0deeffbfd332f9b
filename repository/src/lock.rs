//! Keeps the locks of a repository's objects (S3 Object Lock): says which are missing or shorter than promised, and renews those that are
//! about to end, of what is still needed. Needs no key.
//!
//! [`look`] gathers, [`judge`] decides (pure), [`renew`] acts. A new object is locked by the store that it is put through; from then on its
//! lock is renewed in generations, each time half of the period has gone. The lock of a pack that nothing needs any more is left to run out,
//! and then a prune may delete the pack. Nothing here shortens a lock.

mod judge;

use std::collections::BTreeSet;
use std::time::Duration;

use base::Hint;
use base::hint::whole_story;
use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use stores::error::StoreError;
use stores::key::{Key, Prefix};
use stores::retention::{Mode, Retain, Retention};
use stores::store::{Entry, Store, list_all};

use crate::finding::Finding;
use crate::format::names;
use crate::prune::{self, PruneError};
use crate::repository::{PLACES, Repository};

pub use judge::{Judged, judge};

/// Objects whose locks are read or extended at once.
const AT_ONCE: usize = 16;

/// What was promised of every object that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// The weakest mode that keeps it.
    pub mode: Mode,
    /// How long a new object is locked, and a renewed one.
    pub period: Duration,
    /// When a renewal last looked at every object, by the store's clock: what was there then has half of the period from then on.
    pub renewed: Option<Timestamp>,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Locks {
    /// The store's time before anything else was listed.
    pub now: Timestamp,
    /// Objects whose locks were read.
    pub objects: u64,
    /// Objects without a lock, or with less than was promised.
    pub weak: Vec<Finding>,
    /// Objects whose locks have to be extended, and to what.
    pub due: Vec<(Key, Retention)>,
    /// Packs that nothing needs: their locks run out. Not looked at.
    pub unneeded: u64,
    /// Objects whose locks could not be read.
    pub unread: Vec<Finding>,
    /// Why all packs count as needed, where nobody can tell which are.
    pub unclear: Vec<String>,
}

/// What a renewal did.
#[derive(Debug, Clone, Default)]
pub struct Renewed {
    /// Locks that were extended.
    pub renewed: u64,
    /// Objects whose locks the store did not extend, and what it said.
    pub refused: Vec<Finding>,
}

/// Why no lock was looked at.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The store locks nothing.
    #[error("the store at {location} locks no objects")]
    NoLocks {
        /// Where.
        location: String,
    },
    /// Its objects could not be listed.
    #[error("cannot list {place}")]
    List {
        /// The leading part that was listed.
        place: String,
        /// What the store said.
        source: StoreError,
    },
    /// What is needed cannot be told.
    #[error("cannot tell what is needed")]
    Needs(#[from] PruneError),
}

impl Hint for LockError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoLocks { .. } => Some(
                "make the bucket with Object Lock, which AWS can also switch on later, or take lock: from the repository in the plan; lifeboat repo probe tries it"
                    .to_owned(),
            ),
            Self::List { source, .. } => source.hint(),
            Self::Needs(source) => source.hint(),
        }
    }
}

/// Reads the locks of everything that is needed.
pub async fn look(repository: &Repository, promise: &Promise) -> Result<Locks, LockError> {
    let store = repository.store();
    let no_locks = || LockError::NoLocks { location: store.location() };
    let locks = store.retainer().ok_or_else(no_locks)?;
    if matches!(store.lock().await, Ok(stores::Lock::Absent)) {
        return Err(no_locks());
    }
    let facts = prune::gather(repository).await?;
    let fates = prune::plan(&facts, &repository.protocol()).snapshots;
    let stays = |snapshot: &&prune::SnapshotFact| fates.get(&snapshot.id).is_none_or(|fate| fate.stays);
    let needed: BTreeSet<&prune::PackAt> = facts.snapshots.iter().filter(stays).flat_map(|snapshot| snapshot.packs.iter()).collect();
    let unclear: Vec<String> = facts.unclear.iter().map(ToString::to_string).collect();
    let mut found = Locks { now: facts.now, unclear, ..Locks::default() };
    for place in PLACES.into_iter().filter(|place| *place != "heads/") {
        let prefix: Prefix = place.parse().expect("a plain prefix");
        let listed = list_all(&**store, &prefix).await.map_err(|source| LockError::List { place: place.to_owned(), source })?;
        let is_needed = |entry: &Entry| {
            let pack = names::pack_at(&entry.key);
            !found.unclear.is_empty() || pack.is_none_or(|at| needed.contains(&at))
        };
        let (wanted, rest): (Vec<Entry>, Vec<Entry>) = listed.into_iter().partition(is_needed);
        found.unneeded += rest.len() as u64;
        read(locks, wanted, promise, &mut found).await;
    }
    found.weak.sort_by(|a, b| a.object.cmp(&b.object));
    found.due.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

async fn read(locks: &dyn Retain, wanted: Vec<Entry>, promise: &Promise, found: &mut Locks) {
    let asked = stream::iter(wanted).map(|entry| async move {
        let lock = locks.retention(&entry.key).await;
        (entry, lock)
    });
    let mut asked = asked.buffer_unordered(AT_ONCE);
    while let Some((entry, lock)) = asked.next().await {
        match lock {
            Ok(lock) => {
                found.objects += 1;
                let judged = judge(found.now, entry.modified, lock, promise);
                found.weak.extend(judged.weak.map(|what| Finding::new(&entry.key, what)));
                found.due.extend(judged.renew.map(|lock| (entry.key, lock)));
            }
            // It was listed just now, and is gone: a prune may be at work.
            Err(error) if error.is_not_found() => {}
            Err(error) => found.unread.push(Finding::new(&entry.key, whole_story(&error))),
        }
    }
}

/// Extends the locks that are due. It may be repeated, and run beside others: a lock is never shortened.
pub async fn renew(repository: &Repository, found: &Locks) -> Result<Renewed, LockError> {
    let store = repository.store();
    let locks = store.retainer().ok_or_else(|| LockError::NoLocks { location: store.location() })?;
    let mut done = Renewed::default();
    let due = stream::iter(found.due.iter().cloned());
    let mut extended = due.map(|(key, lock)| async move { (locks.retain(&key, lock).await, key) }).buffer_unordered(AT_ONCE);
    while let Some((answer, key)) = extended.next().await {
        match answer {
            Ok(_) => done.renewed += 1,
            Err(error) if error.is_not_found() => {}
            Err(error) => done.refused.push(Finding::new(&key, whole_story(&error))),
        }
    }
    drop(extended);
    done.refused.sort_by(|a, b| a.object.cmp(&b.object));
    Ok(done)
}

/// Until when `key` is locked, where it is at the instant `now` of the store. A store that cannot tell is left to refuse by itself.
pub(crate) async fn locked_until(store: &dyn Store, key: &Key, now: Timestamp) -> Option<Timestamp> {
    let lock = store.retainer()?.retention(key).await.ok()??;
    (lock.until > now).then_some(lock.until)
}

//! Snapshots: what the repository holds, as its writers signed it.
//!
//! [`list`] is for whoever has a key that opens the private part: the host itself, or a person. One bad object never hides
//! the others: it is told beside them.

pub(crate) mod chain;
mod list;
pub(crate) mod open;

use std::fmt;

use base::Digest;
use base::id::{DomainId, SourceId, WriterId};
use jiff::Timestamp;
use stores::key::Key;

use crate::finding::Finding;
use crate::format::names::{self, Name};
pub use crate::format::snapshot::{Canary, PathError, SnapshotStats};
use crate::format::tree::TreeRef;
use crate::keys::{ReaderKey, WriterKey};

pub use list::list;
pub(crate) use list::list_opened;

/// The name of a snapshot: SHA-256 of its object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct SnapshotId(Digest);

impl SnapshotId {
    /// The id of the snapshot whose object has this digest.
    pub const fn new(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest of its object.
    pub const fn digest(&self) -> &Digest {
        &self.0
    }

    /// The first eight digits, for people.
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotId({self})")
    }
}

/// A snapshot whose signature was verified and whose private part was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// SHA-256 of its object.
    pub id: SnapshotId,
    /// Who signed it.
    pub writer: WriterId,
    /// Whose chunks it needs.
    pub domain: DomainId,
    /// The writer's count of its snapshots, from 0.
    pub seq: u64,
    /// The writer's snapshot before this one.
    pub prev: Option<SnapshotId>,
    /// Every pack that it needs, and perhaps more; ascending.
    pub packs: Vec<Digest>,
    /// The source, as the plan names it.
    pub source: SourceId,
    /// Tags of the services that need the source.
    pub service_tags: Vec<String>,
    /// The host that read the source.
    pub host: String,
    /// What was read, as people write paths.
    pub paths: Vec<String>,
    /// When the source began to be read, by the host's clock.
    pub taken: Timestamp,
    /// When the source had been read, by the host's clock.
    pub finished: Timestamp,
    /// Whether everything that was to be backed up is in it.
    pub complete: bool,
    /// The tree of everything.
    pub root: TreeRef,
    /// Counts.
    pub stats: SnapshotStats,
    /// What could not be read.
    pub errors: Vec<PathError>,
    /// A file with known bytes that a drill looks for.
    pub canary: Option<Canary>,
}

impl Snapshot {
    /// The key of its object in the store.
    pub fn key(&self) -> Key {
        names::snapshot(&self.domain, &self.writer, &Name { seq: self.seq, digest: *self.id.digest() })
    }

    /// Whether both are one restore point, stored twice.
    pub fn is_again(&self, other: &Self) -> bool {
        (&self.domain, &self.root, self.taken, self.finished) == (&other.domain, &other.root, other.taken, other.finished)
    }
}

/// What was found in a repository.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// In order of [`Snapshot::taken`], without those that were dropped.
    pub snapshots: Vec<Snapshot>,
    /// Those that a tombstone drops and that nobody holds. Their packs may be gone.
    pub dropped: Vec<DroppedSnapshot>,
    /// Objects that are damaged, missing, or signed by nobody who may.
    pub damaged: Vec<Finding>,
}

/// A snapshot that a tombstone drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedSnapshot {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// When the tombstone was stored, by the store's clock.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
}

impl Listing {
    /// The snapshots that were there at `at`: whatever was dropped later is among them, and what was taken later is not.
    #[must_use]
    pub fn as_of(mut self, at: Timestamp) -> Self {
        let (later, earlier) = self.dropped.into_iter().partition(|dropped| dropped.since > at);
        self.dropped = earlier;
        let mut later: Vec<DroppedSnapshot> = later;
        // What a compaction stored again is there, and what it dropped may be gone.
        later.retain(|dropped| !self.snapshots.iter().any(|snapshot| snapshot.is_again(&dropped.snapshot)));
        self.snapshots.extend(later.into_iter().map(|dropped| dropped.snapshot));
        self.snapshots.retain(|snapshot| snapshot.taken <= at);
        self.snapshots.sort_by(|a, b| (a.taken, &a.writer, a.seq).cmp(&(b.taken, &b.writer, b.seq)));
        self
    }
}

/// Whose key opens the private parts.
#[derive(Debug, Clone, Copy)]
pub enum SnapshotKey<'k> {
    /// A host: sees the snapshots of its domain.
    Writer(&'k WriterKey),
    /// A person: sees all.
    Reader(&'k ReaderKey),
}

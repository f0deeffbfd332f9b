//! Deletes packs that nothing needs, in two steps with a grace period between them, and without any key that opens a backup.
//!
//! [`gather`] looks, [`plan()`] decides (pure: the plan can be printed, tested and refused), [`apply`] looks again and acts on what both agree on.
//! Marking names packs in `condemned/`; sweeping deletes what was named long enough ago and is still not needed. What people decide
//! comes from [`say`]: tombstones, holds, attestations. It never deletes a snapshot, an index object or a statement.

mod apply;
mod believe;
mod gather;
mod plan;
pub mod say;
mod set;

use base::id::{DomainId, WriterId};
use base::{Digest, Hint};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use stores::error::StoreError;
use stores::key::Key;

use crate::fence::FenceError;
use crate::format::tree::TreeRef;
use crate::snapshots::SnapshotId;

pub use apply::{Applied, apply};
pub(crate) use believe::{Doubt, Lies, believed, either, is_copied};
pub use gather::gather;
pub(crate) use gather::{condemned, dropped, expired, statements};
pub use plan::{Fate, Plan, Unattested, plan};
pub use set::PackSet;

/// A pack by its domain and digest.
pub type PackAt = (DomainId, Digest);

/// What was found in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The store's own time before anything else was listed.
    pub now: Timestamp,
    /// Snapshots that a writer signed.
    pub snapshots: Vec<SnapshotFact>,
    /// Objects without which nobody can tell what is needed: damaged, missing, or signed by nobody who may.
    pub unclear: Vec<Unclear>,
    /// Objects that stand in nobody's way, since nobody believes them: their signer's right had ended. With the reason.
    pub aside: Vec<(String, String)>,
    /// Packs.
    pub packs: Vec<PackFact>,
    /// Condemned lists.
    pub generations: Vec<Generation>,
}

/// An object without which nobody can tell what is needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unclear {
    /// Its key.
    pub object: String,
    /// What is wrong with it.
    pub what: String,
    /// The domain of which nothing is deleted because of it; `None`: it may be about any.
    pub domain: Option<DomainId>,
}

impl Unclear {
    /// One that may be about any domain.
    pub(crate) fn anywhere(object: &Key, what: String) -> Self {
        Self { object: object.to_string(), what, domain: None }
    }

    /// One of a single domain.
    pub(crate) fn within(domain: &DomainId, object: &Key, what: String) -> Self {
        Self { object: object.to_string(), what, domain: Some(domain.clone()) }
    }
}

impl std::fmt::Display for Unclear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.object, self.what)
    }
}

/// What is known of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFact {
    /// SHA-256 of its object.
    pub id: SnapshotId,
    /// Its key in the store.
    pub key: String,
    /// Whose chunks it needs.
    pub domain: DomainId,
    /// Who signed it.
    pub writer: WriterId,
    /// The writer's count of its snapshots.
    pub seq: u64,
    /// Whether its writer says that everything is in it.
    pub complete: bool,
    /// When it was stored, by the store's clock.
    pub stored: Option<Timestamp>,
    /// The store's own instant at which its writer had read the condemned lists.
    pub read: Timestamp,
    /// When its source began and ended to be read, by the host's clock, and its tree: two snapshots of a domain in which all of this is
    /// the same are one restore point that was stored again, as a compaction does. See [`Facts::twins`].
    pub content: Content,
    /// What it needs.
    pub packs: PackSet,
    /// When the first tombstone was stored that nobody has undone, by the store's clock, and its reason.
    pub tombstone: Option<(Timestamp, String)>,
    /// The rule that this tombstone names.
    pub rule: Option<String>,
    /// The reason of a hold.
    pub held: Option<String>,
    /// Whether somebody with a key compared its pack set with its trees.
    pub attested: bool,
}

/// What makes a restore point the one that it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Content {
    /// SHA-256 of the ids of the chunks of its tree.
    pub tree: Digest,
    /// When its source began to be read.
    pub taken: Timestamp,
    /// When its source had been read.
    pub finished: Timestamp,
}

impl Content {
    pub(crate) fn of(root: &TreeRef, taken: Timestamp, finished: Timestamp) -> Self {
        let ids: Vec<u8> = root.chunks.iter().flat_map(|chunk| *chunk.id.as_bytes()).collect();
        Self { tree: Digest::of(&ids), taken, finished }
    }
}

/// The snapshots that are one restore point, stored again: of one domain, with one tree and the same instants of their source.
#[derive(Debug)]
pub struct Twins<'f>(BTreeMap<(&'f DomainId, &'f Content), Vec<&'f SnapshotFact>>);

impl Facts {
    /// Puts together what is one restore point.
    pub fn twins(&self) -> Twins<'_> {
        let mut twins = Twins(BTreeMap::new());
        for snapshot in &self.snapshots {
            twins.0.entry((&snapshot.domain, &snapshot.content)).or_default().push(snapshot);
        }
        for same in twins.0.values_mut() {
            same.sort_by_key(|snapshot| (snapshot.stored, snapshot.id));
        }
        twins
    }
}

impl<'f> Twins<'f> {
    /// The snapshot that brought the restore point into the store: it is no younger for being stored again.
    pub fn first(&self, snapshot: &'f SnapshotFact) -> &'f SnapshotFact {
        let same = self.0.get(&(&snapshot.domain, &snapshot.content));
        same.and_then(|same| same.first()).copied().filter(|_| snapshot.stored.is_some()).unwrap_or(snapshot)
    }

    /// A later one that nobody has dropped: it stands for `snapshot` as well.
    pub fn later(&self, snapshot: &'f SnapshotFact) -> Option<&'f SnapshotFact> {
        let same = self.0.get(&(&snapshot.domain, &snapshot.content))?;
        same.iter().rev().take_while(|other| other.id != snapshot.id).find(|other| other.tombstone.is_none()).copied()
    }

    /// Whether it was stored again later, whatever became of that.
    pub fn is_again(&self, snapshot: &'f SnapshotFact) -> bool {
        self.0.get(&(&snapshot.domain, &snapshot.content)).and_then(|same| same.last()).is_some_and(|last| last.id != snapshot.id)
    }
}

/// A pack that the store lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackFact {
    /// Whose and which.
    pub at: PackAt,
    /// In bytes.
    pub size: u64,
    /// By the store's clock; a pack without an instant stays.
    pub stored: Option<Timestamp>,
}

/// One condemned list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its number.
    pub number: u64,
    /// By the store's clock; a list without an instant is not acted upon.
    pub stored: Option<Timestamp>,
    /// What it names.
    pub packs: BTreeSet<PackAt>,
}

/// Why nothing, or not everything, was done.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The store failed.
    #[error("cannot reach {object}")]
    Store {
        /// The key, or the prefix that was listed.
        object: String,
        /// What the store said.
        source: StoreError,
    },
    /// The condemned lists cannot be read.
    #[error("cannot tell which packs are being deleted")]
    Fence(#[from] FenceError),
    /// The plan says why nothing may be deleted now.
    #[error("nothing may be deleted: {}", why.join("; "))]
    Blocked {
        /// Each reason.
        why: Vec<String>,
    },
    /// The credential may not delete.
    #[error("the store at {location} deletes nothing for us")]
    NoDelete {
        /// Where.
        location: String,
    },
    /// The clocks of this machine do not agree.
    #[error("the clock of this machine went {seconds} seconds apart from the time that passed")]
    Clock {
        /// How far.
        seconds: i64,
    },
    /// Too late: what the tombstone stood for may be deleted already.
    #[error("the tombstone of {snapshot} is older than the grace period")]
    TooLate {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// It cannot be kept: it is not there any more.
    #[error("{n_packs} of the packs of {snapshot} are gone")]
    Gone {
        /// The snapshot.
        snapshot: SnapshotId,
        /// Packs that it needs and that are not there.
        n_packs: u64,
    },
    /// There is no such statement or snapshot.
    #[error("there is no {what}")]
    Nothing {
        /// What was named.
        what: String,
    },
    /// A snapshot's pack set is short of a pack, or its trees cannot be read.
    #[error("cannot attest {snapshot}: {what}")]
    Attest {
        /// The snapshot.
        snapshot: SnapshotId,
        /// What is wrong.
        what: String,
    },
}

impl Hint for PruneError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Store { source, .. } => source.hint(),
            Self::Fence(source) => source.hint(),
            Self::Blocked { .. } => Some("mend what is named, or have a key holder attest the snapshots, then plan again".to_owned()),
            Self::NoDelete { .. } => Some("use a credential that may delete".to_owned()),
            Self::Clock { .. } => Some("wait until the clock is in step (timedatectl), then run it again".to_owned()),
            Self::TooLate { .. } => Some("check whether its packs are still there, and make a new backup".to_owned()),
            Self::Gone { .. } => Some("a copy of the repository may have them: lifeboat heal REPOSITORY --from COPY".to_owned()),
            Self::Nothing { .. } | Self::Attest { .. } => None,
        }
    }
}

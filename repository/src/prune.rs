//! Deletes packs that nothing needs, in two steps with a grace period between them, and without any key that opens a backup.
//!
//! [`gather`] looks, [`plan()`] decides (pure: the plan can be printed, tested and refused), [`apply`] looks again and acts on what both agree on.
//! Marking names packs in `condemned/`; sweeping deletes what was named long enough ago and is still not needed. What people decide
//! comes from [`say`]: tombstones, holds, attestations. It never deletes a snapshot, an index object or a statement.

mod apply;
mod gather;
mod plan;
pub mod say;

use base::id::{DomainId, WriterId};
use base::{Digest, Hint};
use jiff::Timestamp;
use std::collections::BTreeSet;
use stores::error::StoreError;

use crate::fence::FenceError;
use crate::snapshots::SnapshotId;

pub use apply::{Applied, apply};
pub use gather::gather;
pub(crate) use gather::{believed, condemned, dropped, expired};
pub use plan::{Fate, Plan, plan};

/// A pack by its domain and digest.
pub type PackAt = (DomainId, Digest);

/// What was found in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The store's own time before anything else was listed.
    pub now: Timestamp,
    /// Snapshots that a writer signed.
    pub snapshots: Vec<SnapshotFact>,
    /// Objects without which nobody can tell what is needed: damaged, missing, or signed by nobody who may; with what is wrong.
    pub unclear: Vec<(String, String)>,
    /// Packs.
    pub packs: Vec<PackFact>,
    /// Condemned lists.
    pub generations: Vec<Generation>,
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
    /// What it needs.
    pub packs: BTreeSet<PackAt>,
    /// When the first tombstone was stored that nobody has undone, by the store's clock, and its reason.
    pub tombstone: Option<(Timestamp, String)>,
    /// The rule that this tombstone names.
    pub rule: Option<String>,
    /// The reason of a hold.
    pub held: Option<String>,
    /// Whether somebody with a key compared its pack set with its trees.
    pub attested: bool,
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
            Self::Nothing { .. } | Self::Attest { .. } => None,
        }
    }
}

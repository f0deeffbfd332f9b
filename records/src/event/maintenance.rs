//! Records about what maintainers do with restore points: prunes, holds, tombstones that are taken back, attestations.
//!
//! The intent is written before anything is stored or deleted, and what came of it after.

use base::id::RepositoryId;
use serde::{Deserialize, Serialize};

/// Somebody is about to change what a repository keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceStarted {
    /// Unique id of this run.
    pub run: String,
    /// The repository.
    pub repository: RepositoryId,
    /// "prune", "retire", "compact", "hold", "release", "undo".
    pub act: String,
    /// The restore points that it is about, the first of them where there are many.
    pub snapshots: Vec<String>,
    /// How many there are.
    pub n_snapshots: u64,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who asked for it, as the plan names people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Who agreed, where a second person was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceFinished {
    /// Unique id of this run.
    pub run: String,
    /// The repository.
    pub repository: RepositoryId,
    /// "prune", "retire", "compact", "hold", "release", "undo".
    pub act: String,
    /// Restore points that were dropped, stored again, held, released or taken back.
    pub n_snapshots: u64,
    /// Packs that were named to be deleted later, or emptied.
    #[serde(default)]
    pub n_condemned: u64,
    /// Packs that were deleted.
    #[serde(default)]
    pub n_deleted: u64,
    /// Bytes of them.
    #[serde(default)]
    pub deleted_bytes: u64,
    /// What was left for another time, and why.
    #[serde(default)]
    pub waits: Vec<String>,
}

/// What of a repository is dead, as somebody with a key that reads has measured it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceMeasured {
    /// The repository.
    pub repository: RepositoryId,
    /// Bytes of the packs that restore points need.
    pub stored_bytes: u64,
    /// Bytes in them of which no restore point needs anything.
    pub dead_bytes: u64,
    /// Restore points whose trees were walked.
    pub n_snapshots: u64,
}

/// It ended early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceFailed {
    /// Unique id of this run.
    pub run: String,
    /// The repository.
    pub repository: RepositoryId,
    /// "prune", "retire", "compact", "hold", "release", "undo".
    pub act: String,
    /// Why.
    pub error: String,
    /// Restore points that were dropped before it failed.
    #[serde(default)]
    pub n_snapshots: u64,
}

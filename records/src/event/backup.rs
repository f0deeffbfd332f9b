//! Records about backups. `orchestrator` and the `backup` command make them from `backup`'s reports.

use base::id::{RepositoryId, SourceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What made a job start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Its schedule.
    Schedule,
    /// Its schedule, late: the run was missed and is made up for once.
    CatchUp,
    /// A person.
    Manual,
    /// A drill that failed is tried again.
    Retest,
    /// A change of the plan or of a service.
    Change,
}

impl Trigger {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::CatchUp => "catch-up",
            Self::Manual => "manual",
            Self::Retest => "retest",
            Self::Change => "change",
        }
    }
}

/// A backup began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupStarted {
    /// Unique id of this run.
    pub run: String,
    /// What is backed up.
    pub source: SourceId,
    /// Where to.
    pub repository: RepositoryId,
    /// What made it start.
    pub trigger: Trigger,
    /// When the schedule wanted it, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_at: Option<Timestamp>,
}

/// A backup stored a restore point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFinished {
    /// Unique id of this run.
    pub run: String,
    /// What was backed up.
    pub source: SourceId,
    /// Where to.
    pub repository: RepositoryId,
    /// Id of the snapshot: 64 hexadecimal digits.
    pub snapshot: String,
    /// Whether everything could be read. A restore point that is not complete counts for no objective.
    pub complete: bool,
    /// When the source began to be read; the age of the data counts from here.
    pub taken: Timestamp,
    /// When the snapshot was stored.
    pub finished: Timestamp,
    /// What was read and stored.
    pub stats: BackupStats,
    /// How many paths could not be read.
    pub n_errors: u64,
    /// Hooks after it that did not end well, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hook_failures: Vec<String>,
    /// How long it took, in milliseconds of the monotonic clock.
    pub took_ms: u64,
}

/// What a backup read and stored; counts, and sizes in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupStats {
    /// Regular files in the restore point.
    pub files: u64,
    /// Directories in it.
    pub directories: u64,
    /// Symbolic links in it.
    pub symlinks: u64,
    /// Bytes of all files in it.
    pub bytes: u64,
    /// Files that the one before did not have.
    pub files_new: u64,
    /// Files that differ from the one before.
    pub files_changed: u64,
    /// Files that were not read again.
    pub files_unchanged: u64,
    /// Bytes that no earlier backup had stored, before compression.
    pub bytes_new: u64,
    /// Bytes that went to the store.
    pub bytes_stored: u64,
}

/// A restore point looks as if something had gone through the files: what `plans::anomaly` says of it. Those of the same source that
/// follow hold the same files, and count as suspicious until somebody says that all is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSuspicious {
    /// Unique id of the run.
    pub run: String,
    /// What was backed up.
    pub source: SourceId,
    /// Where to.
    pub repository: RepositoryId,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Why, in sentences.
    pub reasons: Vec<String>,
}

/// A person looked at suspicious restore points of a source and says that all is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuspicionCleared {
    /// The source.
    pub source: SourceId,
    /// Where to.
    pub repository: RepositoryId,
    /// Ids of the snapshots that are suspicious no more.
    pub snapshots: Vec<String>,
    /// Why.
    pub reason: String,
}

/// A backup stored nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFailed {
    /// Unique id of this run.
    pub run: String,
    /// What was to be backed up.
    pub source: SourceId,
    /// Where to.
    pub repository: RepositoryId,
    /// The fact, with its causes.
    pub error: String,
    /// The remedy, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub took_ms: u64,
    /// A signal or a shutdown ended it: nothing is wrong, and it is due again at once.
    #[serde(default)]
    pub interrupted: bool,
}

//! Restore points that look as if something had gone through the files: what [`crate::facts`] keeps of them.
//!
//! The decision is [`plans::anomaly`]'s; here is what it is asked with, and what is remembered of its answer.

use jiff::Timestamp;
use plans::anomaly::Run;
use records::event::BackupStats;
use serde::Serialize;

/// Restore points that look as if something had gone through the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suspicion {
    /// When the first of them was stored.
    pub since: Timestamp,
    /// Why the first one is, in sentences.
    pub reasons: Vec<String>,
    /// Their ids: the first one, and all that followed it with the same files.
    pub snapshots: Vec<String>,
}

/// The counts of a run that [`plans::anomaly`] looks at.
pub fn run_of(stats: &BackupStats) -> Run {
    Run {
        files: stats.files,
        files_changed: stats.files_changed,
        files_unchanged: stats.files_unchanged,
        bytes: stats.bytes,
        bytes_new: stats.bytes_new,
        bytes_stored: stats.bytes_stored,
    }
}

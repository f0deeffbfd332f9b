//! What a backup came to. `cli` prints it and chooses the exit code; `orchestrator` appends it to the journal.

use std::time::Duration;

use repository::snapshots::Snapshot;
use repository::writer::PathError;

use crate::hook::HookFailure;
use crate::trouble::Findings;

/// The most entries that are named one by one in a report and in a snapshot. Beyond it they are counted.
pub const MAX_NAMED: usize = 1000;

/// A backup that was stored and acknowledged. `complete == false` means that something could not be read: such a snapshot
/// can be restored from, and never counts for an objective (exit 3 in `cli`).
#[derive(Debug, Clone)]
pub struct BackupReport {
    /// As stored.
    pub snapshot: Snapshot,
    /// Everything that the source holds was read, except what was excluded or vanished.
    pub complete: bool,
    /// Entries that were listed and gone when they were to be read. Not an error.
    pub vanished: u64,
    /// The first [`MAX_NAMED`] of them.
    pub gone: Vec<PathError>,
    /// Files that were written to while they were read, and again while they were read once more: what is stored of them may be half
    /// old and half new. The first of these and of those that grew are in `notes`.
    pub n_changed: u64,
    /// Files that grew while they were read, and are stored up to the length that they had then.
    pub n_grown: u64,
    /// Sockets, pipes and devices that are stored: by name, kind and number, as they hold no data of their own.
    pub special: u64,
    /// Files and folders that exclude rules, cache tags or file-system borders left out; what lies below them is not counted.
    pub excluded: u64,
    /// How many entries could not be read; the first [`MAX_NAMED`] of them are in `errors`.
    pub n_errors: u64,
    /// What could not be read: the snapshot lacks it.
    pub errors: Vec<PathError>,
    /// What was stored, or left out on purpose, and is worth a word: changed or grown while it was read, own folders.
    pub notes: Vec<PathError>,
    /// Hooks after the backup that did not end well. The data is stored all the same.
    pub hook_failures: Vec<HookFailure>,
    /// From the start of the walk to the acknowledgement, on the monotonic clock.
    pub took: Duration,
}

impl BackupReport {
    pub(crate) fn new(snapshot: Snapshot, findings: Findings, special: u64, took: Duration) -> Self {
        Self {
            complete: snapshot.complete,
            snapshot,
            vanished: findings.vanished,
            gone: findings.gone,
            n_changed: findings.n_changed,
            n_grown: findings.n_grown,
            special,
            excluded: findings.excluded,
            n_errors: findings.n_errors,
            errors: findings.errors,
            notes: findings.changed.into_iter().chain(findings.notes).collect(),
            hook_failures: Vec::new(),
            took,
        }
    }
}

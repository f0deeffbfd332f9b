//! What happened to one source in one repository.

use std::time::Duration;

use jiff::Timestamp;
use records::event::{BackupFailed, BackupFinished, BackupStats};
use serde::Serialize;

/// What is known of the backups of one source to one repository.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BackupFact {
    /// When the last one began, however it ended.
    pub last_start: Option<Timestamp>,
    /// The newest complete restore point: the only one that counts for an objective.
    pub last_point: Option<Point>,
    /// The last failure, if nothing complete came after it.
    pub failed: Option<Failed>,
    /// How many complete restore points were made.
    pub n_points: u64,
}

/// A complete restore point.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// Its snapshot.
    pub snapshot: String,
    /// The moment that its data is as old as.
    pub taken: Timestamp,
    /// When it was stored.
    pub finished: Timestamp,
    /// How long the backup took.
    pub took: Duration,
    /// What it holds.
    pub stats: BackupStats,
}

/// A backup that did not become a complete restore point.
#[derive(Debug, Clone, Serialize)]
pub struct Failed {
    /// When it ended.
    pub at: Timestamp,
    /// When the first of this row of failures ended.
    pub since: Timestamp,
    /// Why.
    pub error: String,
    /// What to do.
    pub hint: Option<String>,
}

impl BackupFact {
    pub(super) fn started(&mut self, at: Timestamp) {
        self.last_start = Some(at);
    }

    pub(super) fn finished(&mut self, event: &BackupFinished, at: Timestamp) {
        if event.complete {
            self.failed = None;
            self.n_points += 1;
            self.last_point = Some(Point {
                snapshot: event.snapshot.clone(),
                taken: event.taken,
                finished: event.finished,
                took: Duration::from_millis(event.took_ms),
                stats: event.stats,
            });
        } else {
            let files = if event.n_errors == 1 { "1 file".to_owned() } else { format!("{} files", event.n_errors) };
            self.fail(at, format!("incomplete: {files} could not be read"), Some("see which: lifeboat snapshots".to_owned()));
        }
    }

    pub(super) fn failed(&mut self, event: &BackupFailed, at: Timestamp) {
        self.fail(at, event.error.clone(), event.hint.clone());
    }

    fn fail(&mut self, at: Timestamp, error: String, hint: Option<String>) {
        let since = self.failed.as_ref().map_or(at, |failed| failed.since);
        self.failed = Some(Failed { at, since, error, hint });
    }
}

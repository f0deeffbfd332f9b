//! The runs of one thing that is done by schedule: a backup of a source to a repository, or a drill.

use std::time::Duration;

use jiff::Timestamp;
use records::event::{BackupFinished, BackupStats};
use serde::Serialize;

/// What is known of the runs of one backup or drill; `T` is what a run that came to a result leaves behind.
#[derive(Debug, Clone, Serialize)]
pub struct Runs<T> {
    /// When the last run began that came to an end, or is on its way.
    pub last_start: Option<Timestamp>,
    /// What the newest run with a result left behind.
    pub last: Option<T>,
    /// How many runs came to a result.
    pub n_results: u64,
    /// How many runs in a row failed, and when the last of them ended.
    pub failures: u32,
    /// When the last failure in that row was.
    pub failed_at: Option<Timestamp>,
    /// When the run before the present row of starts without result began: what counts again once a retry is allowed.
    before: Option<Timestamp>,
    /// Whether a run began and did not end.
    open: bool,
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self { last_start: None, last: None, n_results: 0, failures: 0, failed_at: None, before: None, open: false }
    }
}

impl<T> Runs<T> {
    pub(super) fn started(&mut self, at: Timestamp) {
        if !self.open && self.failures == 0 {
            self.before = self.last_start;
        }
        self.last_start = Some(at);
        self.open = true;
    }

    pub(super) fn succeeded(&mut self, result: T) {
        self.last = Some(result);
        self.n_results += 1;
        self.failures = 0;
        self.failed_at = None;
        self.open = false;
    }

    pub(super) fn failed(&mut self, at: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(at);
        self.open = false;
    }

    /// The run was cut short by a signal or a crash: it is as if it had not begun.
    pub(super) fn interrupted(&mut self) {
        if self.open {
            self.open = false;
            self.last_start = self.before;
        }
    }

    /// Whether a run began and is not known to have ended.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The start that decides whether a run is due: a row of failures counts only until it may be tried again.
    pub(super) fn counted_start(&self, now: Timestamp) -> Option<Timestamp> {
        match self.failed_at {
            Some(failed) if !self.open && plans::retry::may_retry(self.failures, failed, now) => self.before,
            _ => self.last_start,
        }
    }
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

impl Point {
    pub(super) fn of(event: &BackupFinished) -> Self {
        Self {
            snapshot: event.snapshot.clone(),
            taken: event.taken,
            finished: event.finished,
            took: Duration::from_millis(event.took_ms),
            stats: event.stats,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-24T{text}Z").parse().unwrap()
    }

    #[test]
    fn a_run_that_was_cut_short_is_as_if_it_had_not_begun() {
        let mut runs = Runs::default();
        runs.started(at("01:00:00"));
        runs.succeeded(());
        runs.started(at("02:00:00"));
        runs.interrupted();
        assert_eq!(runs.counted_start(at("02:00:01")), Some(at("01:00:00")));
        runs.interrupted(); // a second restart changes nothing
        assert_eq!(runs.counted_start(at("02:00:01")), Some(at("01:00:00")));
    }

    #[test]
    fn a_row_of_failures_counts_until_it_may_be_tried_again() {
        let mut runs = Runs::default();
        runs.started(at("01:00:00"));
        runs.succeeded(());
        for start in ["02:00:00", "02:10:00"] {
            runs.started(at(start));
            runs.failed(at(start));
        }
        assert_eq!(runs.counted_start(at("02:11:00")), Some(at("02:10:00")));
        assert_eq!(runs.counted_start(at("02:20:00")), Some(at("01:00:00")), "two failures wait for ten minutes");
        runs.started(at("02:20:00"));
        assert_eq!(runs.counted_start(at("02:50:00")), Some(at("02:20:00")), "while it runs it is not due");
        runs.succeeded(());
        assert_eq!(runs.counted_start(at("09:00:00")), Some(at("02:20:00")));
    }
}

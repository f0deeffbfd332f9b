//! The restore points that this host stored and wrote down. What is stored is held against them: a store that loses the newest ones
//! shows no gap of itself.

use base::id::SourceId;
use jiff::Timestamp;
use records::event::{BackupFinished, MaintenanceStarted, RepositoryCreated};
use serde::Serialize;

/// A restore point that was acknowledged: its backup ended, and the journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acknowledged {
    /// Its snapshot: 64 hexadecimal digits.
    pub snapshot: String,
    /// Of what.
    pub source: SourceId,
    /// The moment that its data is as old as.
    pub taken: Timestamp,
    /// When it was written down.
    pub at: Timestamp,
    /// Whether everything could be read.
    pub complete: bool,
    /// Somebody began to drop it, and has not taken that back.
    pub dropped: bool,
}

/// All of one repository, in the order in which they were acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Points {
    /// The repository's own id, where the journal has it.
    uid: Option<String>,
    known: Vec<Acknowledged>,
}

impl Points {
    /// All that were not dropped, oldest first.
    pub fn wanted(&self) -> impl DoubleEndedIterator<Item = &Acknowledged> {
        self.known.iter().filter(|point| !point.dropped)
    }

    /// Those of one source that are complete and were not dropped, oldest first.
    pub fn of<'a>(&'a self, source: &'a SourceId) -> impl DoubleEndedIterator<Item = &'a Acknowledged> {
        self.wanted().filter(move |point| point.complete && point.source == *source)
    }

    pub(super) fn stored(&mut self, at: Timestamp, done: &BackupFinished) {
        self.known.push(Acknowledged {
            snapshot: done.snapshot.clone(),
            source: done.source.clone(),
            taken: done.taken,
            at,
            complete: done.complete,
            dropped: false,
        });
    }

    /// Retention, or an undo of it. A record that names only the first of many leaves the others wanted: their objects stay in the store.
    pub(super) fn maintained(&mut self, begun: &MaintenanceStarted) {
        let dropped = match begun.act.as_str() {
            "prune" => true,
            "undo" => false,
            _ => return,
        };
        for point in self.known.iter_mut().filter(|point| begun.snapshots.contains(&point.snapshot)) {
            point.dropped = dropped;
        }
    }

    /// Whether another repository has this name from now on: what was acknowledged before is not in it.
    pub(super) fn made(&mut self, created: &RepositoryCreated) -> bool {
        let same = self.uid.as_ref() == Some(&created.uid);
        if !same {
            *self = Self { uid: Some(created.uid.clone()), known: Vec::new() };
        }
        !same
    }
}

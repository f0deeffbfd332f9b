//! What was promised: which snapshots were acknowledged, and which of them somebody gave up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use repository::snapshots::SnapshotId;

use super::work::Tree;

/// Everybody in a schedule writes to it at the moment when something is asked for or answered.
#[derive(Debug, Default, Clone)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Debug, Default, Clone)]
pub struct Book {
    pub acknowledged: BTreeMap<SnapshotId, Tree>,
    /// Since when somebody says, or tries to say, that a snapshot may go.
    given_up: BTreeMap<SnapshotId, Timestamp>,
    /// Attempts to say so that are under way or ended in an error: they may still arrive.
    loose: BTreeSet<SnapshotId>,
    /// How often somebody began to say so.
    attempts: BTreeMap<SnapshotId, u64>,
    /// Held in time.
    held: BTreeSet<SnapshotId>,
}

impl Ledger {
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap()
    }
}

impl Book {
    /// Somebody begins to say that a snapshot may go. Until that is acknowledged nobody can take it back for sure.
    pub fn gives_up(&mut self, id: SnapshotId, now: Timestamp) {
        self.given_up.entry(id).or_insert(now);
        self.loose.insert(id);
        *self.attempts.entry(id).or_default() += 1;
    }

    /// The tombstone is stored, and no other attempt is under way.
    pub fn gave_up(&mut self, id: SnapshotId) {
        self.loose.remove(&id);
    }

    /// What an undo that begins now can take back for sure: nothing while an attempt may still arrive.
    pub fn can_take_back(&self, id: SnapshotId) -> Option<u64> {
        (!self.loose.contains(&id)).then(|| self.attempts.get(&id).copied().unwrap_or_default())
    }

    /// An undo was acknowledged. It takes back what was said before it began, and not what somebody began to say meanwhile.
    pub fn took_back(&mut self, id: SnapshotId, at_its_beginning: Option<u64>) {
        if at_its_beginning.is_some() && at_its_beginning == self.can_take_back(id) {
            self.given_up.remove(&id);
        }
    }

    /// A hold was acknowledged at `now`. One that comes when the tombstone has run out promises nothing.
    pub fn holds(&mut self, id: SnapshotId, now: Timestamp, grace: Duration) {
        if self.given_up.get(&id).is_none_or(|since| now.duration_since(*since).as_secs() < i64::try_from(grace.as_secs()).unwrap()) {
            self.held.insert(id);
        }
    }

    /// Somebody begins to end the holds of a snapshot.
    pub fn lets_go(&mut self, id: SnapshotId) {
        self.held.remove(&id);
    }

    pub fn is_given_up(&self, id: &SnapshotId) -> bool {
        self.given_up.contains_key(id)
    }

    /// Whether a snapshot has to come back.
    pub fn is_kept(&self, id: &SnapshotId) -> bool {
        self.acknowledged.contains_key(id) && (!self.given_up.contains_key(id) || self.held.contains(id))
    }
}

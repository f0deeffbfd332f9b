//! What the threads of one run share: the writer, the counts, the list of trouble and the sign to stop.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use repository::writer::Writer;

use crate::eta::{self, Totals};
use crate::links::Links;
use crate::owners::Owners;
use crate::progress::{Phase, Status};
use crate::trouble::Trouble;

/// All of it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub writer: Writer,
    pub trouble: Trouble,
    pub counts: Counts,
    pub owners: Owners,
    /// Files with several names.
    pub links: Links,
    /// When the run began, by the wall clock: before anything was looked at.
    pub started: Timestamp,
    pub stop: Stop,
    /// This process may read everything without a mark in access times.
    pub is_root: bool,
    pub uid: u32,
}

impl Shared {
    /// Whether a file of this owner may be read without a mark in its access time.
    pub fn keeps_atime(&self, owner: u32) -> bool {
        self.is_root || owner == self.uid
    }
}

/// The sign to stop. Threads look at it between entries and between reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(std::sync::Arc<AtomicBool>);

impl Stop {
    pub fn order(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_ordered(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts that grow while a source is read.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub files: AtomicU64,
    pub directories: AtomicU64,
    pub symlinks: AtomicU64,
    /// Pipes, sockets and devices.
    pub special: AtomicU64,
    pub bytes: AtomicU64,
    /// Bytes of the files that were not read, so that progress within a large file can be shown.
    pub bytes_unchanged: AtomicU64,
    pub files_new: AtomicU64,
    pub files_changed: AtomicU64,
    pub files_unchanged: AtomicU64,
    pub files_read: AtomicU64,
    pub bytes_read: AtomicU64,
    /// The folder that the walk is in.
    pub current: Mutex<Vec<u8>>,
}

/// Adds to a count.
pub(crate) fn add(count: &AtomicU64, n: u64) {
    count.fetch_add(n, Ordering::Relaxed);
}

/// Reads a count.
pub(crate) fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

impl Counts {
    pub fn totals(&self) -> Totals {
        Totals { entries: get(&self.files) + get(&self.directories) + get(&self.symlinks) + get(&self.special), bytes: get(&self.bytes) }
    }

    pub fn set_current(&self, path: &[u8]) {
        path.clone_into(&mut self.current.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Puts together what progress shows.
pub(crate) fn status(shared: &Shared, phase: Phase, expected: Option<Totals>, elapsed: Duration) -> Status {
    let bytes = get(&shared.counts.bytes_unchanged) + get(&shared.counts.bytes_read);
    let done = Totals { bytes, ..shared.counts.totals() };
    let written = shared.writer.progress();
    Status {
        phase,
        done,
        files_read: get(&shared.counts.files_read),
        bytes_read: get(&shared.counts.bytes_read),
        bytes_new: written.bytes_new,
        bytes_stored: written.bytes_stored,
        n_errors: shared.trouble.n_errors(),
        current: base::name::shown(&shared.counts.current.lock().unwrap_or_else(PoisonError::into_inner)),
        elapsed,
        expected,
        eta: if phase == Phase::Reading { eta::remaining(expected, done, elapsed) } else { None },
    }
}

//! What a running backup tells of itself. `cli` draws it; nothing here prints.

use std::fmt::Debug;
use std::time::Duration;

use crate::eta::Totals;

/// Is told how far a backup has come, a few times a second, from a task of the runtime. It must not block.
pub trait Progress: Debug + Send + Sync {
    /// The state at this moment.
    fn show(&self, status: &Status);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn show(&self, _: &Status) {}
}

/// What a backup is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Walking and reading the source.
    Reading,
    /// Waiting for the last uploads, then writing the snapshot.
    Committing,
}

/// How far a backup has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub phase: Phase,
    /// Files, folders and links done so far; bytes read so far, and those of files that need not be read.
    pub done: Totals,
    /// Files that had to be read so far.
    pub files_read: u64,
    /// Bytes read from files so far.
    pub bytes_read: u64,
    /// Bytes that the repository did not have, before compression.
    pub bytes_new: u64,
    /// Bytes stored for them, after compression and encryption.
    pub bytes_stored: u64,
    /// Entries that could not be read so far.
    pub n_errors: u64,
    /// The folder that is being walked, as text for people.
    pub current: String,
    /// Time since the start.
    pub elapsed: Duration,
    /// What the last run of this source came to, where that is known.
    pub expected: Option<Totals>,
    /// How much longer it will take, where that can be told.
    pub eta: Option<Duration>,
}

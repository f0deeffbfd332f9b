//! Runs the walk, the readers and the assembly side by side, on plain threads with bounded queues between them.
//!
//! `run` calls it on a thread where blocking is allowed. The walk tells a reader of a file before it tells the assembly, and the
//! readers never wait for the assembly, so no two of them can wait for each other.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use base::Digest;
use repository::writer::WriteError;

use crate::assemble::{self, Assembled, Unfinished};
use crate::read;
use crate::roots::Roots;
use crate::shared::Shared;
use crate::spec::Files;
use crate::unchanged::old::Old;
use crate::walk::Walk;

/// Files that may wait for a reader. Each holds its folder open, so this also bounds descriptors.
const JOBS: usize = 128;
/// Entries that may wait for the assembly.
const EVENTS: usize = 4096;
/// One reads while the other waits for a disk or for the workers.
const READERS: usize = 2;

/// What the threads work on.
#[derive(Debug)]
pub(crate) struct Work {
    pub roots: Roots,
    pub files: Files,
    pub old: Option<Old>,
    /// The folder that the new cache is written in.
    pub cache_folder: PathBuf,
    /// What the cache is of.
    pub identity: Digest,
}

/// Reads the source to its end, or until it is told to stop.
pub(crate) fn run(shared: &Shared, work: &Work) -> Result<Assembled, Unfinished> {
    let (job_sender, jobs) = crossbeam_channel::bounded(JOBS);
    let (event_sender, events) = crossbeam_channel::bounded(EVENTS);
    let old = work.old.as_ref();
    thread::scope(|scope| {
        // A thread that cannot be had ends the run: with it go the ends of the queues that it would have held, and so the others.
        let name = |name: &str| thread::Builder::new().name(name.to_owned());
        let refused = |error| Unfinished::Write(WriteError::System(Arc::new(error)));
        for _ in 0..READERS {
            let jobs = jobs.clone();
            name("read").spawn_scoped(scope, move || read::run(shared, &jobs)).map_err(refused)?;
        }
        drop(jobs);
        let walk = Walk::new(shared, &work.roots, &work.files, old, job_sender, event_sender);
        name("walk").spawn_scoped(scope, move || walk.run()).map_err(refused)?;
        let result = assemble::run(shared, old, (&work.cache_folder, &work.identity), &events);
        if result.is_err() {
            shared.stop.order();
        }
        drop(events); // a walk that waits for room sees that nobody listens
        result
    })
}

//! What a worker does, be it a thread or the caller itself: names chunks, drops those that are known, joins the others into its own pack.

use std::sync::Arc;
use std::thread;

use crossbeam_channel::Receiver;

use super::core::Core;
use super::error::WriteError;
use super::queue::Batch;
use super::upload::Uploads;
use crate::format::chunk::Kind;
use crate::pack::fill::{FillError, FillSpec, Filler};

/// Ends the run when a worker ends by a panic, so that nobody waits for it.
struct Guard(Arc<Core>);

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(WriteError::Stopped);
        }
    }
}

/// Names and joins chunks into a pack of its own.
#[derive(Debug)]
pub(super) struct Worker {
    core: Arc<Core>,
    uploads: Uploads,
    filler: Filler,
}

/// Takes batches until there are no more, then closes the pack. After a failure it goes on taking them, so that no caller
/// waits for ever, and drops them.
pub(super) fn run(core: &Arc<Core>, uploads: Uploads, spec: FillSpec, batches: &Receiver<Batch>) {
    let _guard = Guard(Arc::clone(core));
    let worked = Worker::new(Arc::clone(core), uploads, spec).and_then(|mut worker| {
        for batch in batches {
            worker.take(batch)?;
        }
        core.check()?;
        worker.finish()
    });
    if let Err(error) = worked {
        core.fail(error);
        for batch in batches {
            drop(batch);
        }
    }
}

fn fill_failed(error: FillError) -> WriteError {
    WriteError::Fill(Arc::new(error))
}

impl Worker {
    pub(super) fn new(core: Arc<Core>, uploads: Uploads, spec: FillSpec) -> Result<Self, WriteError> {
        let filler = Filler::new(spec, Kind::Data).map_err(fill_failed)?;
        Ok(Self { core, uploads, filler })
    }

    pub(super) fn take(&mut self, batch: Batch) -> Result<(), WriteError> {
        self.core.check()?;
        // All names first: whoever waits for a file's ids does not wait for compression.
        let mut new = Vec::new();
        for item in &batch.items {
            let bytes = batch.buffer.get(item.range.clone()).expect("items lie within their batch");
            let (chunk, is_new) = self.core.name(Kind::Data, bytes);
            item.slot.set(item.number, chunk);
            if is_new {
                new.push((chunk, bytes));
            }
        }
        for (chunk, bytes) in new {
            if let Some(pack) = self.filler.push(chunk, bytes, || self.core.packs.take()).map_err(fill_failed)? {
                self.uploads.send(pack)?;
            }
        }
        self.core.batches.give_back(batch.buffer);
        Ok(())
    }

    /// Closes what is open.
    pub(super) fn finish(mut self) -> Result<(), WriteError> {
        let rest = self.filler.finish(|| self.core.packs.take()).map_err(fill_failed)?;
        rest.map_or(Ok(()), |pack| self.uploads.send(pack))
    }
}

//! What a worker thread does: names chunks, drops those that are known, joins the others into its own pack.

use std::sync::Arc;
use std::thread;

use crossbeam_channel::Receiver;

use super::core::Core;
use super::error::WriteError;
use super::queue::Batch;
use super::upload::Uploads;
use crate::format::chunk::Kind;
use crate::pack::fill::{FillSpec, Filler};

/// Ends the run when a worker ends by a panic, so that nobody waits for it.
struct Guard(Arc<Core>);

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(WriteError::Stopped);
        }
    }
}

/// Takes batches until there are no more, then closes the pack. After a failure it goes on taking them, so that no caller
/// waits for ever, and drops them.
pub(super) fn run(core: &Arc<Core>, uploads: &Uploads, spec: FillSpec, batches: &Receiver<Batch>) {
    let _guard = Guard(Arc::clone(core));
    let worked = Filler::new(spec, Kind::Data).map_err(|error| WriteError::Fill(Arc::new(error))).and_then(|mut filler| {
        for batch in batches {
            take(core, uploads, &mut filler, &batch)?;
            core.batches.give_back(batch.buffer);
        }
        core.check()?;
        let rest = filler.finish(|| core.packs.take()).map_err(|error| WriteError::Fill(Arc::new(error)))?;
        rest.map_or(Ok(()), |pack| uploads.send(pack))
    });
    if let Err(error) = worked {
        core.fail(error);
        for batch in batches {
            drop(batch);
        }
    }
}

fn take(core: &Arc<Core>, uploads: &Uploads, filler: &mut Filler, batch: &Batch) -> Result<(), WriteError> {
    core.check()?;
    // All names first: whoever waits for a file's ids does not wait for compression.
    let mut new = Vec::new();
    for item in &batch.items {
        let bytes = batch.buffer.get(item.range.clone()).expect("items lie within their batch");
        let (chunk, is_new) = core.name(Kind::Data, bytes);
        item.slot.set(item.number, chunk);
        if is_new {
            new.push((chunk, bytes));
        }
    }
    for (chunk, bytes) in new {
        let full = filler.push(chunk, bytes, || core.packs.take()).map_err(|error| WriteError::Fill(Arc::new(error)))?;
        if let Some(pack) = full {
            uploads.send(pack)?;
        }
    }
    Ok(())
}

//! What callers hand to the workers: batches of about a mebibyte, so that a small file costs no queue entry of its own and
//! neighbours in a directory become neighbours in a frame.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::core::Core;
use super::error::WriteError;
use super::ticket::Slot;
use super::work::Worker;

/// Room of a batch. Reading goes on until it is full; what cannot be cut yet moves on to the next one.
pub(super) const BATCH: usize = 2 << 20;
/// A batch of small files is handed over when it has this many bytes …
const FULL: usize = 1 << 20;
/// … or this many files.
const FULL_ITEMS: usize = 512;

/// A chunk in a batch, and where its id is wanted.
#[derive(Debug)]
pub(super) struct Item {
    pub range: Range<usize>,
    pub slot: Arc<Slot>,
    /// The chunk's number in its file.
    pub number: usize,
}

/// Chunks that a worker takes at once.
#[derive(Debug)]
pub(super) struct Batch {
    pub buffer: Vec<u8>,
    pub items: Vec<Item>,
}

/// Buffers that are used again: fresh memory costs a page fault every 4 KiB.
#[derive(Debug)]
pub(super) struct Pool {
    free: Mutex<Vec<Vec<u8>>>,
    keep: usize,
}

impl Pool {
    pub(super) fn new(keep: usize) -> Self {
        Self { free: Mutex::default(), keep }
    }

    /// A buffer with whatever it last held; an empty one when none is free. What is in use is bounded by the queues.
    pub(super) fn take(&self) -> Vec<u8> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    pub(super) fn give_back(&self, buffer: Vec<u8>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.keep {
            free.push(buffer);
        }
    }
}

/// The callers' side of the queue.
#[derive(Debug)]
pub(super) struct Front {
    core: Arc<Core>,
    /// Small files that wait for company. Taken out while it is handed over.
    pending: Mutex<Pending>,
    way: Way,
}

/// Who takes the batches.
#[derive(Debug)]
enum Way {
    /// Threads that wait at the other end, until it is closed.
    Queue(Mutex<Option<Sender<Batch>>>),
    /// The caller itself, at once. `None` when it has finished.
    Here(Box<Mutex<Option<Worker>>>),
}

#[derive(Debug, Default)]
struct Pending {
    buffer: Vec<u8>,
    filled: usize,
    items: Vec<Item>,
}

impl Front {
    /// The queue holds as many batches as there are workers: enough to keep them busy, and a bound for memory.
    pub(super) fn queue(core: Arc<Core>, threads: usize) -> (Self, Receiver<Batch>) {
        let (sender, receiver) = bounded(threads);
        (Self { core, pending: Mutex::default(), way: Way::Queue(Mutex::new(Some(sender))) }, receiver)
    }

    /// Without threads: whoever hands a batch over does the work.
    pub(super) fn here(core: Arc<Core>, worker: Worker) -> Self {
        Self { core, pending: Mutex::default(), way: Way::Here(Box::new(Mutex::new(Some(worker)))) }
    }

    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    /// Hands a batch over. Blocks while the queue is full.
    pub(super) fn send(&self, batch: Batch) -> Result<(), WriteError> {
        self.core.check()?;
        match &self.way {
            Way::Queue(sender) => {
                let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let sent = sender.ok_or(WriteError::Stopped)?.send(batch);
                sent.map_err(|_| self.core.check().err().unwrap_or(WriteError::Stopped))
            }
            Way::Here(worker) => {
                let mut worker = worker.lock().unwrap_or_else(PoisonError::into_inner);
                let taken = worker.as_mut().ok_or(WriteError::Stopped)?.take(batch);
                taken.inspect_err(|error| self.core.fail(error.clone()))
            }
        }
    }

    /// Adds a small file, which is one chunk.
    pub(super) fn add_small(&self, bytes: &[u8], slot: Arc<Slot>) -> Result<(), WriteError> {
        let full = {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            if pending.buffer.is_empty() {
                pending.buffer = self.core.batches.take();
                pending.buffer.resize(BATCH, 0);
            }
            let range = pending.filled..pending.filled + bytes.len();
            let place = pending.buffer.get_mut(range.clone()).expect("a batch that is not full has room for a small file");
            place.copy_from_slice(bytes);
            pending.filled = range.end;
            pending.items.push(Item { range, slot, number: 0 });
            if pending.filled < FULL && pending.items.len() < FULL_ITEMS {
                return Ok(());
            }
            std::mem::take(&mut *pending)
        };
        self.send(Batch { buffer: full.buffer, items: full.items })
    }

    /// Hands over what waits for company.
    pub(super) fn flush(&self) -> Result<(), WriteError> {
        let pending = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if pending.items.is_empty() { Ok(()) } else { self.send(Batch { buffer: pending.buffer, items: pending.items }) }
    }

    /// Nothing more comes, and everything is to be stored: the workers finish and end.
    pub(super) fn finish(&self) -> Result<(), WriteError> {
        let finished = self.flush().and_then(|()| match &self.way {
            Way::Queue(_) => Ok(()),
            Way::Here(worker) => match worker.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(worker) => worker.finish().inspect_err(|error| self.core.fail(error.clone())),
                None => Err(WriteError::Stopped),
            },
        });
        self.close();
        finished
    }

    /// Nothing more comes: the workers end.
    pub(super) fn close(&self) {
        match &self.way {
            Way::Queue(sender) => drop(sender.lock().unwrap_or_else(PoisonError::into_inner).take()),
            Way::Here(worker) => drop(worker.lock().unwrap_or_else(PoisonError::into_inner).take()),
        }
    }
}

//! What callers hand to the workers: batches of about a mebibyte, so that a small file costs no queue entry of its own and
//! neighbours in a directory become neighbours in a frame.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::core::Core;
use super::error::WriteError;
use super::ticket::Slot;

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
    sender: Mutex<Option<Sender<Batch>>>,
}

#[derive(Debug, Default)]
struct Pending {
    buffer: Vec<u8>,
    filled: usize,
    items: Vec<Item>,
}

impl Front {
    /// The queue holds as many batches as there are workers: enough to keep them busy, and a bound for memory.
    pub(super) fn new(core: Arc<Core>, threads: usize) -> (Self, Receiver<Batch>) {
        let (sender, receiver) = bounded(threads);
        (Self { core, pending: Mutex::default(), sender: Mutex::new(Some(sender)) }, receiver)
    }

    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    /// Hands a batch over. Blocks while the queue is full.
    pub(super) fn send(&self, batch: Batch) -> Result<(), WriteError> {
        self.core.check()?;
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sent = sender.ok_or(WriteError::Stopped)?.send(batch);
        sent.map_err(|_| self.core.check().err().unwrap_or(WriteError::Stopped))
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

    /// Nothing more comes: the workers finish and end.
    pub(super) fn close(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

//! The promise that a file's ids will be known.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::core::Core;
use super::error::WriteError;
use super::queue::Front;
use crate::format::tree::{ChunkRef, Chunks, Content};

/// How often a waiter looks whether the run has failed. A wake-up that was lost costs no more than this.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Ids of one file's chunks as workers find them out.
#[derive(Debug, Default)]
pub(super) struct Slot {
    state: Mutex<SlotState>,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct SlotState {
    refs: Vec<Option<ChunkRef>>,
    n_known: usize,
    /// Known once the file has been read to its end.
    n_all: Option<usize>,
}

impl SlotState {
    fn is_ready(&self) -> bool {
        self.n_all == Some(self.n_known)
    }
}

impl Slot {
    fn lock(&self) -> std::sync::MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chunk `number` of the file is `chunk`.
    pub(super) fn set(&self, number: usize, chunk: ChunkRef) {
        let mut state = self.lock();
        if state.refs.len() <= number {
            state.refs.resize(number + 1, None);
        }
        if let Some(place) = state.refs.get_mut(number) {
            *place = Some(chunk);
        }
        state.n_known += 1;
        if state.is_ready() {
            self.ready.notify_all();
        }
    }

    /// The file has `n` chunks.
    pub(super) fn end(&self, n: usize) {
        let mut state = self.lock();
        state.n_all = Some(n);
        if state.is_ready() {
            self.ready.notify_all();
        }
    }

    fn take(&self, core: &Core) -> Result<Vec<ChunkRef>, WriteError> {
        let mut state = self.lock();
        while !state.is_ready() {
            core.check()?;
            state = self.ready.wait_timeout(state, LOOK_AGAIN).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(std::mem::take(&mut state.refs).into_iter().flatten().collect())
    }
}

/// Becomes the [`Content`] of a file: [`Ticket::wait`].
#[derive(Debug)]
pub struct Ticket(Inner);

#[derive(Debug)]
enum Inner {
    Ready(Content),
    Waiting { slot: Arc<Slot>, size: u64, front: Arc<Front> },
}

impl Ticket {
    pub(super) fn ready(content: Content) -> Self {
        Self(Inner::Ready(content))
    }

    pub(super) fn waiting(slot: Arc<Slot>, size: u64, front: Arc<Front>) -> Self {
        Self(Inner::Waiting { slot, size, front })
    }

    /// Waits until the ids of all chunks are known, which is before compression and upload: the file is safe only when
    /// the writer's `commit` has returned.
    pub fn wait(self) -> Result<Content, WriteError> {
        match self.0 {
            Inner::Ready(content) => Ok(content),
            Inner::Waiting { slot, size, front } => {
                // The file may lie in a batch that is not full yet.
                if !slot.lock().is_ready() {
                    front.flush()?;
                }
                let refs = slot.take(front.core())?;
                Ok(Content::solid(size, Chunks::List(refs)))
            }
        }
    }
}

//! What callers, workers and uploads of one writer share: the index, what is new, what went wrong, how far it is.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::WriteProgress;
use super::error::WriteError;
use super::fresh::Fresh;
use super::queue::Pool;
use crate::chunk::{ChunkHasher, Chunker};
use crate::format::chunk::{ChunkId, ChunkRef, Kind};
use crate::index::Index;

/// Shared by everybody; nothing in it blocks for long.
#[derive(Debug)]
pub(super) struct Core {
    pub hasher: ChunkHasher,
    pub chunker: Chunker,
    index: Index,
    /// For each pack of the index, whether this snapshot needs it.
    needed: Vec<AtomicBool>,
    /// … and whether the store has it no more.
    lost: Vec<bool>,
    /// … and whether it is retired: nothing in it is used any more where nobody asks for it by name.
    retired: Vec<bool>,
    fresh: Fresh,
    /// Buffers of batches.
    pub batches: Pool,
    /// Buffers of small files that are being read.
    pub scratch: Pool,
    /// Buffers of packs.
    pub packs: Arc<Pool>,
    failed: AtomicBool,
    failure: Mutex<Option<WriteError>>,
    pub counts: Counts,
}

/// Counts that grow.
#[derive(Debug, Default)]
pub(super) struct Counts {
    chunks: AtomicU64,
    chunks_new: AtomicU64,
    bytes_new: AtomicU64,
    bytes_stored: AtomicU64,
    packs: AtomicU64,
}

impl Core {
    pub(super) fn new(
        hasher: ChunkHasher,
        chunker: Chunker,
        index: Index,
        lost: Vec<bool>,
        avoided: &BTreeSet<base::Digest>,
        threads: usize,
    ) -> Self {
        let retired = (0..index.n_packs()).map(|number| index.digest(number).is_some_and(|pack| avoided.contains(&pack))).collect();
        let needed = (0..index.n_packs()).map(|_| AtomicBool::new(false)).collect();
        Self {
            hasher,
            chunker,
            index,
            needed,
            lost,
            retired,
            fresh: Fresh::new(),
            batches: Pool::new(threads * 2 + 2),
            scratch: Pool::new(threads * 2),
            packs: Arc::new(Pool::new(threads + 1)),
            failed: AtomicBool::new(false),
            failure: Mutex::default(),
            counts: Counts::default(),
        }
    }

    /// Names a chunk. The second value is whether the caller has to store it.
    pub(super) fn name(&self, kind: Kind, bytes: &[u8]) -> (ChunkRef, bool) {
        let id = self.hasher.id_of(kind, bytes);
        let len = u32::try_from(bytes.len()).expect("a chunk has at most half a mebibyte");
        self.counts.chunks.fetch_add(1, Ordering::Relaxed);
        let is_new = !self.mark(&id) && self.fresh.claim(&id);
        if is_new {
            self.counts.chunks_new.fetch_add(1, Ordering::Relaxed);
            self.counts.bytes_new.fetch_add(u64::from(len), Ordering::Relaxed);
        }
        (ChunkRef { id, len }, is_new)
    }

    /// Names a chunk that is stored anew wherever it is already. The second value is whether this run meets it for the first time.
    pub(super) fn claim(&self, kind: Kind, bytes: &[u8]) -> (ChunkRef, bool) {
        let id = self.hasher.id_of(kind, bytes);
        let len = u32::try_from(bytes.len()).expect("a chunk has at most half a mebibyte");
        (ChunkRef { id, len }, self.fresh.claim(&id))
    }

    /// Notes that the snapshot needs the pack that the index has `id` in. `false` when the index does not have it, or only in
    /// packs that are lost or retired.
    fn mark(&self, id: &ChunkId) -> bool {
        let is = |these: &[bool], pack: u32| these.get(pack as usize).is_none_or(|is| *is);
        let is_lost = |pack: u32| is(&self.lost, pack) || is(&self.retired, pack);
        let mut place = self.index.find(id);
        if place.is_some_and(|place| is_lost(place.pack)) {
            place = self.index.places(*id).find(|place| !is_lost(place.pack));
        }
        let Some(place) = place else { return false };
        if let Some(needed) = self.needed.get(place.pack as usize) {
            needed.store(true, Ordering::Relaxed);
        }
        true
    }

    /// Notes that the snapshot needs a chunk which is there already; an error when it is not.
    pub(super) fn need(&self, id: &ChunkId) -> Result<(), WriteError> {
        if self.mark(id) || self.fresh.contains(id) { Ok(()) } else { Err(WriteError::Unknown(*id)) }
    }

    /// Whether the chunk is there. Who asks means to name it: its pack is needed, and one too many costs only space.
    pub(super) fn has(&self, id: &ChunkId) -> bool {
        self.mark(id) || self.fresh.contains(id)
    }

    /// The packs of the index that the snapshot needs, or all that are there.
    pub(super) fn needed_packs(&self, all: bool) -> Vec<base::Digest> {
        let there = self.needed.iter().zip(&self.lost);
        let numbers = (0..).zip(there).filter(|(_, (needed, lost))| !**lost && (all || needed.load(Ordering::Relaxed)));
        numbers.filter_map(|(number, _)| self.index.digest(number)).collect()
    }

    /// Ends the run. The first failure is the one that is told.
    pub(super) fn fail(&self, error: WriteError) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.failed.store(true, Ordering::Release);
    }

    /// The failure that ended the run, if one has.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or(WriteError::Stopped))
    }

    pub(super) fn stored(&self, bytes: u64) {
        self.counts.bytes_stored.fetch_add(bytes, Ordering::Relaxed);
        self.counts.packs.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn progress(&self) -> WriteProgress {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        WriteProgress {
            chunks: read(&self.counts.chunks),
            chunks_new: read(&self.counts.chunks_new),
            bytes_new: read(&self.counts.bytes_new),
            bytes_stored: read(&self.counts.bytes_stored),
            packs: read(&self.counts.packs),
        }
    }
}

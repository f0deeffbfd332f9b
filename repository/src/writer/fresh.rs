//! The chunks that this run found to be new. Whoever names one first stores it; everybody else goes on.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, PoisonError};

use crate::format::chunk::ChunkId;

const N_SHARDS: usize = 64;

/// Ids are the output of a keyed hash: their bytes are as good as any hash of them.
#[derive(Debug, Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // The length of the array comes first, in a call of its own; the id is what is longer.
        if let Some(first) = bytes.get(8..).and_then(|rest| rest.first_chunk()) {
            self.0 = u64::from_le_bytes(*first);
        }
    }
}

type Shard = Mutex<HashSet<ChunkId, BuildHasherDefault<FirstBytes>>>;

/// A set in shards, so that workers rarely meet.
#[derive(Debug)]
pub(super) struct Fresh {
    shards: Vec<Shard>,
}

impl Fresh {
    pub(super) fn new() -> Self {
        Self { shards: (0..N_SHARDS).map(|_| Shard::default()).collect() }
    }

    fn shard(&self, id: &ChunkId) -> &Shard {
        let [first, ..] = id.as_bytes();
        self.shards.get(*first as usize % N_SHARDS).expect("the remainder is below the number of shards")
    }

    /// Whether the caller is the first to name `id`, and so has to store it.
    pub(super) fn claim(&self, id: &ChunkId) -> bool {
        self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).insert(*id)
    }

    pub(super) fn contains(&self, id: &ChunkId) -> bool {
        self.shard(id).lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }
}

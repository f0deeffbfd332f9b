//! Stores files, trees and snapshots. `backup` drives it; it holds no key that opens what it stores.
//!
//! Callers read and cut on their own threads; workers name, compress and seal; uploads run on the tokio runtime that
//! [`Writer::open`] was called in. All queues are bounded, so the methods block when the workers or the store are behind:
//! call them from plain threads. Order of writes: packs, then index, then the snapshot; a crash at any point leaves every
//! snapshot that was ever listed readable. Nothing is acknowledged before [`Writer::commit`] returns a [`Receipt`].

mod error;
mod ticket;

use std::io::Read;
use std::path::PathBuf;

use base::id::SourceId;
use jiff::Timestamp;

pub use self::error::{StoreFileError, WriteError};
pub use self::ticket::Ticket;
use crate::format::tree::{ChunkId, Node, TreeRef};
use crate::keys::WriterKey;
pub use crate::pack::fill::VerifyUpload;
use crate::repository::Repository;
pub use crate::snapshots::{Canary, PathError, Snapshot, SnapshotStats};

/// How to write.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Where a copy of the index may lie. Deleting it is always safe.
    pub cache_dir: PathBuf,
    /// Worker threads, 1 to 64; as many as the machine has cores is a good number.
    pub threads: usize,
    /// Compression level of zstd, 1 to 19; 3 is a good one.
    pub level: i32,
    /// How many frames are opened again before they are uploaded.
    pub verify_upload: VerifyUpload,
}

/// What `commit` writes down beside what was stored.
#[derive(Debug, Clone)]
pub struct NewSnapshot {
    /// The source, as the plan names it.
    pub source: SourceId,
    /// Tags of the services that need the source.
    pub service_tags: Vec<String>,
    /// The host that read the source.
    pub host: String,
    /// What was read, as people write paths.
    pub paths: Vec<String>,
    /// When the source began to be read.
    pub taken: Timestamp,
    /// When the source had been read.
    pub finished: Timestamp,
    /// Whether everything that was to be backed up is in it.
    pub complete: bool,
    /// The tree of everything, as [`Writer::store_tree`] returned it.
    pub root: TreeRef,
    /// Counts. `bytes_new` and `bytes_stored` are filled in by the writer.
    pub stats: SnapshotStats,
    /// What could not be read. Only the first 10,000 are kept.
    pub errors: Vec<PathError>,
    /// A file with known bytes that a drill looks for.
    pub canary: Option<Canary>,
}

/// Proof that a snapshot is in the store.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// As any reader will see it.
    pub snapshot: Snapshot,
}

/// How far a writer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteProgress {
    /// Chunks looked at.
    pub chunks: u64,
    /// Chunks that the repository did not have.
    pub chunks_new: u64,
    /// Bytes of chunks that the repository did not have.
    pub bytes_new: u64,
    /// Bytes of packs that are in the store.
    pub bytes_stored: u64,
    /// Packs that are in the store.
    pub packs: u64,
}

/// Stores one snapshot's worth of files and trees.
#[derive(Debug)]
pub struct Writer {}

impl Writer {
    /// Reads the index and starts the workers. Must be called inside a multi-threaded tokio runtime; uploads run on it.
    pub async fn open(repository: &Repository, key: &WriterKey, options: WriterOptions) -> Result<Self, WriteError> {
        todo!("{repository:?} {key:?} {options:?}")
    }

    /// Reads `source` to its end, cuts it, and hands the chunks to the workers. Blocks while they are behind.
    /// `size_hint` is the length in bytes that is expected; a wrong one costs time and nothing else.
    pub fn store_file(&self, source: &mut dyn Read, size_hint: u64) -> Result<Ticket, StoreFileError> {
        let _ = (source, size_hint);
        todo!()
    }

    /// As [`Self::store_file`], for bytes at hand.
    pub fn store_bytes(&self, bytes: &[u8]) -> Result<Ticket, WriteError> {
        let _ = bytes;
        todo!()
    }

    /// Stores a directory. Nodes are in ascending order of the bytes of their names; every chunk and tree that they name
    /// must be stored already, or known to the index.
    pub fn store_tree(&self, nodes: &[Node]) -> Result<TreeRef, WriteError> {
        let _ = nodes;
        todo!()
    }

    /// Whether the repository, or this run, has the chunk: a reference from a cache may then be used again.
    pub fn has(&self, id: &ChunkId) -> bool {
        let _ = id;
        todo!()
    }

    /// Whether the repository, or this run, has all chunks of the tree itself.
    pub fn has_tree(&self, tree: &TreeRef) -> bool {
        tree.chunks.iter().all(|chunk| self.has(&chunk.id))
    }

    /// How far it is. Cheap, and from any thread.
    pub fn progress(&self) -> WriteProgress {
        todo!()
    }

    /// Waits until all packs are in the store, then stores the index and, last, the snapshot. On any error nothing is
    /// acknowledged, and what was stored so far is found again by the next run where the index tells of it.
    pub async fn commit(self, snapshot: NewSnapshot) -> Result<Receipt, WriteError> {
        todo!("{snapshot:?}")
    }

    /// Stops, and waits for what is under way. The repository stays as it was, apart from packs that nothing names.
    pub async fn abandon(self) {
        todo!()
    }
}

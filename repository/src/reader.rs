//! Reads what writers stored. It needs a person's key; `restore`, drills and `check` use it.
//!
//! Packs are read in ranges through the index; every chunk is compared with its id before anybody sees it. A pack is
//! believed only when a listed writer signed the index object that names it.

mod error;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::id::DomainId;

pub use self::error::{ReadError, SinkError};
use crate::chunk::ChunkHasher;
use crate::format::tree::{ChunkId, Content, Node, TreeRef};
use crate::keys::ReaderKey;
use crate::repository::Repository;
use crate::snapshots::Listing;

/// How to read.
#[derive(Debug, Clone)]
pub struct ReaderOptions {
    /// Where a copy of the index may lie. Deleting it is always safe.
    pub cache_dir: PathBuf,
    /// Threads that decode, 1 to 64.
    pub threads: usize,
}

/// Stops a [`Reader::stream`] from another task or thread. Clones are the same flag.
#[derive(Debug, Clone, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Takes chunks, on several threads at once, each chunk once, in any order.
pub type ChunkSink = Arc<dyn Fn(&ChunkId, &[u8]) -> Result<(), SinkError> + Send + Sync>;

/// What [`Reader::stream`] did.
#[derive(Debug, Default)]
pub struct StreamReport {
    /// Chunks that the sink took.
    pub chunks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What could not be had, and why.
    pub missing: Vec<(ChunkId, ReadError)>,
}

/// Reads a repository.
#[derive(Debug, Clone)]
pub struct Reader {}

impl Reader {
    /// Opens the keys and reads the index.
    pub async fn open(repository: &Repository, key: &ReaderKey, options: ReaderOptions) -> Result<Self, ReadError> {
        todo!("{repository:?} {key:?} {options:?}")
    }

    /// The repository that it reads.
    pub fn repository(&self) -> &Repository {
        todo!()
    }

    /// All snapshots, and what is wrong with others.
    pub async fn snapshots(&self) -> Result<Listing, ReadError> {
        todo!()
    }

    /// The nodes of a directory.
    pub async fn tree(&self, tree: &TreeRef) -> Result<Vec<Node>, ReadError> {
        todo!("{tree:?}")
    }

    /// The bytes of one file, in order.
    pub async fn content(&self, content: &Content, sink: &mut (dyn FnMut(&[u8]) -> Result<(), SinkError> + Send)) -> Result<(), ReadError> {
        let _ = sink;
        todo!("{content:?}")
    }

    /// Every wanted chunk once, in the order of packs: each frame is read and decoded once, each id is verified.
    /// What cannot be had is in the report, and the rest goes on. An error of the sink ends it.
    pub async fn stream(&self, wanted: Vec<ChunkId>, sink: ChunkSink, cancel: CancelFlag) -> Result<StreamReport, ReadError> {
        let _ = (wanted, sink, cancel);
        todo!()
    }

    /// Computes ids of plaintext as the writers of `domain` do, to compare files on a disk with what was recorded.
    pub fn hasher(&self, domain: &DomainId) -> Option<ChunkHasher> {
        todo!("{domain}")
    }
}

impl Reader {
    /// The keys that were opened.
    pub(crate) fn keys(&self) -> &crate::keys::OpenKeys {
        todo!()
    }
}

//! Stores files, trees and snapshots. `backup` drives it; it holds no key that opens what it stores.
//!
//! Callers read and cut on their own threads; workers name, compress and seal; uploads run on the tokio runtime that
//! [`Writer::open`] was called in. All queues are bounded, so the methods block when the workers or the store are behind:
//! call them from plain threads. Order of writes: packs, then index, then, behind the fence, the snapshot; a crash at any point leaves every
//! snapshot that was ever listed readable. Nothing is acknowledged before [`Writer::commit`] returns a [`Receipt`].

mod commit;
mod core;
mod error;
mod file;
mod fresh;
mod lost;
mod number;
mod queue;
mod repack;
mod ticket;
mod trees;
mod upload;
mod work;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use base::Digest;
use base::id::SourceId;
use jiff::Timestamp;

use self::commit::{Committer, Stored};
use self::core::Core;
pub use self::error::{StoreFileError, WriteError};
use self::number::Numbers;
use self::queue::Front;
pub(crate) use self::repack::Repacker;
pub use self::ticket::Ticket;
pub use self::trees::TreeDraft;
use self::trees::Trees;
use self::upload::Uploads;
use self::work::Worker;
use crate::chunk::{ChunkHasher, Chunker};
use crate::fence::Condemned;
use crate::format::names::Name;
use crate::format::tree::{ChunkId, Node, TreeRef};
use crate::index::{self, IndexError};
use crate::keys::WriterKey;
use crate::pack::fill::FillSpec;
pub use crate::pack::fill::VerifyUpload;
use crate::prune::PruneError;
use crate::repository::Repository;
use crate::seal::domain::{DomainSeal, Purpose};
pub use crate::snapshots::{Canary, PathError, Snapshot, SnapshotStats};
use crate::space::retired;

/// Packs that may be on their way to the store at once, however few workers there are.
const LEAST_UPLOADS: usize = 2;

/// How to write.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Where a copy of the index may lie, and the lock with which writers of one key on one host take turns: they share this folder.
    /// Deleting it is safe while none of them runs.
    pub cache_dir: PathBuf,
    /// Worker threads, up to 64; as many as the machine has cores is a good number. With 0 the calls of the writer do the work
    /// themselves, so that two runs over the same input do the same things in the same order.
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
pub struct Writer {
    repository: Repository,
    key: WriterKey,
    seal: DomainSeal,
    core: Arc<Core>,
    front: Arc<Front>,
    trees: Arc<Trees>,
    uploads: Uploads,
    numbers: Numbers,
    /// Index objects of this writer that were read.
    indexes: Vec<Name>,
    condemned: Condemned,
    /// Whether the caller asks for all that it reuses.
    asked: AtomicBool,
    workers: Vec<JoinHandle<()>>,
}

/// What every run begins with.
#[derive(Debug)]
struct Begun {
    core: Arc<Core>,
    spec: FillSpec,
    numbers: Numbers,
    uploads: Uploads,
    seal: DomainSeal,
    indexes: Vec<Name>,
    condemned: Condemned,
}

impl Begun {
    /// Opens the keys and reads the index; of `avoided` packs nothing is used.
    async fn new(
        repository: &Repository,
        key: &WriterKey,
        options: &WriterOptions,
        avoided: &BTreeSet<Digest>,
    ) -> Result<Self, WriteError> {
        let keys = key.open(repository).await.map_err(|error| WriteError::Key(Arc::new(error)))?;
        let index_seal = DomainSeal::new(&keys.k_index, Purpose::Index);
        let loaded = index::load(repository, key.domain(), &index_seal, &options.cache_dir, index::Trust::Blocks).await?;
        let indexes: Vec<Name> = loaded.objects.iter().filter(|at| at.writer == *key.writer()).map(|at| at.name).collect();
        let next_index = indexes.iter().map(|name| name.seq.saturating_add(1)).max().unwrap_or(0);
        let condemned = Condemned::read(repository, key.domain()).await?;
        let lost = lost::packs(repository, key.domain(), &loaded.index, &condemned).await?;
        let threads = options.threads.min(64);
        let hasher = ChunkHasher::new(&keys.k_id);
        let core = Arc::new(Core::new(hasher.clone(), Chunker::new(&keys.k_cut), loaded.index, lost, avoided, threads));
        let epoch = repository.trust().newest_epoch();
        let spec = FillSpec {
            domain: key.domain().clone(),
            epoch: epoch.epoch,
            recipient: epoch.recipient.clone(),
            level: options.level.clamp(1, 19),
            verify: options.verify_upload,
            hasher,
        };
        let numbers = Numbers::new(&options.cache_dir, repository, key);
        let n_room = u32::try_from(threads.max(LEAST_UPLOADS)).expect("64 threads at most");
        let uploads = Uploads::new(Arc::clone(&core), repository.clone(), key.clone(), index_seal, numbers.clone(), next_index, n_room);
        Ok(Self { core, spec, numbers, uploads, seal: DomainSeal::new(&keys.k_index, Purpose::Snapshot), indexes, condemned })
    }
}

impl Writer {
    /// Reads the index, looks which of its packs are there, and starts the workers. Must be called inside a multi-threaded tokio runtime; uploads run on it.
    pub async fn open(repository: &Repository, key: &WriterKey, options: WriterOptions) -> Result<Self, WriteError> {
        let retired = retired(repository).await.map_err(|error| match error {
            PruneError::Store { object, source } => WriteError::Read { object, source },
            _ => WriteError::Stopped,
        })?;
        let avoided = retired.into_iter().filter(|(domain, _)| domain == key.domain()).map(|(_, pack)| pack).collect();
        let threads = options.threads.min(64);
        let Begun { core, spec, numbers, uploads, seal, indexes, condemned } = Begun::new(repository, key, &options, &avoided).await?;
        let trees = Arc::new(Trees::new(spec.clone())?);
        let (front, batches) = if threads == 0 {
            (Front::here(Arc::clone(&core), Worker::new(Arc::clone(&core), uploads.clone(), spec.clone())?), None)
        } else {
            let (front, batches) = Front::queue(Arc::clone(&core), threads);
            (front, Some(batches))
        };
        let mut writer = Self {
            repository: repository.clone(),
            key: key.clone(),
            seal,
            core,
            front: Arc::new(front),
            trees,
            uploads,
            numbers,
            indexes,
            condemned,
            asked: AtomicBool::new(false),
            workers: Vec::with_capacity(threads),
        };
        for (n, batches) in std::iter::repeat_n(batches, threads).flatten().enumerate() {
            let (core, uploads, spec) = (Arc::clone(&writer.core), writer.uploads.clone(), spec.clone());
            let worker = thread::Builder::new().name(format!("pack-{n}")).spawn(move || work::run(&core, uploads, spec, &batches));
            writer.workers.push(worker.map_err(|error| WriteError::System(Arc::new(error)))?);
        }
        Ok(writer)
    }

    /// Reads `source` to its end, cuts it, and hands the chunks to the workers. Blocks while they are behind.
    /// `size_hint` is the length in bytes that is expected; a wrong one costs time and nothing else.
    pub fn store_file(&self, source: &mut dyn Read, size_hint: u64) -> Result<Ticket, StoreFileError> {
        file::store(&self.front, source, size_hint)
    }

    /// As [`Self::store_file`], for bytes at hand.
    pub fn store_bytes(&self, bytes: &[u8]) -> Result<Ticket, WriteError> {
        let mut source = bytes;
        match file::store(&self.front, &mut source, bytes.len() as u64) {
            Ok(ticket) => Ok(ticket),
            Err(StoreFileError::Write(error)) => Err(error),
            Err(StoreFileError::Source(error)) => Err(WriteError::System(Arc::new(error))),
        }
    }

    /// Stores a directory. Nodes are in ascending order of the bytes of their names; every chunk and tree that they name
    /// must be stored already, or known to the index.
    pub fn store_tree(&self, nodes: &[Node]) -> Result<TreeRef, WriteError> {
        let mut draft = TreeDraft::default();
        nodes.iter().try_for_each(|node| self.add_node(&mut draft, node))?;
        self.end_tree(draft)
    }

    /// Adds the next node to a directory in the making; the rules of [`Self::store_tree`] hold. A directory of any number of
    /// entries takes little memory in this way.
    pub fn add_node(&self, draft: &mut TreeDraft, node: &Node) -> Result<(), WriteError> {
        self.trees.add(&self.core, &self.uploads, draft, node)
    }

    /// Ends a directory.
    pub fn end_tree(&self, draft: TreeDraft) -> Result<TreeRef, WriteError> {
        self.trees.end(&self.core, &self.uploads, draft)
    }

    /// Whether the repository, or this run, has the chunk: a reference from a cache may then be used again. The snapshot then
    /// counts as needing its pack. Who reuses a tree asks for everything below it, too: what nobody asked for is found in the
    /// pack set, with all other packs, unless [`Self::asks_for_all`] was called.
    pub fn has(&self, id: &ChunkId) -> bool {
        self.core.has(id)
    }

    /// Says that [`Self::has`] was, or will be, asked for every chunk below each tree that is reused: the pack set of the snapshot is then
    /// what was asked for and what was stored, and no pack stays needed only because the snapshot before needed it. What was
    /// not asked for in spite of it is missed when somebody with a key attests the snapshot, before anything is deleted.
    pub fn asks_for_all(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether the repository, or this run, has all chunks of the tree itself.
    pub fn has_tree(&self, tree: &TreeRef) -> bool {
        tree.chunks.iter().all(|chunk| self.has(&chunk.id))
    }

    /// How far it is. Cheap, and from any thread.
    pub fn progress(&self) -> WriteProgress {
        self.core.progress()
    }

    /// Waits until all packs are in the store, then stores the index and, last, the snapshot. On any error nothing is
    /// acknowledged, and what was stored so far is found again by the next run where the index tells of it.
    pub async fn commit(mut self, snapshot: NewSnapshot) -> Result<Receipt, WriteError> {
        self.trees.need(&self.core, &snapshot.root)?;
        let (front, core, trees, uploads) =
            (Arc::clone(&self.front), Arc::clone(&self.core), Arc::clone(&self.trees), self.uploads.clone());
        let workers = std::mem::take(&mut self.workers);
        let ended = tokio::task::spawn_blocking(move || {
            let finished = front.finish();
            for worker in workers {
                drop(worker.join()); // one that panicked has told so already
            }
            finished.and_then(|()| core.check()).and_then(|()| trees.finish(&core, &uploads))
        });
        ended.await.unwrap_or(Err(WriteError::Stopped))?;
        let (mut needed, written) = self.uploads.finish().await?;
        needed.extend(self.core.needed_packs(false));
        let committer = Committer { repository: &self.repository, key: &self.key, seal: &self.seal, numbers: &self.numbers };
        let reused = self.trees.any_reused() && !self.asked.load(Ordering::Relaxed);
        let all = || self.core.needed_packs(true);
        let stored = Stored { needed, read: std::mem::take(&mut self.indexes), written, condemned: self.condemned.clone() };
        let snapshot = committer.commit(snapshot, stored, reused, all, self.core.progress()).await?;
        Ok(Receipt { snapshot })
    }

    /// Stops, and waits for what is under way. The repository stays as it was, apart from packs that nothing names.
    pub async fn abandon(mut self) {
        self.core.fail(WriteError::Stopped);
        self.front.close();
        let workers = std::mem::take(&mut self.workers);
        // A worker that panicked has nothing left to stop.
        let _ = tokio::task::spawn_blocking(move || workers.into_iter().for_each(|worker| drop(worker.join()))).await;
        let _ = self.uploads.settle().await;
    }
}

impl Drop for Writer {
    /// A writer that is dropped on the way uploads no more; its workers end by themselves.
    fn drop(&mut self) {
        self.core.fail(WriteError::Stopped);
        self.front.close();
    }
}

impl From<IndexError> for WriteError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Store { object, source } => Self::Read { object, source },
            IndexError::Cache { folder, source } => Self::Cache { folder, source },
            IndexError::Stopped => Self::Stopped,
        }
    }
}

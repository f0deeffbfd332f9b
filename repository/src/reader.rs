//! Reads what writers stored. It needs a person's key; `restore`, drills and `check` use it.
//!
//! Packs are read in ranges through the index; every chunk is compared with its id before anybody sees it. A pack is
//! believed only when a listed writer signed the index object that names it.

mod error;
mod fetch;
mod frames;
mod holes;
mod plan;
mod stream;
mod there;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::Digest;
use base::id::DomainId;
use tokio::sync::OnceCell;

pub use self::error::{ReadError, SinkError};
use self::frames::FrameCache;
use self::holes::Filled;
use self::there::There;
use crate::chunk::ChunkHasher;
use crate::finding::Finding;
use crate::format::chunk::{ChunkRef, Kind};
use crate::format::tree::{ChunkId, Chunks, Content, Node, Pieces, TreeRef};
use crate::index::{self, Index, IndexError, PackInfo, Place};
use crate::keys::{EpochIdentity, OpenKeys, ReaderKey};
use crate::pack::read::PackOpener;
use crate::prune::PackAt;
use crate::repository::Repository;
use crate::seal::domain::{DomainSeal, Purpose};
use crate::snapshots::{Listing, list_opened};

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

/// Packs that a chunk is looked for in. Two processes that stored it at once make two of them; hardly anything makes more.
const PLACES_MAX: usize = 4;
/// Chunks of one file that are fetched together when it is read in order.
const WINDOW: usize = 64;

/// Reads a repository. A clone is cheap and reads the same.
#[derive(Debug, Clone)]
pub struct Reader {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    repository: Repository,
    keys: OpenKeys,
    domains: Vec<Domain>,
    seals: BTreeMap<DomainId, DomainSeal>,
    damaged: Vec<Finding>,
    threads: usize,
    frames: FrameCache,
    /// Which packs the store lists; looked up when one turns out to be gone.
    there: OnceCell<There>,
}

/// What is known of one domain.
#[derive(Debug)]
struct Domain {
    name: DomainId,
    hasher: ChunkHasher,
    index: Index,
}

/// A pack, as the index tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackSummary {
    /// Whose chunks it holds.
    pub domain: DomainId,
    /// Its name.
    pub digest: Digest,
    /// Bytes of the object.
    pub length: u64,
    /// The epoch whose key opens it.
    pub epoch: u32,
}

impl Reader {
    /// Opens the keys and reads the index.
    pub async fn open(repository: &Repository, key: &ReaderKey, options: ReaderOptions) -> Result<Self, ReadError> {
        let keys = key.open(repository).await.map_err(|error| ReadError::Key(Arc::new(error)))?;
        let (mut domains, mut seals) = (Vec::new(), BTreeMap::new());
        let mut damaged: Vec<_> = keys.closed.iter().map(|(domain, what)| Finding::new(format!("keys of domain {domain}"), what)).collect();
        for (name, keys) in &keys.domains {
            let seal = DomainSeal::new(&keys.k_index, Purpose::Index);
            let mut loaded = index::load(repository, name, &seal, &options.cache_dir, index::Trust::Whole).await?;
            damaged.append(&mut loaded.damaged);
            seals.insert(name.clone(), DomainSeal::new(&keys.k_index, Purpose::Snapshot));
            domains.push(Domain { name: name.clone(), hasher: ChunkHasher::new(&keys.k_id), index: loaded.index });
        }
        let threads = options.threads.clamp(1, 64);
        let (repository, frames) = (repository.clone(), FrameCache::default());
        Ok(Self { inner: Arc::new(Inner { repository, keys, domains, seals, damaged, threads, frames, there: OnceCell::new() }) })
    }

    /// The repository that it reads.
    pub fn repository(&self) -> &Repository {
        &self.inner.repository
    }

    /// The keys that were opened.
    pub(crate) fn keys(&self) -> &OpenKeys {
        &self.inner.keys
    }

    /// Index objects and keys that could not be believed when it was opened.
    pub fn damaged(&self) -> &[Finding] {
        &self.inner.damaged
    }

    /// All snapshots, and what is wrong with others.
    pub async fn snapshots(&self) -> Result<Listing, ReadError> {
        list_opened(&self.inner.repository, &self.inner.seals, None).await
    }

    /// All packs that the index knows.
    pub fn packs(&self) -> impl Iterator<Item = PackSummary> + '_ {
        self.inner.domains.iter().flat_map(|domain| {
            let packs = (0..domain.index.n_packs()).filter_map(|number| domain.index.pack(number));
            packs.map(|pack| PackSummary { domain: domain.name.clone(), digest: pack.digest, length: pack.length, epoch: pack.epoch })
        })
    }

    /// The key of an epoch, when it could be opened.
    pub fn epoch(&self, number: u32) -> Option<&EpochIdentity> {
        self.inner.keys.epochs.get(&number)
    }

    /// Whether the index knows the chunk. It says nothing of whether its pack is whole.
    pub fn has(&self, id: &ChunkId) -> bool {
        self.inner.find(id).is_some()
    }

    /// The pack that holds the chunk, by the index.
    pub fn pack_of(&self, id: &ChunkId) -> Option<(DomainId, Digest)> {
        let found = self.inner.find(id)?;
        let domain = self.inner.domains.get(found.domain)?;
        Some((domain.name.clone(), domain.index.digest(found.place.pack)?))
    }

    /// All packs that hold the chunk, by the index.
    pub(crate) fn packs_of(&self, id: ChunkId) -> impl Iterator<Item = (&DomainId, Digest)> {
        self.inner.all_places(id).filter_map(|found| {
            let domain = self.inner.domains.get(found.domain)?;
            Some((&domain.name, domain.index.digest(found.place.pack)?))
        })
    }

    /// The packs of `set` that hold the chunk, and its frame in each.
    pub(crate) fn frames_in<'r>(&'r self, id: ChunkId, set: &'r BTreeSet<PackAt>) -> impl Iterator<Item = (PackAt, u16)> + 'r {
        let all = self.inner.all_places(id).filter_map(|found| {
            let domain = self.inner.domains.get(found.domain)?;
            Some(((domain.name.clone(), domain.index.digest(found.place.pack)?), found.place.frame))
        });
        all.filter(|(pack, _)| set.contains(pack))
    }

    /// Stored bytes of each frame of a pack, and none where the index does not know it.
    pub(crate) fn frame_lens(&self, (domain, pack): &PackAt) -> Vec<u64> {
        let Some(domain) = self.inner.domains.iter().find(|known| known.name == *domain) else { return Vec::new() };
        let Some((number, info)) = domain.index.named(*pack).next().and_then(|n| Some((n, domain.index.pack(n)?))) else {
            return Vec::new();
        };
        let frames = (0..info.n_frames).map(|frame| domain.index.frame(number, frame));
        frames.map(|place| place.map_or(0, |place| place.end.saturating_sub(place.start))).collect()
    }

    /// What the chunks of a pack are.
    pub(crate) fn kind_of(&self, (domain, pack): &PackAt) -> Option<Kind> {
        let domain = self.inner.domains.iter().find(|known| known.name == *domain)?;
        domain.index.named(*pack).find_map(|number| domain.index.pack(number)).map(|info| info.kind)
    }

    /// The bytes of one chunk, which are what its id says.
    pub(crate) async fn chunk(&self, chunk: &ChunkRef) -> Result<Vec<u8>, ReadError> {
        frames::chunk(&self.inner, chunk).await
    }

    /// The nodes of a directory.
    pub async fn tree(&self, tree: &TreeRef) -> Result<Vec<Node>, ReadError> {
        let first = tree.chunks.first().map_or(ChunkId::from_bytes([0; 32]), |chunk| chunk.id);
        let bad = |source| ReadError::Tree { chunk: first, source: Arc::new(source) };
        let (mut pieces, mut nodes) = (Pieces::default(), Vec::new());
        for chunk in &tree.chunks {
            pieces.push(&frames::chunk(&self.inner, chunk).await?, &mut nodes).map_err(bad)?;
        }
        pieces.end(&mut nodes).map_err(bad)?;
        Ok(nodes)
    }

    /// The bytes of one file, in order, with zeros for its holes.
    pub async fn content(&self, content: &Content, sink: &mut (dyn FnMut(&[u8]) -> Result<(), SinkError> + Send)) -> Result<(), ReadError> {
        let mut filled = Filled::new(&content.holes, sink);
        match &content.chunks {
            Chunks::Inline(bytes) => filled.data(bytes).await?,
            Chunks::List(refs) => {
                for window in refs.chunks(WINDOW) {
                    stream::in_order(self, window, &mut filled).await?;
                }
            }
        }
        filled.zeros_to(content.size).await
    }

    /// Every wanted chunk once, in the order of packs: each frame is read and decoded once, each id is verified.
    /// A chunk that is damaged in one pack is looked for in others that have it. What cannot be had is in the report, and the
    /// rest goes on. An error of the sink ends it.
    pub async fn stream(&self, wanted: Vec<ChunkId>, sink: ChunkSink, cancel: CancelFlag) -> Result<StreamReport, ReadError> {
        stream::run(&self.inner, wanted, sink, cancel).await
    }

    /// Computes ids of plaintext as the writers of `domain` do, to compare files on a disk with what was recorded.
    pub fn hasher(&self, domain: &DomainId) -> Option<ChunkHasher> {
        self.inner.domains.iter().find(|known| known.name == *domain).map(|known| known.hasher.clone())
    }
}

/// Where a chunk is, among all domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    domain: usize,
    place: Place,
}

impl Inner {
    fn find(&self, id: &ChunkId) -> Option<Found> {
        self.domains.iter().enumerate().find_map(|(domain, known)| Some(Found { domain, place: known.index.find(id)? }))
    }

    /// Everywhere that the chunk is, by the index.
    fn all_places(&self, id: ChunkId) -> impl Iterator<Item = Found> + '_ {
        let all = self.domains.iter().enumerate();
        all.flat_map(move |(domain, known)| known.index.places(id).map(move |place| Found { domain, place }))
    }

    /// Where the chunk is looked for, up to [`PLACES_MAX`]: first in packs that the store lists, where that is known.
    fn places(&self, id: ChunkId, there: Option<&There>) -> impl Iterator<Item = Found> + use<> {
        let mut places: Vec<Found> = self.all_places(id).collect();
        if let Some(there) = there {
            places.sort_by_key(|found| !there.has(found));
        }
        places.into_iter().take(PLACES_MAX)
    }

    /// The pack, and what opens it.
    fn pack(&self, domain: usize, number: u32) -> Option<(&Domain, PackInfo)> {
        let domain = self.domains.get(domain)?;
        Some((domain, domain.index.pack(number)?))
    }

    fn opener(&self, domain: &Domain, pack: &PackInfo) -> Result<PackOpener, ReadError> {
        use crate::pack::read::PackError;
        let opener = match self.keys.epochs.get(&pack.epoch) {
            Some(identity) => PackOpener::new(&pack.header, pack.length, identity),
            None => Err(PackError::NoEpoch(pack.epoch)),
        };
        opener.map_err(|error| fetch::damaged(&domain.name, &pack.digest, error))
    }
}

impl From<IndexError> for ReadError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Store { object, source } => Self::Store { object, source },
            IndexError::Cache { folder, source } => Self::Cache { folder, source },
            IndexError::Stopped => Self::Stopped,
        }
    }
}

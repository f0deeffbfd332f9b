//! Reads the index of a domain: the cache, and the index objects that it does not have yet.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Hint;
use base::id::DomainId;
use futures_util::StreamExt as _;
use futures_util::stream;
use stores::error::StoreError;
use stores::key::Key;
use stores::store::list_all;

use super::cache::Folder;
use super::segment::Segment;
use super::spool::Spool;
use super::{Index, object};
use base::hint::whole_story;

use crate::finding::Finding;
use crate::format::index::PackEntry;
use crate::format::names::{Numbered, index_of, numbered};
use crate::repository::Repository;
use crate::seal::domain::DomainSeal;
use crate::trust::Numbering;

/// Objects that are fetched at once.
const AT_ONCE: usize = 4;
/// An index that could not be read at all.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IndexError {
    /// The store failed.
    #[error("cannot read {object}")]
    Store {
        /// The key, or the prefix that was listed.
        object: String,
        /// What the store said.
        source: StoreError,
    },
    /// What was just written to the cache folder does not read back.
    #[error("the index cannot be put in order in {}", folder.display())]
    Cache {
        /// The cache folder.
        folder: PathBuf,
        /// What went wrong.
        source: Arc<io::Error>,
    },
    /// The thread that sorts rows ended before its time.
    #[error("the index could not be put in order")]
    Stopped,
}

/// What to do about a cache folder that gives back other bytes than were written there.
pub(crate) fn disk_hint(folder: &Path) -> String {
    format!("look whether the disk of {} is sound, or name another folder with --cache", folder.display())
}

impl Hint for IndexError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Store { source, .. } => source.hint(),
            Self::Cache { folder, .. } => Some(disk_hint(folder)),
            Self::Stopped => None,
        }
    }
}

/// The index of a domain, and what of it could not be believed.
#[derive(Debug)]
pub struct Loaded {
    /// What is known.
    pub index: Index,
    /// Index objects that are damaged or that nobody who may has signed. Their chunks count as unknown.
    pub damaged: Vec<Finding>,
    /// All index objects that the store lists.
    pub objects: Vec<Numbered>,
}

/// How far the cache is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Blocks are compared with their checksums when they are needed. A chunk in a damaged one is unknown: a writer stores it again.
    Blocks,
    /// All of it is compared first: a reader has no other place to look.
    Whole,
}

/// Reads the index of `domain`. A cache that is damaged, or that tells of objects which are gone, is made anew.
pub async fn load(
    repository: &Repository,
    domain: &DomainId,
    seal: &DomainSeal,
    cache_dir: &Path,
    trust: Trust,
) -> Result<Loaded, IndexError> {
    let prefix = index_of(domain);
    let entries = list_all(repository.store().as_ref(), &prefix).await;
    let entries = entries.map_err(|source| IndexError::Store { object: prefix.to_string(), source })?;
    let (mut damaged, mut places) = (Vec::new(), Vec::new());
    for entry in entries {
        let place = numbered("index", &entry.key);
        if let Some(error) = place.as_ref().and_then(|at| repository.trust().believes(Numbering::Index, at).err()) {
            // A cache that took it in before its writer's right ended is then made anew.
            damaged.push(Finding::new(entry.key.as_str(), error.to_string()));
            continue;
        }
        match place {
            Some(at) => places.push(Listed { source: entry.key.to_string(), key: entry.key, at }),
            None => damaged.push(Finding::new(entry.key.as_str(), "its name is not one that an index object has")),
        }
    }
    let folder = Folder::new(cache_dir, &repository.id().to_string(), domain);
    let n_names = damaged.len();
    let index = match join(repository, seal, &folder, &places, trust, &mut damaged).await? {
        Ok(index) => index,
        Err(error) => {
            tracing::warn!(%error, %domain, "the index cache is damaged; the index is read anew");
            let cleared = folder.clone();
            off_thread(move || cleared.clear()).await?;
            damaged.truncate(n_names);
            let again = join(repository, seal, &folder, &places, trust, &mut damaged).await?;
            again.map_err(|source| IndexError::Cache { folder: cache_dir.to_owned(), source: Arc::new(source) })?
        }
    };
    Ok(Loaded { index, damaged, objects: places.into_iter().map(|place| place.at).collect() })
}

/// Joins what the cache has with the objects that it does not have yet, one after the other. The inner error says that a file of the
/// cache does not read back.
async fn join(
    repository: &Repository,
    seal: &DomainSeal,
    folder: &Folder,
    places: &[Listed],
    trust: Trust,
    damaged: &mut Vec<Finding>,
) -> Result<io::Result<Index>, IndexError> {
    let listed: BTreeSet<String> = places.iter().map(|place| place.source.clone()).collect();
    let opened = folder.clone();
    let cached = off_thread(move || opened.open(&listed, trust == Trust::Whole)).await?;
    let known: BTreeSet<&String> = cached.iter().flat_map(Segment::sources).collect();
    let missing: Vec<Listed> = places.iter().filter(|place| !known.contains(&place.source)).cloned().collect();
    drop(known);
    let mut spool = Spool::with(folder.clone(), cached);
    // In the order of the list, so that the same objects give the same segments.
    let mut fetched = stream::iter(missing).map(|place| fetch(repository, seal, place)).buffered(AT_ONCE);
    while let Some((Listed { key, source, .. }, found)) = fetched.next().await {
        match found? {
            Ok(packs) => {
                let (back, added) = off_thread(move || {
                    let added = spool.add(source, packs);
                    (spool, added)
                })
                .await?;
                spool = back;
                if let Err(error) = added {
                    return Ok(Err(error));
                }
            }
            Err(what) => {
                tracing::warn!(object = %key, %what, "an index object cannot be believed; its chunks count as unknown");
                damaged.push(Finding::new(key.as_str(), what));
            }
        }
    }
    off_thread(move || spool.finish()).await
}

/// An index object that the store lists.
#[derive(Debug, Clone)]
struct Listed {
    key: Key,
    at: Numbered,
    /// What the cache remembers it by: its key, which says what its bytes are.
    source: String,
}

type Fetched = Result<Result<Vec<PackEntry>, String>, IndexError>;

async fn fetch(repository: &Repository, seal: &DomainSeal, place: Listed) -> (Listed, Fetched) {
    let found = match repository.store().get(&place.key).await {
        Ok(bytes) => Ok(object::signed_packs(repository, &place.at, seal, &bytes).map_err(|error| whole_story(&error))),
        Err(error) if error.is_not_found() => Ok(Err("it is listed and is not there".to_owned())),
        Err(source) => Err(IndexError::Store { object: place.key.to_string(), source }),
    };
    (place, found)
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, IndexError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| IndexError::Stopped)
}

//! Reads the index of a domain: the cache, and the index objects that it does not have yet.

use std::collections::BTreeSet;
use std::path::Path;

use base::Hint;
use base::id::DomainId;
use futures_util::StreamExt as _;
use futures_util::stream;
use stores::error::StoreError;
use stores::key::Key;
use stores::store::list_all;

use super::segment::Segment;
use super::{Index, build, cache, object};
use base::hint::whole_story;

use crate::finding::Finding;
use crate::format::index::PackEntry;
use crate::format::names::{Numbered, index_of, numbered};
use crate::repository::Repository;
use crate::seal::domain::DomainSeal;

/// Objects that are fetched at once.
const AT_ONCE: usize = 4;
/// The cache is written anew when what is new is more than one part in this many of it: rewriting it for less costs more than
/// fetching a few objects again.
const REWRITE_PART: u64 = 8;

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
    /// The thread that sorts rows ended before its time.
    #[error("the index could not be put in order")]
    Stopped,
}

impl Hint for IndexError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Store { source, .. } => source.hint(),
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

/// Reads the index of `domain`. A cache that is damaged, or that tells of objects which are gone, is made anew.
pub async fn load(repository: &Repository, domain: &DomainId, seal: &DomainSeal, cache_dir: &Path) -> Result<Loaded, IndexError> {
    let prefix = index_of(domain);
    let entries = list_all(repository.store().as_ref(), &prefix).await;
    let entries = entries.map_err(|source| IndexError::Store { object: prefix.to_string(), source })?;
    let path = cache::path(cache_dir, &repository.id().to_string(), domain);
    let (mut damaged, mut places) = (Vec::new(), Vec::new());
    for entry in entries {
        match numbered("index", &entry.key) {
            Some(at) => places.push(Listed { source: entry.key.to_string(), key: entry.key, at }),
            None => damaged.push(Finding::new(entry.key.as_str(), "its name is not one that an index object has")),
        }
    }
    let listed: BTreeSet<String> = places.iter().map(|place| place.source.clone()).collect();
    let cache_path = path.clone();
    let cached =
        off_thread(move || cache::open(&cache_path).filter(|cached| cached.sources().all(|source| listed.contains(source)))).await?;
    let known: BTreeSet<String> = cached.iter().flat_map(Segment::sources).map(str::to_owned).collect();
    let missing: Vec<Listed> = places.iter().filter(|place| !known.contains(&place.source)).cloned().collect();
    let (mut packs, mut sources) = (Vec::new(), Vec::new());
    let mut fetched = stream::iter(missing).map(|place| fetch(repository, seal, place)).buffer_unordered(AT_ONCE);
    while let Some((Listed { key, source, .. }, found)) = fetched.next().await {
        match found? {
            Ok(mut some) => {
                packs.append(&mut some);
                sources.push(source);
            }
            Err(what) => {
                tracing::warn!(object = %key, %what, "an index object cannot be believed; its chunks count as unknown");
                damaged.push(Finding::new(key.as_str(), what));
            }
        }
    }
    drop(fetched);
    let index = off_thread(move || join(&path, cached, packs, sources)).await?;
    Ok(Loaded { index, damaged, objects: places.into_iter().map(|place| place.at).collect() })
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

fn join(path: &Path, cached: Option<Segment>, mut packs: Vec<PackEntry>, mut sources: Vec<String>) -> Index {
    if packs.is_empty() && sources.is_empty() {
        return Index { segments: cached.into_iter().collect() };
    }
    // The same objects give the same segment, whatever order they came in.
    packs.sort_by_key(|pack| pack.digest);
    packs.dedup_by_key(|pack| pack.digest);
    sources.sort();
    let new = build::from_packs(&packs, &sources);
    drop(packs);
    let is_small = cached.as_ref().is_some_and(|cached| new.n_rows() * REWRITE_PART < cached.n_rows());
    if is_small {
        return Index { segments: cached.into_iter().chain([new]).collect() };
    }
    match cache::replace(path, cached.as_ref(), &new) {
        Ok(joined) => Index { segments: vec![joined] },
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the index cache cannot be written; the next run reads the index anew");
            Index { segments: cached.into_iter().chain([new]).collect() }
        }
    }
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, IndexError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| IndexError::Stopped)
}

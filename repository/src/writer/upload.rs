//! Brings finished packs to the store, and then the index objects that tell of them.
//!
//! Workers hand over packs and wait when too many are under way; the uploads themselves are tasks of the tokio runtime.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base::Digest;
use bytes::Bytes;
use jiff::Timestamp;
use stores::error::StoreError;
use stores::key::Key;
use stores::store::Put;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::core::Core;
use super::error::WriteError;
use super::number::Numbers;
use super::queue::Pool;
use crate::format::index::PackEntry;
use crate::format::limits::INDEX_ROWS_TARGET;
use crate::format::names::{self, Name};
use crate::index::seal_packs;
use crate::keys::WriterKey;
use crate::pack::fill::SealedPack;
use crate::repository::Repository;
use crate::seal::domain::DomainSeal;

/// A pack's bytes; the buffer goes back to the pool when the store lets go of it.
struct Lent {
    buffer: Vec<u8>,
    pool: Arc<Pool>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.buffer));
    }
}

/// Everything that uploads need. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Uploads(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    core: Arc<Core>,
    repository: Repository,
    key: WriterKey,
    seal: DomainSeal,
    runtime: Handle,
    /// Packs that may be under way at once.
    room: Arc<Semaphore>,
    n_room: u32,
    numbers: Numbers,
    /// No number below it is given, whatever the store lists.
    next_index: AtomicU64,
    n_sent: AtomicU64,
    listed: Mutex<Listed>,
}

/// Packs that are in the store.
#[derive(Debug, Default)]
struct Listed {
    /// … and in no index object yet.
    waiting: Vec<PackEntry>,
    n_rows: usize,
    /// … of this run, all of them.
    all: Vec<Digest>,
    /// Index objects of this run.
    indexes: Vec<Name>,
}

impl Uploads {
    pub(super) fn new(
        core: Arc<Core>,
        repository: Repository,
        key: WriterKey,
        seal: DomainSeal,
        numbers: Numbers,
        next_index: u64,
        n_room: u32,
    ) -> Self {
        let room = Arc::new(Semaphore::new(n_room as usize));
        let (next_index, n_sent) = (AtomicU64::new(next_index), AtomicU64::new(0));
        let (runtime, listed) = (Handle::current(), Mutex::default());
        Self(Arc::new(Shared { core, repository, key, seal, runtime, room, n_room, numbers, next_index, n_sent, listed }))
    }

    /// Hands a pack over. Blocks a plain thread while too many are under way.
    pub(super) fn send(&self, pack: SealedPack) -> Result<(), WriteError> {
        let room = match Arc::clone(&self.0.room).try_acquire_owned() {
            Ok(room) => room,
            Err(_) => self.0.runtime.block_on(Arc::clone(&self.0.room).acquire_owned()).map_err(|_| WriteError::Stopped)?,
        };
        self.0.core.check()?;
        self.0.n_sent.fetch_add(1, Ordering::Relaxed);
        let uploads = self.clone();
        self.0.runtime.spawn(async move {
            if let Err(error) = uploads.upload(pack).await {
                uploads.0.core.fail(error);
            }
            drop(room);
        });
        Ok(())
    }

    async fn upload(&self, pack: SealedPack) -> Result<(), WriteError> {
        let shared = &self.0;
        let SealedPack { bytes, entry } = pack;
        let key = names::pack(shared.key.domain(), &entry.digest);
        let body = Bytes::from_owner(Lent { buffer: bytes, pool: Arc::clone(&shared.core.packs) });
        match shared.repository.store().put_new(&key, body, entry.digest).await {
            // The name is the hash of the bytes: what is there already is what we wanted to put there.
            Ok(_) | Err(StoreError::Exists { .. }) => {}
            Err(source) => return Err(WriteError::Store { object: key.to_string(), source }),
        }
        shared.core.stored(entry.length);
        let full = {
            let mut listed = self.listed();
            listed.all.push(entry.digest);
            listed.n_rows += entry.frames.iter().map(|frame| frame.chunks.len()).sum::<usize>();
            listed.waiting.push(entry);
            if listed.n_rows < INDEX_ROWS_TARGET {
                return Ok(());
            }
            listed.n_rows = 0;
            std::mem::take(&mut listed.waiting)
        };
        self.put_index(full).await
    }

    fn listed(&self) -> std::sync::MutexGuard<'_, Listed> {
        self.0.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing is under way any more.
    pub(super) async fn settle(&self) -> Result<(), WriteError> {
        drop(self.0.room.acquire_many(self.0.n_room).await.map_err(|_| WriteError::Stopped)?);
        Ok(())
    }

    /// Lists the last packs in the index. Returns all packs and all index objects of this run.
    pub(super) async fn finish(&self) -> Result<(Vec<Digest>, Vec<Name>), WriteError> {
        self.settle().await?;
        self.0.core.check()?;
        let (waiting, all) = {
            let mut listed = self.listed();
            (std::mem::take(&mut listed.waiting), std::mem::take(&mut listed.all))
        };
        // A task that the runtime dropped, or that panicked, told nobody: its pack is not in the store.
        if all.len() as u64 != self.0.n_sent.load(Ordering::Relaxed) {
            return Err(WriteError::Stopped);
        }
        if !waiting.is_empty() {
            self.put_index(waiting).await?;
        }
        Ok((all, std::mem::take(&mut self.listed().indexes)))
    }

    async fn put_index(&self, packs: Vec<PackEntry>) -> Result<(), WriteError> {
        let shared = &self.0;
        let prefix = names::index_by(shared.key.domain(), shared.key.writer());
        let held = shared.numbers.hold().await?;
        if let Some(newest) = held.newest(&shared.repository, "index", &prefix).await? {
            shared
                .next_index
                .fetch_max(after(&newest, || names::index(shared.key.domain(), shared.key.writer(), &newest))?, Ordering::Relaxed);
        }
        // The lock is held, and a number above the highest is given once.
        let seq = shared.next_index.fetch_add(1, Ordering::Relaxed);
        let object = Bytes::from(seal_packs(&shared.repository, &shared.key, seq, &shared.seal, &packs).map_err(random)?);
        let name = Name { seq, digest: Digest::of(&object) };
        put(&shared.repository, &names::index(shared.key.domain(), shared.key.writer(), &name), object, name.digest).await?;
        self.listed().indexes.push(name);
        Ok(())
    }
}

/// The operating system gave no random bytes.
pub(super) fn random(error: getrandom::Error) -> WriteError {
    WriteError::System(Arc::new(std::io::Error::other(error.to_string())))
}

/// The number behind `newest`.
pub(super) fn after(newest: &Name, key: impl FnOnce() -> Key) -> Result<u64, WriteError> {
    newest.seq.checked_add(1).ok_or_else(|| WriteError::Numbers { object: key().to_string() })
}

/// Stores an object whose name says what its bytes are, and gives the store's time at the answer. An answer that was lost makes our own
/// success look as if the name were taken; that what is there is the same is looked at, and not believed.
pub(super) async fn put(repository: &Repository, key: &Key, object: Bytes, digest: Digest) -> Result<Option<Timestamp>, WriteError> {
    let store = repository.store();
    let read = |source| WriteError::Read { object: key.to_string(), source };
    match store.put_new(key, object.clone(), digest).await {
        Ok(Put { date: Some(date) }) => Ok(Some(date)),
        Ok(Put { date: None }) => Ok(store.head(key).await.map_err(read)?.date),
        Err(source @ StoreError::Exists { .. }) => {
            if store.get(key).await.map_err(read)? != object {
                return Err(WriteError::Store { object: key.to_string(), source });
            }
            Ok(store.head(key).await.map_err(read)?.date)
        }
        Err(source) => Err(WriteError::Store { object: key.to_string(), source }),
    }
}

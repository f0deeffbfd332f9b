//! A store that puts every new object under a lock, for a period from the store's own now on.
//!
//! The wiring puts it around the store of a repository for which the plan declares a lock; so packs, index objects, snapshots, keys,
//! trust documents and all that maintenance says are locked from their first moment, whoever writes them.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Digest};
use bytes::Bytes;
use jiff::Timestamp;

use crate::error::{Operation, StoreError};
use crate::key::{Key, Prefix};
use crate::retention::{Mode, Retain, Retention, retainer};
use crate::store::{Cursor, Delete, Head, Lock, Page, Put, Store};

/// A store whose new objects are locked.
#[derive(Debug)]
pub struct LockStore {
    inner: Arc<dyn Store>,
    mode: Mode,
    period: Duration,
    clock: Arc<dyn Clock>,
    /// The store's own time, and our monotonic time when it was told.
    told: Mutex<Option<(Timestamp, Duration)>>,
}

impl LockStore {
    /// Locks what is stored in `inner` for `period`. `clock` measures the time since the store has told its own.
    pub fn new(inner: Arc<dyn Store>, mode: Mode, period: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { inner, mode, period, clock, told: Mutex::new(None) }
    }

    fn note(&self, date: Option<Timestamp>) {
        if let Some(date) = date {
            *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, self.clock.monotonic()));
        }
    }

    fn known(&self) -> Option<Timestamp> {
        let (date, at) = (*self.told.lock().unwrap_or_else(PoisonError::into_inner))?;
        date.checked_add(self.clock.monotonic().saturating_sub(at)).ok()
    }

    /// The store's time; asked for once, then it comes with the answers. A store that tells none is taken to have ours.
    async fn now(&self, key: &Key) -> Result<Timestamp, StoreError> {
        if let Some(now) = self.known() {
            return Ok(now);
        }
        // The answer is a page of one object at most, and a writer may list.
        let here: Prefix = key.as_str().parse().unwrap_or_else(|_| Prefix::all());
        self.note(self.inner.list(&here, None).await?.date);
        Ok(self.known().unwrap_or_else(|| self.clock.now()))
    }
}

#[async_trait]
impl Store for LockStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        let locks = retainer(&*self.inner, Operation::Put, key)?;
        let retention = Retention::beginning(self.mode, self.now(key).await?, self.period);
        let put = locks.put_retained(key, body, digest, retention).await?;
        self.note(put.date);
        Ok(put)
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.inner.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.inner.get_range(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        self.inner.head(key).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        self.inner.list(prefix, after).await
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        self.inner.deleter()
    }

    fn retainer(&self) -> Option<&dyn Retain> {
        self.inner.retainer()
    }

    async fn lock(&self) -> Result<Lock, StoreError> {
        self.inner.lock().await
    }
}

#[cfg(test)]
mod tests {
    use base::clock::ManualClock;

    use super::*;
    use crate::{FolderStore, MemoryStore};

    async fn put(store: &dyn Store, name: &str) -> Result<Put, StoreError> {
        store.put_new(&name.parse().unwrap(), Bytes::from_static(b"1"), Digest::of(b"1")).await
    }

    #[tokio::test]
    async fn every_new_object_is_locked_for_the_period_by_the_clock_of_the_store() {
        let theirs = Arc::new(ManualClock::at("2026-11-24T05:00:00Z".parse().unwrap()));
        let ours = Arc::new(ManualClock::at("2001-01-01T00:00:00Z".parse().unwrap()));
        let memory = MemoryStore::with_clock(theirs.clone()).with_locks();
        let hour = Duration::from_hours(1);
        let store = LockStore::new(Arc::new(memory.clone()), Mode::Compliance, hour, ours.clone());
        let until = async |name: &str| memory.retainer().unwrap().retention(&name.parse().unwrap()).await.unwrap().unwrap().until;
        put(&store, "packs/a").await.unwrap();
        assert_eq!(until("packs/a").await, "2026-11-24T06:00:00Z".parse().unwrap());
        for clock in [&theirs, &ours] {
            clock.advance(hour);
        }
        put(&store, "keys/b").await.unwrap();
        assert_eq!(until("keys/b").await, "2026-11-24T07:00:00Z".parse().unwrap());
        let refused = store.deleter().unwrap().delete(&"keys/b".parse().unwrap()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Denied { .. }), "{refused:?}");
        store.deleter().unwrap().delete(&"packs/a".parse().unwrap()).await.unwrap();
    }

    #[tokio::test]
    async fn a_place_that_locks_nothing_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at("2026-11-24T05:00:00Z".parse().unwrap()));
        let inner = Arc::new(FolderStore::create(folder.path()).await.unwrap());
        let store = LockStore::new(inner.clone(), Mode::Governance, Duration::from_hours(1), clock);
        let refused = put(&store, "a").await.unwrap_err();
        assert!(matches!(refused, StoreError::Unsupported { .. }), "{refused:?}");
        assert!(inner.head(&"a".parse().unwrap()).await.unwrap_err().is_not_found());
    }
}

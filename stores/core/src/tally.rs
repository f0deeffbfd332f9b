//! A store that counts what it is asked to do, for tests that promise how little is done, and for the reports of jobs.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use base::Digest;
use bytes::Bytes;

use crate::error::{Operation, StoreError};
use crate::key::{Key, Prefix};
use crate::retention::{Retain, Retention, retainer};
use crate::store::{Cursor, Delete, Head, Lock, Page, Put, Store};

/// Calls, each counted when it begins, and the bytes of those that succeeded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of `put_new`.
    pub put: u64,
    /// Calls of `get`.
    pub get: u64,
    /// Calls of `get_range`.
    pub get_range: u64,
    /// Calls of `head`.
    pub head: u64,
    /// Pages of lists.
    pub list: u64,
    /// Calls of `delete` and `destroy`.
    pub delete: u64,
    /// Calls that read the lock of an object.
    pub retention: u64,
    /// Calls that extend one.
    pub retain: u64,
    /// Calls that ended in an error.
    pub failed: u64,
    /// Bytes of objects that were stored.
    pub bytes_put: u64,
    /// Bytes that `get` and `get_range` answered.
    pub bytes_got: u64,
    /// Objects that were stored, by the first segment of their keys: `packs`, `index`, `snapshots`.
    pub stored: BTreeMap<String, u64>,
}

impl Counts {
    /// Calls of every kind.
    pub fn calls(&self) -> u64 {
        self.put + self.get + self.get_range + self.head + self.list + self.delete + self.retention + self.retain
    }
}

/// A store that counts. A clone shares the counts.
#[derive(Debug, Clone)]
pub struct TallyStore {
    inner: Arc<dyn Store>,
    counts: Arc<Mutex<Counts>>,
}

impl TallyStore {
    /// Counts the calls to `inner`, from zero.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, counts: Arc::default() }
    }

    /// The counts at this moment.
    pub fn counts(&self) -> Counts {
        self.lock_counts().clone()
    }

    /// The counts at this moment; they begin anew from zero.
    pub fn take(&self) -> Counts {
        std::mem::take(&mut self.lock_counts())
    }

    fn lock_counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how a put ended.
    fn stored(&self, key: &Key, len: u64, result: Result<Put, StoreError>) -> Result<Put, StoreError> {
        self.noted(result, |counts, _| {
            counts.bytes_put += len;
            let kind = key.segments().next().unwrap_or_default();
            *counts.stored.entry(kind.to_owned()).or_default() += 1;
        })
    }

    /// Notes how a call ended.
    fn noted<T>(&self, result: Result<T, StoreError>, note: impl FnOnce(&mut Counts, &T)) -> Result<T, StoreError> {
        let mut counts = self.lock_counts();
        match &result {
            Ok(answer) => note(&mut counts, answer),
            Err(_) => counts.failed += 1,
        }
        drop(counts);
        result
    }
}

#[async_trait]
impl Store for TallyStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        self.lock_counts().put += 1;
        let len = body.len() as u64;
        let result = self.inner.put_new(key, body, digest).await;
        self.stored(key, len, result)
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.lock_counts().get += 1;
        let result = self.inner.get(key).await;
        self.noted(result, |counts, body| counts.bytes_got += body.len() as u64)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.lock_counts().get_range += 1;
        let result = self.inner.get_range(key, range).await;
        self.noted(result, |counts, body| counts.bytes_got += body.len() as u64)
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        self.lock_counts().head += 1;
        let result = self.inner.head(key).await;
        self.noted(result, |_, _| {})
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        self.lock_counts().list += 1;
        let result = self.inner.list(prefix, after).await;
        self.noted(result, |_, _| {})
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        self.inner.deleter().map(|_| self as &dyn Delete)
    }

    fn retainer(&self) -> Option<&dyn Retain> {
        self.inner.retainer().map(|_| self as &dyn Retain)
    }

    async fn lock(&self) -> Result<Lock, StoreError> {
        self.inner.lock().await
    }
}

#[async_trait]
impl Delete for TallyStore {
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.lock_counts().delete += 1;
        let result = match self.inner.deleter() {
            Some(deleter) => deleter.delete(key).await,
            None => Err(crate::store::no_delete(self, key)),
        };
        self.noted(result, |_, ()| {})
    }
}

#[async_trait]
impl Retain for TallyStore {
    async fn put_retained(&self, key: &Key, body: Bytes, digest: Digest, retention: Retention) -> Result<Put, StoreError> {
        self.lock_counts().put += 1;
        let len = body.len() as u64;
        let result = retainer(&*self.inner, Operation::Put, key)?.put_retained(key, body, digest, retention).await;
        self.stored(key, len, result)
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>, StoreError> {
        self.lock_counts().retention += 1;
        let result = retainer(&*self.inner, Operation::Lock, key)?.retention(key).await;
        self.noted(result, |_, _| {})
    }

    async fn retain(&self, key: &Key, retention: Retention) -> Result<Retention, StoreError> {
        self.lock_counts().retain += 1;
        let result = retainer(&*self.inner, Operation::Retain, key)?.retain(key, retention).await;
        self.noted(result, |_, _| {})
    }

    async fn destroy(&self, key: &Key) -> Result<(), StoreError> {
        self.lock_counts().delete += 1;
        let result = retainer(&*self.inner, Operation::Delete, key)?.destroy(key).await;
        self.noted(result, |_, ()| {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;

    #[tokio::test]
    async fn every_call_is_counted_and_only_what_succeeded_has_bytes() {
        let store = TallyStore::new(Arc::new(MemoryStore::default()));
        let key: Key = "packs/a".parse().unwrap();
        let body = Bytes::from_static(b"12345");
        store.put_new(&key, body.clone(), Digest::of(&body)).await.unwrap();
        store.put_new(&key, body.clone(), Digest::of(&body)).await.unwrap_err();
        store.get(&key).await.unwrap();
        store.get_range(&key, 1..3).await.unwrap();
        store.head(&key).await.unwrap();
        store.list(&Prefix::all(), None).await.unwrap();
        store.deleter().unwrap().delete(&key).await.unwrap();
        let expected = Counts {
            put: 2,
            get: 1,
            get_range: 1,
            head: 1,
            list: 1,
            delete: 1,
            retention: 0,
            retain: 0,
            failed: 1,
            bytes_put: 5,
            bytes_got: 7,
            stored: BTreeMap::from([("packs".to_owned(), 1)]),
        };
        assert_eq!(store.clone().take(), expected);
        assert_eq!(expected.calls(), 7);
        assert_eq!(store.counts(), Counts::default());
    }
}

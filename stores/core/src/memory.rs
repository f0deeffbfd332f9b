//! A store in memory, for tests and simulation. It keeps the whole contract, in pages like a real one.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use base::clock::SystemClock;
use base::{Clock, Digest};
use bytes::Bytes;
use jiff::Timestamp;

use crate::error::{Attempt, Operation, StoreError};
use crate::key::{Key, Prefix};
use crate::retention::{Retain, Retention};
use crate::store::{Cursor, Delete, Entry, Head, Lock, Page, Put, Store};

/// Objects in one page of a list, as in S3.
const PAGE_LEN: usize = 1000;

/// A store in memory. A clone shares the objects.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    objects: Arc<Mutex<BTreeMap<Key, Object>>>,
    clock: Arc<dyn Clock>,
    locks: bool,
}

impl Default for MemoryStore {
    /// A store whose clock is the machine's, as that of a server on it would be.
    fn default() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }
}

#[derive(Debug, Clone)]
struct Object {
    body: Bytes,
    digest: Digest,
    modified: Option<Timestamp>,
    retention: Option<Retention>,
}

impl MemoryStore {
    /// A store without objects, whose answers carry the time of `clock` as a server's do.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { objects: Arc::default(), clock, locks: false }
    }

    /// The same objects in a place that locks them against deletion, as a bucket with Object Lock does.
    #[must_use]
    pub fn with_locks(self) -> Self {
        Self { locks: true, ..self }
    }

    /// Gives an object another lock, or none, as somebody may who has the right to lift locks. For tests.
    pub fn relock(&self, key: &Key, retention: Option<Retention>) {
        if let Some(object) = self.objects().get_mut(key) {
            object.retention = retention;
        }
    }

    /// Puts `body` in the place of an object, or beside the others, as damaged or hostile storage may. For tests.
    pub fn overwrite(&self, key: &Key, body: impl Into<Bytes>) {
        let body = body.into();
        let digest = Digest::of(&body);
        let modified = Some(self.clock.now());
        self.objects().insert(key.clone(), Object { body, digest, modified, retention: None });
    }

    /// Loses an object, as storage may. For tests.
    pub fn lose(&self, key: &Key) -> bool {
        self.objects().remove(key).is_some()
    }

    /// The names of all objects, sorted.
    pub fn keys(&self) -> Vec<Key> {
        self.objects().keys().cloned().collect()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<Key, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: &Key, body: Bytes, digest: Digest, retention: Option<Retention>) -> Result<Put, StoreError> {
        if Digest::of(&body) != digest {
            let attempt = Attempt::new(Operation::Put, key.as_str(), self.location());
            return Err(StoreError::Corrupt { attempt, source: None });
        }
        let date = Some(self.clock.now());
        let mut objects = self.objects();
        if objects.contains_key(key) {
            return Err(StoreError::Exists { key: key.clone() });
        }
        objects.insert(key.clone(), Object { body, digest, modified: date, retention });
        Ok(Put { date })
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let mut objects = self.objects();
        if let Some(lock) = objects.get(key).and_then(|object| object.retention).filter(|lock| lock.until > self.clock.now()) {
            let attempt = Attempt::new(Operation::Delete, key.as_str(), self.location());
            return Err(StoreError::Denied { attempt, source: Some(Arc::new(Locked(lock))) });
        }
        objects.remove(key);
        Ok(())
    }

    fn object(&self, key: &Key) -> Result<Object, StoreError> {
        self.objects().get(key).cloned().ok_or_else(|| StoreError::NotFound { key: key.clone() })
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn location(&self) -> String {
        "memory:".to_owned()
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        self.put(key, body, digest, None)
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        Ok(self.object(key)?.body)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let body = self.object(key)?.body;
        let end = usize::try_from(range.end).ok().filter(|end| *end <= body.len());
        match (usize::try_from(range.start), end) {
            (Ok(start), Some(end)) if start <= end => Ok(body.slice(start..end)),
            _ => Err(StoreError::OutOfRange { key: key.clone(), range }),
        }
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        let object = self.object(key)?;
        let size = object.body.len() as u64;
        Ok(Head { size, modified: object.modified, digest: Some(object.digest), date: Some(self.clock.now()) })
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        let objects = self.objects();
        let from = match after.and_then(|cursor| cursor.0.parse::<Key>().ok()) {
            Some(key) => Bound::Excluded(key),
            None => Bound::Unbounded,
        };
        let mut entries: Vec<Entry> = objects
            .range((from, Bound::Unbounded))
            .skip_while(|(key, _)| key.as_str() < prefix.as_str())
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(PAGE_LEN + 1)
            .map(|(key, object)| Entry { key: key.clone(), size: object.body.len() as u64, modified: object.modified })
            .collect();
        let more = entries.len() > PAGE_LEN;
        entries.truncate(PAGE_LEN);
        let next = entries.last().filter(|_| more).map(|entry| Cursor(entry.key.as_str().to_owned()));
        Ok(Page { entries, next, date: Some(self.clock.now()) })
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        Some(self)
    }

    fn retainer(&self) -> Option<&dyn Retain> {
        self.locks.then_some(self as &dyn Retain)
    }

    async fn lock(&self) -> Result<Lock, StoreError> {
        Ok(if self.locks { Lock::Present { default: None } } else { Lock::Absent })
    }
}

#[async_trait]
impl Delete for MemoryStore {
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.remove(key)
    }
}

/// What keeps an object from being deleted.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it is locked: {0}")]
struct Locked(Retention);

#[async_trait]
impl Retain for MemoryStore {
    async fn put_retained(&self, key: &Key, body: Bytes, digest: Digest, retention: Retention) -> Result<Put, StoreError> {
        self.put(key, body, digest, Some(retention))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>, StoreError> {
        Ok(self.object(key)?.retention)
    }

    async fn retain(&self, key: &Key, retention: Retention) -> Result<Retention, StoreError> {
        let mut objects = self.objects();
        let object = objects.get_mut(key).ok_or_else(|| StoreError::NotFound { key: key.clone() })?;
        let lock = retention.over(object.retention).or(object.retention).unwrap_or(retention);
        object.retention = Some(lock);
        Ok(lock)
    }

    async fn destroy(&self, key: &Key) -> Result<(), StoreError> {
        self.remove(key)
    }
}

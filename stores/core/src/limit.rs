//! A store that keeps to a rate of bytes and a number of requests at once, so that a backup leaves room on the uplink.

use std::num::{NonZeroU64, NonZeroUsize};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base::Digest;
use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::error::{Attempt, Operation, StoreError};
use crate::key::{Key, Prefix};
use crate::retention::{Retain, Retention, retainer};
use crate::store::{Cursor, Delete, Head, Lock, Page, Put, Store};

/// How much a store is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes a second, of what is sent and received together; `None` for as many as go.
    pub bytes_per_second: Option<NonZeroU64>,
    /// Requests at the same time.
    pub requests_at_once: NonZeroUsize,
}

impl Default for Limits {
    /// No limit of bytes; sixteen requests, enough to fill a link to a distant S3 and far below what a server refuses.
    fn default() -> Self {
        Self { bytes_per_second: None, requests_at_once: NonZeroUsize::new(16).expect("16 is not zero") }
    }
}

/// A store that keeps to limits.
#[derive(Debug)]
pub struct LimitStore {
    inner: Arc<dyn Store>,
    requests: Semaphore,
    pace: Option<Pace>,
}

impl LimitStore {
    /// Passes calls on to `inner` within `limits`.
    pub fn new(inner: Arc<dyn Store>, limits: Limits) -> Self {
        let at_once = limits.requests_at_once.get().min(Semaphore::MAX_PERMITS);
        Self { inner, requests: Semaphore::new(at_once), pace: limits.bytes_per_second.map(Pace::new) }
    }

    /// Waits for a turn.
    async fn turn(&self, operation: Operation, subject: &str) -> Result<SemaphorePermit<'_>, StoreError> {
        self.requests.acquire().await.map_err(|closed| StoreError::Other {
            attempt: Attempt::new(operation, subject, self.location()),
            source: Some(Arc::new(closed)),
        })
    }

    /// Notes bytes that were read; whoever comes next waits for them. What will come is not known before, and what was
    /// asked for may not be there at all.
    fn owe(&self, bytes: usize) {
        if let Some(pace) = &self.pace {
            pace.take(bytes as u64, Instant::now());
        }
    }

    /// Waits until `bytes` may pass.
    async fn pay(&self, bytes: u64) {
        if let Some(pace) = &self.pace {
            tokio::time::sleep_until(pace.take(bytes, Instant::now())).await;
        }
    }
}

/// A token bucket that may run into debt: it holds the tokens of one second, a call waits until all earlier ones are paid,
/// and takes its own at once. So a pack larger than the bucket passes, and the next one waits for it.
#[derive(Debug)]
struct Pace {
    bytes_per_second: NonZeroU64,
    /// When the bucket will be empty no more; `None` before the first byte.
    paid_until: Mutex<Option<Instant>>,
}

/// What may pass at once after a pause.
const BURST: Duration = Duration::from_secs(1);

impl Pace {
    fn new(bytes_per_second: NonZeroU64) -> Self {
        Self { bytes_per_second, paid_until: Mutex::new(None) }
    }

    /// Takes tokens for `bytes` and says when they may pass: when those before them are paid.
    fn take(&self, bytes: u64, now: Instant) -> Instant {
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        let full = now.checked_sub(BURST).unwrap_or(now);
        let begin = paid_until.map_or(full, |until| until.max(full));
        *paid_until = Some(begin + self.time_for(bytes));
        begin
    }

    fn time_for(&self, bytes: u64) -> Duration {
        let nanoseconds = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second.get());
        // A year at most, so that no sum of instants runs over.
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)).min(Duration::from_hours(365 * 24))
    }
}

#[async_trait]
impl Store for LimitStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        let _turn = self.turn(Operation::Put, key.as_str()).await?;
        self.pay(body.len() as u64).await;
        self.inner.put_new(key, body, digest).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        let _turn = self.turn(Operation::Get, key.as_str()).await?;
        self.pay(0).await;
        let body = self.inner.get(key).await?;
        self.owe(body.len());
        Ok(body)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let _turn = self.turn(Operation::GetRange, key.as_str()).await?;
        self.pay(0).await;
        let body = self.inner.get_range(key, range).await?;
        self.owe(body.len());
        Ok(body)
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        let _turn = self.turn(Operation::Head, key.as_str()).await?;
        self.inner.head(key).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        let _turn = self.turn(Operation::List, prefix.as_str()).await?;
        self.inner.list(prefix, after).await
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        self.inner.deleter().map(|_| self as &dyn Delete)
    }

    fn retainer(&self) -> Option<&dyn Retain> {
        self.inner.retainer().map(|_| self as &dyn Retain)
    }

    async fn lock(&self) -> Result<Lock, StoreError> {
        let _turn = self.turn(Operation::Lock, "").await?;
        self.inner.lock().await
    }
}

#[async_trait]
impl Delete for LimitStore {
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let _turn = self.turn(Operation::Delete, key.as_str()).await?;
        match self.inner.deleter() {
            Some(deleter) => deleter.delete(key).await,
            None => Err(crate::store::no_delete(self, key)),
        }
    }
}

#[async_trait]
impl Retain for LimitStore {
    async fn put_retained(&self, key: &Key, body: Bytes, digest: Digest, retention: Retention) -> Result<Put, StoreError> {
        let _turn = self.turn(Operation::Put, key.as_str()).await?;
        self.pay(body.len() as u64).await;
        retainer(&*self.inner, Operation::Put, key)?.put_retained(key, body, digest, retention).await
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>, StoreError> {
        let _turn = self.turn(Operation::Lock, key.as_str()).await?;
        retainer(&*self.inner, Operation::Lock, key)?.retention(key).await
    }

    async fn retain(&self, key: &Key, retention: Retention) -> Result<Retention, StoreError> {
        let _turn = self.turn(Operation::Retain, key.as_str()).await?;
        retainer(&*self.inner, Operation::Retain, key)?.retain(key, retention).await
    }

    async fn destroy(&self, key: &Key) -> Result<(), StoreError> {
        let _turn = self.turn(Operation::Delete, key.as_str()).await?;
        retainer(&*self.inner, Operation::Delete, key)?.destroy(key).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;
    use crate::memory::MemoryStore;

    fn limits(bytes: u64, requests: usize) -> Limits {
        Limits { bytes_per_second: NonZeroU64::new(bytes), requests_at_once: NonZeroUsize::new(requests).unwrap() }
    }

    #[test]
    fn bytes_pass_at_the_rate_that_was_set_with_a_burst_of_one_second_after_a_pause() {
        let pace = Pace::new(NonZeroU64::new(1000).unwrap());
        let start = Instant::now();
        let waits = |bytes, at_ms| {
            let now = start + Duration::from_millis(at_ms);
            pace.take(bytes, now).saturating_duration_since(now).as_millis()
        };
        assert_eq!(waits(2500, 0), 0, "more than the bucket holds passes when nothing is owed");
        assert_eq!(waits(2500, 0), 1500);
        assert_eq!(waits(100, 0), 4000);
        assert_eq!(waits(0, 1000), 3100);
        assert_eq!(waits(500, 100_000), 0);
        assert_eq!(waits(500, 100_000), 0, "half of the burst was left");
        assert_eq!(waits(500, 100_000), 0);
        assert_eq!(waits(500, 100_000), 500, "however long the pause was, the burst is one second");
    }

    #[tokio::test]
    async fn what_was_read_is_paid_by_whoever_comes_next() {
        let memory = MemoryStore::default();
        let body = Bytes::from(vec![0; 1200]);
        let key: Key = "a".parse().unwrap();
        memory.put_new(&key, body.clone(), Digest::of(&body)).await.unwrap();
        let store = LimitStore::new(Arc::new(memory), limits(1000, 4));
        let began = Instant::now();
        store.get(&key).await.unwrap();
        store.get_range(&key, 0..1).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(199), "{:?}", began.elapsed());
    }

    /// Answers after a moment, and knows how many waited for it at once.
    #[derive(Debug, Default)]
    struct Slow {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    #[async_trait]
    impl Store for Slow {
        fn location(&self) -> String {
            "slow:".to_owned()
        }
        async fn put_new(&self, _: &Key, _: Bytes, _: Digest) -> Result<Put, StoreError> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.now.fetch_sub(1, Ordering::SeqCst);
            Ok(Put::default())
        }
        async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
            Err(StoreError::NotFound { key: key.clone() })
        }
        async fn get_range(&self, key: &Key, _: Range<u64>) -> Result<Bytes, StoreError> {
            Err(StoreError::NotFound { key: key.clone() })
        }
        async fn head(&self, key: &Key) -> Result<Head, StoreError> {
            Err(StoreError::NotFound { key: key.clone() })
        }
        async fn list(&self, _: &Prefix, _: Option<&Cursor>) -> Result<Page, StoreError> {
            Ok(Page::default())
        }
    }

    #[tokio::test]
    async fn no_more_requests_are_under_way_than_were_allowed_and_a_dropped_one_gives_its_turn_back() {
        let slow = Arc::new(Slow::default());
        let inner: Arc<dyn Store> = slow.clone();
        let store = LimitStore::new(inner, limits(0, 3));
        let key: Key = "a".parse().unwrap();
        let put = || store.put_new(&key, Bytes::new(), Digest::of(b""));
        let dropped = tokio::time::timeout(Duration::from_millis(1), join_all([put(), put(), put()])).await;
        assert!(dropped.is_err());
        slow.now.store(0, Ordering::SeqCst);
        let began = Instant::now();
        join_all((0..9).map(|_| put())).await;
        assert_eq!(slow.most.load(Ordering::SeqCst), 3);
        assert!(began.elapsed() >= Duration::from_millis(60));
        assert!(store.deleter().is_none(), "a wrapper adds no capability");
    }
}

//! A store that tries again what may succeed a little later.
//!
//! This is the only place where retries live. It waits longer each time, by a random part of the wait, so that many hosts
//! that lost the same server do not all come back at once. A put whose answer was lost may have been done: when the next
//! attempt hears that the object exists, it is compared with what was sent before anybody is told.

use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base::Digest;
use bytes::Bytes;

use crate::error::{Operation, StoreError};
use crate::key::{Key, Prefix};
use crate::retention::{Retain, Retention, retainer};
use crate::store::{Cursor, Delete, Head, Lock, Page, Put, Store};

/// How often and how patiently a call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryLimits {
    /// Attempts in all, the first one included.
    pub attempts: NonZeroU32,
    /// The longest wait before the second attempt; it doubles from then on.
    pub first_wait: Duration,
    /// No wait is longer than this.
    pub longest_wait: Duration,
}

impl Default for RetryLimits {
    /// Eight attempts over at most 61 s of waiting: a server that restarts is waited for, one that is down is reported.
    fn default() -> Self {
        Self {
            attempts: NonZeroU32::new(8).expect("8 is not zero"),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
        }
    }
}

impl RetryLimits {
    /// The longest wait after `failures` attempts, of which there was at least one.
    fn wait_after(&self, failures: u32) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_wait.saturating_mul(factor).min(self.longest_wait)
    }
}

/// A store that tries again what may succeed a little later.
#[derive(Debug)]
pub struct RetryStore {
    inner: Arc<dyn Store>,
    limits: RetryLimits,
    /// State of the generator of random waits.
    seed: AtomicU64,
}

impl RetryStore {
    /// Retries calls to `inner`; `seed` begins the sequence of random waits.
    pub fn new(inner: Arc<dyn Store>, limits: RetryLimits, seed: u64) -> Self {
        Self { inner, limits, seed: AtomicU64::new(seed) }
    }

    /// Waits after the failed attempt number `failures`, or hands the error back when it is final.
    async fn wait_or_give_up(&self, operation: Operation, subject: &str, failures: u32, error: StoreError) -> Result<(), StoreError> {
        if !error.is_transient() || failures >= self.limits.attempts.get() {
            return Err(error);
        }
        let wait = self.jittered(self.limits.wait_after(failures));
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(%operation, subject, attempt = failures, wait_ms = wait.as_millis(), %error, cause, "the store is tried again");
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Between half of `longest` and all of it.
    fn jittered(&self, longest: Duration) -> Duration {
        // SplitMix64 (Steele, Lea, Flood 2014): one addition of shared state, good enough to spread waits.
        const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.seed.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let per_mille = u32::try_from((z ^ (z >> 31)) % 501).expect("a remainder of 501 is small");
        longest.saturating_mul(500 + per_mille) / 1000
    }

    /// Sends an object until it is there.
    async fn put<T: Future<Output = Result<Put, StoreError>>>(
        &self,
        key: &Key,
        digest: Digest,
        send: impl Fn() -> T,
    ) -> Result<Put, StoreError> {
        let mut failures = 0;
        loop {
            match send().await {
                Ok(put) => return Ok(put),
                Err(StoreError::Exists { .. }) if failures > 0 => return self.is_ours(key, digest).await,
                Err(error) => {
                    failures += 1;
                    self.wait_or_give_up(Operation::Put, key.as_str(), failures, error).await?;
                }
            }
        }
    }

    /// Whether the object that exists is the one that was sent, or the error if it is not or cannot be told.
    async fn is_ours(&self, key: &Key, digest: Digest) -> Result<Put, StoreError> {
        let exists = || StoreError::Exists { key: key.clone() };
        let head = match self.head(key).await {
            Ok(head) => head,
            // A writer may lack the right to look; the name alone proves nothing.
            Err(StoreError::Denied { .. } | StoreError::Unsupported { .. }) => return Err(exists()),
            Err(error) => return Err(error),
        };
        let stored = match head.digest {
            Some(stored) => stored,
            None => match self.get(key).await {
                Ok(stored) => Digest::of(&stored),
                Err(StoreError::Denied { .. } | StoreError::Unsupported { .. }) => return Err(exists()),
                Err(error) => return Err(error),
            },
        };
        if stored == digest { Ok(Put { date: head.date }) } else { Err(exists()) }
    }
}

/// Does `$call` until it succeeds, fails for good, or was tried often enough.
macro_rules! tried {
    ($self:ident, $operation:expr, $subject:expr, $call:expr) => {{
        let mut failures = 0;
        loop {
            match $call.await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    failures += 1;
                    $self.wait_or_give_up($operation, $subject.as_str(), failures, error).await?;
                }
            }
        }
    }};
}

#[async_trait]
impl Store for RetryStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        self.put(key, digest, || self.inner.put_new(key, body.clone(), digest)).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        tried!(self, Operation::Get, key, self.inner.get(key))
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        tried!(self, Operation::GetRange, key, self.inner.get_range(key, range.clone()))
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        tried!(self, Operation::Head, key, self.inner.head(key))
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        tried!(self, Operation::List, prefix, self.inner.list(prefix, after))
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
impl Delete for RetryStore {
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let Some(deleter) = self.inner.deleter() else { return Err(crate::store::no_delete(self, key)) };
        tried!(self, Operation::Delete, key, deleter.delete(key))
    }
}

#[async_trait]
impl Retain for RetryStore {
    async fn put_retained(&self, key: &Key, body: Bytes, digest: Digest, retention: Retention) -> Result<Put, StoreError> {
        let inner = retainer(&*self.inner, Operation::Put, key)?;
        self.put(key, digest, || inner.put_retained(key, body.clone(), digest, retention)).await
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>, StoreError> {
        let inner = retainer(&*self.inner, Operation::Lock, key)?;
        tried!(self, Operation::Lock, key, inner.retention(key))
    }

    async fn retain(&self, key: &Key, retention: Retention) -> Result<Retention, StoreError> {
        let inner = retainer(&*self.inner, Operation::Retain, key)?;
        tried!(self, Operation::Retain, key, inner.retain(key, retention))
    }

    async fn destroy(&self, key: &Key) -> Result<(), StoreError> {
        let inner = retainer(&*self.inner, Operation::Delete, key)?;
        tried!(self, Operation::Delete, key, inner.destroy(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, FaultStore};
    use crate::memory::MemoryStore;
    use crate::tally::TallyStore;

    fn key() -> Key {
        "a".parse().unwrap()
    }

    fn over(store: impl Store + 'static) -> RetryStore {
        let limits = RetryLimits { first_wait: Duration::from_millis(1), longest_wait: Duration::from_millis(4), ..RetryLimits::default() };
        RetryStore::new(Arc::new(store), limits, 1)
    }

    async fn put(store: &dyn Store, body: &'static [u8]) -> Result<Put, StoreError> {
        store.put_new(&key(), Bytes::from_static(body), Digest::of(body)).await
    }

    #[tokio::test]
    async fn what_is_busy_is_tried_again_and_what_is_refused_is_not() {
        let memory = MemoryStore::default();
        put(&memory, b"1").await.unwrap();
        let faulty = FaultStore::new(Arc::new(memory)).with(Operation::Get, 1, Fault::Fail).with(Operation::Get, 2, Fault::Fail);
        let tally = TallyStore::new(Arc::new(faulty));
        let store = over(tally.clone());
        assert_eq!(store.get(&key()).await.unwrap(), "1");
        assert_eq!(tally.counts().get, 3);
        assert!(store.get(&"b".parse().unwrap()).await.unwrap_err().is_not_found());
        assert_eq!(tally.counts().get, 4, "a missing object is not asked for twice");
        assert!(put(&store, b"2").await.unwrap_err().exists_already());
        assert_eq!(tally.counts().put, 1);
    }

    #[tokio::test]
    async fn a_store_that_is_down_is_given_up_after_the_last_attempt() {
        let tally = TallyStore::new(Arc::new(FaultStore::crash_at_call(MemoryStore::default(), 1)));
        let store = over(tally.clone());
        assert!(put(&store, b"1").await.unwrap_err().is_transient());
        assert_eq!(tally.counts().put, 8);
    }

    #[tokio::test]
    async fn an_object_that_was_stored_although_the_answer_was_lost_is_a_success() {
        let memory = MemoryStore::default();
        let lost = FaultStore::new(Arc::new(memory.clone())).with(Operation::Put, 1, Fault::LoseAnswer);
        put(&over(lost), b"mine").await.unwrap();
        assert_eq!(memory.get(&key()).await.unwrap(), "mine");
    }

    #[tokio::test]
    async fn the_object_of_somebody_else_is_never_taken_for_our_own() {
        let memory = MemoryStore::default();
        put(&memory, b"theirs").await.unwrap();
        let lost = FaultStore::new(Arc::new(memory)).with(Operation::Put, 1, Fault::Fail);
        assert!(put(&over(lost), b"mine").await.unwrap_err().exists_already());
    }

    #[tokio::test]
    async fn a_store_that_keeps_no_digest_is_read_to_compare() {
        let folder = tempfile::tempdir().unwrap();
        for (sent, ours) in [(b"mine", true), (b"none", false)] {
            let store = crate::FolderStore::open(folder.path()).await.unwrap();
            let _ = put(&store, b"mine").await;
            let lost = FaultStore::new(Arc::new(store)).with(Operation::Put, 1, Fault::Fail);
            assert_eq!(put(&over(lost), sent).await.is_ok(), ours);
        }
    }

    #[tokio::test]
    async fn who_may_not_read_is_told_that_the_object_exists() {
        let folder = tempfile::tempdir().unwrap();
        for forbidden in [Operation::Head, Operation::Get] {
            let store = crate::FolderStore::open(folder.path()).await.unwrap();
            let _ = put(&store, b"mine").await;
            let lost = FaultStore::new(Arc::new(store)).with(Operation::Put, 1, Fault::Fail).with(forbidden, 1, Fault::Deny);
            assert!(put(&over(lost), b"mine").await.unwrap_err().exists_already(), "{forbidden}");
        }
    }

    #[test]
    fn waits_grow_are_bounded_and_follow_the_seed() {
        let limits = RetryLimits::default();
        let store = |seed| RetryStore::new(Arc::new(MemoryStore::default()), limits, seed);
        let waits = |store: &RetryStore| (1..40).map(|n| store.jittered(limits.wait_after(n))).collect::<Vec<_>>();
        let (one, same, other) = (waits(&store(1)), waits(&store(1)), waits(&store(2)));
        assert_eq!(one, same);
        assert_ne!(one, other);
        assert!(one.iter().all(|wait| *wait <= limits.longest_wait));
        assert!(one[0] >= limits.first_wait / 2 && one[0] <= limits.first_wait);
        assert!(one[38] >= limits.longest_wait / 2);
        let longest: Duration = (1..limits.attempts.get()).map(|n| limits.wait_after(n)).sum();
        assert_eq!(longest, Duration::from_millis(61_500));
    }
}

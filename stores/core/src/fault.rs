//! A store that fails as it was told to: for tests of everything that must survive a bad network, a bad disk and a crash.
//!
//! Faults are programmed by the number of the call, or drawn from a seed, so that every failing run can be repeated.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base::Digest;
use bytes::Bytes;

use crate::error::{Attempt, Operation, StoreError};
use crate::key::{Key, Prefix};
use crate::retention::{Retain, Retention, retainer};
use crate::store::{Cursor, Delete, Head, Lock, Page, Put, Store};

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not done; [`StoreError::Unavailable`].
    Fail,
    /// It is done, but the answer is lost; [`StoreError::Unavailable`].
    LoseAnswer,
    /// It is not done; [`StoreError::Denied`].
    Deny,
    /// It is not done; [`StoreError::Full`].
    Full,
    /// It is done this much later.
    Delay(Duration),
    /// Of what is read only so many bytes arrive.
    Truncate(usize),
    /// One bit of what is read is another one, counted from the first byte on, modulo the length.
    FlipBit(usize),
    /// It is not done, and no call after it.
    Crash,
    /// It is done, but neither its answer nor any later call is.
    CrashAfter,
}

/// Which calls a fault meets; each counts from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// The nth call of one operation.
    Nth(Operation, u64),
    /// The nth call that changes something: put or delete.
    NthWrite(u64),
    /// The nth call of all.
    NthCall(u64),
}

/// A store that fails as it was told to. A clone shares the counts and the crash.
#[derive(Debug, Clone)]
pub struct FaultStore {
    inner: Arc<dyn Store>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    program: Vec<(When, Fault)>,
    /// Generator and how many of a thousand calls fail.
    random: Option<(u64, u16)>,
    /// For how many pages a new object stays out of lists.
    list_lag: u64,
    /// Objects that lists do not show yet, each with the number of the page from which they do.
    hidden: Vec<(Key, u64)>,
    crashed: bool,
    calls: BTreeMap<Operation, u64>,
}

impl State {
    fn count(&self, operation: Operation) -> u64 {
        self.calls.get(&operation).copied().unwrap_or_default()
    }

    fn writes(&self) -> u64 {
        self.count(Operation::Put) + self.count(Operation::Delete)
    }

    fn all(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Counts a call and finds what happens to it.
    fn next(&mut self, operation: Operation) -> Option<Fault> {
        *self.calls.entry(operation).or_default() += 1;
        let write = matches!(operation, Operation::Put | Operation::Delete);
        let met = |when: When| match when {
            When::Nth(of, n) => of == operation && self.count(of) == n,
            When::NthWrite(n) => write && self.writes() == n,
            When::NthCall(n) => self.all() == n,
        };
        let programmed = self.program.iter().find(|(when, _)| met(*when)).map(|(_, fault)| *fault);
        programmed.or_else(|| self.draw())
    }

    fn draw(&mut self) -> Option<Fault> {
        let (seed, per_mille) = self.random.as_mut()?;
        // xorshift64* (Vigna 2014)
        *seed ^= *seed >> 12;
        *seed ^= *seed << 25;
        *seed ^= *seed >> 27;
        let drawn = seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        let fault = if drawn.is_multiple_of(2) { Fault::Fail } else { Fault::LoseAnswer };
        ((drawn / 2) % 1000 < u64::from(*per_mille)).then_some(fault)
    }
}

/// The failure was asked for.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("call {call} was told to fail")]
struct Told {
    call: u64,
}

impl FaultStore {
    /// Passes every call on to `inner`, until faults are added.
    pub fn new(inner: impl Store + 'static) -> Self {
        Self { inner: Arc::new(inner), state: Arc::default() }
    }

    /// Does the first `nth - 1` writes (puts and deletes); the nth is not done, and no call after it is, reads included.
    pub fn crash_at_write(inner: impl Store + 'static, nth: u64) -> Self {
        Self::new(inner).programmed(When::NthWrite(nth), Fault::Crash)
    }

    /// The nth write is done and its answer lost; no call after it is done.
    pub fn crash_after_write(inner: impl Store + 'static, nth: u64) -> Self {
        Self::new(inner).programmed(When::NthWrite(nth), Fault::CrashAfter)
    }

    /// The nth call of any kind is not done, and none after it.
    pub fn crash_at_call(inner: impl Store + 'static, nth: u64) -> Self {
        Self::new(inner).programmed(When::NthCall(nth), Fault::Crash)
    }

    /// `fault` meets the nth call (from 1) of `operation`.
    #[must_use]
    pub fn with(self, operation: Operation, nth: u64, fault: Fault) -> Self {
        self.programmed(When::Nth(operation, nth), fault)
    }

    /// `fault` meets the nth call (from 1) of all.
    #[must_use]
    pub fn with_call(self, nth: u64, fault: Fault) -> Self {
        self.programmed(When::NthCall(nth), fault)
    }

    /// Of a thousand calls about `per_mille` fail, half of them after they were done.
    #[must_use]
    pub fn with_random(self, seed: u64, per_mille: u16) -> Self {
        // The generator never leaves zero.
        self.state().random = Some((seed | 1 << 63, per_mille));
        self
    }

    /// A new object is not in the next `pages` pages of any list, as in stores that are consistent only in the end.
    #[must_use]
    pub fn with_list_lag(self, pages: u64) -> Self {
        self.state().list_lag = pages;
        self
    }

    /// Calls so far, the failed ones included.
    pub fn calls(&self) -> u64 {
        self.state().all()
    }

    /// Puts and deletes so far, the failed ones included.
    pub fn writes(&self) -> u64 {
        self.state().writes()
    }

    /// Whether the crash has come.
    pub fn crashed(&self) -> bool {
        self.state().crashed
    }

    fn programmed(self, when: When, fault: Fault) -> Self {
        self.state().program.push((when, fault));
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a put as it was told to, and keeps the object out of lists for a while where that was asked for.
    async fn put(&self, key: &Key, put: impl Future<Output = Result<Put, StoreError>>) -> Result<Put, StoreError> {
        let put = async {
            let put = put.await?;
            let mut state = self.state();
            if state.list_lag > 0 {
                let from = state.count(Operation::List) + state.list_lag;
                state.hidden.push((key.clone(), from));
            }
            Ok(put)
        };
        self.call(Operation::Put, key.as_str(), put).await
    }

    /// Does a call as it was told to.
    async fn call<T>(&self, operation: Operation, subject: &str, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError>
    where
        T: Damage,
    {
        let attempt = Attempt::new(operation, subject, self.location());
        let (fault, told) = {
            let mut state = self.state();
            let fault = if state.crashed { Some(Fault::Crash) } else { state.next(operation) };
            (fault, Arc::new(Told { call: state.all() }))
        };
        let crash = || self.state().crashed = true;
        match fault {
            None => call.await,
            Some(Fault::Fail) => Err(StoreError::Unavailable { attempt, source: Some(told) }),
            Some(Fault::Deny) => Err(StoreError::Denied { attempt, source: Some(told) }),
            Some(Fault::Full) => Err(StoreError::Full { attempt, source: Some(told) }),
            Some(Fault::LoseAnswer) => {
                // What it would have answered is lost, a failure too.
                let _ = call.await;
                Err(StoreError::Unavailable { attempt, source: Some(told) })
            }
            Some(Fault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                call.await
            }
            Some(fault @ (Fault::Truncate(_) | Fault::FlipBit(_))) => call.await.map(|answer| answer.damaged(fault)),
            Some(Fault::Crash) => {
                crash();
                Err(StoreError::Unavailable { attempt, source: Some(told) })
            }
            Some(Fault::CrashAfter) => {
                let _ = call.await;
                crash();
                Err(StoreError::Unavailable { attempt, source: Some(told) })
            }
        }
    }
}

/// Answers that can arrive damaged; only bytes can.
trait Damage: Sized {
    fn damaged(self, _: Fault) -> Self {
        self
    }
}

impl Damage for Put {}
impl Damage for Head {}
impl Damage for Page {}
impl Damage for Lock {}
impl Damage for Retention {}
impl Damage for Option<Retention> {}
impl Damage for () {}

impl Damage for Bytes {
    fn damaged(self, fault: Fault) -> Self {
        match fault {
            Fault::Truncate(len) => self.slice(..len.min(self.len())),
            Fault::FlipBit(bit) if !self.is_empty() => {
                let mut bytes = self.to_vec();
                let at = bit / 8 % bytes.len();
                bytes[at] ^= 1 << (bit % 8);
                bytes.into()
            }
            _ => self,
        }
    }
}

#[async_trait]
impl Store for FaultStore {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        self.put(key, self.inner.put_new(key, body, digest)).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.call(Operation::Get, key.as_str(), self.inner.get(key)).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.call(Operation::GetRange, key.as_str(), self.inner.get_range(key, range)).await
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        self.call(Operation::Head, key.as_str(), self.inner.head(key)).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        let list = async {
            let mut page = self.inner.list(prefix, after).await?;
            let mut state = self.state();
            let pages = state.count(Operation::List);
            state.hidden.retain(|(_, from)| *from >= pages);
            page.entries.retain(|entry| !state.hidden.iter().any(|(key, _)| *key == entry.key));
            Ok(page)
        };
        self.call(Operation::List, prefix.as_str(), list).await
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        self.inner.deleter().map(|_| self as &dyn Delete)
    }

    fn retainer(&self) -> Option<&dyn Retain> {
        self.inner.retainer().map(|_| self as &dyn Retain)
    }

    async fn lock(&self) -> Result<Lock, StoreError> {
        self.call(Operation::Lock, "", self.inner.lock()).await
    }
}

#[async_trait]
impl Delete for FaultStore {
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let Some(deleter) = self.inner.deleter() else { return Err(crate::store::no_delete(self, key)) };
        self.call(Operation::Delete, key.as_str(), deleter.delete(key)).await
    }
}

#[async_trait]
impl Retain for FaultStore {
    async fn put_retained(&self, key: &Key, body: Bytes, digest: Digest, retention: Retention) -> Result<Put, StoreError> {
        let inner = retainer(&*self.inner, Operation::Put, key)?;
        self.put(key, inner.put_retained(key, body, digest, retention)).await
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>, StoreError> {
        let inner = retainer(&*self.inner, Operation::Lock, key)?;
        self.call(Operation::Lock, key.as_str(), inner.retention(key)).await
    }

    async fn retain(&self, key: &Key, retention: Retention) -> Result<Retention, StoreError> {
        let inner = retainer(&*self.inner, Operation::Retain, key)?;
        self.call(Operation::Retain, key.as_str(), inner.retain(key, retention)).await
    }

    async fn destroy(&self, key: &Key) -> Result<(), StoreError> {
        let inner = retainer(&*self.inner, Operation::Delete, key)?;
        self.call(Operation::Delete, key.as_str(), inner.destroy(key)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    async fn put(store: &FaultStore, name: &str) -> Result<Put, StoreError> {
        store.put_new(&key(name), Bytes::from_static(b"body"), Digest::of(b"body")).await
    }

    #[tokio::test]
    async fn a_crash_at_a_write_stops_everything_from_that_write_on() {
        let memory = MemoryStore::default();
        let store = FaultStore::crash_at_write(memory.clone(), 2);
        put(&store, "a").await.unwrap();
        assert_eq!(store.get(&key("a")).await.unwrap(), "body");
        assert!(put(&store, "b").await.unwrap_err().is_transient());
        assert!(store.get(&key("a")).await.is_err());
        assert!(store.list(&Prefix::all(), None).await.is_err());
        assert!(store.clone().crashed());
        assert_eq!(memory.keys(), [key("a")]);
        let store = FaultStore::crash_after_write(memory.clone(), 1);
        assert!(put(&store, "c").await.is_err());
        assert!(store.head(&key("c")).await.is_err());
        assert_eq!(memory.keys(), [key("a"), key("c")]);
    }

    #[tokio::test]
    async fn each_fault_meets_the_call_it_was_meant_for() {
        let memory = MemoryStore::default();
        let store = FaultStore::new(memory.clone())
            .with(Operation::Put, 1, Fault::LoseAnswer)
            .with(Operation::Put, 2, Fault::Full)
            .with(Operation::Put, 3, Fault::Deny)
            .with(Operation::Get, 2, Fault::Truncate(2))
            .with(Operation::Get, 3, Fault::FlipBit(8 * 3))
            .with_call(7, Fault::Fail);
        assert!(put(&store, "a").await.unwrap_err().is_transient());
        assert!(matches!(put(&store, "b").await, Err(StoreError::Full { .. })));
        assert!(matches!(put(&store, "c").await, Err(StoreError::Denied { .. })));
        assert_eq!(memory.keys(), [key("a")]);
        assert_eq!(store.get(&key("a")).await.unwrap(), "body");
        assert_eq!(store.get(&key("a")).await.unwrap(), "bo");
        assert_eq!(store.get(&key("a")).await.unwrap(), "bodx");
        assert!(store.head(&key("a")).await.is_err());
        assert!(store.head(&key("a")).await.is_ok());
        assert_eq!((store.calls(), store.writes()), (8, 3));
    }

    #[tokio::test]
    async fn random_faults_follow_the_seed_and_the_share() {
        let run = |seed| async move {
            let store = FaultStore::new(MemoryStore::default()).with_random(seed, 100);
            let mut failed = Vec::new();
            for n in 0..2000 {
                if store.head(&key("a")).await.unwrap_err().is_transient() {
                    failed.push(n);
                }
            }
            failed
        };
        let (one, same, other) = (run(1).await, run(1).await, run(2).await);
        assert_eq!(one, same);
        assert_ne!(one, other);
        assert!((150..250).contains(&one.len()), "{} of 2000", one.len());
    }

    #[tokio::test]
    async fn a_new_object_stays_out_of_lagging_lists_for_a_while() {
        let store = FaultStore::new(MemoryStore::default()).with_list_lag(2);
        put(&store, "a").await.unwrap();
        let mut lens = Vec::new();
        for _ in 0..3 {
            lens.push(store.list(&Prefix::all(), None).await.unwrap().entries.len());
        }
        assert_eq!(lens, [0, 0, 1]);
        assert!(store.get(&key("a")).await.is_ok());
    }
}

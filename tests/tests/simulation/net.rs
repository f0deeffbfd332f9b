//! The store as the processes of a schedule see it: each call waits until the scheduler says what becomes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use base::clock::ManualClock;
use base::{Clock as _, Digest};
use bytes::Bytes;
use jiff::Timestamp;
use stores::store::{Cursor, Delete, Head, Page, Put, Store};
use stores::{Attempt, Key, MemoryStore, Operation, Prefix, StoreError};
use tokio::sync::oneshot;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done,
    /// It is not done.
    Fails,
    /// It is done, and nobody hears of it.
    AnswerLost,
    /// It fails, and is done long after its caller gave up. Puts and deletes alone; other calls fail.
    Late,
    /// It is done, and once more much later. Puts and deletes alone.
    Twice,
    /// There is no room for what it brings. Puts alone.
    Full,
    /// It may not be done.
    Denied,
}

/// A call that waits for its verdict.
#[derive(Debug)]
pub struct Waiting {
    pub process: u32,
    pub operation: Operation,
    pub subject: String,
    pub verdict: oneshot::Sender<Verdict>,
}

/// A put, or with no body a delete, that is under way although nobody waits for it.
#[derive(Debug, Clone)]
pub struct Ghost {
    pub at: usize,
    pub key: Key,
    pub body: Option<Bytes>,
}

/// What all processes share.
#[derive(Debug)]
pub struct Net {
    /// The repository, and its copy.
    pub disks: [MemoryStore; 2],
    pub clock: Arc<ManualClock>,
    /// Puts take the place of what is there, as in stores that ignore conditions.
    pub overwrites: bool,
    /// How long new objects stay out of lists.
    pub lag: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub struct State {
    pub waiting: Vec<Waiting>,
    pub ghosts: Vec<Ghost>,
    pub dead: BTreeSet<u32>,
    /// Processes that a fault has met.
    pub met: BTreeSet<u32>,
    /// Grows with everything that happens.
    pub moves: u64,
    pub trace: Vec<String>,
    hidden: BTreeMap<(usize, Key), Timestamp>,
}

impl Net {
    pub fn new(disks: [MemoryStore; 2], clock: Arc<ManualClock>, overwrites: bool, lag: Duration) -> Arc<Self> {
        Arc::new(Self { disks, clock, overwrites, lag, state: Mutex::default() })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A request that nobody waits for comes in.
    pub async fn arrive(&self, ghost: Ghost) {
        let Ghost { at, key, body } = ghost;
        let what = if body.is_some() { "put" } else { "delete" };
        self.state().trace.push(format!("{} a {what} of {key} arrives late", self.clock.now()));
        // What it answers nobody hears.
        match body {
            Some(body) => drop(self.put(at, &key, body).await),
            None => drop(self.disks[at].deleter().unwrap().delete(&key).await),
        }
    }

    async fn put(&self, at: usize, key: &Key, body: Bytes) -> Result<Put, StoreError> {
        if self.overwrites {
            self.disks[at].overwrite(key, body);
            return Ok(Put { date: Some(self.clock.now()) });
        }
        let digest = Digest::of(&body);
        let put = self.disks[at].put_new(key, body, digest).await?;
        self.state().hidden.insert((at, key.clone()), self.clock.now() + self.lag);
        Ok(put)
    }
}

/// The store of one process.
#[derive(Debug, Clone)]
pub struct Line {
    pub net: Arc<Net>,
    pub process: u32,
    /// Which of the stores.
    pub at: usize,
    /// How often a call is tried.
    pub patience: u32,
}

impl Line {
    fn disk(&self) -> &MemoryStore {
        &self.net.disks[self.at]
    }

    async fn verdict(&self, operation: Operation, subject: &str) -> Result<Verdict, StoreError> {
        let attempt = || Attempt::new(operation, subject, self.location());
        let lost = || StoreError::Unavailable { attempt: attempt(), source: None };
        let verdict = {
            let mut state = self.net.state();
            state.moves += 1;
            if state.dead.contains(&self.process) {
                return Err(lost());
            }
            let (verdict, hears) = oneshot::channel();
            state.waiting.push(Waiting { process: self.process, operation, subject: subject.to_owned(), verdict });
            hears
        };
        let verdict = verdict.await.map_err(|_| lost())?;
        let line = format!("{} process {} {operation} {subject}: {verdict:?}", self.net.clock.now(), self.process);
        let mut state = self.net.state();
        state.moves += 1;
        state.trace.push(line);
        if verdict != Verdict::Done {
            state.met.insert(self.process);
        }
        match verdict {
            Verdict::Fails => Err(lost()),
            Verdict::Full if operation == Operation::Put => Err(StoreError::Full { attempt: attempt(), source: None }),
            Verdict::Denied => Err(StoreError::Denied { attempt: attempt(), source: None }),
            other => Ok(other),
        }
    }

    /// As `stores::RetryStore` does, without its waits.
    async fn read<T, F>(&self, operation: Operation, subject: &str, call: impl Fn() -> F + Send + Sync) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        let mut tried = 0;
        loop {
            let answer = match self.verdict(operation, subject).await {
                Ok(Verdict::AnswerLost | Verdict::Late) => {
                    Err(StoreError::Unavailable { attempt: Attempt::new(operation, subject, self.location()), source: None })
                }
                Ok(_) => call().await,
                Err(error) => Err(error),
            };
            tried += 1;
            match answer {
                Err(error) if error.is_transient() && tried < self.patience => {}
                answer => return answer,
            }
        }
    }

    async fn put_once(&self, key: &Key, body: &Bytes) -> Result<Put, StoreError> {
        let lost = || StoreError::Unavailable { attempt: Attempt::new(Operation::Put, key.as_str(), self.location()), source: None };
        let verdict = self.verdict(Operation::Put, key.as_str()).await?;
        if matches!(verdict, Verdict::Late | Verdict::Twice) {
            self.net.state().ghosts.push(Ghost { at: self.at, key: key.clone(), body: Some(body.clone()) });
        }
        if verdict == Verdict::Late {
            return Err(lost());
        }
        let put = self.net.put(self.at, key, body.clone()).await;
        if verdict == Verdict::AnswerLost { Err(lost()) } else { put }
    }
}

#[async_trait]
impl Store for Line {
    fn location(&self) -> String {
        format!("memory:{}", self.at)
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        assert_eq!(Digest::of(&body), digest, "{key}");
        let mut tried = 0;
        loop {
            let answer = self.put_once(key, &body).await;
            tried += 1;
            match answer {
                Err(error) if error.is_transient() && tried < self.patience => {}
                Err(StoreError::Exists { .. }) if tried > 1 && self.get(key).await? == body => {
                    return Ok(Put { date: Some(self.net.clock.now()) });
                }
                answer => return answer,
            }
        }
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.read(Operation::Get, key.as_str(), || self.disk().get(key)).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.read(Operation::GetRange, key.as_str(), || self.disk().get_range(key, range.clone())).await
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        self.read(Operation::Head, key.as_str(), || self.disk().head(key)).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        let list = || async {
            let mut page = self.disk().list(prefix, after).await?;
            let now = self.net.clock.now();
            let state = self.net.state();
            page.entries.retain(|entry| state.hidden.get(&(self.at, entry.key.clone())).is_none_or(|until| *until <= now));
            Ok(page)
        };
        self.read(Operation::List, prefix.as_str(), list).await
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        Some(self)
    }
}

#[async_trait]
impl Delete for Line {
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let lost = || StoreError::Unavailable { attempt: Attempt::new(Operation::Delete, key.as_str(), self.location()), source: None };
        let mut tried = 0;
        loop {
            let verdict = self.verdict(Operation::Delete, key.as_str()).await;
            if let Ok(Verdict::Late | Verdict::Twice) = verdict {
                self.net.state().ghosts.push(Ghost { at: self.at, key: key.clone(), body: None });
            }
            let answer = match verdict {
                Ok(Verdict::Late) => Err(lost()),
                Ok(Verdict::AnswerLost) => self.disk().deleter().unwrap().delete(key).await.and(Err(lost())),
                Ok(_) => self.disk().deleter().unwrap().delete(key).await,
                Err(error) => Err(error),
            };
            tried += 1;
            match answer {
                Err(error) if error.is_transient() && tried < self.patience => {}
                answer => return answer,
            }
        }
    }
}

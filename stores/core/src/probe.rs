//! Finds out what a store really does, in that very bucket or folder with that very credential.
//!
//! Servers differ from their manuals: some answer 200 and overwrite, some let several racers win, some check no checksum.
//! `lifeboat repo probe` prints the report, and drills keep it as evidence. It writes objects below `probe/` alone, and
//! deletes them again where it may. The repository's protocol is correct without any of the abilities that are asked here;
//! they make it fail fast.

use std::time::Duration;

use base::{Clock, Digest};
use bytes::Bytes;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Attempt, Operation, StoreError};
use crate::key::{Key, Prefix};
use crate::retention::{Mode, Retain, Retention};
use crate::store::{Lock, Store, list_all};

/// Writers that race for one name.
const RACERS: usize = 16;
/// A difference of clocks that is worth a word; TLS and signatures of requests fail somewhere above five minutes.
const MAX_SKEW: Duration = Duration::from_mins(1);
/// How long the object is locked by which a lock is tried. It lies there for as long.
const TRIED_FOR: Duration = Duration::from_mins(1);

/// What was asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Does a new object come back as it was stored?
    ReadsBack,
    /// Is the second put of a name refused, and the first object left as it was?
    RefusesSecondPut,
    /// Of many writers of one name at once, does exactly one win?
    OneWinnerOfARace,
    /// Are bytes refused that do not have the SHA-256 that was sent with them?
    ChecksChecksum,
    /// Is an object in the list as soon as it was stored?
    ListsAfterWrite,
    /// Does the store tell its own time?
    TellsTime,
    /// Is that time the same as ours, within a minute?
    ClocksAgree,
    /// May this credential delete?
    AllowsDelete,
    /// Does the place lock objects against deletion? It is asked for a lock, which is read back, and told to delete what is locked.
    LocksObjects,
}

/// The answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Yes,
    No,
    /// It could not be tried; the line says why.
    Unknown,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub question: Question,
    pub verdict: Verdict,
    /// What was seen, for people.
    pub seen: String,
}

/// What a store was seen to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// Where the store is.
    pub location: String,
    /// When it was probed, by our clock.
    pub at: Timestamp,
    /// One line for each question, in the order of [`Question`].
    pub lines: Vec<Line>,
    /// Objects that the probe stored and may not delete.
    pub left_behind: Vec<Key>,
}

impl ProbeReport {
    /// The answer to a question.
    pub fn verdict(&self, question: Question) -> Verdict {
        self.lines.iter().find(|line| line.question == question).map_or(Verdict::Unknown, |line| line.verdict)
    }
}

/// Probes `store`; `run` makes the names of this probe's objects unlike those of any other (a random number).
///
/// An error means that nothing could be stored at all; everything else is a line of the report.
pub async fn probe(store: &dyn Store, clock: &dyn Clock, run: u64) -> Result<ProbeReport, StoreError> {
    let mut probe = Probe { store, clock, run, lines: Vec::new(), stored: Vec::new() };
    let first = probe.reads_back().await?;
    probe.refuses_second_put(&first).await;
    probe.one_winner_of_a_race().await;
    probe.checks_checksum().await;
    probe.lists_after_write(&first).await;
    probe.clocks(&first).await;
    let mut left_behind = probe.allows_delete().await;
    probe.locks_objects(&mut left_behind).await;
    Ok(ProbeReport { location: store.location(), at: clock.now(), lines: probe.lines, left_behind })
}

struct Probe<'a> {
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    run: u64,
    lines: Vec<Line>,
    /// Every object that may have been stored.
    stored: Vec<Key>,
}

fn first_body() -> Bytes {
    Bytes::from_static(b"lifeboat stored this to find out what this place does; it may be deleted\n")
}

impl Probe<'_> {
    fn note(&mut self, question: Question, verdict: Verdict, seen: impl Into<String>) {
        self.lines.push(Line { question, verdict, seen: seen.into() });
    }

    fn prefix(&self) -> String {
        format!("probe/{:016x}/", self.run)
    }

    fn key(&mut self, name: &str) -> Result<Key, StoreError> {
        let text = format!("{}{name}", self.prefix());
        let key: Key = text.parse().map_err(|bad| StoreError::Other {
            attempt: Attempt::new(Operation::Put, text, self.store.location()),
            source: Some(std::sync::Arc::new(bad)),
        })?;
        self.stored.push(key.clone());
        Ok(key)
    }

    async fn reads_back(&mut self) -> Result<Key, StoreError> {
        let key = self.key("first")?;
        let body = first_body();
        self.store.put_new(&key, body.clone(), Digest::of(&body)).await?;
        match self.store.get(&key).await {
            Ok(read) if read == body => self.note(Question::ReadsBack, Verdict::Yes, "a new object came back byte for byte"),
            Ok(read) => self.note(Question::ReadsBack, Verdict::No, format!("{} other bytes came back", read.len())),
            Err(error) => self.note(Question::ReadsBack, unless_denied(&error), reason(&error)),
        }
        Ok(key)
    }

    async fn refuses_second_put(&mut self, first: &Key) {
        let other = Bytes::from_static(b"a second put of the same name\n");
        let second = self.store.put_new(first, other.clone(), Digest::of(&other)).await;
        let now = self.store.get(first).await;
        let (verdict, seen) = match (second, now) {
            (Err(StoreError::Exists { .. }), Ok(body)) if body == first_body() => {
                (Verdict::Yes, "it was refused and changed nothing".to_owned())
            }
            (Err(StoreError::Exists { .. }), Err(_)) => (Verdict::Yes, "it was refused".to_owned()),
            (second, Ok(body)) if body != first_body() => (
                Verdict::No,
                format!(
                    "it replaced the first object; the answer was {}",
                    second.map_or_else(|error| reason(&error), |_| "success".to_owned())
                ),
            ),
            (Ok(_), _) => (Verdict::No, "the answer was success".to_owned()),
            (Err(error), _) => (Verdict::Unknown, reason(&error)),
        };
        self.note(Question::RefusesSecondPut, verdict, seen);
    }

    async fn one_winner_of_a_race(&mut self) {
        let Ok(key) = self.key("race") else { return };
        let store = self.store;
        let puts = (0..RACERS).map(|n| {
            let (key, body) = (key.clone(), Bytes::from(format!("writer {n}\n")));
            async move { store.put_new(&key, body.clone(), Digest::of(&body)).await }
        });
        let answers = join_all(puts).await;
        let winners = answers.iter().filter(|answer| answer.is_ok()).count();
        let other =
            answers.iter().filter_map(|answer| answer.as_ref().err()).find(|error| !error.exists_already() && !error.is_transient());
        let (verdict, seen) = match (winners, other) {
            (1, _) => (Verdict::Yes, format!("of {RACERS} writers of one name one won")),
            (0, error) => (Verdict::Unknown, error.map_or_else(|| format!("none of {RACERS} writers was told that it won"), reason)),
            (winners, _) => (Verdict::No, format!("of {RACERS} writers of one name {winners} were told that they won")),
        };
        self.note(Question::OneWinnerOfARace, verdict, seen);
    }

    async fn checks_checksum(&mut self) {
        let Ok(key) = self.key("checksum") else { return };
        let put = self.store.put_new(&key, Bytes::from_static(b"sent\n"), Digest::of(b"meant\n")).await;
        let (verdict, seen) = match put {
            Err(StoreError::Corrupt { .. }) => (Verdict::Yes, "bytes with a wrong SHA-256 were refused".to_owned()),
            Ok(_) => (Verdict::No, "bytes with a wrong SHA-256 were stored".to_owned()),
            Err(error) => (Verdict::Unknown, reason(&error)),
        };
        self.note(Question::ChecksChecksum, verdict, seen);
    }

    async fn lists_after_write(&mut self, first: &Key) {
        let Ok(prefix) = self.prefix().parse::<Prefix>() else { return };
        let (verdict, seen) = match list_all(self.store, &prefix).await {
            Ok(entries) if entries.iter().any(|entry| entry.key == *first && entry.size == first_body().len() as u64) => {
                (Verdict::Yes, "the new object was in the list".to_owned())
            }
            Ok(entries) => (Verdict::No, format!("the list had {} objects, the new one not among them", entries.len())),
            Err(error) => (unless_denied(&error), reason(&error)),
        };
        self.note(Question::ListsAfterWrite, verdict, seen);
    }

    /// The time of an answer is compared with ours before the call and after it, so that a slow call is not a skew.
    async fn clocks(&mut self, first: &Key) {
        let Ok(key) = self.key("time") else { return };
        let before = self.clock.now();
        let body = first_body();
        let put = self.store.put_new(&key, body.clone(), Digest::of(&body)).await;
        let date = match put {
            Ok(put) if put.date.is_some() => put.date,
            _ => self.store.head(first).await.ok().and_then(|head| head.date),
        };
        let after = self.clock.now();
        let Some(date) = date else {
            self.note(Question::TellsTime, Verdict::No, "no answer carried a time");
            return self.note(Question::ClocksAgree, Verdict::Unknown, "the store told no time");
        };
        self.note(Question::TellsTime, Verdict::Yes, format!("its time was {date}"));
        // Servers tell whole seconds: the last one before the answer.
        let behind = before.duration_since(date).as_secs_f64() - 1.0;
        let ahead = date.duration_since(after).as_secs_f64();
        let skew = behind.max(ahead).max(0.0);
        let verdict = if skew <= MAX_SKEW.as_secs_f64() { Verdict::Yes } else { Verdict::No };
        let side = if ahead > behind { "ahead of" } else { "behind" };
        let seen = if skew < 1.0 { "within a second".to_owned() } else { format!("it is {skew:.0} s {side} ours") };
        self.note(Question::ClocksAgree, verdict, seen);
    }

    /// Deletes what the probe has stored, and tells what is left.
    async fn allows_delete(&mut self) -> Vec<Key> {
        let stored = std::mem::take(&mut self.stored);
        let Some(deleter) = self.store.deleter() else {
            self.note(Question::AllowsDelete, Verdict::No, "this store offers no delete");
            return stored;
        };
        let mut left = Vec::new();
        let mut refusal = None;
        for key in stored {
            if let Err(error) = deleter.delete(&key).await {
                refusal.get_or_insert(error);
                left.push(key);
            }
        }
        let (verdict, seen) = match refusal {
            None => (Verdict::Yes, "the objects of this probe were deleted".to_owned()),
            Some(error @ StoreError::Denied { .. }) => (Verdict::No, reason(&error)),
            Some(error) => (Verdict::Unknown, reason(&error)),
        };
        self.note(Question::AllowsDelete, verdict, seen);
        left
    }

    async fn locks_objects(&mut self, left: &mut Vec<Key>) {
        let (verdict, seen) = match self.store.lock().await {
            Ok(Lock::Absent) => (Verdict::No, "there is no object lock here".to_owned()),
            Ok(Lock::Unknown) => (Verdict::Unknown, "this store cannot be asked".to_owned()),
            Ok(Lock::Present { default }) => {
                let (verdict, seen) = self.tries_a_lock(left).await;
                (verdict, default.map_or_else(|| seen.clone(), |default| format!("{seen}; new objects are locked by default: {default}")))
            }
            Err(error) => (Verdict::Unknown, reason(&error)),
        };
        self.note(Question::LocksObjects, verdict, seen);
    }

    /// Stores a locked object and one that is not, reads the lock back, and tries to delete both: only where the second one can be deleted
    /// does a refusal of the first one come from its lock.
    async fn tries_a_lock(&mut self, left: &mut Vec<Key>) -> (Verdict, String) {
        let Some(locks) = self.store.retainer() else { return (Verdict::Unknown, "this store offers no lock".to_owned()) };
        let (Ok(locked), Ok(free)) = (self.key("locked"), self.key("free")) else {
            return (Verdict::Unknown, "no name for an object".to_owned());
        };
        self.stored.clear();
        let body = first_body();
        let now = match self.store.put_new(&free, body.clone(), Digest::of(&body)).await {
            Ok(put) => put.date.unwrap_or_else(|| self.clock.now()),
            Err(error) => return (Verdict::Unknown, reason(&error)),
        };
        let asked = Retention::beginning(Mode::Compliance, now, TRIED_FOR);
        let found = self.seen_of_lock(locks, &locked, asked).await;
        let (frees, holds) = (locks.destroy(&free).await, locks.destroy(&locked).await);
        for (key, gone) in [(free, frees.is_ok()), (locked, holds.is_ok())] {
            // Where deleting is a mark alone, the mark at least takes it out of sight.
            let hidden = match self.store.deleter() {
                Some(deleter) if !gone => deleter.delete(&key).await.is_ok(),
                _ => false,
            };
            if !gone && !hidden {
                left.push(key);
            }
        }
        if let Err(answer) = found {
            return answer;
        }
        match (holds, frees) {
            (Ok(()), _) => (Verdict::No, "it says that it locks, and locks nothing: a locked object was deleted".to_owned()),
            (Err(StoreError::Denied { .. }), Ok(())) => (
                Verdict::Yes,
                format!("an object that is locked ({asked}) was refused to be deleted, and its lock reads back as it was asked for"),
            ),
            (Err(StoreError::Denied { .. }), Err(error)) => {
                let seen = "the lock reads back as it was asked for; whether it holds cannot be told by a credential that may not delete";
                (Verdict::Unknown, format!("{seen} ({})", reason(&error)))
            }
            (Err(error), _) => (Verdict::Unknown, reason(&error)),
        }
    }

    /// Stores an object under a lock and reads the lock back; an answer where that is the end of it.
    async fn seen_of_lock(&self, locks: &dyn Retain, key: &Key, asked: Retention) -> Result<(), (Verdict, String)> {
        let body = first_body();
        if let Err(error) = locks.put_retained(key, body.clone(), Digest::of(&body), asked).await {
            return Err((unless_denied(&error), reason(&error)));
        }
        let lies = |what: &str| Err((Verdict::No, format!("it says that it locks, and locks nothing: {what}")));
        match locks.retention(key).await {
            Ok(Some(found)) if asked.over(Some(found)).is_none() => Ok(()),
            Ok(Some(found)) => lies(&format!("{asked} was asked for, and {found} reads back")),
            Ok(None) => lies("an object that was stored under a lock has none"),
            Err(error) if unless_denied(&error) == Verdict::Unknown => Err((Verdict::Unknown, reason(&error))),
            Err(error) => lies(&format!("the lock cannot be read back ({})", reason(&error))),
        }
    }
}

/// A refusal leaves the question open; any other error answers it.
fn unless_denied(error: &StoreError) -> Verdict {
    if matches!(error, StoreError::Denied { .. } | StoreError::Unavailable { .. }) { Verdict::Unknown } else { Verdict::No }
}

/// The error with its cause, in one line.
fn reason(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::Arc;

    use async_trait::async_trait;
    use base::clock::{ManualClock, SystemClock};

    use super::*;
    use crate::store::{Cursor, Head, Page, Put};
    use crate::{FaultStore, FolderStore, MemoryStore};

    fn answers(report: &ProbeReport) -> String {
        serde_json::to_string_pretty(&report.lines).unwrap()
    }

    #[tokio::test]
    async fn a_folder_is_seen_to_do_what_it_promises_and_is_left_empty() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).await.unwrap();
        let report = probe(&store, &SystemClock::new(), 1).await.unwrap();
        for line in &report.lines {
            let expected = if line.question == Question::LocksObjects { Verdict::No } else { Verdict::Yes };
            assert_eq!(line.verdict, expected, "{}", answers(&report));
        }
        assert_eq!(report.lines.len(), 9);
        assert_eq!(report.left_behind, []);
        assert!(list_all(&store, &Prefix::all()).await.unwrap().is_empty());
        let text = serde_json::to_string(&report).unwrap();
        assert!(text.contains(r#""question":"refuses-second-put","verdict":"yes""#), "{text}");
        assert_eq!(serde_json::from_str::<ProbeReport>(&text).unwrap(), report);
    }

    /// A server as they exist: it overwrites, checks nothing, and keeps what it is told to delete.
    #[derive(Debug)]
    struct Careless(MemoryStore, Arc<ManualClock>);

    #[async_trait]
    impl Store for Careless {
        fn location(&self) -> String {
            "careless:".to_owned()
        }
        async fn put_new(&self, key: &Key, body: Bytes, _: Digest) -> Result<Put, StoreError> {
            self.0.overwrite(key, body);
            Ok(Put { date: Some(self.1.now()) })
        }
        async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
            self.0.get(key).await
        }
        async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
            self.0.get_range(key, range).await
        }
        async fn head(&self, key: &Key) -> Result<Head, StoreError> {
            self.0.head(key).await
        }
        async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
            self.0.list(prefix, after).await
        }
    }

    #[tokio::test]
    async fn a_careless_server_is_found_out() {
        let theirs = Arc::new(ManualClock::at("2026-01-01T00:03:00Z".parse().unwrap()));
        let ours = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let store = FaultStore::new(Careless(MemoryStore::default(), theirs)).with_list_lag(5);
        let report = probe(&store, &ours, 1).await.unwrap();
        let no = [
            Question::RefusesSecondPut,
            Question::OneWinnerOfARace,
            Question::ChecksChecksum,
            Question::ListsAfterWrite,
            Question::ClocksAgree,
            Question::AllowsDelete,
        ];
        for question in no {
            assert_eq!(report.verdict(question), Verdict::No, "{question:?}\n{}", answers(&report));
        }
        assert!(answers(&report).contains("180 s ahead of ours"), "{}", answers(&report));
        assert_eq!(report.left_behind.len(), 4);
        assert!(report.left_behind.iter().all(|key| key.as_str().starts_with("probe/0000000000000001/")));
        assert_eq!(report.verdict(Question::LocksObjects), Verdict::Unknown);
    }

    /// A server that answers 200 to a lock: `keeps` says whether it tells the lock afterwards; it deletes in either case.
    #[derive(Debug)]
    struct Boasting {
        inner: MemoryStore,
        keeps: bool,
    }

    #[async_trait]
    impl Store for Boasting {
        fn location(&self) -> String {
            "boasting:".to_owned()
        }
        async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
            self.inner.put_new(key, body, digest).await
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
        fn deleter(&self) -> Option<&dyn crate::Delete> {
            self.inner.deleter()
        }
        fn retainer(&self) -> Option<&dyn Retain> {
            Some(self)
        }
        async fn lock(&self) -> Result<Lock, StoreError> {
            Ok(Lock::Present { default: None })
        }
    }

    #[async_trait]
    impl Retain for Boasting {
        async fn put_retained(&self, key: &Key, body: Bytes, digest: Digest, lock: Retention) -> Result<Put, StoreError> {
            self.inner.put_retained(key, body, digest, lock).await
        }
        async fn retention(&self, key: &Key) -> Result<Option<Retention>, StoreError> {
            Ok(self.inner.retention(key).await?.filter(|_| self.keeps))
        }
        async fn retain(&self, _: &Key, lock: Retention) -> Result<Retention, StoreError> {
            Ok(lock)
        }
        async fn destroy(&self, key: &Key) -> Result<(), StoreError> {
            self.inner.lose(key);
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_lock_is_believed_only_where_it_reads_back_and_a_delete_is_refused() {
        let clock = SystemClock::new();
        let seen = |report: &ProbeReport| report.lines.last().map(|line| (line.verdict, line.seen.clone())).unwrap();
        for (keeps, expected) in
            [(true, "locks nothing: a locked object was deleted"), (false, "locks nothing: an object that was stored under")]
        {
            let store = Boasting { inner: MemoryStore::default().with_locks(), keeps };
            let (verdict, seen) = seen(&probe(&store, &clock, 1).await.unwrap());
            assert!(verdict == Verdict::No && seen.contains(expected), "{seen}");
        }
        let honest = MemoryStore::default().with_locks();
        let report = probe(&honest, &clock, 1).await.unwrap();
        let (verdict, seen_of_it) = seen(&report);
        assert!(verdict == Verdict::Yes && seen_of_it.contains("reads back as it was asked for"), "{seen_of_it}");
        assert_eq!(report.left_behind, ["probe/0000000000000001/locked".parse().unwrap()], "it is locked, and this store hides nothing");
        let weak = FaultStore::new(MemoryStore::default().with_locks()).with(Operation::Delete, 5, crate::fault::Fault::Deny);
        let (verdict, seen) = seen(&probe(&weak, &clock, 1).await.unwrap());
        assert!(verdict == Verdict::Unknown && seen.contains("may not delete"), "{seen}");
    }

    #[tokio::test]
    async fn a_store_that_takes_nothing_is_an_error_and_not_a_report() {
        let store = FaultStore::crash_at_call(MemoryStore::default(), 1);
        let error = probe(&store, &SystemClock::new(), 1).await.unwrap_err();
        assert!(error.is_transient());
    }
}

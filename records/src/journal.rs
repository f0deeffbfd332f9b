//! The journal: every event of an installation, in one `SQLite` file, appended and never changed.
//!
//! Every command and the daemon open it; several processes may at once. [`Journal::append`] answers only when the entry
//! is on disk (write-ahead log, `synchronous=FULL`), so an entry that was acknowledged survives a kill or a power cut.
//! Nothing here deletes, repairs or rewrites: a journal that cannot be read is named, and left as it is.

mod boot;
mod error;
mod file;
mod read;

use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Digest;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row, SqliteConnection};

pub use boot::machine_boot_time;
pub use error::JournalError;
pub use read::Filter;

use crate::chain::{Actor, BootTime, ChainReport, Entry, Head, NewEntry, TimeSource};
use crate::event::Event;

/// How long an append waits for another process that writes. Writes take milliseconds; a process that holds the lock
/// longer is stuck, and the caller is better told.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Readers at the same time in one process.
const READERS: u32 = 4;

/// An open journal. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Journal {
    path: PathBuf,
    /// One connection: the pool is the queue of this process's writers.
    writer: SqlitePool,
    readers: SqlitePool,
    boot_clock: fn() -> Option<BootTime>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Journal {
    /// Opens the journal at `path`, and makes it (mode 0600) where there is none. Its folder must exist.
    pub async fn open(path: &Path) -> Result<Self, JournalError> {
        if !file::exists(path)? {
            file::create(path).await?;
        }
        Self::open_existing(path).await
    }

    /// Opens the journal at `path`, which must be there: for whoever only reads, and must not start an empty one by a typo.
    pub async fn open_existing(path: &Path) -> Result<Self, JournalError> {
        file::inspect(path)?;
        let options = options(path);
        let error = |source| JournalError::of(path, "open", source);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await.map_err(error)?;
        file::migrate(&writer, path).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options);
        Ok(Self { path: path.to_owned(), writer, readers, boot_clock: || None })
    }

    /// Has each entry carry a reading of this boot clock beside the wall clock.
    #[must_use]
    pub fn with_boot_clock(mut self, clock: fn() -> Option<BootTime>) -> Self {
        self.boot_clock = clock;
        self
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `event` and answers when it is on disk. `at` is the wall clock's time.
    pub async fn append(&self, actor: &Actor, event: impl Into<Event>, at: Timestamp) -> Result<Entry, JournalError> {
        self.append_for(None, actor, event, at).await
    }

    /// As [`Self::append`], for a job or request that has an id.
    pub async fn append_for(
        &self,
        request: Option<String>,
        actor: &Actor,
        event: impl Into<Event>,
        at: Timestamp,
    ) -> Result<Entry, JournalError> {
        let mut entries = self.write(None, request, actor, vec![event.into()], at).await?;
        Ok(entries.pop().expect("one event makes one entry"))
    }

    /// Appends all of `events`, or none, and only if the last entry is still number `after` (0: there is none): what was decided on the
    /// facts up to there is written as it was decided, or is refused with [`JournalError::Moved`] and decided anew.
    pub async fn append_all_after(&self, after: u64, actor: &Actor, events: Vec<Event>, at: Timestamp) -> Result<Vec<Entry>, JournalError> {
        self.write(Some(after), None, actor, events, at).await
    }

    async fn write(
        &self,
        after: Option<u64>,
        request: Option<String>,
        actor: &Actor,
        events: Vec<Event>,
        at: Timestamp,
    ) -> Result<Vec<Entry>, JournalError> {
        let error = |source| JournalError::of(&self.path, "append to", source);
        // IMMEDIATE takes the write lock before the head is read, so no other process can append in between.
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(error)?;
        let mut head = head(&mut transaction, &self.path).await?.unwrap_or(Head::START);
        if let Some(expected) = after.filter(|after| *after != head.seq) {
            return Err(JournalError::Moved { path: self.path.clone(), found: head.seq, expected });
        }
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            let time_source = TimeSource { boot: (self.boot_clock)() };
            let new = NewEntry { actor, event, at, time_source, request: request.clone() };
            let entry = Entry::next(head, new).map_err(JournalError::Refused)?;
            sqlx::query("INSERT INTO entry (seq, action, at_us, hash, line) VALUES (?, ?, ?, ?, ?)")
                .bind(seq_to_sql(entry.seq))
                .bind(entry.event.action())
                .bind(entry.at.as_microsecond())
                .bind(entry.hash.as_bytes().as_slice())
                .bind(&entry.line)
                .execute(&mut *transaction)
                .await
                .map_err(error)?;
            head = Head { seq: entry.seq, hash: entry.hash };
            entries.push(entry);
        }
        transaction.commit().await.map_err(error)?;
        Ok(entries)
    }

    /// The entries that `filter` lets through, oldest first unless it says otherwise.
    pub async fn entries(&self, filter: Filter) -> Result<Vec<Entry>, JournalError> {
        read::entries(&self.readers, &self.path, &filter).await
    }

    /// All entries from the first one at or after `since` to the last one before `until`, without a gap: also those between
    /// whose clock was wrong. This is what an evidence pack is made of.
    pub async fn period(&self, since: Timestamp, until: Timestamp) -> Result<Vec<Entry>, JournalError> {
        read::period(&self.readers, &self.path, since, until).await
    }

    /// The last entry's number and hash; none for a journal without entries.
    pub async fn head(&self) -> Result<Option<Head>, JournalError> {
        let mut connection = self.readers.acquire().await.map_err(|source| JournalError::of(&self.path, "read", source))?;
        head(&mut connection, &self.path).await
    }

    /// Walks along the whole chain and names the first entry that does not fit.
    pub async fn verify(&self) -> Result<ChainReport, JournalError> {
        read::verify(&self.readers, &self.path).await
    }

    /// Ends the connections in order. Dropping the journal instead loses nothing.
    pub async fn close(self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
}

async fn head(connection: &mut SqliteConnection, path: &Path) -> Result<Option<Head>, JournalError> {
    let error = |source| JournalError::of(path, "read", source);
    let row = sqlx::query("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1").fetch_optional(connection).await.map_err(error)?;
    let Some(row) = row else { return Ok(None) };
    let seq: i64 = row.try_get("seq").map_err(error)?;
    Ok(Some(Head { seq: seq_from_sql(seq, path)?, hash: digest(&row, path)? }))
}

fn digest(row: &sqlx::sqlite::SqliteRow, path: &Path) -> Result<Digest, JournalError> {
    let bytes: &[u8] = row.try_get("hash").map_err(|source| JournalError::of(path, "read", source))?;
    let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| JournalError::Corrupt { path: path.to_owned(), source: None })?;
    Ok(Digest::from_bytes(bytes))
}

/// `SQLite`'s integers are signed; a number beyond them cannot be reached by appending.
fn seq_to_sql(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn seq_from_sql(seq: i64, path: &Path) -> Result<u64, JournalError> {
    u64::try_from(seq).map_err(|_| JournalError::Corrupt { path: path.to_owned(), source: None })
}

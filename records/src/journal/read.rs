//! Reading a journal: filters, periods, and the walk along its chain.

use std::path::Path;

use jiff::Timestamp;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{QueryBuilder, Row as _, Sqlite};

use super::error::JournalError;
use super::{digest, seq_from_sql, seq_to_sql};
use crate::chain::{ChainReport, Checker, Entry, Head};

/// How many entries the walk along the chain holds at once.
const BATCH: i64 = 500;

/// Which entries to read. The default lets all through, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// From this number on.
    pub from_seq: Option<u64>,
    /// Up to and with this number.
    pub until_seq: Option<u64>,
    /// Only these actions ("backup.finished"); none means all.
    pub actions: Vec<String>,
    /// At or after this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// At most so many.
    pub limit: Option<u64>,
    /// Newest first; a limit then keeps the newest.
    pub newest_first: bool,
}

impl Filter {
    /// Only these actions.
    pub fn actions<'a>(actions: impl IntoIterator<Item = &'a str>) -> Self {
        Self { actions: actions.into_iter().map(str::to_owned).collect(), ..Self::default() }
    }

    /// The newest entry of this action.
    pub fn last(action: &str) -> Self {
        Self { limit: Some(1), newest_first: true, ..Self::actions([action]) }
    }

    fn query(&self) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new("SELECT seq, line FROM entry WHERE 1");
        if let Some(seq) = self.from_seq {
            query.push(" AND seq >= ").push_bind(seq_to_sql(seq));
        }
        if let Some(seq) = self.until_seq {
            query.push(" AND seq <= ").push_bind(seq_to_sql(seq));
        }
        if let Some(at) = self.since {
            query.push(" AND at_us >= ").push_bind(at.as_microsecond());
        }
        if let Some(at) = self.until {
            query.push(" AND at_us < ").push_bind(at.as_microsecond());
        }
        if !self.actions.is_empty() {
            query.push(" AND action IN (");
            let mut list = query.separated(", ");
            for action in &self.actions {
                list.push_bind(action.clone());
            }
            query.push(")");
        }
        query.push(if self.newest_first { " ORDER BY seq DESC" } else { " ORDER BY seq" });
        if let Some(limit) = self.limit {
            query.push(" LIMIT ").push_bind(seq_to_sql(limit));
        }
        query
    }
}

pub(super) async fn entries(pool: &SqlitePool, path: &Path, filter: &Filter) -> Result<Vec<Entry>, JournalError> {
    let rows = filter.query().build().fetch_all(pool).await.map_err(|source| JournalError::of(path, "read", source))?;
    rows.iter().map(|row| entry(row, path)).collect()
}

pub(super) async fn period(pool: &SqlitePool, path: &Path, since: Timestamp, until: Timestamp) -> Result<Vec<Entry>, JournalError> {
    let error = |source| JournalError::of(path, "read", source);
    let row = sqlx::query("SELECT min(seq) AS first, max(seq) AS last FROM entry WHERE at_us >= ? AND at_us < ?")
        .bind(since.as_microsecond())
        .bind(until.as_microsecond())
        .fetch_one(pool)
        .await
        .map_err(error)?;
    let first: Option<i64> = row.try_get("first").map_err(error)?;
    let last: Option<i64> = row.try_get("last").map_err(error)?;
    let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
    let filter = Filter { from_seq: Some(seq_from_sql(first, path)?), until_seq: Some(seq_from_sql(last, path)?), ..Filter::default() };
    entries(pool, path, &filter).await
}

fn entry(row: &SqliteRow, path: &Path) -> Result<Entry, JournalError> {
    let error = |source| JournalError::of(path, "read", source);
    let seq = seq_from_sql(row.try_get("seq").map_err(error)?, path)?;
    let line: &str = row.try_get("line").map_err(error)?;
    Entry::parse(line).map_err(|source| JournalError::Entry { path: path.to_owned(), seq, source })
}

pub(super) async fn verify(pool: &SqlitePool, path: &Path) -> Result<ChainReport, JournalError> {
    let error = |source| JournalError::of(path, "read", source);
    let mut checker = Checker::after(Head::START);
    let mut after = i64::MIN;
    loop {
        let rows = sqlx::query("SELECT seq, action, at_us, hash, line FROM entry WHERE seq > ? ORDER BY seq LIMIT ?")
            .bind(after)
            .bind(BATCH)
            .fetch_all(pool)
            .await
            .map_err(error)?;
        let Some(last) = rows.last() else { return Ok(checker.finish()) };
        after = last.try_get("seq").map_err(error)?;
        for row in &rows {
            let line: &str = row.try_get("line").map_err(error)?;
            let Some(entry) = checker.take(line, Some(digest(row, path)?)) else { return Ok(checker.finish()) };
            let action: &str = row.try_get("action").map_err(error)?;
            let at: i64 = row.try_get("at_us").map_err(error)?;
            let seq: i64 = row.try_get("seq").map_err(error)?;
            if (seq_to_sql(entry.seq), entry.event.action(), entry.at.as_microsecond()) != (seq, action, at) {
                checker.fail_at(entry.seq, "the columns beside the line say something else than the line: they were changed");
                return Ok(checker.finish());
            }
        }
    }
}

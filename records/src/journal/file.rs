//! The journal's file: how it is made, recognised and brought up to date.
//!
//! A journal is made whole in a temporary file and then linked into place without replacing anything. So a process
//! that is killed while it makes one leaves no half journal, and two processes make one and not two.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

use super::error::JournalError;
use super::options;

/// Marks the file as a journal of lifeboat (`PRAGMA application_id`): `LBj` and the file generation.
const APPLICATION_ID: u32 = 0x4c42_6a01;
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The schema, step by step. A step that was released is never edited; SQL of a later step is added below.
const SCHEMA: &[(i64, &str, &str)] = &[(1, "entries", include_str!("schema-1.sql"))];

/// Whether something is there.
pub(super) fn exists(path: &Path) -> Result<bool, JournalError> {
    path.try_exists().map_err(|source| JournalError::File { path: path.to_owned(), doing: "open", source })
}

/// Makes an empty journal with mode 0600; one that another process made in the meantime is left as it is.
pub(super) async fn create(path: &Path) -> Result<(), JournalError> {
    let failed = |source| JournalError::File { path: path.to_owned(), doing: "create", source };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let new = tempfile::Builder::new().prefix(".journal-").suffix(".new").tempfile_in(folder).map_err(failed)?; // mode 0600
    let error = |source| JournalError::of(path, "create", source);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options(new.path())).await.map_err(error)?;
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}"))).execute(&pool).await.map_err(error)?;
    migrate(&pool, path).await?;
    pool.close().await; // writes the log back into the file
    new.as_file().sync_all().map_err(failed)?;
    match new.persist_noclobber(path) {
        Ok(_) => File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed),
        Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(refused) => Err(failed(refused.error)),
    }
}

/// Looks at the file's head before the database may touch it: `SQLite` would take an empty file for an empty database, and
/// the journal would begin anew without a word.
pub(super) fn inspect(path: &Path) -> Result<(), JournalError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => JournalError::Missing { path: path.to_owned() },
        _ => JournalError::File { path: path.to_owned(), doing: "open", source },
    };
    let mut head = Vec::with_capacity(100);
    File::open(path).map_err(failed)?.take(100).read_to_end(&mut head).map_err(failed)?;
    let Some((magic, rest)) = head.split_first_chunk::<16>().filter(|_| head.len() == 100) else {
        return Err(JournalError::Corrupt { path: path.to_owned(), source: None });
    };
    if magic != SQLITE_MAGIC {
        // Text or another format is foreign; zeros and noise are what a broken disk leaves.
        let text = head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
        let path = path.to_owned();
        return Err(if text { JournalError::Foreign { path } } else { JournalError::Corrupt { path, source: None } });
    }
    // Bytes 68..72 of the file, big-endian (https://www.sqlite.org/fileformat.html#the_database_header).
    if rest.get(52..56) == Some(APPLICATION_ID.to_be_bytes().as_slice()) {
        Ok(())
    } else {
        Err(JournalError::Foreign { path: path.to_owned() })
    }
}

/// Brings the schema up to date; a newer one is refused.
pub(super) async fn migrate(pool: &SqlitePool, path: &Path) -> Result<(), JournalError> {
    let steps = SCHEMA
        .iter()
        .map(|(version, name, sql)| Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false))
        .collect();
    let known = SCHEMA.last().map_or(0, |(version, ..)| *version);
    match Migrator::with_migrations(steps).run(pool).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(found)) => Err(JournalError::Newer { path: path.to_owned(), found, known }),
        Err(MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)) => Err(JournalError::of(path, "open", source)),
        Err(error) => Err(JournalError::of(path, "open", sqlx::Error::Migrate(Box::new(error)))),
    }
}

//! Sources, the copies that are made of them, and how long these are kept.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base::Span;
use base::id::{RepositoryId, RetentionId, SourceId};
use serde::Serialize;

use super::{Keep, SecretRef};
use crate::schedule::Schedule;

/// Data that is backed up on a schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source {
    /// How the plan calls it.
    pub id: SourceId,
    /// What is read.
    pub kind: SourceKind,
    /// When it is read, in the plan's zone.
    pub schedule: Schedule,
    /// How long a run is expected to take; together with the schedule it must fit the RPO. 10 minutes unless set.
    pub expect_run: Span,
    /// An RPO of its own, in place of those of the services that rely on it.
    pub rpo: Option<Span>,
    /// How long copies are kept; [`Retention::standard`] unless set.
    pub retention: Option<RetentionId>,
    /// Every repository that gets a copy, resolved: all of the plan unless it names a copy rule.
    pub to: Vec<RepositoryId>,
    /// A fresh nonce that must come back in a drill.
    pub canary: Option<Canary>,
    /// Queries that are answered in the dump's own transaction, and their answers kept with the restore point; by name.
    pub facts: BTreeMap<String, String>,
    /// The source that is backed up before this one.
    pub after: Option<SourceId>,
    /// A program that reads it and takes longer is ended. 12 hours unless set.
    pub within: Span,
    /// Programs that are run around a backup.
    pub hooks: Hooks,
}

/// Programs that are run around a backup; each is a program and its arguments, never a shell. Empty: none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hooks {
    /// Before it; a failure ends the backup.
    pub before: Vec<String>,
    /// After a backup that was made.
    pub after: Vec<String>,
    /// After a backup that was not made.
    pub on_failure: Vec<String>,
    /// Last, whatever came of it.
    pub always: Vec<String>,
    /// Each is ended when it takes longer. 10 minutes unless set.
    pub within: Span,
}

impl Default for Hooks {
    fn default() -> Self {
        let none = Vec::new;
        Self { before: none(), after: none(), on_failure: none(), always: none(), within: crate::document::section::source::HOOK_WITHIN }
    }
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// Files of this host.
    Files(FilesSource),
    /// A `PostgreSQL` database.
    Postgres(PostgresSource),
    /// A `MySQL` or `MariaDB` server.
    Mysql(MysqlSource),
    /// `SQLite` files.
    Sqlite(SqliteSource),
    /// What a program writes to its standard output.
    Command(CommandSource),
    /// What is piped into `lifeboat backup --stdin`.
    Stdin(StdinSource),
}

impl SourceKind {
    /// The key of the plan: "files", "postgres"…
    pub fn word(&self) -> &'static str {
        match self {
            Self::Files(_) => "files",
            Self::Postgres(_) => "postgres",
            Self::Mysql(_) => "mysql",
            Self::Sqlite(_) => "sqlite",
            Self::Command(_) => "command",
            Self::Stdin(_) => "stdin",
        }
    }
}

/// A `PostgreSQL` database, dumped by `pg_dump`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PostgresSource {
    /// Where the connection string is found.
    pub dsn: SecretRef,
    /// The form of the dump.
    pub format: PostgresFormat,
    /// Every database of the server, and not the one of the connection string alone. False unless set.
    pub all: bool,
    /// Roles and tablespaces too. True unless set.
    pub globals: bool,
    /// The folder of `pg_dump` and its kin; where packages put them unless set.
    pub tools: Option<PathBuf>,
}

/// Forms of `pg_dump --format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PostgresFormat {
    /// One archive for `pg_restore`. The default.
    #[default]
    Custom,
    /// A folder for `pg_restore`, dumped by several jobs.
    Directory,
    /// SQL.
    Plain,
}

/// A `MySQL` or `MariaDB` server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MysqlSource {
    /// Where the connection string is found.
    pub dsn: SecretRef,
    /// Databases; that of the connection string, or else all, where none is named.
    pub databases: Vec<String>,
    /// The folder of the dump program; where packages put it unless set.
    pub tools: Option<PathBuf>,
}

/// `SQLite` files, copied by the online backup of `SQLite`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SqliteSource {
    /// Absolute paths, at least one.
    pub paths: Vec<PathBuf>,
    /// The folder of sqlite3; where packages put it unless set.
    pub tools: Option<PathBuf>,
}

/// What a program writes to its standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandSource {
    /// Program and arguments; never a shell.
    pub run: Vec<String>,
    /// Name of the file that it becomes.
    pub file_name: String,
}

/// What is piped in. Its schedule says when that is expected; nothing starts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StdinSource {
    /// Name of the file that it becomes.
    pub file_name: String,
}

/// Files of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilesSource {
    /// Absolute paths, at least one.
    pub paths: Vec<PathBuf>,
    /// Patterns in gitignore syntax, in order; a later one wins.
    pub exclude: Vec<String>,
    /// Stay on the file system of each path. False unless set.
    pub one_file_system: bool,
    /// Leave out folders that carry a `CACHEDIR.TAG`. True unless set.
    pub exclude_caches: bool,
}

/// The canary of a source, written before each backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Canary {
    /// A file, relative to the first path of a files source.
    File(PathBuf),
    /// A statement that writes `:nonce` into a database.
    Sql(String),
}

impl Canary {
    /// The file, where it is one.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::File(path) => Some(path),
            Self::Sql(_) => None,
        }
    }
}

/// A named list of repositories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyRule {
    /// Each gets a copy.
    pub to: Vec<RepositoryId>,
    /// The numbers that the copies have to reach.
    pub rule: Option<CopyTarget>,
    /// How often copies are read back, and how much of them.
    pub verify: Option<Verify>,
    /// How far a copy may be behind.
    pub lag: BTreeMap<RepositoryId, Span>,
}

/// "3-2-1-1-0": what copies have to reach. The data itself counts as the first copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CopyTarget {
    /// Copies, the data itself among them.
    pub copies: u8,
    /// Different media among the repositories.
    pub media: u8,
    /// Repositories at another site than the first.
    pub offsite: u8,
    /// Repositories that a thief of this host's rights cannot empty: under a lock, or under an account of their own.
    pub isolated: u8,
    /// Errors that a check may find. Zero asks for a `verify`.
    pub errors: u8,
}

/// How often copies are read back, and how much of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Verify {
    /// Time between two checks.
    pub every: Span,
    /// Percent of the data that is read each time, 1 to 100.
    pub sample: u8,
}

/// How long copies are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// The rule's name; "standard" for the built-in one.
    pub id: RetentionId,
    /// How many of each.
    pub keep: Keep,
    /// What becomes of a restore point that no count keeps.
    pub at_expiry: AtExpiry,
    /// Where it goes then.
    pub archive: Option<Archive>,
    /// The time for which a law or a contract asks that data is kept.
    pub legal_minimum: Option<Span>,
}

/// What becomes of a restore point that no count keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AtExpiry {
    /// It may be deleted. The default.
    #[default]
    Delete,
    /// It is archived first.
    Archive,
}

/// Where restore points go when they expire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Archive {
    /// The repository.
    pub to: RepositoryId,
    /// How long it is kept there.
    #[serde(rename = "for")]
    pub period: Span,
    /// The form, in words, so that it can be read without this program.
    pub form: Option<String>,
    /// Time between two readings that prove that it can be read.
    pub read_back: Option<Span>,
}

impl Retention {
    /// What holds where a source names no rule: 48 hourly, 35 daily, 12 weekly, 24 monthly, and the newest whatever its time.
    pub fn standard() -> Self {
        let id = "standard".parse().expect("a plain word is an id");
        Self {
            id,
            keep: Keep { last: 1, hourly: 48, daily: 35, weekly: 12, monthly: 24, yearly: 0, within: None },
            at_expiry: AtExpiry::Delete,
            archive: None,
            legal_minimum: None,
        }
    }
}

//! What can go wrong with a journal, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use base::Hint;

use crate::chain::LineError;

/// Why a journal could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is none.
    #[error("there is no journal at {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a lifeboat journal", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version made or upgraded it.
    #[error("the journal {} was written by a newer lifeboat (schema {found}, this program knows {known})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// The file is damaged.
    #[error("the journal {} is damaged", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the database says, where it does.
        source: Option<Box<sqlx::Error>>,
    },
    /// An entry in it cannot be understood.
    #[error("entry {seq} of the journal {} cannot be read", path.display())]
    Entry {
        /// The file.
        path: PathBuf,
        /// The number of the entry.
        seq: u64,
        /// Why.
        source: LineError,
    },
    /// The event cannot be written down.
    #[error("the event cannot be written to the journal")]
    Refused(#[source] LineError),
    /// Somebody else appended since the caller looked, so what was decided may no longer hold.
    #[error("the journal {} has grown since it was read", path.display())]
    Moved {
        /// The file.
        path: PathBuf,
        /// The number of its last entry.
        found: u64,
        /// The number that the caller knew.
        expected: u64,
    },
    /// Another process held the lock for too long.
    #[error("the journal {} is held by another process", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// The file or its folder may not be written or read.
    #[error("no permission to {doing} the journal {}", path.display())]
    Denied {
        /// The file.
        path: PathBuf,
        /// "open", "read", "append to".
        doing: &'static str,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// The disk is full.
    #[error("no space left to {doing} the journal {}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// "open", "read", "append to".
        doing: &'static str,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// The system did not take a write: a limit, a quota, a full disk that it calls by another name, or a fault of the disk.
    #[error("the system refused a write, to {doing} the journal {}", path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// "open", "read", "append to".
        doing: &'static str,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
    /// The file could not be made or looked at.
    #[error("cannot {doing} the journal {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// "create", "open".
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// Anything else the database says.
    #[error("cannot {doing} the journal {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// "open", "read", "append to".
        doing: &'static str,
        /// What the database says.
        source: Box<sqlx::Error>,
    },
}

/// `SQLITE_IOERR_WRITE`, `SQLITE_IOERR_TRUNCATE`, `SQLITE_IOERR_SHMOPEN`, `SQLITE_IOERR_SHMSIZE`.
const WRITE: i32 = 778;
const TRUNCATE: i32 = 1546;
const SHARED_MEMORY_OPEN: i32 = 4618;
const SHARED_MEMORY_SIZE: i32 = 4874;

impl JournalError {
    /// Sorts what the database says by `SQLite`'s result codes (<https://www.sqlite.org/rescode.html>): the primary ones, and of the many
    /// `SQLITE_IOERR` those of a write, an extension of the file and of the file of shared memory.
    pub(super) fn of(path: &Path, doing: &'static str, source: sqlx::Error) -> Self {
        let code = match &source {
            sqlx::Error::Database(error) => error.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(0),
            _ => 0,
        };
        let path = path.to_owned();
        let boxed = Box::new(source);
        match code & 0xff {
            10 if matches!(code, WRITE | TRUNCATE | SHARED_MEMORY_OPEN | SHARED_MEMORY_SIZE) => {
                Self::Unwritten { path, doing, source: boxed }
            }
            5 | 6 => Self::Busy { path, source: boxed },
            3 | 8 | 14 | 23 => Self::Denied { path, doing, source: boxed },
            11 | 26 => Self::Corrupt { path, source: Some(boxed) },
            13 => Self::Full { path, doing, source: boxed },
            _ => Self::Database { path, doing, source: boxed },
        }
    }
}

impl Hint for JournalError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some("check the path of the state folder; `lifeboat init` makes a new journal".to_owned()),
            Self::Foreign { path } => {
                Some(format!("point the state folder somewhere else, or move {} away; it was not touched", path.display()))
            }
            Self::Newer { .. } => Some("install that newer version of lifeboat; nothing was changed".to_owned()),
            Self::Corrupt { path, .. } => Some(format!(
                "nothing was deleted: stop lifeboat, copy {0} with its -wal and -shm files to a safe place, then put the last good copy back, \
                 or save what is readable with `sqlite3 {0} .recover`; the evidence packs hold their own copy of the records",
                path.display()
            )),
            Self::Entry { .. } => Some("run `lifeboat audit verify`; it names the first entry that does not fit".to_owned()),
            Self::Refused(error) => error.hint(),
            Self::Moved { .. } => Some("look again, and do it again: nothing was written".to_owned()),
            Self::Busy { .. } => Some("see which lifeboat process hangs, end it, and try again".to_owned()),
            Self::Denied { path, .. } => Some(format!("run as the user who owns {}, or give that user back the folder", path.display())),
            Self::Full { .. } => Some("free some space on that disk; the entries before are safe".to_owned()),
            Self::Unwritten { path, .. } => Some(format!(
                "free some space below {}, or lift the quota or limit on files (ulimit -f); where neither is it, look for faults of the disk \
                 (dmesg); the entries before are safe",
                path.parent().unwrap_or(path).display()
            )),
            Self::File { path, doing: "create", .. } => {
                Some(format!("make the folder {} and let this user write to it", path.parent().unwrap_or(path).display()))
            }
            Self::File { .. } | Self::Database { .. } => None,
        }
    }
}

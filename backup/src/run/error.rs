//! Why a backup ended without a snapshot, and what to do about it.

use std::path::PathBuf;

use base::Hint;
use base::id::SourceId;
use jiff::Timestamp;
use repository::writer::WriteError;

use tools::database::DatabaseError;
use tools::program::ProgramError;

/// Why no snapshot was stored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The source names no path at all.
    #[error("source {source_id} names no path")]
    NoPath {
        /// The source.
        source_id: SourceId,
    },
    /// A path that is relative or goes through `..`, so that its place depends on where the program was started.
    #[error("source path {} is not an absolute path without \"..\"", path.display())]
    NotAbsolute {
        /// As the plan has it.
        path: PathBuf,
    },
    /// None of the source's paths exists. An empty snapshot would look like a good one.
    #[error("source path {} does not exist", path.display())]
    Missing {
        /// The first of them.
        path: PathBuf,
    },
    /// None of the source's paths can be read.
    #[error("source path {} cannot be read", path.display())]
    Unreadable {
        /// The first of them.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A source path is the repository's own folder, or this program's cache folder.
    #[error("source path {} is {what} itself", path.display())]
    Own {
        /// The path.
        path: PathBuf,
        /// "the repository" or "the cache folder".
        what: &'static str,
    },
    /// An exclude pattern that cannot be understood.
    #[error("exclude pattern \"{pattern}\" is not gitignore syntax")]
    Pattern {
        /// As the plan has it.
        pattern: String,
        /// What is wrong with it.
        source: ignore::Error,
    },
    /// The wall clock cannot be right. Retention would go by wrong dates ever after.
    #[error("the clock says {now}, which is before this program existed")]
    Clock {
        /// What it says.
        now: Timestamp,
    },
    /// Another process is backing up the same source.
    #[error("source {source_id} is being backed up already, by {}", process(*pid))]
    Busy {
        /// The source.
        source_id: SourceId,
        /// The other process, where it has said so.
        pid: Option<u32>,
    },
    /// The cache folder cannot be used.
    #[error("cannot use the cache folder {}", path.display())]
    Cache {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The repository did not take it.
    #[error("cannot write to the repository")]
    Write(#[source] WriteError),
    /// A program that was to tell the data did not do so to its end. Nothing of it counts.
    #[error(transparent)]
    Program(ProgramError),
    /// A database could not be dumped.
    #[error(transparent)]
    Database(DatabaseError),
    /// A hook that comes before the backup failed, so that there was none.
    #[error("the hook \"{when}\" failed, so nothing was backed up")]
    Hook {
        /// "before".
        when: &'static str,
        /// What came of it.
        source: ProgramError,
    },
    /// A stream broke off.
    #[error("{name} could not be read to its end")]
    Stream {
        /// The name of the file that it was to become.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Two of a source's dumps would be the same file.
    #[error("the source has two files for {name} in the restore point")]
    Twice {
        /// The path in the restore point.
        name: String,
    },
    /// It was told to stop. Nothing is acknowledged and the repository is valid.
    #[error("the backup was interrupted")]
    Cancelled,
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl From<ProgramError> for BackupError {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Cancelled => Self::Cancelled,
            error => Self::Program(error),
        }
    }
}

impl From<DatabaseError> for BackupError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Program(error) => error.into(),
            error => Self::Database(error),
        }
    }
}

impl Hint for BackupError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPath { .. } => Some("give the source at least one path in the plan".to_owned()),
            Self::NotAbsolute { .. } => Some("write the whole path, from / on, in the plan".to_owned()),
            Self::Missing { path } => Some(format!("see whether {} is mounted, or correct the path in the plan", path.display())),
            Self::Unreadable { .. } => Some("run the backup as a user who may read it".to_owned()),
            Self::Own { .. } => Some("name the folder whose data matters; a repository does not hold itself".to_owned()),
            Self::Pattern { .. } => Some("correct the pattern in the plan; it is a line of a .gitignore file".to_owned()),
            Self::Clock { .. } => Some("set the clock, then run the backup again".to_owned()),
            Self::Busy { pid, .. } => Some(format!("wait for {} to end, or stop it", process(*pid))),
            Self::Cache { .. } => Some("make the folder writable for this user, or choose another cache folder".to_owned()),
            Self::Write(cause) => cause.hint(),
            Self::Database(cause) => cause.hint(),
            Self::Program(cause) | Self::Hook { source: cause, .. } => cause.hint(),
            Self::Stream { .. } => Some("run it again; nothing of what came so far counts".to_owned()),
            Self::Twice { .. } => {
                Some("make two sources of it in the plan; a file that is there is never replaced by another one".to_owned())
            }
            Self::Cancelled => Some("run it again; what was uploaded already is not uploaded twice".to_owned()),
        }
    }
}

//! The sources that are no folders, one file each: what is started, and under which names its output is kept.
//!
//! `stream` drives them; a folder is `walk`'s.

mod command;
mod input;
mod mysql;
mod postgres;
mod sqlite;

pub use self::command::Command;
pub use self::input::Input;
pub use self::mysql::MysqlDump;
pub use self::postgres::{Databases, PostgresDump};
pub use self::sqlite::SqliteFiles;
use crate::run::BackupError;
use crate::stream::Storing;

/// What is read.
#[derive(Debug)]
pub enum Dump {
    /// What a program writes to its standard output.
    Command(Command),
    /// What comes in through a pipe.
    Input(Input),
    /// One or all databases of a server.
    Postgres(PostgresDump),
    /// Databases of a server.
    Mysql(MysqlDump),
    /// Database files.
    Sqlite(SqliteFiles),
}

impl Dump {
    /// Whether it can be read a second time in the same run.
    pub(crate) fn can_repeat(&self) -> bool {
        !matches!(self, Self::Input(_))
    }

    /// Finds what is wrong before the repository is asked for anything.
    pub(crate) fn examine(&self) -> Result<(), BackupError> {
        match self {
            Self::Command(command) => Ok(command.program.examine()?),
            // A server is asked when it is read: that takes time, and no lock is held for it.
            Self::Input(_) | Self::Postgres(_) | Self::Mysql(_) | Self::Sqlite(_) => Ok(()),
        }
    }

    pub(crate) async fn read(&mut self, storing: &mut Storing) -> Result<(), BackupError> {
        match self {
            Self::Command(command) => command.read(storing).await,
            Self::Input(input) => input.read(storing).await,
            Self::Postgres(dump) => dump.read(storing).await,
            Self::Mysql(dump) => dump.read(storing).await,
            Self::Sqlite(files) => files.read(storing).await,
        }
    }
}

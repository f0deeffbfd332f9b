//! `PostgreSQL` through its own programs: psql asks, `pg_dump` dumps, `pg_restore` fills.
//!
//! A connection string becomes variables of the child's environment, which only its user can read, and never arguments. A session of psql
//! is held open while `pg_dump` reads the snapshot that it exported, so that facts and dump are of the same instant.

mod connection;
mod restricted;
mod session;

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use self::connection::Connection;
pub use self::restricted::Restricted;
pub use self::session::Session;
use crate::database::DatabaseError;
use crate::find;
use crate::program::Program;

/// The Debian package of the client programs.
const PACKAGE: &str = "postgresql-client";
/// How long a program may take to tell its version.
const QUICK: Duration = Duration::from_secs(30);

/// How to reach a server, and with what.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// Where it is.
    pub connection: Connection,
    /// The folder of its programs; where packages put them unless named.
    pub tools: Option<PathBuf>,
    /// What a program may take.
    pub within: Duration,
}

impl Postgres {
    /// A program of the client, connected to `database` or to that of the connection string.
    pub fn program(&self, name: &'static str, database: Option<&str>, args: &[&str]) -> Result<Program, DatabaseError> {
        let path = find::program(&[name], self.tools.as_deref(), PACKAGE)?;
        let run = std::iter::once(path).chain(args.iter().map(|arg| (*arg).to_owned())).collect();
        Ok(Program { run, env: self.connection.env(database), within: self.within })
    }

    /// The same for programs that only tell of themselves.
    fn version_of(&self, name: &'static str) -> Result<Program, DatabaseError> {
        Ok(Program { within: QUICK, ..self.program(name, None, &["--version"])? })
    }

    /// Finds psql able to keep its own commands from what it carries out: `\restrict`, see [`Restricted`].
    pub async fn can_restrict(&self, cancel: &CancellationToken) -> Result<(), DatabaseError> {
        let program = Program { within: QUICK, ..self.program("psql", None, &["--help=commands"])? };
        let said = program.clone().ask(cancel).await?;
        if said.contains("\\restrict ") { Ok(()) } else { Err(DatabaseError::Unrestricted { tool: program.name() }) }
    }

    /// A transaction that sees one instant and changes nothing.
    pub async fn session(&self, database: Option<&str>, cancel: &CancellationToken) -> Result<Session, DatabaseError> {
        Session::open(self, database, cancel).await
    }

    /// Finds out what would keep a dump from being made: programs that are missing or too old, and a server that lets nobody in. Gives back
    /// the server's version.
    pub async fn examine(&self, tools: &[&'static str], cancel: &CancellationToken) -> Result<String, DatabaseError> {
        let mut versions = Vec::new();
        for tool in tools {
            let program = self.version_of(tool)?;
            let said = program.clone().ask(cancel).await?;
            let version = find::version(&said).ok_or_else(|| DatabaseError::Answer { program: program.name() })?;
            versions.push((program.name(), version.0));
        }
        let mut session = self.session(None, cancel).await?;
        let server = session.one("show server_version").await?;
        session.end().await?;
        let server = server.split_whitespace().next().unwrap_or_default().to_owned();
        let major = server.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse::<u32>().ok()).unwrap_or(0);
        match versions.into_iter().find(|(_, version)| *version < major) {
            Some((tool, tool_version)) => Err(DatabaseError::TooOld { tool, tool_version, server }),
            None => Ok(server),
        }
    }
}

/// The file that a database is dumped to: its name, with what no name of a file may have written as %2F.
pub fn file_name(database: &str, ending: &str) -> String {
    let mut name = String::new();
    for (n, c) in database.chars().enumerate() {
        match c {
            '/' => name += "%2F",
            '%' => name += "%25",
            '.' if n == 0 => name += "%2E",
            c => name.push(c),
        }
    }
    name + ending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_database_becomes_a_name_of_a_file_of_its_own() {
        for (database, file) in [("shop", "shop.dump"), ("a/b", "a%2Fb.dump"), ("..", "%2E..dump"), ("50%", "50%25.dump"), ("é", "é.dump")]
        {
            assert_eq!(file_name(database, ".dump"), file);
        }
    }
}

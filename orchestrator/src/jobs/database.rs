//! The databases of a plan as their programs are to reach them: the connection string behind the reference, the folder of the tools.
//!
//! Backups, restores and `doctor` ask here.

use plans::plan::{MysqlSource, PostgresSource, SecretRef, Source, SourceKind, SqliteSource};
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;
use tools::database::DatabaseError;
use tools::facts::Question;
use tools::mysql::Mysql;
use tools::postgres::{Connection, Postgres};
use tools::sqlite::Sqlite;

use super::JobError;
use crate::parts::Connect;

/// For `map_err`: the database of a source cannot be asked.
fn failed(source: &Source) -> impl Fn(DatabaseError) -> JobError {
    let id = source.id.clone();
    move |error| JobError::Database { source_id: id.clone(), source: Box::new(error) }
}

/// A server of `PostgreSQL` that holds what this source does, behind this reference.
pub fn postgres_at(connect: &dyn Connect, source: &Source, dsn: &SecretRef, asked: &PostgresSource) -> Result<Postgres, JobError> {
    let connection = Connection::parse(connect.secret(dsn)?.expose_secret()).map_err(failed(source))?;
    Ok(Postgres { connection, tools: asked.tools.clone(), within: source.within.at_least() })
}

/// A server of `MySQL` that holds what this source does, behind this reference.
pub fn mysql_at(connect: &dyn Connect, source: &Source, dsn: &SecretRef, asked: &MysqlSource) -> Result<Mysql, JobError> {
    let dsn = connect.secret(dsn)?;
    Mysql::parse(dsn.expose_secret(), asked.tools.clone(), source.within.at_least()).map_err(failed(source))
}

/// The program for database files.
pub fn sqlite(source: &Source, asked: &SqliteSource) -> Sqlite {
    Sqlite { tools: asked.tools.clone(), within: source.within.at_least() }
}

/// What the plan asks of a database.
pub fn questions(source: &Source) -> Vec<Question> {
    source.facts.iter().map(|(name, query)| Question { name: name.clone(), query: query.clone() }).collect()
}

/// What a look at the database of a source found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// One line: "`PostgreSQL` 15.18, shop on db.example".
    pub what: String,
    /// What is worth a look before it is relied on.
    pub doubt: Option<String>,
}

/// Finds out before a run what would end it: programs that are missing or too old, a server that lets nobody in. `None` where the source is
/// no database.
pub async fn look(connect: &dyn Connect, source: &Source, cancel: &CancellationToken) -> Result<Option<Seen>, JobError> {
    match &source.kind {
        SourceKind::Postgres(asked) => {
            let server = postgres_at(connect, source, &asked.dsn, asked)?;
            let tools: &[&str] =
                if asked.globals { &["pg_dump", "psql", "pg_restore", "pg_dumpall"] } else { &["pg_dump", "psql", "pg_restore"] };
            let version = server.examine(tools, cancel).await.map_err(failed(source))?;
            let mut session = server.session(None, cancel).await.map_err(failed(source))?;
            let superuser = session.one("select rolsuper from pg_roles where rolname = current_user").await.map_err(failed(source))?;
            session.end().await.map_err(failed(source))?;
            let doubt = (asked.globals && superuser != "t").then(|| {
                "its user is no superuser, so that roles cannot be dumped: set globals: false in the plan, or use another user".to_owned()
            });
            Ok(Some(Seen { what: format!("PostgreSQL {version}, {}", server.connection), doubt }))
        }
        SourceKind::Mysql(asked) => {
            let server = mysql_at(connect, source, &asked.dsn, asked)?;
            let seen = server.examine(cancel).await.map_err(failed(source))?;
            Ok(Some(Seen { what: format!("{}, {}", seen.server, server.place()), doubt: seen.mismatch }))
        }
        SourceKind::Sqlite(asked) => {
            let mut version = String::new();
            for path in &asked.paths {
                version = sqlite(source, asked).examine(path, cancel).await.map_err(failed(source))?;
            }
            Ok(Some(Seen { what: format!("SQLite {version}, its files can be read"), doubt: None }))
        }
        SourceKind::Files(_) | SourceKind::Command(_) | SourceKind::Stdin(_) => Ok(None),
    }
}

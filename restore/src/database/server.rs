//! The place that is filled: which program fills it, whether it is empty, whether it is the source itself.

use tokio_util::sync::CancellationToken;
use tools::database::DatabaseError;
use tools::facts::{Engine, Form};
use tools::mysql::Mysql;
use tools::postgres::Postgres;
use tools::program::Program;

use super::{Found, IntoError};

/// Counts what people made in a database.
const POSTGRES_THINGS: &str = "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and n.nspname not in ('pg_catalog', 'information_schema') \
    and n.nspname not like 'pg\\_toast%' and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')";
/// What no two databases share.
const POSTGRES_WHO: &str =
    "select system_identifier || '/' || (select oid from pg_database where datname = current_database()) from pg_control_system()";
const MYSQL_WHO: &str = "select concat(@@hostname, '/', @@port, '/', @@datadir)";

/// A server and one of its databases.
#[derive(Debug, Clone)]
pub enum Server {
    /// `PostgreSQL`.
    Postgres(Postgres),
    /// `MySQL` or `MariaDB`.
    Mysql(Mysql),
}

/// The place that is filled.
#[derive(Debug, Clone)]
pub struct Target {
    /// The server.
    pub server: Server,
    /// Everything belongs to the user who fills it, whoever it belonged to.
    pub no_owner: bool,
}

impl Server {
    fn word(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "PostgreSQL",
            Self::Mysql(_) => "MySQL or MariaDB",
        }
    }

    /// What tells this database from every other one.
    async fn identity(&self, cancel: &CancellationToken) -> Result<String, DatabaseError> {
        match self {
            Self::Postgres(postgres) => {
                let mut session = postgres.session(None, cancel).await?;
                let identity = session.one(POSTGRES_WHO).await?;
                session.end().await?;
                Ok(identity)
            }
            Self::Mysql(mysql) => {
                let server = mysql.ask(None, MYSQL_WHO, cancel).await?;
                Ok(format!("{}/{}", server.trim(), mysql.database.as_deref().unwrap_or_default()))
            }
        }
    }
}

impl Target {
    /// Where it is, without the password.
    pub fn place(&self) -> String {
        match &self.server {
            Server::Postgres(postgres) => postgres.connection.to_string(),
            Server::Mysql(mysql) => mysql.place(),
        }
    }

    /// Finds it reachable, of the right kind and empty. `live` is the source's own database, where that is known.
    pub async fn examine(&self, found: &Found, live: Option<&Server>, cancel: &CancellationToken) -> Result<(), IntoError> {
        let word = match (found.engine, &self.server) {
            (Engine::Sqlite, _) => return Err(IntoError::IsFile),
            (Engine::Postgres, Server::Postgres(_)) | (Engine::Mysql, Server::Mysql(_)) => None,
            (Engine::Postgres, Server::Mysql(_)) => Some("PostgreSQL"),
            (Engine::Mysql, Server::Postgres(_)) => Some("MySQL or MariaDB"),
        };
        if let Some(dump) = word {
            return Err(IntoError::OtherEngine { dump, target: self.server.word() });
        }
        let n_things = match &self.server {
            Server::Postgres(postgres) => {
                postgres.examine(&["psql", "pg_restore"], cancel).await?;
                if found.form() != Form::Custom {
                    postgres.can_restrict(cancel).await?;
                }
                let mut session = postgres.session(None, cancel).await?;
                let count = session.one(POSTGRES_THINGS).await?;
                session.end().await?;
                count.parse().unwrap_or(u64::MAX)
            }
            Server::Mysql(mysql) => {
                mysql.examine(cancel).await?;
                let mut n_things = 0;
                for name in names(found, mysql)? {
                    let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
                    let count = format!(
                        "select (select count(*) from information_schema.tables where table_schema = '{quoted}') \
                         + (select count(*) from information_schema.routines where routine_schema = '{quoted}') \
                         + (select count(*) from information_schema.events where event_schema = '{quoted}')"
                    );
                    n_things += mysql.ask(None, &count, cancel).await?.trim().parse().unwrap_or(u64::MAX / 2);
                }
                n_things
            }
        };
        if n_things == 0 {
            return Ok(());
        }
        let own = self.server.identity(cancel).await.ok();
        let other = match live {
            Some(live) => live.identity(cancel).await.ok(),
            None => None,
        };
        Err(IntoError::NotEmpty { target: self.place(), n_things, live: own.is_some() && own == other })
    }

    /// Whether the dump goes through psql, which has commands of its own.
    pub(super) fn is_psql(&self, form: Form) -> bool {
        matches!(self.server, Server::Postgres(_)) && form != Form::Custom
    }

    /// The program that carries out a dump of this form.
    pub(super) fn program(&self, form: Form) -> Result<Program, IntoError> {
        let program = match (&self.server, form) {
            (Server::Postgres(postgres), Form::Custom) => {
                let database = format!("--dbname={}", postgres.connection.database());
                let owner: &[&str] = if self.no_owner { &["--no-owner", "--no-privileges"] } else { &[] };
                let args: Vec<&str> =
                    ["--no-password", "--exit-on-error", "--single-transaction", &database].iter().chain(owner).copied().collect();
                postgres.program("pg_restore", None, &args)
            }
            (Server::Postgres(postgres), _) => postgres.program(
                "psql",
                None,
                &["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--single-transaction", "--file=-"],
            ),
            (Server::Mysql(mysql), Form::Several) => mysql.fill(None),
            (Server::Mysql(mysql), _) => mysql.fill(mysql.database.as_deref()),
        };
        Ok(program?)
    }
}

/// The databases that a dump writes to on this server.
pub(super) fn names(found: &Found, mysql: &Mysql) -> Result<Vec<String>, IntoError> {
    match (found.form(), &mysql.database) {
        (Form::Several, _) => Ok(found.databases.iter().map(|database| database.name.clone()).collect()),
        (_, Some(own)) => Ok(vec![own.clone()]),
        (_, None) => Err(DatabaseError::Dsn { why: "it names no database to restore into".to_owned() }.into()),
    }
}

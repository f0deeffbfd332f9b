//! Databases of a `PostgreSQL` server, each dumped from the snapshot in which its facts were read.

use tools::facts::{Database, Dumped, Engine, FILE_NAME, Form, Question};
use tools::postgres::{Postgres, file_name};

use crate::run::BackupError;
use crate::stream::Storing;

/// What the plan asks of a server.
#[derive(Debug, Clone)]
pub struct PostgresDump {
    /// The server.
    pub server: Postgres,
    /// The form of the dumps: [`Form::Plain`], or [`Form::Custom`] for all others.
    pub form: Form,
    /// Which databases.
    pub databases: Databases,
    /// Roles and tablespaces too.
    pub globals: bool,
    /// What is asked of the database of the connection string; the rows of every table are counted where nothing is.
    pub facts: Vec<Question>,
}

/// Which databases of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Databases {
    /// That of the connection string.
    One,
    /// All that let anybody in and are no templates.
    All,
}

/// The file of roles and tablespaces.
const GLOBALS: &str = "globals.sql";
/// All databases of people.
const LIST: &str = "select datname from pg_database where datallowconn and not datistemplate order by 1";

impl PostgresDump {
    pub(super) async fn read(&self, storing: &mut Storing) -> Result<(), BackupError> {
        let cancel = storing.cancel.clone();
        let own = self.server.connection.database();
        let tools: &[&str] = if self.globals { &["pg_dump", "psql", "pg_dumpall"] } else { &["pg_dump", "psql"] };
        let version = self.server.examine(tools, &cancel).await?;
        let mut dumped = Dumped::new(Engine::Postgres, version);
        let names = match self.databases {
            Databases::One => vec![own.clone()],
            Databases::All => {
                let mut session = self.server.session(None, &cancel).await?;
                let names = session.list(LIST).await?;
                session.end().await?;
                names
            }
        };
        if self.globals {
            let program = self.server.program("pg_dumpall", None, &["--globals-only", "--no-password", "--database", &own])?;
            storing.program(GLOBALS, &program).await?;
            dumped.globals = Some(GLOBALS.to_owned());
        }
        for name in names {
            let asked = if name == own { self.facts.as_slice() } else { &[] };
            let database = self.dump(&name, asked, storing).await?;
            dumped.databases.push(database);
        }
        storing.stream(FILE_NAME, dumped.to_json().as_slice()).await.map(drop)
    }

    async fn dump(&self, name: &str, asked: &[Question], storing: &mut Storing) -> Result<Database, BackupError> {
        let mut session = self.server.session(Some(name), &storing.cancel.clone()).await?;
        let snapshot = session.snapshot().await?;
        let facts = session.facts(asked).await?;
        let (format, form, ending) = match self.form {
            Form::Plain => ("--format=plain", Form::Plain, ".sql"),
            // Uncompressed: what did not change since the last dump is then found again, and the repository compresses.
            _ => ("--format=custom", Form::Custom, ".dump"),
        };
        let file = Some(file_name(name, ending)).filter(|file| file != GLOBALS).unwrap_or_else(|| GLOBALS.replacen('g', "%67", 1));
        let snapshot = format!("--snapshot={snapshot}");
        let program = self.server.program("pg_dump", Some(name), &[format, "--compress=0", "--no-password", &snapshot])?;
        storing.program(&file, &program).await?;
        // A session that was lost meanwhile has let go of the snapshot, and is told here.
        session.end().await?;
        Ok(Database { name: name.to_owned(), file, form, facts })
    }
}

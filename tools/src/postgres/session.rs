//! A session of psql that is held open: one transaction that sees one instant and can change nothing.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio_util::sync::CancellationToken;

use super::Postgres;
use crate::database::DatabaseError;
use crate::facts::{Fact, Question, mark};
use crate::program::{Pipes, ProgramError, Running};

/// Lists the tables of a database whose rows a dump holds, each as its dump names it. Those of extensions come with the extension.
const TABLES: &str = "select quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where c.relkind = 'r' and c.relpersistence = 'p' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_toast%' \
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') order by 1";
/// Begins the transaction, which is idle while a dump runs, however long that takes. Which limits there are depends on the version.
const BEGIN: &str = "set standard_conforming_strings = on; select set_config(name, '0', false) from pg_settings where name in \
    ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout'); begin isolation level repeatable read read only;";
/// Longest answer that is taken, in bytes.
const MAX_SAID: usize = 16 << 20;
/// Exit code of psql where there is no connection.
const NO_CONNECTION: &str = "exit code 2";

/// The transaction, while psql runs.
#[derive(Debug)]
pub struct Session {
    running: Option<Running>,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    cancel: CancellationToken,
    /// For messages.
    place: String,
    program: String,
}

impl Session {
    pub(super) async fn open(postgres: &Postgres, database: Option<&str>, cancel: &CancellationToken) -> Result<Self, DatabaseError> {
        let args = ["--no-psqlrc", "--quiet", "--no-password", "--no-align", "--tuples-only", "--csv", "--set=ON_ERROR_STOP=1"];
        let program = postgres.program("psql", database, &args)?;
        let mut running = program.start(Pipes::Both)?;
        let pipes = running.input.take().zip(running.output.take());
        let (input, output) = pipes.ok_or_else(|| DatabaseError::Answer { program: program.name() })?;
        let place = database.map_or_else(|| postgres.connection.clone(), |name| postgres.connection.with_database(name)).to_string();
        let mut session =
            Self { running: Some(running), input, output: BufReader::new(output), cancel: cancel.clone(), place, program: program.name() };
        session.batch(BEGIN).await?;
        Ok(session)
    }

    /// The name under which another session sees what this one sees, as long as it is open.
    pub async fn snapshot(&mut self) -> Result<String, DatabaseError> {
        self.one("select pg_export_snapshot()").await
    }

    /// What a query says, as lines of comma-separated values.
    pub async fn ask(&mut self, query: &str) -> Result<String, DatabaseError> {
        // The server hands the text back and runs it, so that psql sees no command of its own in it.
        let text = query.trim().trim_end_matches(';').replace('\'', "''");
        self.batch(&format!("select '{text}' \\gexec")).await
    }

    /// The one value that a query says.
    pub async fn one(&mut self, query: &str) -> Result<String, DatabaseError> {
        Ok(self.ask(query).await?.trim_end_matches('\n').to_owned())
    }

    /// The values of a query with one column.
    pub async fn list(&mut self, query: &str) -> Result<Vec<String>, DatabaseError> {
        let lines = self.ask(query).await?;
        let whole = |line: &str| match line.strip_prefix('"').and_then(|line| line.strip_suffix('"')) {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => line.to_owned(),
        };
        Ok(lines.lines().map(whole).collect())
    }

    /// The answers of these questions, or how many rows each table has where there is none.
    pub async fn facts(&mut self, questions: &[Question]) -> Result<Vec<Fact>, DatabaseError> {
        let counted =
            if questions.is_empty() { self.list(TABLES).await?.iter().map(|table| Question::rows(table)).collect() } else { Vec::new() };
        let mut facts = Vec::new();
        for question in questions.iter().chain(&counted) {
            let answer = self.ask(&question.query).await?;
            facts.push(question.clone().answered(answer.trim_end_matches('\n').to_owned(), true));
        }
        Ok(facts)
    }

    /// Sends lines to psql and reads what comes of them.
    async fn batch(&mut self, lines: &str) -> Result<String, DatabaseError> {
        let mark = mark();
        let text = format!("{lines}\n\\echo {mark}\n");
        let told = {
            let (input, output) = (&mut self.input, &mut self.output);
            let exchange = async {
                input.write_all(text.as_bytes()).await.ok()?;
                input.flush().await.ok()?;
                let mut said = Vec::new();
                loop {
                    let from = said.len();
                    if output.read_until(b'\n', &mut said).await.ok()? == 0 {
                        return None;
                    }
                    if said.len() > MAX_SAID {
                        return None;
                    }
                    if said.get(from..).is_some_and(|line| line.trim_ascii_end() == mark.as_bytes()) {
                        said.truncate(from);
                        return Some(said);
                    }
                }
            };
            match &self.running {
                Some(running) => running.during(exchange, &self.cancel).await.flatten(),
                None => None,
            }
        };
        match told {
            Some(said) => Ok(String::from_utf8_lossy(&said).into_owned()),
            None => Err(self.failure().await),
        }
    }

    /// Why psql stopped to answer.
    async fn failure(&mut self) -> DatabaseError {
        let Some(running) = self.running.take() else { return DatabaseError::Answer { program: self.program.clone() } };
        match running.end(&self.cancel).await {
            Ok(_) => DatabaseError::Answer { program: self.program.clone() },
            Err(ProgramError::Failed { how, said, .. }) if how.ends_with(NO_CONNECTION) => {
                DatabaseError::Unreachable { database: self.place.clone(), said }
            }
            Err(error) => error.into(),
        }
    }

    /// Ends the transaction. Until here it has seen one instant, and fails if the server went away meanwhile.
    pub async fn end(mut self) -> Result<(), DatabaseError> {
        self.batch("commit;").await?;
        drop(self.input);
        match self.running.take() {
            Some(running) => running.end(&self.cancel).await.map(drop).map_err(Into::into),
            None => Ok(()),
        }
    }
}

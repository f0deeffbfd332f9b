//! `MySQL` and `MariaDB` through their own programs. The password is in the child's environment, and the rest in arguments.
//!
//! Neither server lets a second session see the state that a dump reads. Facts are asked in a consistent snapshot before the dump and in
//! another one after it; an answer that is the same both times counts as exact, and one that differs does not.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::database::{DatabaseError, parts};
use crate::facts::{Fact, Question, mark};
use crate::find;
use crate::program::{Program, ProgramError};

/// The Debian package of the client programs.
const PACKAGE: &str = "mariadb-client";
/// The client, by the names that it has had.
const CLIENT: [&str; 2] = ["mariadb", "mysql"];
/// The dump program, by the names that it has had.
const DUMP: [&str; 2] = ["mariadb-dump", "mysqldump"];
/// Databases that belong to the server and not to people.
const OWN: &str = "'information_schema', 'performance_schema', 'mysql', 'sys'";
/// Seconds after which a server that does not answer is given up.
const TIMEOUT: &str = "--connect-timeout=15";

/// How to reach a server, and with what.
#[derive(Debug, Clone)]
pub struct Mysql {
    args: Vec<String>,
    password: Option<SecretString>,
    /// The database that the connection string names.
    pub database: Option<String>,
    place: String,
    /// The folder of its programs; where packages put them unless named.
    pub tools: Option<PathBuf>,
    /// What a program may take.
    pub within: Duration,
}

/// What was found when the server was asked before a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The server's version.
    pub server: String,
    /// The dump program is older than the server, or of the other family.
    pub mismatch: Option<String>,
}

impl Mysql {
    /// Reads `mysql://USER:PASSWORD@HOST:PORT/DATABASE?socket=/path`.
    pub fn parse(text: &str, tools: Option<PathBuf>, within: Duration) -> Result<Self, DatabaseError> {
        let parts = parts(text, &["mysql", "mariadb"])?;
        let mut args = Vec::new();
        let mut place = parts.host.clone().unwrap_or_else(|| "the local socket".to_owned());
        for (name, value) in parts.rest {
            let option = match name.as_str() {
                "socket" => "socket",
                "ssl-ca" => "ssl-ca",
                "ssl-cert" => "ssl-cert",
                "ssl-key" => "ssl-key",
                _ => return Err(DatabaseError::Dsn { why: format!("the parameter {name} is not known") }),
            };
            if option == "socket" {
                place.clone_from(&value);
            }
            args.push(format!("--{option}={value}"));
        }
        if let Some(host) = parts.host {
            args.push(format!("--host={host}"));
        }
        if let Some(port) = parts.port {
            args.push(format!("--port={port}"));
            let _ = write!(place, ":{port}"); // writing to a String cannot fail
        }
        if let Some(user) = parts.user {
            args.push(format!("--user={user}"));
            let _ = write!(place, " as {user}");
        }
        Ok(Self { args, password: parts.password.map(SecretString::from), database: parts.database, place, tools, within })
    }

    /// "shop on db.example:3306 as joy"
    pub fn place(&self) -> String {
        self.database.as_ref().map_or_else(|| self.place.clone(), |database| format!("{database} on {}", self.place))
    }

    fn program(&self, names: &[&'static str], args: &[&str]) -> Result<Program, DatabaseError> {
        let path = find::program(names, self.tools.as_deref(), PACKAGE)?;
        let args = args.iter().map(|arg| (*arg).to_owned());
        let run = std::iter::once(path).chain(self.args.iter().cloned()).chain(args).collect();
        let env = self.password.iter().map(|password| ("MYSQL_PWD".to_owned(), password.clone())).collect();
        Ok(Program { run, env, within: self.within })
    }

    /// The client, which takes its statements from standard input and none of them for a command of its own.
    fn client(&self, database: Option<&str>) -> Result<Program, DatabaseError> {
        let choice = database.map(|database| format!("--database={database}"));
        let args = ["--batch", "--skip-column-names", "--binary-mode", "--default-character-set=utf8mb4", TIMEOUT];
        let args: Vec<&str> = args.into_iter().chain(choice.as_deref()).collect();
        self.program(&CLIENT, &args)
    }

    /// The program that dumps these databases as one transaction. One database is dumped without its name, so that it can be restored
    /// under another.
    pub fn dump(&self, databases: &[String]) -> Result<Program, DatabaseError> {
        // Nothing is ever written over: a table that is there already stops the restore instead of being dropped.
        let options = [
            "--skip-add-drop-table",
            "--single-transaction",
            "--quick",
            "--hex-blob",
            "--routines",
            "--events",
            "--triggers",
            "--skip-dump-date",
        ];
        let many = if databases.len() == 1 { None } else { Some("--databases") };
        // Names come behind a "--", so that none is taken for an option.
        let names = databases.iter().map(String::as_str);
        let args: Vec<&str> =
            options.into_iter().chain(["--default-character-set=utf8mb4"]).chain(many).chain(["--"]).chain(names).collect();
        self.program(&DUMP, &args)
    }

    /// The program that carries out a dump which comes in by standard input.
    pub fn fill(&self, database: Option<&str>) -> Result<Program, DatabaseError> {
        self.client(database)
    }

    /// What a query says, as lines of values with tabs between them.
    pub async fn ask(&self, database: Option<&str>, query: &str, cancel: &CancellationToken) -> Result<String, DatabaseError> {
        let program = self.client(database)?;
        let query = format!("{};\n", query.trim().trim_end_matches(';'));
        program.tell(&query, cancel).await.map_err(|error| self.explain(error))
    }

    fn explain(&self, error: ProgramError) -> DatabaseError {
        match error {
            // ERROR 1044, 1045, 1049: this user, this password, this database; 2002 to 2013: no server.
            ProgramError::Failed { said, .. } if ["ERROR 104", "ERROR 200", "ERROR 2013"].iter().any(|start| said.contains(start)) => {
                DatabaseError::Unreachable { database: self.place(), said }
            }
            error => error.into(),
        }
    }

    /// Finds out what would keep a dump from being made. Gives back the server's version.
    pub async fn examine(&self, cancel: &CancellationToken) -> Result<Seen, DatabaseError> {
        let dump = Program { within: Duration::from_secs(30), ..self.program(&DUMP, &[])? };
        let run = dump.run.iter().take(1).cloned().chain(["--version".to_owned()]).collect();
        let tool = Program { run, ..dump }.ask(cancel).await?;
        let server = self.ask(None, "select version()", cancel).await?.trim().to_owned();
        let (is_maria, tool_is_maria) = (server.contains("MariaDB"), tool.contains("MariaDB"));
        let mismatch = match (find::version(&tool), find::version(&server)) {
            _ if is_maria != tool_is_maria => {
                let family = |maria| if maria { "MariaDB" } else { "MySQL" };
                Some(format!("the dump program is of {}, and the server of {}", family(tool_is_maria), family(is_maria)))
            }
            (Some(tool), Some(server)) if tool < server => Some(format!(
                "the dump program is of version {}.{}, older than the server, which is of {}.{}",
                tool.0, tool.1, server.0, server.1
            )),
            _ => None,
        };
        Ok(Seen { server, mismatch })
    }

    /// The databases of people.
    pub async fn databases(&self, cancel: &CancellationToken) -> Result<Vec<String>, DatabaseError> {
        let query = format!("select schema_name from information_schema.schemata where schema_name not in ({OWN}) order by 1");
        Ok(self.ask(None, &query, cancel).await?.lines().map(str::to_owned).collect())
    }

    /// The tables of a database, each with the engine that keeps it.
    pub async fn tables(&self, database: &str, cancel: &CancellationToken) -> Result<Vec<(String, String)>, DatabaseError> {
        let query = "select table_name, coalesce(engine, '') from information_schema.tables where table_schema = database() and table_type = \
                     'BASE TABLE' order by 1";
        let lines = self.ask(Some(database), query, cancel).await?;
        Ok(lines.lines().filter_map(|line| line.split_once('\t')).map(|(table, engine)| (table.to_owned(), engine.to_owned())).collect())
    }

    /// The answers of these questions in one consistent snapshot.
    pub async fn answers(&self, database: &str, questions: &[Question], cancel: &CancellationToken) -> Result<Vec<String>, DatabaseError> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let mark = mark();
        let mut text =
            "set session transaction isolation level repeatable read;\nstart transaction with consistent snapshot, read only;\n".to_owned();
        for question in questions {
            let _ = write!(text, "{};\nselect '{mark}';\n", question.query.trim().trim_end_matches(';')); // writing to a String cannot fail
        }
        let program = self.client(Some(database))?;
        let said = program.tell(&(text + "commit;\n"), cancel).await.map_err(|error| self.explain(error))?;
        let end = format!("{mark}\n");
        let answers: Vec<String> = said.split(&end).take(questions.len()).map(|answer| answer.trim_end_matches('\n').to_owned()).collect();
        if said.matches(&end).count() == questions.len() { Ok(answers) } else { Err(DatabaseError::Answer { program: program.name() }) }
    }

    /// Questions that count the rows of these tables.
    pub fn rows(tables: &[(String, String)]) -> Vec<Question> {
        tables.iter().map(|(table, _)| Question::rows(&format!("`{}`", table.replace('`', "``")))).collect()
    }

    /// The questions with their answers before and after a dump.
    pub fn facts(questions: Vec<Question>, before: Vec<String>, after: &[String]) -> Vec<Fact> {
        let pairs = questions.into_iter().zip(before).enumerate();
        pairs
            .map(|(n, (question, answer))| (after.get(n) == Some(&answer), question, answer))
            .map(|(same, q, a)| q.answered(a, same))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_among_the_arguments() {
        let mysql = Mysql::parse("mysql://joy:s3cret@db.example:3307/shop?ssl-ca=/etc/ca.pem", None, Duration::from_secs(1)).unwrap();
        assert_eq!(mysql.args, ["--ssl-ca=/etc/ca.pem", "--host=db.example", "--port=3307", "--user=joy"]);
        assert_eq!(mysql.place(), "shop on db.example:3307 as joy");
        assert!(!format!("{mysql:?}").contains("s3cret"));
        assert!(Mysql::parse("mysql:///shop?password=x", None, Duration::from_secs(1)).is_err());
    }

    #[test]
    fn a_fact_that_changed_during_the_dump_is_not_exact() {
        let questions = vec![Question::rows("`a`"), Question::rows("`b`")];
        let facts = Mysql::facts(questions, vec!["1".to_owned(), "2".to_owned()], &["1".to_owned(), "3".to_owned()]);
        assert_eq!(facts.iter().map(|fact| fact.exact).collect::<Vec<_>>(), [true, false]);
    }
}

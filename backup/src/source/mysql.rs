//! Databases of a `MySQL` or `MariaDB` server, dumped as one transaction.

use tools::facts::{Database, Dumped, Engine, FILE_NAME, Form, Question};
use tools::mysql::Mysql;
use tools::postgres::file_name;

use crate::run::BackupError;
use crate::stream::Storing;

/// What the plan asks of a server.
#[derive(Debug, Clone)]
pub struct MysqlDump {
    /// The server.
    pub server: Mysql,
    /// Databases; that of the connection string, or else all, where none is named.
    pub databases: Vec<String>,
    /// What is asked of the first of them; the rows of every table of each are counted where nothing is.
    pub facts: Vec<Question>,
}

/// The file of several databases in one transaction.
const SEVERAL: &str = "databases.sql";
/// Keeps tables whose rows a transaction does not hold still.
const TRANSACTIONAL: [&str; 4] = ["InnoDB", "ROCKSDB", "TokuDB", "SEQUENCE"];

impl MysqlDump {
    pub(super) async fn read(&self, storing: &mut Storing) -> Result<(), BackupError> {
        let cancel = storing.cancel.clone();
        let seen = self.server.examine(&cancel).await?;
        let mut dumped = Dumped::new(Engine::Mysql, seen.server);
        if let Some(mismatch) = seen.mismatch {
            storing.note(&self.server.place(), mismatch);
        }
        let names = match (&self.databases, &self.server.database) {
            (named, _) if !named.is_empty() => named.clone(),
            (_, Some(own)) => vec![own.clone()],
            (_, None) => self.server.databases(&cancel).await?,
        };
        let mut asked = Vec::new();
        for (n, name) in names.iter().enumerate() {
            let tables = self.server.tables(name, &cancel).await?;
            let moving: Vec<&str> =
                tables.iter().filter(|(_, kept_by)| !is_transactional(kept_by)).map(|(table, _)| table.as_str()).collect();
            if !moving.is_empty() {
                let what =
                    format!("no transaction holds these tables still, and what is stored of them may be half old: {}", moving.join(", "));
                storing.note(name, what);
            }
            let questions = if n == 0 && !self.facts.is_empty() { self.facts.clone() } else { Mysql::rows(&tables) };
            let before = self.server.answers(name, &questions, &cancel).await?;
            asked.push((questions, before));
        }
        let file = match names.as_slice() {
            [one] => file_name(one, ".sql"),
            _ => SEVERAL.to_owned(),
        };
        storing.program(&file, &self.server.dump(&names)?).await?;
        let form = if names.len() == 1 { Form::Plain } else { Form::Several };
        for (name, (questions, before)) in names.iter().zip(asked) {
            let after = self.server.answers(name, &questions, &cancel).await?;
            let facts = Mysql::facts(questions, before, &after);
            dumped.databases.push(Database { name: name.clone(), file: file.clone(), form, facts });
        }
        storing.stream(FILE_NAME, dumped.to_json().as_slice()).await.map(drop)
    }
}

fn is_transactional(kept_by: &str) -> bool {
    TRANSACTIONAL.iter().any(|known| known.eq_ignore_ascii_case(kept_by))
}

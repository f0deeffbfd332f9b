//! `facts.json`: what a dump held when it was made, kept beside it in the restore point, so that a restore can be compared exactly.
//!
//! `backup` writes it, `restore` asks the same queries of what came back. The shape is versioned; docs/databases.md tells of it.

use serde::{Deserialize, Serialize};

/// The file's name in the root of a restore point of a database.
pub const FILE_NAME: &str = "facts.json";
/// The version of its shape.
const VERSION: u32 = 1;
/// Longest answer of a fact, in bytes. A fact is a count, a sum, a greatest id.
pub const MAX_ANSWER: usize = 64 << 10;

/// A dump and what was in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dumped {
    /// Version of this shape.
    pub v: u32,
    /// What it was dumped from.
    pub engine: Engine,
    /// The server's version; of `SQLite` the library's.
    pub server: String,
    /// The file with roles and tablespaces, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub globals: Option<String>,
    /// Each database.
    pub databases: Vec<Database>,
}

/// The kinds of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// `PostgreSQL`.
    Postgres,
    /// `MySQL` or `MariaDB`.
    Mysql,
    /// `SQLite`.
    Sqlite,
}

/// One database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Its name, or the path of its file.
    pub name: String,
    /// The path of its dump in the restore point, without the first slash.
    pub file: String,
    /// What the dump is.
    pub form: Form,
    /// What was true of it.
    pub facts: Vec<Fact>,
}

/// Forms of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// An archive for `pg_restore`.
    Custom,
    /// SQL.
    Plain,
    /// SQL of several databases, which names them.
    Several,
    /// The database itself.
    File,
}

/// A query and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// Its name in the plan, or "rows of TABLE".
    pub name: String,
    /// The query.
    pub query: String,
    /// Its answer: lines of values.
    pub answer: String,
    /// Whether the answer is that of the dumped data itself. Where a server cannot show two sessions the same state, a fact that changed
    /// during the dump is not exact, and nothing is compared with it.
    pub exact: bool,
}

/// A query that is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its name.
    pub name: String,
    /// The query.
    pub query: String,
}

impl Dumped {
    /// Nothing yet.
    pub fn new(engine: Engine, server: String) -> Self {
        Self { v: VERSION, engine, server, globals: None, databases: Vec::new() }
    }

    /// As it is stored.
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("text and numbers are always JSON");
        text.push(b'\n');
        text
    }

    /// Reads what was stored, if it is of a version that is known.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|dumped: &Self| dumped.v == VERSION)
    }
}

impl Question {
    /// The answered question. An answer that is too long is cut, and no longer exact.
    pub(crate) fn answered(self, mut answer: String, exact: bool) -> Fact {
        let fits = answer.len() <= MAX_ANSWER;
        if !fits {
            answer.truncate(answer.floor_char_boundary(MAX_ANSWER));
        }
        Fact { name: self.name, query: self.query, answer, exact: exact && fits }
    }

    /// Counts the rows of a table, whose name is quoted as its database wants it.
    pub(crate) fn rows(table: &str) -> Self {
        Self { name: format!("rows of {table}"), query: format!("select count(*) from {table}") }
    }
}

/// A line that no data holds, to tell answers apart.
pub(crate) fn mark() -> String {
    format!("lifeboat-{}", nonce())
}

/// A word that nobody can guess: 32 letters and digits.
pub fn nonce() -> String {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).expect("the system has randomness");
    hex::encode(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_other_shapes_are_not() {
        let mut dumped = Dumped::new(Engine::Postgres, "15.18".to_owned());
        let fact = Question::rows("public.orders").answered("3".to_owned(), true);
        let database = Database { name: "shop".to_owned(), file: "shop.dump".to_owned(), form: Form::Custom, facts: vec![fact] };
        dumped.databases.push(database);
        assert_eq!(Dumped::parse(&dumped.to_json()), Some(dumped.clone()));
        assert_eq!(Dumped::parse(&String::from_utf8(dumped.to_json()).unwrap().replace("\"v\": 1", "\"v\": 2").into_bytes()), None);
        assert!(!Question::rows("t").answered("x".repeat(MAX_ANSWER + 1), true).exact);
    }
}

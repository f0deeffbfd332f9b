//! `SQLite` through its own program: a copy by the online backup, with facts of the same transaction, that is then found whole.
//!
//! The copy is made into a file, because the online backup writes pages in no order. Whoever calls names the file and takes it away.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::database::DatabaseError;
use crate::facts::{Fact, Question, mark};
use crate::find;
use crate::program::Program;

/// The Debian package of the program.
const PACKAGE: &str = "sqlite3";
/// Milliseconds for which a writer is waited for.
const PATIENCE_MS: u32 = 60_000;
/// The tables of a database and their quoted names.
const TABLES: &str = "select '\"' || replace(name, '\"', '\"\"') || '\"' from sqlite_master where type = 'table' and name not like 'sqlite\\_%' \
    escape '\\' and sql not like 'create virtual%' order by 1;";

/// The program, and what it may take.
#[derive(Debug, Clone)]
pub struct Sqlite {
    /// The folder of the program; where packages put it unless named.
    pub tools: Option<PathBuf>,
    /// What it may take for each step.
    pub within: Duration,
}

impl Sqlite {
    fn program(&self, path: &Path) -> Result<Program, DatabaseError> {
        let program = find::program(&["sqlite3"], self.tools.as_deref(), PACKAGE)?;
        let file = path.to_str().ok_or_else(|| file_error(path, std::io::Error::other("its path is not UTF-8")))?;
        // Without the settings of whoever runs it (~/.sqliterc), which would change the answers.
        let run = [&program, "-init", "/dev/null", "-batch", "-bail", file].map(str::to_owned).to_vec();
        Ok(Program { run, env: Vec::new(), within: self.within })
    }

    /// Finds out what would keep these from being copied: no program, or no such file. Gives back the program's version.
    pub async fn examine(&self, path: &Path, cancel: &CancellationToken) -> Result<String, DatabaseError> {
        // The program makes a database where there is none.
        std::fs::File::open(path).map_err(|source| file_error(path, source))?;
        Ok(self.program(path)?.tell("select sqlite_version();\n", cancel).await?.trim().to_owned())
    }

    /// Copies the database at `path` to the new file `copy`. Gives back the facts of the copied state: the answers of `questions`, or how
    /// many rows each table has where there is none.
    pub async fn copy(
        &self,
        path: &Path,
        copy: &Path,
        questions: &[Question],
        cancel: &CancellationToken,
    ) -> Result<Vec<Fact>, DatabaseError> {
        if let Some(question) = questions.iter().find(|question| question.query.lines().any(|line| line.starts_with('.'))) {
            return Err(DatabaseError::Fact { name: question.name.clone(), why: "a line of it begins with a dot" });
        }
        let program = self.program(path)?;
        let counted = if questions.is_empty() { self.rows(path, cancel).await? } else { Vec::new() };
        let questions: Vec<&Question> = questions.iter().chain(&counted).collect();
        let mark = mark();
        let to = copy.to_str().ok_or_else(|| file_error(copy, std::io::Error::other("its path is not UTF-8")))?;
        // The transaction has its state from the first read on: facts and pages are of one instant, and no writer makes the copy begin anew.
        let mut text = format!(".timeout {PATIENCE_MS}\nbegin;\nselect count(*) from sqlite_master;\nselect '{mark}';\n");
        for question in &questions {
            let _ = write!(text, "{};\nselect '{mark}';\n", question.query.trim().trim_end_matches(';')); // writing to a String cannot fail
        }
        let _ = write!(text, ".backup main \"{}\"\ncommit;\n", to.replace('\\', "\\\\").replace('"', "\\\""));
        let said = program.tell(&text, cancel).await?;
        let end = format!("{mark}\n");
        if said.matches(&end).count() != questions.len() + 1 {
            return Err(DatabaseError::Answer { program: program.name() });
        }
        let answers = said.split(&end).skip(1);
        let facts = questions.into_iter().zip(answers);
        let facts = facts.map(|(question, answer)| question.clone().answered(answer.trim_end_matches('\n').to_owned(), true)).collect();
        self.is_whole(copy, path, cancel).await?;
        Ok(facts)
    }

    async fn rows(&self, path: &Path, cancel: &CancellationToken) -> Result<Vec<Question>, DatabaseError> {
        let text = format!(".timeout {PATIENCE_MS}\n{TABLES}\n");
        let tables = self.program(path)?.tell(&text, cancel).await?;
        Ok(tables.lines().map(Question::rows).collect())
    }

    /// Asks a database whether it is whole; `named` is what people call it.
    async fn is_whole(&self, path: &Path, named: &Path, cancel: &CancellationToken) -> Result<(), DatabaseError> {
        let found = self.program(path)?.tell("pragma integrity_check;\n", cancel).await?;
        match found.trim() {
            "ok" => Ok(()),
            found => {
                let found = found.lines().take(3).collect::<Vec<_>>().join("; ");
                Err(DatabaseError::Damaged { path: named.display().to_string(), found })
            }
        }
    }

    /// What a query says of a database file.
    pub async fn ask(&self, path: &Path, query: &str, cancel: &CancellationToken) -> Result<String, DatabaseError> {
        let text = format!(".timeout {PATIENCE_MS}\n{};\n", query.trim().trim_end_matches(';'));
        Ok(self.program(path)?.tell(&text, cancel).await?.trim_end_matches('\n').to_owned())
    }
}

fn file_error(path: &Path, source: std::io::Error) -> DatabaseError {
    DatabaseError::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_whoever_runs_it_are_not_read() {
        let sqlite = Sqlite { tools: None, within: Duration::from_secs(1) };
        let Ok(program) = sqlite.program(Path::new("/shop.db")) else { panic!("sqlite3 is not installed") };
        assert!(program.run.windows(2).any(|pair| pair == ["-init", "/dev/null"]), "{:?}", program.run);
    }
}

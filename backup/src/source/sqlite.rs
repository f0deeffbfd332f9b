//! Files of `SQLite`, each copied by the online backup, found whole, and kept under its own path.
//!
//! The copy lies in a private folder of the cache until it is stored: the online backup writes pages in no order, so that it cannot be
//! cut as it comes.

use std::path::PathBuf;

use tools::facts::{Database, Dumped, Engine, FILE_NAME, Form, Question};
use tools::sqlite::Sqlite;

use crate::run::BackupError;
use crate::stream::Storing;

/// What the plan asks of files of this host.
#[derive(Debug, Clone)]
pub struct SqliteFiles {
    /// The program.
    pub program: Sqlite,
    /// Absolute paths, at least one.
    pub paths: Vec<PathBuf>,
    /// What is asked of the first of them; the rows of every table of each are counted where nothing is.
    pub facts: Vec<Question>,
    /// Where copies lie meanwhile: a folder of this source alone.
    pub stage: PathBuf,
}

impl SqliteFiles {
    pub(super) async fn read(&self, storing: &mut Storing) -> Result<(), BackupError> {
        let cancel = storing.cancel.clone();
        // What a run that was killed has left; the lock of the source is held.
        let _ = std::fs::remove_dir_all(&self.stage);
        let mut dumped = Dumped::new(Engine::Sqlite, String::new());
        for path in &self.paths {
            dumped.server = self.program.examine(path, &cancel).await?;
        }
        for (n, path) in self.paths.iter().enumerate() {
            let name = path.display().to_string();
            let failed = |source| BackupError::Stream { name: name.clone(), source };
            std::fs::create_dir_all(&self.stage).map_err(failed)?;
            let folder = tempfile::Builder::new().prefix("sqlite-").tempdir_in(&self.stage).map_err(failed)?;
            let copy = folder.path().join("copy");
            let asked = if n == 0 { self.facts.as_slice() } else { &[] };
            let facts = self.program.copy(path, &copy, asked, &cancel).await?;
            let like = std::fs::metadata(path).map_err(failed)?;
            storing.file(std::fs::File::open(&copy).map_err(failed)?, path, &like).await?;
            let file = name.trim_start_matches('/').to_owned();
            dumped.databases.push(Database { name, file, form: Form::File, facts });
        }
        storing.stream(FILE_NAME, dumped.to_json().as_slice()).await.map(drop)
    }
}

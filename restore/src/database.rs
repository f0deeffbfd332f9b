//! Fills an empty database from a restore point, streaming, and compares what came back with the facts that the dump was made with.
//!
//! `orchestrator` calls [`find`], shows what it found, then [`fill`]. A database that holds anything is refused: nothing is ever written
//! over, and what fails half-way is rolled back where the server can do that.

mod compare;
mod server;

use std::io::Write as _;
use std::sync::Arc;

use base::Hint;
use repository::reader::{ReadError, Reader, SinkError};
use repository::snapshots::Snapshot;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tools::database::DatabaseError;
use tools::facts::{Database, Dumped, Engine, FILE_NAME, Form, nonce};
use tools::postgres::Restricted;
use tools::program::{Pipes, Program, ProgramError};

pub use self::compare::Compared;
pub use self::server::{Server, Target};
use crate::apply::blocking;
use crate::list::{ListError, cat};
use crate::path::TreePath;

/// Longest `facts.json` that is read.
const MAX_FACTS: usize = 64 << 20;

/// Why a database was not filled.
#[derive(Debug, thiserror::Error)]
pub enum IntoError {
    /// The restore point is of files, of a command or of standard input.
    #[error("restore point {point} holds no dump of a database with facts")]
    NoDump {
        /// Short.
        point: String,
    },
    /// It holds several, and none is named; or the named one is none of them.
    #[error("{}", match asked { Some(asked) => format!("{asked} is no dump of restore point {point}"), None => format!("restore point {point} holds {} dumps", dumps.len()) })]
    Which {
        /// Short.
        point: String,
        /// As asked.
        asked: Option<String>,
        /// The paths of the dumps.
        dumps: Vec<String>,
    },
    /// A dump of one kind of server does not fit another.
    #[error("the dump is of {dump}, and the target is {target}")]
    OtherEngine {
        /// What was dumped.
        dump: &'static str,
        /// What the connection string names.
        target: &'static str,
    },
    /// `SQLite` is restored as a file.
    #[error("a database of SQLite is a file, and is restored into a folder")]
    IsFile,
    /// The target holds something.
    #[error("{target} is not empty: it holds {n_things} tables, views, sequences, routines or events{}", if *.live { ", and it is the database that the plan backs up" } else { "" })]
    NotEmpty {
        /// Its place.
        target: String,
        /// How many.
        n_things: u64,
        /// Whether it is the source itself.
        live: bool,
    },
    /// The dump cannot be read from the repository.
    #[error("cannot read the dump")]
    Read(#[source] Box<ListError>),
    /// The server or a program refused.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// Interrupted. Where the server can, nothing of it is there.
    #[error("the restore into the database was interrupted")]
    Cancelled,
}

impl From<ListError> for IntoError {
    fn from(error: ListError) -> Self {
        Self::Read(Box::new(error))
    }
}

impl Hint for IntoError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoDump { .. } => Some("leave --into out, and restore its files into a folder".to_owned()),
            Self::Which { dumps, .. } => Some(format!("name one: POINT:/{}", dumps.join(", or POINT:/"))),
            Self::OtherEngine { .. } => Some("name a target of the same kind".to_owned()),
            Self::IsFile => Some("use --to FOLDER, stop what uses the database, and put the file in its place".to_owned()),
            Self::NotEmpty { live: true, .. } => {
                Some("make a new database beside it, restore into that, compare, and let the application use it".to_owned())
            }
            Self::NotEmpty { .. } => Some("make a new database, and name that; nothing is ever written over".to_owned()),
            Self::Read(error) => error.hint(),
            Self::Database(DatabaseError::Program(ProgramError::Failed { said, .. })) if said.contains("role \"") => Some(
                "the dump names roles that this server does not have: make them (lifeboat cat POINT:/globals.sql), or give --no-owner"
                    .to_owned(),
            ),
            Self::Database(error) => error.hint(),
            Self::Cancelled => Some("run it again, into an empty database".to_owned()),
        }
    }
}

/// A dump of a restore point.
#[derive(Debug, Clone)]
pub struct Found {
    /// What it was made from.
    pub engine: Engine,
    /// The version of the server.
    pub server: String,
    /// The databases that it holds: one, or all that share a file.
    pub databases: Vec<Database>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct IntoReport {
    /// The restore point.
    pub snapshot: String,
    /// Its dump.
    pub file: String,
    /// The place that was filled.
    pub target: String,
    /// Bytes of the dump.
    pub bytes: u64,
    /// Facts of the dump, and what the target says.
    pub facts: Vec<Compared>,
    /// Facts that changed while the dump was made, so that nothing can be compared with them.
    pub n_inexact: usize,
}

impl IntoReport {
    /// Whether every fact came back.
    pub fn is_same(&self) -> bool {
        self.facts.iter().all(|fact| fact.same)
    }
}

impl Found {
    /// The path of the dump in the restore point.
    pub fn file(&self) -> &str {
        self.databases.first().map_or("", |database| database.file.as_str())
    }

    fn form(&self) -> Form {
        self.databases.first().map_or(Form::Plain, |database| database.form)
    }
}

/// The dump at `path`, or the only one that there is.
pub async fn find(reader: &Reader, snapshot: &Snapshot, path: Option<&TreePath>) -> Result<Found, IntoError> {
    let no_dump = || IntoError::NoDump { point: snapshot.id.short() };
    let at = TreePath::parse(FILE_NAME.as_bytes()).map_err(|_| no_dump())?;
    let mut bytes = Vec::new();
    let mut take = |piece: &[u8]| -> Result<(), SinkError> {
        bytes.extend_from_slice(piece);
        if bytes.len() > MAX_FACTS { Err("it is too large".into()) } else { Ok(()) }
    };
    match cat(reader, snapshot, &at, &mut take).await {
        Err(ListError::NotThere { .. } | ListError::NotAFile { .. }) => return Err(no_dump()),
        read => read?,
    };
    let dumped = Dumped::parse(&bytes).ok_or_else(no_dump)?;
    let mut files: Vec<&str> = dumped.databases.iter().map(|database| database.file.as_str()).collect();
    files.dedup();
    let asked = path.filter(|path| !path.is_root()).map(|path| path.to_string().trim_start_matches('/').to_owned());
    let file = match (&asked, files.as_slice()) {
        (None, [one]) => (*one).to_owned(),
        (Some(asked), files) if files.contains(&asked.as_str()) => asked.clone(),
        (_, files) => {
            let dumps = files.iter().map(|file| (*file).to_owned()).collect();
            return Err(IntoError::Which { point: snapshot.id.short(), asked, dumps });
        }
    };
    let databases = dumped.databases.into_iter().filter(|database| database.file == file).collect();
    Ok(Found { engine: dumped.engine, server: dumped.server, databases })
}

/// Streams the dump into the target, which is looked at once more and has to be empty, and asks it for the facts.
pub async fn fill(
    reader: &Reader,
    snapshot: &Snapshot,
    found: &Found,
    target: &Target,
    cancel: &CancellationToken,
) -> Result<IntoReport, IntoError> {
    let path = TreePath::parse(found.file().as_bytes()).map_err(|_| IntoError::NoDump { point: snapshot.id.short() })?;
    target.examine(found, None, cancel).await?;
    let program = target.program(found.form())?;
    let key = target.is_psql(found.form()).then(nonce);
    let bytes = pour(reader, snapshot, &path, &program, key, cancel).await?;
    let facts = compare::facts(found, target, cancel).await?;
    let n_inexact = found.databases.iter().flat_map(|database| &database.facts).filter(|fact| !fact.exact).count();
    Ok(IntoReport { snapshot: snapshot.id.to_string(), file: found.file().to_owned(), target: target.place(), bytes, facts, n_inexact })
}

/// Gives a file to the standard input of a program, which is psql restricted by a key where there is one. The program's end decides; a read
/// that failed half-way ends the program first.
async fn pour(
    reader: &Reader,
    snapshot: &Snapshot,
    path: &TreePath,
    program: &Program,
    key: Option<String>,
    cancel: &CancellationToken,
) -> Result<u64, IntoError> {
    let mut running = program.start(Pipes::In).map_err(DatabaseError::from)?;
    let input = running.input.take().and_then(|input| input.into_owned_fd().ok()).ok_or(IntoError::Cancelled)?;
    let (reader, snapshot, path) = (reader.clone(), snapshot.clone(), path.clone());
    let handle = tokio::runtime::Handle::current();
    // Writing into a pipe blocks, so that it is done on a thread that may.
    let pouring = blocking(move || {
        let mut input = std::fs::File::from(input);
        let poured = handle.block_on(async {
            let Some(key) = key else { return cat(&reader, &snapshot, &path, &mut |piece| Ok(input.write_all(piece)?)).await };
            let refused = |error: std::io::Error| ListError::Read {
                path: path.clone(),
                point: snapshot.id.short(),
                source: ReadError::Sink(Arc::new(error)),
            };
            let mut input = Restricted::new(&mut input, &key).map_err(refused)?;
            let bytes = cat(&reader, &snapshot, &path, &mut |piece| Ok(input.write_all(piece)?)).await?;
            input.finish().map_err(refused)?;
            Ok(bytes)
        });
        (poured, input)
    });
    let (poured, input) = match running.during(pouring, cancel).await {
        Some((poured, input)) => (Some(poured), Some(input)),
        None => (None, None),
    };
    match poured {
        Some(Err(ListError::Read { source: ReadError::Sink(_), .. })) => {
            drop(input);
            // It did not listen to the end; why, it says itself.
            running.end(cancel).await.map_err(ended)?;
            Err(DatabaseError::Answer { program: program.name() }.into())
        }
        // The program is killed while its input is still open, so that it never takes what came so far for all of it.
        Some(Err(error)) => {
            drop(running);
            Err(error.into())
        }
        None if cancel.is_cancelled() => Err(IntoError::Cancelled),
        None => {
            running.end(cancel).await.map_err(ended)?;
            Err(DatabaseError::Answer { program: program.name() }.into())
        }
        Some(Ok(bytes)) => {
            drop(input);
            running.end(cancel).await.map_err(ended)?;
            Ok(bytes)
        }
    }
}

fn ended(error: ProgramError) -> IntoError {
    match error {
        ProgramError::Cancelled => IntoError::Cancelled,
        error => DatabaseError::from(error).into(),
    }
}

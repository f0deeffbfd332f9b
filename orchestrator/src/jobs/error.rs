//! Why a job could not be done. Results that are bad news (a failed drill, damage) are no errors: they are results.

use base::Hint;
use base::id::{DrillId, RepositoryId, SourceId};
use records::journal::JournalError;
use repository::lock::LockError;
use repository::prune::PruneError;
use repository::repository::OpenError;
use repository::space::SpaceError;

use crate::parts::ConnectError;

/// Why a job could not be done.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A store, key or channel could not be had.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The repository is not there or cannot be opened.
    #[error("cannot open the repository {repository}")]
    Open {
        /// As the plan names it.
        repository: RepositoryId,
        /// Why.
        #[source]
        source: Box<OpenError>,
    },
    /// Reading the repository needs a key that this host was not given.
    #[error("reading {repository} needs a recovery key, and this host has none")]
    NoReaderKey {
        /// As the plan names it.
        repository: RepositoryId,
        /// Who holds a key, in the words of the plan.
        holders: Vec<String>,
    },
    /// The plan does not name it.
    #[error("the plan has no {kind} \"{id}\"")]
    Unknown {
        /// "source", "drill", "repository".
        kind: &'static str,
        /// As given.
        id: String,
        /// The nearest name that the plan has.
        nearest: Option<String>,
    },
    /// No single repository has everything that a drill needs.
    #[error("no repository holds all sources of the drill {drill}")]
    NoCommonRepository {
        /// The drill.
        drill: DrillId,
    },
    /// The plan says what this version does not carry out.
    #[error("{what}")]
    NotDone {
        /// What.
        what: String,
    },
    /// The backup was not made.
    #[error("{source_id} was not backed up to {repository}")]
    Backup {
        /// The source.
        source_id: SourceId,
        /// Where to.
        repository: RepositoryId,
        /// Why.
        #[source]
        source: Box<backup::BackupError>,
    },
    /// The database of a source cannot be asked.
    #[error("the database of {source_id} cannot be asked")]
    Database {
        /// The source.
        source_id: SourceId,
        /// Why.
        #[source]
        source: Box<tools::database::DatabaseError>,
    },
    /// The repository could not be read.
    #[error("cannot read the repository {repository}")]
    Read {
        /// As the plan names it.
        repository: RepositoryId,
        /// Why.
        #[source]
        source: Box<repository::reader::ReadError>,
    },
    /// The repository could not be checked.
    #[error("cannot check the repository {repository}")]
    Check {
        /// As the plan names it.
        repository: RepositoryId,
        /// Why.
        #[source]
        source: Box<repository::check::CheckError>,
    },
    /// What the repository keeps was not changed, or not in full.
    #[error("cannot prune the repository {repository}")]
    Prune {
        /// As the plan names it.
        repository: RepositoryId,
        /// Why.
        #[source]
        source: Box<PruneError>,
    },
    /// Dead bytes could not be measured, or their packs not emptied.
    #[error("cannot give back the space of dead packs in the repository {repository}")]
    Space {
        /// As the plan names it.
        repository: RepositoryId,
        /// Why.
        #[source]
        source: Box<SpaceError>,
    },
    /// Its locks could not be looked at.
    #[error("cannot look at the locks of {repository}")]
    Lock {
        /// As the plan names it.
        repository: RepositoryId,
        /// Why.
        #[source]
        source: Box<LockError>,
    },
    /// Nothing is locked there.
    #[error("the plan declares no lock for {repository}")]
    NoLock {
        /// As the plan names it.
        repository: RepositoryId,
    },
    /// Pruning needs a key that signs for a maintainer.
    #[error("{} is not a maintainer of {repository}", if *.verifier { "a verifier" } else { "whoever asks without a key" })]
    NoMaintainer {
        /// As the plan names it.
        repository: RepositoryId,
        /// Whether there is a key, and it is a verifier's.
        verifier: bool,
    },
    /// The clocks of this machine and of the store do not agree.
    #[error("the clock of the store of {repository} and that of this machine are {} seconds apart", seconds.abs())]
    ClocksApart {
        /// As the plan names it.
        repository: RepositoryId,
        /// How far the store's is ahead.
        seconds: i64,
    },
    /// It panicked, which is a bug.
    #[error("it broke off: {what}")]
    Panicked {
        /// What it panicked with.
        what: String,
    },
    /// A signal or a shutdown ended it before it began.
    #[error("it was told to end before it began")]
    Cancelled,
    /// What happened could not be written down.
    #[error("what was done could not be written into the journal")]
    Journal(#[from] JournalError),
}

impl JobError {
    /// For `map_err`: a prune of `repository` that failed.
    pub fn prune(repository: &RepositoryId) -> impl Fn(PruneError) -> Self {
        let repository = repository.clone();
        move |source| Self::Prune { repository: repository.clone(), source: Box::new(source) }
    }

    /// For `map_err`: space of `repository` that could not be given back.
    pub(crate) fn space<E: Into<SpaceError>>(repository: &RepositoryId) -> impl Fn(E) -> Self {
        let repository = repository.clone();
        move |error| Self::Space { repository: repository.clone(), source: Box::new(error.into()) }
    }

    /// Whether a signal or a shutdown ended the job, or another process does the same at this moment, and nothing is wrong.
    pub fn is_interruption(&self) -> bool {
        match self {
            Self::Cancelled => true,
            Self::Backup { source, .. } => matches!(**source, backup::BackupError::Cancelled | backup::BackupError::Busy { .. }),
            _ => false,
        }
    }
}

impl Hint for JobError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Connect(error) => error.hint(),
            Self::Open { source, .. } => source.hint(),
            Self::NoReaderKey { holders, .. } if holders.is_empty() => {
                Some("give one with --key-file FILE; the plan names the custodians under recovery_keys".to_owned())
            }
            Self::NoReaderKey { holders, .. } => Some(format!(
                "give one with --key-file FILE; it is held by {}; docs/recover-by-hand.md restores without this program",
                holders.join(", ")
            )),
            Self::Unknown { nearest: Some(nearest), .. } => Some(format!("did you mean \"{nearest}\"? lifeboat plan show lists all")),
            Self::Unknown { .. } => Some("lifeboat plan show lists what the plan has".to_owned()),
            Self::NoCommonRepository { .. } => {
                Some("let the drill name one: snapshot: {from: REPOSITORY}, and copy all its sources there".to_owned())
            }
            Self::NotDone { .. } => Some("lifeboat plan check lists all that this version does not carry out".to_owned()),
            Self::Backup { source, .. } => source.hint(),
            Self::Database { source, .. } => source.hint(),
            Self::Read { source, .. } => source.hint(),
            Self::Check { source, .. } => source.hint(),
            Self::Prune { source, .. } => source.hint(),
            Self::Space { source, .. } => source.hint(),
            Self::Lock { source, .. } => source.hint(),
            Self::NoLock { .. } => {
                Some("declare one in the plan, where the bucket has Object Lock: lock: {mode: compliance, for: 90d}".to_owned())
            }
            Self::NoMaintainer { .. } => Some(
                "name a maintainer's key: --maintainer-key FILE, or in the plan: maintainer: {file: FILE}; a custodian makes one with \
                 lifeboat key new NAME --role maintainer"
                    .to_owned(),
            ),
            Self::ClocksApart { .. } => Some("set the clock that is wrong (timedatectl), then run it again".to_owned()),
            Self::Cancelled => None,
            Self::Panicked { .. } => Some("this is a bug of lifeboat; report it with the lines of the log before it".to_owned()),
            Self::Journal(error) => error.hint(),
        }
    }
}

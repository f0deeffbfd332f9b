//! What ends a command that did not succeed: a code that `lifeboat explain` knows, the fact, its causes, the remedy, the exit code.

use std::error::Error;
use std::process::ExitCode;

use base::Hint;
use orchestrator::jobs::restore::RestoreError;
use orchestrator::{ConnectError, ConnectKind, JobError};
use repository::prune::PruneError;
use repository::reader::ReadError;
use repository::repository::OpenError;
use restore::apply::ApplyError;
use restore::database::IntoError;
use restore::list::ListError;
use restore::tree::GatherError;
use restore::undo::UndoError;
use serde::Serialize;
use stores::StoreError;

/// The exit codes of every command. They are part of the interface and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exit {
    /// The command did what was asked.
    Done = 0,
    /// It failed for a reason that has no code of its own.
    Failed = 1,
    /// The command line is not understood.
    Usage = 2,
    /// Something was stored or restored, but not everything.
    Incomplete = 3,
    /// There is no repository where one was expected.
    NoRepository = 10,
    /// Somebody else works on the same thing now.
    Busy = 11,
    /// A key is missing or does not open what it should.
    Key = 12,
    /// The plan has faults.
    PlanInvalid = 20,
    /// The plan differs from the one that it was compared with.
    PlanDiffers = 21,
    /// A drill failed, was void, or was aborted.
    DrillFailed = 30,
    /// Damage was found in a repository.
    Damage = 31,
    /// Evidence or the audit chain does not verify.
    Evidence = 32,
    /// A second person has to agree first.
    Waits = 40,
    /// A store did not answer in time; the same command may succeed later.
    TryAgain = 75,
    /// A signal ended the command.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error as a person or a program sees it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Failure {
    /// "LB0211"; `lifeboat explain LB0211` tells more.
    pub code: &'static str,
    /// What happened, without its cause.
    pub what: String,
    /// Why, outermost cause first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub fix: Option<String>,
    /// The exit code of the process.
    #[serde(skip)]
    pub exit: Exit,
}

impl Failure {
    /// A failure that begins here, without an error of another crate behind it.
    pub(crate) fn new(code: &'static str, exit: Exit, what: impl Into<String>) -> Self {
        Self { code, what: what.into(), causes: Vec::new(), fix: None, exit }
    }

    /// The same failure with a remedy.
    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// A failure out of an error that may know its remedy.
    pub(crate) fn of<E: Hint + 'static>(code: &'static str, exit: Exit, error: &E) -> Self {
        let failure = Self { code, what: error.to_string(), causes: causes(error), fix: None, exit };
        match error.hint() {
            Some(hint) => failure.fix(hint),
            None => failure,
        }
    }

    /// A failure out of an error that knows no remedy.
    pub(crate) fn from_error(code: &'static str, exit: Exit, error: &(dyn Error + 'static)) -> Self {
        Self { code, what: error.to_string(), causes: causes(error), fix: None, exit }
    }

    /// A failure out of a part that could not be had.
    pub(crate) fn of_connect(error: &ConnectError) -> Self {
        let (code, exit) = match error.kind {
            ConnectKind::Key => ("LB0220", Exit::Key),
            ConnectKind::NoRepository => ("LB0210", Exit::NoRepository),
            ConnectKind::Unavailable => ("LB0212", Exit::TryAgain),
            ConnectKind::Plan => ("LB0203", Exit::PlanInvalid),
            ConnectKind::Other => ("LB0213", Exit::Failed),
        };
        Self::of(code, exit, error)
    }

    /// A failure to read a repository.
    pub(crate) fn of_read(error: &ReadError) -> Self {
        let (code, exit) = read_code(error);
        Self::of(code, exit, error)
    }

    /// A failure to open a repository.
    pub(crate) fn of_open(error: &OpenError) -> Self {
        let (code, exit) = open_code(error);
        Self::of(code, exit, error)
    }

    /// The command was ended by ^C or SIGTERM.
    pub(crate) fn interrupted() -> Self {
        Self::new("LB0130", Exit::Interrupted, "interrupted before it was done")
            .fix("run the same command again; what was stored already is not stored twice")
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        use backup::BackupError;
        use repository::check::CheckError;
        use repository::lock::LockError;
        use repository::space::SpaceError;
        use repository::writer::WriteError;
        let (code, exit) = match &error {
            JobError::Database { .. } => ("LB0254", Exit::Failed),
            JobError::Connect(connect) => return Self::of_connect(connect),
            JobError::Open { source, .. } => open_code(source),
            JobError::NoReaderKey { .. } => ("LB0220", Exit::Key),
            JobError::Read { source, .. } => read_code(source),
            JobError::Check { source, .. } => match &**source {
                CheckError::NeedsKey => ("LB0220", Exit::Key),
                CheckError::List { source, .. } => store_code(source),
            },
            JobError::Prune { source, .. } => prune_code(source),
            JobError::Space { source, .. } => match &**source {
                SpaceError::Prune(source) => prune_code(source),
                SpaceError::Read { source, .. } | SpaceError::Open(source) => read_code(source),
                SpaceError::Lacks { .. } => ("LB0231", Exit::Damage),
                SpaceError::Write { .. } | SpaceError::Stopped => ("LB0240", Exit::Failed),
            },
            JobError::Lock { source, .. } => match &**source {
                LockError::List { source, .. } | LockError::Needs(PruneError::Store { source, .. }) => store_code(source),
                LockError::NoLocks { .. } => ("LB0276", Exit::Failed),
                LockError::Needs(_) => ("LB0213", Exit::Failed),
            },
            JobError::NoLock { .. } => ("LB0275", Exit::Usage),
            JobError::NoMaintainer { .. } => ("LB0224", Exit::Key),
            JobError::ClocksApart { .. } => ("LB0271", Exit::Failed),
            JobError::NotDone { .. } => ("LB0241", Exit::Failed),
            JobError::Unknown { .. } | JobError::NoCommonRepository { .. } => ("LB0002", Exit::Usage),
            JobError::Backup { source, .. } => match &**source {
                BackupError::Busy { .. } => ("LB0211", Exit::Busy),
                BackupError::Cancelled => return Self::interrupted(),
                BackupError::Write(WriteError::Key(_)) => ("LB0221", Exit::Key),
                _ => ("LB0240", Exit::Failed),
            },
            JobError::Cancelled => return Self::interrupted(),
            JobError::Panicked { .. } => ("LB0240", Exit::Failed),
            JobError::Journal(_) => ("LB0301", Exit::Failed),
        };
        Self::of(code, exit, &error)
    }
}

fn prune_code(error: &PruneError) -> (&'static str, Exit) {
    match error {
        PruneError::Store { source, .. } => store_code(source),
        PruneError::Blocked { .. } => ("LB0270", Exit::Incomplete),
        PruneError::Clock { .. } => ("LB0271", Exit::Failed),
        PruneError::TooLate { .. } => ("LB0272", Exit::Failed),
        PruneError::Nothing { .. } => ("LB0232", Exit::Failed),
        PruneError::Attest { .. } => ("LB0231", Exit::Damage),
        PruneError::Fence(_) | PruneError::NoDelete { .. } => ("LB0213", Exit::Failed),
    }
}

fn open_code(error: &OpenError) -> (&'static str, Exit) {
    match error {
        OpenError::NoRepository { .. } => ("LB0210", Exit::NoRepository),
        OpenError::Newer { .. } | OpenError::Draft { .. } => ("LB0214", Exit::Failed),
        OpenError::Damaged { .. } => ("LB0230", Exit::Damage),
        OpenError::Store { source, .. } => store_code(source),
    }
}

/// Damage is damage, a key that does not fit is a key that does not fit, and a store that does not answer may answer later.
fn read_code(error: &ReadError) -> (&'static str, Exit) {
    match error {
        error if restore::damage::is_damage(error) => ("LB0231", Exit::Damage),
        ReadError::Key(_) => ("LB0221", Exit::Key),
        ReadError::Store { source, .. } => store_code(source),
        _ => ("LB0213", Exit::Failed),
    }
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        let (code, exit) = match &error {
            ListError::NotThere { .. } | ListError::NotAFile { .. } => ("LB0233", Exit::Failed),
            ListError::Read { source, .. } => read_code(source),
        };
        Self::of(code, exit, &error)
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        let (code, exit) = match &error {
            RestoreError::Gather(GatherError::Cancelled)
            | RestoreError::Apply(ApplyError::Cancelled { .. })
            | RestoreError::Into(IntoError::Cancelled) => return Self::interrupted(),
            RestoreError::Gather(GatherError::NotThere { .. }) => ("LB0233", Exit::Failed),
            RestoreError::Gather(GatherError::TooMany) | RestoreError::Apply(ApplyError::Refused(_)) => ("LB0250", Exit::Failed),
            RestoreError::Gather(GatherError::Read { source, .. }) | RestoreError::Apply(ApplyError::Read(source)) => read_code(source),
            RestoreError::Apply(ApplyError::NoKey { .. }) => ("LB0221", Exit::Key),
            RestoreError::Look(_) | RestoreError::Apply(_) | RestoreError::Undo(UndoError::Folder { .. }) => ("LB0251", Exit::Failed),
            RestoreError::Undo(UndoError::Cancelled { .. }) => return Self::interrupted().fix("run it again: it goes on where it stopped"),
            RestoreError::Undo(UndoError::NotOurs { .. } | UndoError::Done { .. }) => ("LB0256", Exit::Failed),
            RestoreError::Into(IntoError::Read(error)) => match &**error {
                ListError::Read { source, .. } => read_code(source),
                _ => ("LB0233", Exit::Failed),
            },
            RestoreError::Into(IntoError::Database(_)) => ("LB0254", Exit::Failed),
            RestoreError::Into(_) => ("LB0255", Exit::Failed),
            RestoreError::Journal(_) => ("LB0301", Exit::Failed),
        };
        Self::of(code, exit, &error)
    }
}

/// A bucket or folder that is gone has taken its repository along; a store that did not answer may do so later; anything else needs a
/// person.
pub(crate) fn store_code(error: &StoreError) -> (&'static str, Exit) {
    match error {
        StoreError::NoPlace { .. } => ("LB0210", Exit::NoRepository),
        error if error.is_transient() => ("LB0212", Exit::TryAgain),
        _ => ("LB0213", Exit::Failed),
    }
}

/// The chain of causes below an error, without repetitions.
fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if found.last() != Some(&text) && found.len() < 8 {
            found.push(text);
        }
        next = cause.source();
    }
    found
}

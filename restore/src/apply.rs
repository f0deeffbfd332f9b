//! Carries a restore plan out: folders, contents in the order of the packs, comparison with what was recorded, metadata.
//!
//! `cli` calls [`apply`] after the plan was shown and confirmed; drills call it on a scratch folder. It writes below the
//! target only (see [`crate::beneath`]) and does to each entry what the plan says. One bad file stops nothing: it is listed and
//! the rest goes on. A full or read-only disk stops it, and the marker that stays behind lets the same restore go on later.

mod content;
mod finish;
mod job;
mod prepare;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base::id::DomainId;
use base::{Clock, Hint};
use repository::reader::{ReadError, Reader};
use tokio_util::sync::CancellationToken;

use crate::copies::Copies;
use crate::marker;
use crate::plan::{Refusal, RestorePlan};
use crate::progress::{Progress, Stage};
use crate::report::{Outcome, RestoreReport};
use job::Job;

/// How a restore is carried out.
#[derive(Debug, Clone, Copy)]
pub struct ApplyOptions {
    /// Threads that make, compare and finish files; usually one a core.
    pub threads: usize,
    /// Set setuid, setgid and attributes that give rights, such as capabilities.
    pub special_bits: bool,
    /// Wait until the file system of the target says that everything is on the disk before the restore counts as complete.
    /// Drills need not: nobody relies on a folder that is wiped at their end.
    pub sync: bool,
}

/// Why a restore stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The plan says that it cannot be done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The target cannot be made, opened or marked.
    #[error("cannot {what} {}", target.display())]
    Target {
        /// The target.
        target: PathBuf,
        /// "make", "open", "write to".
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// No room is left.
    #[error("{} is full", target.display())]
    Full {
        /// The target.
        target: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The repository cannot be read at all.
    #[error("cannot read the repository")]
    Read(#[source] ReadError),
    /// The key at hand opens no keys of the domain that wrote the restore point, so that nothing could be compared.
    #[error("the keys of domain {domain} cannot be opened")]
    NoKey {
        /// The domain.
        domain: DomainId,
    },
    /// Cancelled.
    #[error("the restore to {} was interrupted", target.display())]
    Cancelled {
        /// The target.
        target: PathBuf,
    },
}

impl Hint for ApplyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => refusal.hint(),
            Self::Read(error) => error.hint(),
            Self::NoKey { .. } => Some("use a recovery key that the repository was made with: --key-file FILE".to_owned()),
            Self::Target { source, .. } => Some(match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    "choose a folder that you may write to: --to FOLDER, or run as a user that may".to_owned()
                }
                io::ErrorKind::ReadOnlyFilesystem => "its file system is read-only; choose another folder: --to FOLDER".to_owned(),
                io::ErrorKind::Unsupported => {
                    "restoring safely needs openat2, which came with Linux 5.6; update the kernel, or allow the call in the container"
                        .to_owned()
                }
                _ => "choose another folder: --to FOLDER".to_owned(),
            }),
            Self::Full { .. } => Some("make room and run the same restore again: it goes on where it stopped".to_owned()),
            Self::Cancelled { .. } => Some("run the same restore again: it goes on where it stopped".to_owned()),
        }
    }
}

/// Restores what `plan` says. The report names every path that did not come back; only what makes going on pointless is an error.
///
/// With [`ApplyOptions::sync`] a complete restore is on the disk before its marker goes. What the system has accepted still lies in
/// memory, and reading it back reads that memory: a power cut, or a disk that refuses the data later, would leave a folder with empty
/// files and nothing that tells of it. One syncfs(2) at the end waits for all files at once, where an fsync for each would
/// cost a small restore more than its data; it covers the file system of the target, not others that are mounted below it. When it
/// fails, the marker stays. That the marker went need not be on the disk: one that comes back makes a restore go on that has nothing to do.
///
/// Cancelling `cancel` ends it soon with [`ApplyError::Cancelled`]; what was written stays, with the marker.
pub async fn apply(
    plan: RestorePlan,
    reader: &Reader,
    options: ApplyOptions,
    clock: &dyn Clock,
    progress: Arc<dyn Progress>,
    cancel: &CancellationToken,
) -> Result<RestoreReport, ApplyError> {
    Box::pin(apply_from(plan, reader, &Copies::default(), options, clock, progress, cancel)).await
}

/// As [`apply`]; what `reader` cannot have is asked for in the copies, one after the other.
pub async fn apply_from(
    plan: RestorePlan,
    reader: &Reader,
    copies: &Copies,
    options: ApplyOptions,
    clock: &dyn Clock,
    progress: Arc<dyn Progress>,
    cancel: &CancellationToken,
) -> Result<RestoreReport, ApplyError> {
    if let Some(refusal) = plan.refusals().first() {
        return Err(refusal.clone().into());
    }
    let (started, now) = (clock.monotonic(), clock.now());
    let domain = plan.preview().point.domain.clone();
    let hasher = reader.hasher(&domain).ok_or(ApplyError::NoKey { domain })?;
    let job = blocking({
        let (progress, cancel) = (Arc::clone(&progress), cancel.clone());
        move || Job::open(plan, hasher, options, progress, &cancel, now)
    })
    .await?;
    let job = Arc::new(job);
    step(&job, prepare::run).await?;
    content::run(&job, reader, copies).await?;
    let written = clock.monotonic();
    step(&job, finish::run).await?;
    let mut report = job.report(written.saturating_sub(started), clock.monotonic().saturating_sub(written));
    report.from_copies = copies.given();
    if report.outcome == Outcome::Complete {
        let shared = Arc::clone(&job);
        blocking(move || unmark(&shared)).await.map_err(|source| job.target_error("write to", source))?;
    }
    tracing::info!(files = report.written.files, bytes = report.written.bytes, problems = report.problems.len(), "restore done");
    Ok(report)
}

/// Says that the restore is complete, once that is so: the marker goes, after the data is on the disk. Blocks.
fn unmark(job: &Job) -> io::Result<()> {
    if job.options.sync {
        job.progress.begin(Stage::Sync, 0, 0);
        job.root.sync()?;
    }
    match &job.aside {
        Some(aside) => aside.finish(&job.root),
        None => job.root.remove(marker::NAME),
    }
}

/// Runs one blocking part, and then looks whether it had to stop.
async fn step(job: &Arc<Job>, part: fn(&Job)) -> Result<(), ApplyError> {
    let shared = Arc::clone(job);
    blocking(move || part(&shared)).await;
    job.stopped()
}

/// Runs blocking work off the async threads. A panic there is a bug of ours and goes on here.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down and this future with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Whether an error concerns the whole file system rather than one file.
fn is_fatal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem)
}

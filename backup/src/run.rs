//! Runs one backup from the lock to the acknowledged snapshot.
//!
//! `cli` and `orchestrator` call [`run`]. It records nothing and prints nothing: what there is to say is in the report.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::id::SourceId;
use base::{Clock, Digest, Hint};
use jiff::Timestamp;
use repository::keys::WriterKey;
use repository::repository::Repository;
use repository::writer::{Canary, NewSnapshot, SnapshotStats, WriteError, Writer};
use tokio_util::sync::CancellationToken;

use crate::assemble::{Assembled, Unfinished};
use crate::eta::Totals;
use crate::owners::Owners;
use crate::pipeline::{self, Work};
use crate::progress::{Phase, Progress};
use crate::report::BackupReport;
use crate::roots::{self, OwnFolder};
use crate::shared::{Counts, Shared, Stop, get, status};
use crate::spec::{BackupOptions, BackupSpec};
use crate::stat::Stat;
use crate::trouble::{self, Findings, Trouble, text_of};
use crate::unchanged::old::Old;
use crate::{canary, lock};

/// Why no snapshot was stored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The source names no path at all.
    #[error("source {source_id} names no path")]
    NoPath {
        /// The source.
        source_id: SourceId,
    },
    /// A path that is relative or goes through `..`, so that its place depends on where the program was started.
    #[error("source path {} is not an absolute path without \"..\"", path.display())]
    NotAbsolute {
        /// As the plan has it.
        path: PathBuf,
    },
    /// None of the source's paths exists. An empty snapshot would look like a good one.
    #[error("source path {} does not exist", path.display())]
    Missing {
        /// The first of them.
        path: PathBuf,
    },
    /// None of the source's paths can be read.
    #[error("source path {} cannot be read", path.display())]
    Unreadable {
        /// The first of them.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A source path is the repository's own folder, or this program's cache folder.
    #[error("source path {} is {what} itself", path.display())]
    Own {
        /// The path.
        path: PathBuf,
        /// "the repository" or "the cache folder".
        what: &'static str,
    },
    /// An exclude pattern that cannot be understood.
    #[error("exclude pattern \"{pattern}\" is not gitignore syntax")]
    Pattern {
        /// As the plan has it.
        pattern: String,
        /// What is wrong with it.
        source: ignore::Error,
    },
    /// The wall clock cannot be right. Retention would go by wrong dates ever after.
    #[error("the clock says {now}, which is before this program existed")]
    Clock {
        /// What it says.
        now: Timestamp,
    },
    /// Another process is backing up the same source.
    #[error("source {source_id} is being backed up already, by {}", process(*pid))]
    Busy {
        /// The source.
        source_id: SourceId,
        /// The other process, where it has said so.
        pid: Option<u32>,
    },
    /// The cache folder cannot be used.
    #[error("cannot use the cache folder {}", path.display())]
    Cache {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The repository did not take it.
    #[error("cannot write to the repository")]
    Write(#[source] WriteError),
    /// It was told to stop. Nothing is acknowledged and the repository is valid.
    #[error("the backup was interrupted")]
    Cancelled,
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl Hint for BackupError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPath { .. } => Some("give the source at least one path in the plan".to_owned()),
            Self::NotAbsolute { .. } => Some("write the whole path, from / on, in the plan".to_owned()),
            Self::Missing { path } => Some(format!("see whether {} is mounted, or correct the path in the plan", path.display())),
            Self::Unreadable { .. } => Some("run the backup as a user who may read it".to_owned()),
            Self::Own { .. } => Some("name the folder whose data matters; a repository does not hold itself".to_owned()),
            Self::Pattern { .. } => Some("correct the pattern in the plan; it is a line of a .gitignore file".to_owned()),
            Self::Clock { .. } => Some("set the clock, then run the backup again".to_owned()),
            Self::Busy { pid, .. } => Some(format!("wait for {} to end, or stop it", process(*pid))),
            Self::Cache { .. } => Some("make the folder writable for this user, or choose another cache folder".to_owned()),
            Self::Write(cause) => cause.hint(),
            Self::Cancelled => Some("run it again; what was uploaded already is not uploaded twice".to_owned()),
        }
    }
}

/// Before this the program did not exist, so a clock that says so is wrong: 2020-01-01T00:00:00Z. A laptop with an empty battery
/// starts in 1970, and snapshots from there would confuse retention for ever.
const EPOCH: i64 = 1_577_836_800;
/// How often progress is shown.
const TICK: Duration = Duration::from_millis(200);
/// How long a run that was told to stop may take to do so, before it is left to itself.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Backs up one source. Returns when the snapshot is acknowledged by the store, complete or not.
///
/// Must be called inside a multi-threaded tokio runtime; walking, reading and hashing happen on threads of its own. When it is
/// cancelled, or its future is dropped, nothing is acknowledged and the repository stays valid.
pub async fn run(
    spec: &BackupSpec,
    repository: &Repository,
    key: &WriterKey,
    options: &BackupOptions,
    clock: Arc<dyn Clock>,
    progress: Arc<dyn Progress>,
    cancel: CancellationToken,
) -> Result<BackupReport, BackupError> {
    let (started, began) = (clock.now(), clock.monotonic());
    if started.as_second() < EPOCH {
        return Err(BackupError::Clock { now: started });
    }
    let _lock = lock::take(&options.cache_dir, &spec.source)?;
    let trouble = Trouble::default();
    let canary = write_canary(spec, started, &trouble);
    let own = own_folders(repository, &options.cache_dir);
    let roots = roots::resolve(&spec.files, own, &spec.source, &trouble)?;
    let opening = Writer::open(repository, key, options.writer());
    let writer = cancel.run_until_cancelled(opening).await.ok_or(BackupError::Cancelled)?.map_err(BackupError::Write)?;

    let cache = CacheFile::of(spec, repository, key, &options.cache_dir);
    let work = Work {
        roots,
        files: spec.files.clone(),
        old: Old::open(&cache.path, &cache.identity),
        cache_folder: cache.folder,
        identity: cache.identity,
    };
    let expected = work.old.as_ref().map(|old| old.totals);
    let uid = rustix::process::geteuid();
    let shared = Arc::new(Shared {
        writer,
        trouble,
        counts: Counts::default(),
        owners: Owners::of_this_host(),
        started,
        stop: Stop::default(),
        is_root: uid.is_root(),
        uid: uid.as_raw(),
    });
    let show = |phase, shared: &Shared| progress.show(&status(shared, phase, expected, clock.monotonic().saturating_sub(began)));
    let read = read_source(Arc::clone(&shared), work, &cancel, || show(Phase::Reading, &shared)).await;
    let finished = clock.now();
    show(Phase::Committing, &shared);
    let Some(shared) = Arc::into_inner(shared) else { return Err(BackupError::Cancelled) }; // threads that did not stop in time hold it
    let Shared { writer, trouble, counts, .. } = shared;
    let findings = trouble.take();
    let read = match read {
        Err(BackupError::Write(_)) => read, // nothing was read because nothing could be written
        read if cancel.is_cancelled() => read,
        read => nothing_read(&counts, &findings, spec).map_or(read, Err),
    };
    let assembled = match read {
        Ok(assembled) => assembled,
        Err(error) => return Err(abandon(writer, error).await),
    };
    let complete = findings.n_errors == 0;
    let snapshot = NewSnapshot {
        source: spec.source.clone(),
        service_tags: spec.service_tags.clone(),
        host: spec.host.clone(),
        paths: spec.files.paths.iter().map(|path| text_of(path.as_os_str().as_bytes())).collect(),
        taken: started,
        finished,
        complete,
        root: assembled.root,
        stats: stats(&counts),
        errors: findings.errors.iter().chain(&findings.changed).cloned().collect(),
        canary,
    };
    let committing = writer.commit(snapshot);
    let receipt = cancel.run_until_cancelled(committing).await.ok_or(BackupError::Cancelled)?.map_err(BackupError::Write)?;
    if let Some(Err(error)) = assembled.cache.map(|new| new.replace(&cache.path)) {
        tracing::warn!(%error, path = %cache.path.display(), "cannot keep the cache of unchanged files; the next backup reads every file");
    }
    Ok(BackupReport {
        snapshot: receipt.snapshot,
        complete,
        vanished: findings.vanished,
        special: findings.special,
        excluded: findings.excluded,
        n_errors: findings.n_errors,
        errors: findings.errors,
        notes: findings.changed.into_iter().chain(findings.notes).collect(),
        took: clock.monotonic().saturating_sub(began),
    })
}

/// Runs the pipeline and shows its progress, until it ends or must stop.
async fn read_source(shared: Arc<Shared>, work: Work, cancel: &CancellationToken, show: impl Fn()) -> Result<Assembled, BackupError> {
    let stop = shared.stop.clone();
    let _stop_when_dropped = StopWhenDropped(stop.clone());
    let mut reading = tokio::task::spawn_blocking(move || pipeline::run(&shared, &work));
    let mut tick = tokio::time::interval(TICK);
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut reading => break ended,
            () = cancel.cancelled() => {
                stop.order();
                let _ = tokio::time::timeout(STOP_WITHIN, reading).await; // in either case the answer is the same
                return Err(BackupError::Cancelled);
            }
            _ = tick.tick() => show(),
        }
    };
    match ended {
        Ok(Ok(assembled)) => Ok(assembled),
        Ok(Err(Unfinished::Write(error))) => Err(BackupError::Write(error)),
        Ok(Err(Unfinished::Stopped)) => Err(BackupError::Cancelled),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(BackupError::Cancelled), // the runtime is shutting down
        },
    }
}

/// Tells the threads to stop when nobody waits for them any more.
struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.order();
    }
}

async fn abandon(writer: Writer, error: BackupError) -> BackupError {
    writer.abandon().await;
    error
}

/// A run that met nothing but trouble must not look like a backup of an empty source.
fn nothing_read(counts: &Counts, findings: &Findings, spec: &BackupSpec) -> Option<BackupError> {
    let empty = counts.totals() == Totals::default();
    let path = spec.files.paths.first().cloned().unwrap_or_default();
    empty.then(|| match findings.errors.first() {
        Some(error) => BackupError::Unreadable { path, source: std::io::Error::other(error.detail.clone()) },
        None => BackupError::Missing { path },
    })
}

fn stats(counts: &Counts) -> SnapshotStats {
    SnapshotStats {
        files: get(&counts.files),
        directories: get(&counts.directories),
        symlinks: get(&counts.symlinks),
        bytes: get(&counts.bytes),
        files_new: get(&counts.files_new),
        files_changed: get(&counts.files_changed),
        files_unchanged: get(&counts.files_unchanged),
        ..SnapshotStats::default()
    }
}

/// A canary that cannot be written leaves the backup without what its drill will ask for, so the snapshot counts as incomplete. The
/// data is backed up all the same.
fn write_canary(spec: &BackupSpec, now: Timestamp, trouble: &Trouble) -> Option<Canary> {
    let (root, relative) = (spec.files.paths.first()?, spec.files.canary.as_ref()?);
    if std::fs::metadata(root).is_err() {
        return None; // that the path is missing is said elsewhere
    }
    canary::write(root, relative, now)
        .inspect_err(|error| trouble.error(root.join(relative).as_os_str().as_bytes(), trouble::CANARY, error))
        .ok()
}

/// Folders that this program writes to. Backing them up would go round in circles.
fn own_folders(repository: &Repository, cache_dir: &Path) -> Vec<OwnFolder> {
    let location = repository.store().location();
    let folders = [(location.strip_prefix("file://").map(Path::new), "the repository"), (Some(cache_dir), "the cache folder")];
    let places = folders.into_iter().filter_map(|(path, what)| {
        let place = Stat::from(rustix::fs::stat(path?).ok()?).place();
        Some(OwnFolder { place, what })
    });
    places.collect()
}

/// Where the cache of unchanged files of a source is, and what it must be of.
struct CacheFile {
    folder: PathBuf,
    path: PathBuf,
    identity: Digest,
}

impl CacheFile {
    fn of(spec: &BackupSpec, repository: &Repository, key: &WriterKey, cache_dir: &Path) -> Self {
        let text = format!("{}\n{}\n{}\n{}\n", repository.id(), key.domain(), key.writer(), spec.source);
        let identity = Digest::of(text.as_bytes());
        let folder = cache_dir.join("seen");
        let path = folder.join(format!("{}-{}", spec.source, identity.short()));
        Self { folder, path, identity }
    }
}

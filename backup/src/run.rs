//! Runs one backup from the lock to the acknowledged snapshot.
//!
//! `cli` and `orchestrator` call [`run`]. It records nothing and prints nothing: what there is to say is in the report.

mod error;
mod prepare;

use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use repository::keys::WriterKey;
use repository::repository::Repository;
use repository::writer::{NewSnapshot, SnapshotStats, WriteError, Writer};
use tokio_util::sync::CancellationToken;

pub use self::error::BackupError;
use self::prepare::{CacheFile, prepare};
use crate::assemble::{Assembled, Unfinished};
use crate::eta::Totals;
use crate::lock;
use crate::pipeline::{self, Work};
use crate::progress::{Phase, Progress};
use crate::report::BackupReport;
use crate::shared::{Counts, Shared, Stop, get, status};
use crate::spec::{BackupOptions, BackupSpec};
use crate::trouble::Findings;

/// Before this the program did not exist, so a clock that says so is wrong: 2020-01-01T00:00:00Z. A laptop with an empty battery
/// starts in 1970, and snapshots from there would confuse retention for ever.
pub(crate) const EPOCH: i64 = 1_577_836_800;
/// How often a source is read when packs that the run relied on go away meanwhile.
pub(crate) const ROUNDS: u32 = 3;
/// How often progress is shown.
pub(crate) const TICK: Duration = Duration::from_millis(200);
/// How long a run that was told to stop may take to do so, before it is left to itself.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Backs up one source. Returns when the snapshot is acknowledged by the store, complete or not.
///
/// Must be called inside a multi-threaded tokio runtime; walking, reading and hashing happen on threads of its own. When it is
/// cancelled, or its future is dropped, nothing is acknowledged and the repository stays valid.
///
/// When a prune has condemned packs that the run relied on, or the index cache was changed under it, the source is read again,
/// [`ROUNDS`] times at most.
pub async fn run(
    spec: &BackupSpec,
    repository: &Repository,
    key: &WriterKey,
    options: &BackupOptions,
    clock: Arc<dyn Clock>,
    progress: Arc<dyn Progress>,
    cancel: CancellationToken,
) -> Result<BackupReport, BackupError> {
    let mut round = 1;
    loop {
        match once(spec, repository, key, options, Arc::clone(&clock), Arc::clone(&progress), cancel.clone()).await {
            Err(BackupError::Write(WriteError::Condemned { n_packs })) if round < ROUNDS => {
                tracing::warn!(n_packs, "packs that this backup relied on were condemned or lost; what was in them is read again");
                round += 1;
            }
            // What the index said a moment ago it no longer says: its cache was changed under the run, and is made anew by the next.
            Err(BackupError::Write(WriteError::Unknown(chunk))) if round < ROUNDS => {
                tracing::warn!(%chunk, "the cache of the index lost a chunk during the backup; the source is read again");
                round += 1;
            }
            ended => return ended,
        }
    }
}

async fn once(
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
    let prepared = prepare(spec, repository, &options.cache_dir, started)?;
    let opening = Writer::open(repository, key, options.writer());
    let writer = cancel.run_until_cancelled(opening).await.ok_or(BackupError::Cancelled)?.map_err(BackupError::Write)?;
    let cache = CacheFile::of(spec, repository, key, &options.cache_dir);
    let (shared, work, canary) = prepared.begin(spec, &cache, writer, started);
    let (shared, expected) = (Arc::new(shared), work.old.as_ref().map(|old| old.totals));

    let show = |phase, shared: &Shared| progress.show(&status(shared, phase, expected, clock.monotonic().saturating_sub(began)));
    let read = read_source(Arc::clone(&shared), work, &cancel, || show(Phase::Reading, &shared)).await;
    let finished = clock.now();
    show(Phase::Committing, &shared);
    let Some(shared) = Arc::into_inner(shared) else { return Err(BackupError::Cancelled) }; // threads that did not stop in time hold it
    let Shared { writer, trouble, counts, .. } = shared;
    let findings = trouble.take();
    let assembled = match judge(read, &counts, &findings, spec, &cancel) {
        Ok(assembled) => assembled,
        Err(error) => {
            // A store that hangs must not keep a run that is over.
            let _ = tokio::time::timeout(STOP_WITHIN, writer.abandon()).await;
            return Err(error);
        }
    };
    let complete = findings.n_errors == 0;
    let snapshot = NewSnapshot {
        source: spec.source.clone(),
        service_tags: spec.service_tags.clone(),
        host: spec.host.clone(),
        paths: spec.files.paths.iter().map(|path| base::name::shown(path.as_os_str().as_bytes())).collect(),
        taken: started,
        finished,
        complete,
        root: assembled.root,
        stats: stats(&counts),
        errors: findings.errors.iter().chain(&findings.changed).cloned().collect(),
        canary,
    };
    // `walk` asked for every chunk of what is unchanged.
    writer.asks_for_all();
    let committing = writer.commit(snapshot);
    let receipt = cancel.run_until_cancelled(committing).await.ok_or(BackupError::Cancelled)?.map_err(BackupError::Write)?;
    if let Some(Err(error)) = assembled.cache.map(|new| new.replace(&cache.path)) {
        tracing::warn!(%error, path = %cache.path.display(), "cannot keep the cache of unchanged files; the next backup reads every file");
    }
    let took = clock.monotonic().saturating_sub(began);
    Ok(BackupReport::new(receipt.snapshot, findings, get(&counts.special), took))
}

/// What the threads came to, in the words of the report. A run that met nothing but trouble must not look like a backup of an
/// empty source.
fn judge(
    read: Result<Assembled, BackupError>,
    counts: &Counts,
    findings: &Findings,
    spec: &BackupSpec,
    cancel: &CancellationToken,
) -> Result<Assembled, BackupError> {
    let is_told_already = matches!(read, Err(BackupError::Write(_))) || cancel.is_cancelled();
    if is_told_already || counts.totals() != Totals::default() {
        return read;
    }
    let path = spec.files.paths.first().cloned().unwrap_or_default();
    Err(match findings.errors.first() {
        Some(error) => BackupError::Unreadable { path, source: std::io::Error::other(error.detail.clone()) },
        None => BackupError::Missing { path },
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

/// The counts as a snapshot keeps them.
pub(crate) fn stats(counts: &Counts) -> SnapshotStats {
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

//! Backs up a source that is no folder: what a program writes, what comes in through a pipe, what a database is made to tell.
//!
//! `cli` and `orchestrator` call [`run`]. A stream is cut and stored as it comes; a few pieces of it are in memory and nothing is on
//! disk. The snapshot is stored when all streams have ended well, so that a dump that fails half-way is in none.

mod feed;
mod store;
mod tree;

use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use base::id::SourceId;
use jiff::Timestamp;
use repository::keys::WriterKey;
use repository::repository::Repository;
use repository::writer::{NewSnapshot, WriteError, Writer};
use tokio_util::sync::CancellationToken;

pub(crate) use self::store::Storing;
use crate::links::Links;
use crate::lock;
use crate::owners::Owners;
use crate::progress::{Phase, Progress};
use crate::report::BackupReport;
use crate::run::{BackupError, EPOCH, ROUNDS, STOP_WITHIN, TICK, stats};
use crate::shared::{Counts, Shared, Stop, status};
use crate::source::Dump;
use crate::spec::BackupOptions;
use crate::trouble::Trouble;

/// One such source.
#[derive(Debug)]
pub struct StreamSpec {
    /// The source's name in the plan. Snapshots and the lock carry it.
    pub source: SourceId,
    /// Names of the services that rely on this source, written into the snapshot.
    pub service_tags: Vec<String>,
    /// The host's name, for people.
    pub host: String,
    /// What is read.
    pub dump: Dump,
}

/// Backs it up. Returns when the snapshot is acknowledged by the store.
///
/// Must be called inside a multi-threaded tokio runtime. When it is cancelled, or its future is dropped, nothing is acknowledged, the
/// repository stays valid, and programs that were started are killed. A source that can be read again is read again, as a folder is,
/// when packs that the run relied on went away meanwhile.
pub async fn run(
    mut spec: StreamSpec,
    repository: &Repository,
    key: &WriterKey,
    options: &BackupOptions,
    clock: Arc<dyn Clock>,
    progress: Arc<dyn Progress>,
    cancel: CancellationToken,
) -> Result<BackupReport, BackupError> {
    let mut round = 1;
    loop {
        match once(&mut spec, repository, key, options, &*clock, &*progress, &cancel).await {
            Err(BackupError::Write(error @ (WriteError::Condemned { .. } | WriteError::Unknown(_))))
                if round < ROUNDS && spec.dump.can_repeat() =>
            {
                tracing::warn!(%error, "the source is read again");
                round += 1;
            }
            ended => return ended,
        }
    }
}

async fn once(
    spec: &mut StreamSpec,
    repository: &Repository,
    key: &WriterKey,
    options: &BackupOptions,
    clock: &dyn Clock,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<BackupReport, BackupError> {
    let (started, began) = (clock.now(), clock.monotonic());
    if started.as_second() < EPOCH {
        return Err(BackupError::Clock { now: started });
    }
    let _lock = lock::take(&options.cache_dir, &spec.source)?;
    spec.dump.examine()?;
    let opening = Writer::open(repository, key, options.writer());
    let writer = cancel.run_until_cancelled(opening).await.ok_or(BackupError::Cancelled)?.map_err(BackupError::Write)?;
    let shared = Arc::new(shared(writer, started));
    let mut storing = Storing::new(Arc::clone(&shared), cancel.clone());
    let show = |phase| progress.show(&status(&shared, phase, None, clock.monotonic().saturating_sub(began)));
    let read = showing(spec.dump.read(&mut storing), || show(Phase::Reading)).await;
    let finished = clock.now();
    show(Phase::Committing);
    let read = read.and_then(|()| if cancel.is_cancelled() { Err(BackupError::Cancelled) } else { Ok(()) });
    let paths = storing.paths();
    let root = match read {
        Ok(()) => storing.root().await,
        Err(error) => {
            drop(storing);
            Err(error)
        }
    };
    let Some(shared) = settled(shared).await else { return Err(root.err().unwrap_or(BackupError::Cancelled)) };
    let Shared { writer, trouble, counts, .. } = shared;
    let root = match root {
        Ok(root) => root,
        Err(error) => {
            // A store that hangs must not keep a run that is over.
            let _ = tokio::time::timeout(STOP_WITHIN, writer.abandon()).await;
            return Err(error);
        }
    };
    let findings = trouble.take();
    let snapshot = NewSnapshot {
        source: spec.source.clone(),
        service_tags: spec.service_tags.clone(),
        host: spec.host.clone(),
        paths,
        taken: started,
        finished,
        complete: findings.n_errors == 0,
        root,
        stats: stats(&counts),
        errors: findings.errors.clone(),
        canary: None,
    };
    let committing = writer.commit(snapshot);
    let receipt = cancel.run_until_cancelled(committing).await.ok_or(BackupError::Cancelled)?.map_err(BackupError::Write)?;
    Ok(BackupReport::new(receipt.snapshot, findings, 0, clock.monotonic().saturating_sub(began)))
}

fn shared(writer: Writer, started: Timestamp) -> Shared {
    let uid = rustix::process::geteuid();
    Shared {
        writer,
        trouble: Trouble::default(),
        counts: Counts::default(),
        owners: Owners::of_this_host(),
        links: Links::default(),
        started,
        stop: Stop::default(),
        is_root: uid.is_root(),
        uid: uid.as_raw(),
    }
}

/// Shows progress until the work is done.
async fn showing<T>(work: impl Future<Output = T>, show: impl Fn()) -> T {
    let mut work = std::pin::pin!(work);
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            _ = tick.tick() => show(),
        }
    }
}

/// How often it is looked whether a thread has let go.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What was shared, once no thread stores any more; none when one does not stop in time.
async fn settled(mut shared: Arc<Shared>) -> Option<Shared> {
    let alone = async {
        loop {
            match Arc::try_unwrap(shared) {
                Ok(alone) => return alone,
                Err(again) => shared = again,
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(STOP_WITHIN, alone).await.ok()
}

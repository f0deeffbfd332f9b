//! Backs up one source to one repository, and writes down what came of it.

mod what;

use std::sync::Arc;

use backup::hook::{self, Outcome};
use base::Hint as _;
use base::id::{RepositoryId, SourceId};
use jiff::Timestamp;
use plans::Plan;
use plans::plan::Source;
use records::event::{BackupFailed, BackupFinished, BackupStarted, BackupStats, Trigger};
use repository::writer::VerifyUpload;
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;

use self::what::What;
use super::{JobError, open};
use crate::caught::caught;
use crate::parts::{Parts, run_id};
use base::hint::whole_story;

/// zstd's default level; what has to be faster is seen by the queue to the store, not by a flag.
const LEVEL: i32 = 3;

/// Which backup, and why now.
#[derive(Debug, Clone)]
pub struct Order {
    /// The source.
    pub source: SourceId,
    /// Where to.
    pub repository: RepositoryId,
    /// Why it runs.
    pub trigger: Trigger,
    /// The moment of the schedule that it fulfils.
    pub planned_at: Option<Timestamp>,
}

/// What is piped into a backup.
pub type Input = Box<dyn AsyncRead + Send + Unpin>;

/// Makes the backup of a source that is there to be read.
pub async fn run(
    parts: &Parts,
    plan: &Plan,
    order: &Order,
    progress: Arc<dyn backup::Progress>,
    cancel: CancellationToken,
) -> Result<backup::BackupReport, JobError> {
    run_with(parts, plan, order, None, progress, cancel).await
}

/// Makes the backup. A snapshot that misses files is a report whose `complete` is false, not an error.
#[tracing::instrument(name = "backup", skip_all, fields(source = %order.source, repository = %order.repository))]
pub async fn run_with(
    parts: &Parts,
    plan: &Plan,
    order: &Order,
    input: Option<Input>,
    progress: Arc<dyn backup::Progress>,
    cancel: CancellationToken,
) -> Result<backup::BackupReport, JobError> {
    let source = plan.sources.get(&order.source).ok_or_else(|| open::unknown("source", order.source.as_str(), plan.sources.keys()))?;
    let run = run_id(&*parts.clock);
    let began = parts.clock.monotonic();
    let started = BackupStarted {
        run: run.clone(),
        source: order.source.clone(),
        repository: order.repository.clone(),
        trigger: order.trigger,
        planned_at: order.planned_at,
    };
    parts.record(started).await?;
    let ended = caught(Box::pin(attempt(parts, plan, source, order, input, progress, cancel))).await;
    let result = ended.unwrap_or_else(|what| Err(JobError::Panicked { what }));
    let took_ms = u64::try_from(parts.clock.monotonic().saturating_sub(began).as_millis()).unwrap_or(u64::MAX);
    match &result {
        Ok(report) => {
            tracing::info!(snapshot = %report.snapshot.id.short(), complete = report.complete, took_ms, "backup done");
            parts.record(finished(run, order, report, took_ms)).await?;
        }
        Err(error) => {
            let failed = BackupFailed {
                run,
                source: order.source.clone(),
                repository: order.repository.clone(),
                error: whole_story(error),
                hint: error.hint(),
                took_ms,
                interrupted: error.is_interruption(),
            };
            tracing::error!(error = failed.error, "backup failed");
            parts.record(failed).await?;
        }
    }
    result
}

async fn attempt(
    parts: &Parts,
    plan: &Plan,
    source: &Source,
    order: &Order,
    input: Option<Input>,
    progress: Arc<dyn backup::Progress>,
    cancel: CancellationToken,
) -> Result<backup::BackupReport, JobError> {
    if let Some(what) = plans::supported::in_one_line(&plans::supported::source(source)) {
        return Err(JobError::NotDone { what });
    }
    let failed =
        |source| JobError::Backup { source_id: order.source.clone(), repository: order.repository.clone(), source: Box::new(source) };
    let what = what::of(parts, plan, source, input)?;
    let begun = hook::begin(what::hooks(source), &source.id, &open::repository_cache(parts), &cancel).await.map_err(failed)?;
    let mut made = store(parts, plan, order, what, progress, cancel).await;
    let outcome = match &made {
        Ok(report) if report.complete => Outcome::Done,
        Ok(_) => Outcome::Incomplete,
        Err(error) if error.is_interruption() => Outcome::Interrupted,
        Err(_) => Outcome::Failed,
    };
    let failures = begun.end(outcome).await;
    for failure in &failures {
        tracing::error!(failure, "a hook failed");
    }
    if let Ok(report) = &mut made {
        report.hook_failures = failures;
    }
    made
}

async fn store(
    parts: &Parts,
    plan: &Plan,
    order: &Order,
    what: What,
    progress: Arc<dyn backup::Progress>,
    cancel: CancellationToken,
) -> Result<backup::BackupReport, JobError> {
    let repository = open::repository_unless(parts, plan, &order.repository, &cancel).await?;
    let key = parts.connect.writer_key(&repository.id().to_string())?;
    let options = backup::BackupOptions {
        cache_dir: open::repository_cache(parts),
        threads: open::threads(),
        level: LEVEL,
        verify_upload: VerifyUpload::default(),
    };
    let clock = Arc::clone(&parts.clock);
    let done = match what {
        What::Files(spec) => backup::run(&spec, &repository, &key, &options, clock, progress, cancel).await,
        What::Stream(spec) => backup::stream::run(spec, &repository, &key, &options, clock, progress, cancel).await,
    };
    done.map_err(|source| JobError::Backup {
        source_id: order.source.clone(),
        repository: order.repository.clone(),
        source: Box::new(source),
    })
}

fn finished(run: String, order: &Order, report: &backup::BackupReport, took_ms: u64) -> BackupFinished {
    let stats = &report.snapshot.stats;
    BackupFinished {
        run,
        source: order.source.clone(),
        repository: order.repository.clone(),
        snapshot: report.snapshot.id.to_string(),
        complete: report.complete,
        taken: report.snapshot.taken,
        finished: report.snapshot.finished,
        stats: BackupStats {
            files: stats.files,
            directories: stats.directories,
            symlinks: stats.symlinks,
            bytes: stats.bytes,
            files_new: stats.files_new,
            files_changed: stats.files_changed,
            files_unchanged: stats.files_unchanged,
            bytes_new: stats.bytes_new,
            bytes_stored: stats.bytes_stored,
        },
        n_errors: report.n_errors,
        hook_failures: report.hook_failures.clone(),
        took_ms,
    }
}

//! Backs up one source to one repository, and writes down what came of it.

use std::sync::Arc;

use base::Hint as _;
use base::id::{RepositoryId, SourceId};
use jiff::Timestamp;
use plans::Plan;
use plans::plan::{Canary, FilesSource, Source, SourceKind};
use records::event::{BackupFailed, BackupFinished, BackupStarted, BackupStats, Trigger};
use repository::writer::VerifyUpload;
use tokio_util::sync::CancellationToken;

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

/// Makes the backup. A snapshot that misses files is a report whose `complete` is false, not an error.
#[tracing::instrument(skip_all, fields(source = %order.source, repository = %order.repository))]
pub async fn run(
    parts: &Parts,
    plan: &Plan,
    order: &Order,
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
    let ended = caught(Box::pin(attempt(parts, plan, source, order, progress, cancel))).await;
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
    progress: Arc<dyn backup::Progress>,
    cancel: CancellationToken,
) -> Result<backup::BackupReport, JobError> {
    if let Some(what) = plans::supported::in_one_line(&plans::supported::source(source)) {
        return Err(JobError::NotDone { what });
    }
    let SourceKind::Files(files) = &source.kind else {
        return Err(JobError::NotDone { what: format!("{} is no source of files", source.id) });
    };
    let repository = open::repository_unless(parts, plan, &order.repository, &cancel).await?;
    let key = parts.connect.writer_key(&repository.id().to_string())?;
    let options = backup::BackupOptions {
        cache_dir: open::repository_cache(parts),
        threads: open::threads(),
        level: LEVEL,
        verify_upload: VerifyUpload::default(),
    };
    let spec = spec(parts, plan, source, files);
    let done = backup::run(&spec, &repository, &key, &options, Arc::clone(&parts.clock), progress, cancel).await;
    done.map_err(|source| JobError::Backup {
        source_id: order.source.clone(),
        repository: order.repository.clone(),
        source: Box::new(source),
    })
}

fn spec(parts: &Parts, plan: &Plan, source: &Source, files: &FilesSource) -> backup::BackupSpec {
    backup::BackupSpec {
        source: source.id.clone(),
        service_tags: plan.services_of(&source.id).map(|service| service.id.to_string()).collect(),
        host: parts.host.clone(),
        files: backup::Files {
            paths: files.paths.clone(),
            exclude: files.exclude.clone(),
            one_file_system: files.one_file_system,
            exclude_caches: files.exclude_caches,
            canary: source.canary.as_ref().and_then(Canary::file).cloned(),
        },
    }
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
        took_ms,
    }
}

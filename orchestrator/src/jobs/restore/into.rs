//! Restores a dump into an empty database, and writes down who filled which with what, and whether the facts came back.

use plans::plan::{SecretRef, Source, SourceKind};
use records::event::{RestoreFailed, RestoreFinished, RestoreStarted};
use repository::reader::Reader;
use repository::snapshots::Snapshot;
use restore::database::{Found, IntoReport, Server, Target};
use tokio_util::sync::CancellationToken;

use super::RestoreError;
use crate::jobs::{JobError, database};
use crate::parts::{Connect, Parts, run_id};
use base::hint::whole_story;

/// The server behind a reference, of the kind that the source is.
pub fn server(connect: &dyn Connect, source: &Source, dsn: &SecretRef) -> Result<Server, JobError> {
    match &source.kind {
        SourceKind::Postgres(asked) => Ok(Server::Postgres(database::postgres_at(connect, source, dsn, asked)?)),
        SourceKind::Mysql(asked) => Ok(Server::Mysql(database::mysql_at(connect, source, dsn, asked)?)),
        kind => {
            Err(JobError::NotDone { what: format!("{} is a {} source of the plan, and is restored into a folder", source.id, kind.word()) })
        }
    }
}

/// The server that the source is read from, where its reference can be resolved on this host.
pub fn live(connect: &dyn Connect, source: &Source) -> Option<Server> {
    let dsn = match &source.kind {
        SourceKind::Postgres(asked) => &asked.dsn,
        SourceKind::Mysql(asked) => &asked.dsn,
        _ => return None,
    };
    server(connect, source, dsn).ok()
}

/// Fills the target, which was examined before.
#[tracing::instrument(name = "fill", skip_all, fields(target = %target.place()))]
pub async fn fill(
    parts: &Parts,
    reader: &Reader,
    snapshot: &Snapshot,
    found: &Found,
    target: &Target,
    reason: Option<String>,
    cancel: &CancellationToken,
) -> Result<IntoReport, RestoreError> {
    let (run, id, place) = (run_id(&*parts.clock), snapshot.id.to_string(), target.place());
    let paths = vec![format!("/{}", found.file())];
    parts.record(RestoreStarted { run: run.clone(), snapshot: id.clone(), target: place.clone(), paths, reason }).await?;
    let began = parts.clock.monotonic();
    match restore::database::fill(reader, snapshot, found, target, cancel).await {
        Ok(report) => {
            let took_ms = u64::try_from(parts.clock.monotonic().saturating_sub(began).as_millis()).unwrap_or(u64::MAX);
            let mismatches = report.facts.iter().filter(|fact| !fact.same).count() as u64;
            let outcome = if mismatches == 0 { "complete" } else { "facts differ" }.to_owned();
            parts
                .record(RestoreFinished { run, snapshot: id, target: place, files: 1, bytes: report.bytes, mismatches, outcome, took_ms })
                .await?;
            Ok(report)
        }
        Err(error) => {
            parts.record(RestoreFailed { run, snapshot: id, target: place, error: whole_story(&error) }).await?;
            Err(error.into())
        }
    }
}

//! Restores from a repository in earnest, and writes down who took what out, where to, and whether it was equal.
//!
//! Two steps: [`prepare`] looks and plans, and changes nothing; [`apply`] does what the shown plan says.

pub mod into;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use plans::plan::Service;
use records::event::{RestoreFailed, RestoreFinished, RestoreStarted};
use repository::reader::Reader;
use repository::snapshots::Snapshot;
use restore::apply::{ApplyError, ApplyOptions};
use restore::plan::{PlanOptions, RestorePlan};
use restore::progress::Progress;
use restore::report::{Outcome, RestoreReport};
use restore::target::LookError;
use restore::tree::{GatherError, Selection};
use tokio_util::sync::CancellationToken;

use super::open;
use crate::parts::{Parts, run_id};
use base::hint::whole_story;

/// What is to be restored where.
#[derive(Debug)]
pub struct Order {
    /// The folder that is written to.
    pub target: PathBuf,
    /// What of the restore point.
    pub selection: Selection,
    /// What may happen to things that are there.
    pub options: PlanOptions,
    /// Set setuid and the like.
    pub special_bits: bool,
    /// Why, in the words of whoever restores.
    pub reason: Option<String>,
}

/// Why a restore could not be prepared or done.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The restore point could not be read.
    #[error(transparent)]
    Gather(#[from] GatherError),
    /// The target could not be looked at.
    #[error(transparent)]
    Look(#[from] LookError),
    /// It stopped before its end.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A database was not filled.
    #[error(transparent)]
    Into(#[from] restore::database::IntoError),
    /// What happened could not be written down.
    #[error("what was done could not be written into the journal")]
    Journal(#[from] records::journal::JournalError),
}

impl base::Hint for RestoreError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Gather(error) => error.hint(),
            Self::Look(error) => error.hint(),
            Self::Apply(error) => error.hint(),
            Self::Into(error) => error.hint(),
            Self::Journal(error) => error.hint(),
        }
    }
}

/// Reads the trees, looks at the target, and plans. Writes nothing.
pub async fn prepare(reader: &Reader, snapshot: &Snapshot, order: &Order, cancel: &CancellationToken) -> Result<RestorePlan, RestoreError> {
    let tree = restore::tree::gather(reader, snapshot, &order.selection, cancel).await?;
    let target = order.target.clone();
    let (tree, facts) = tokio::task::spawn_blocking(move || {
        let facts = restore::target::look(&target, &tree);
        (tree, facts)
    })
    .await
    .expect("looking at a folder does not panic");
    Ok(restore::plan::plan(snapshot.into(), tree, &facts?, &order.options))
}

/// Does what the plan says. Paths that did not come back are in the report.
#[tracing::instrument(name = "restore", skip_all, fields(target = %order.target.display()))]
pub async fn apply(
    parts: &Parts,
    plan: RestorePlan,
    reader: &Reader,
    order: &Order,
    progress: Arc<dyn Progress>,
    cancel: &CancellationToken,
) -> Result<RestoreReport, RestoreError> {
    let run = run_id(&*parts.clock);
    let snapshot = plan.preview().point.snapshot.clone();
    let target = shown(&order.target);
    let paths = order.selection.paths.iter().map(ToString::to_string).collect();
    let reason = order.reason.clone();
    parts.record(RestoreStarted { run: run.clone(), snapshot: snapshot.clone(), target: target.clone(), paths, reason }).await?;
    let began = parts.clock.monotonic();
    let options = ApplyOptions { threads: open::threads(), special_bits: order.special_bits, sync: true };
    match restore::apply::apply(plan, reader, options, &*parts.clock, progress, cancel).await {
        Ok(report) => {
            let took_ms = u64::try_from(parts.clock.monotonic().saturating_sub(began).as_millis()).unwrap_or(u64::MAX);
            let finished = RestoreFinished {
                run,
                snapshot,
                target,
                files: report.written.files,
                bytes: report.written.bytes,
                mismatches: report.problems.len() as u64,
                outcome: match report.outcome {
                    Outcome::Complete => "complete".to_owned(),
                    Outcome::Incomplete => "incomplete".to_owned(),
                },
                took_ms,
            };
            parts.record(finished).await?;
            Ok(report)
        }
        Err(error) => {
            parts.record(RestoreFailed { run, snapshot, target, error: whole_story(&error) }).await?;
            Err(error.into())
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// How long a restore of these services took in the last drill, for the line that shows it against the RTO.
pub fn last_drill(facts: &crate::Facts, service: &Service) -> Option<(jiff::Timestamp, u64)> {
    let of = |record: &&Arc<records::drill::DrillRecord>| {
        !record.identity.quick && record.scope.services.contains(&service.id) && record.measured.rto_ms().is_some()
    };
    let record = facts.drills.iter().rev().find(of)?;
    Some((record.clocks.started, record.measured.rto_ms()?))
}

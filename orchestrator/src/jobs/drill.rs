//! Runs one drill, and writes its record into the journal. A drill that fails is a result, not an error.

mod record;

use std::sync::Arc;

use base::id::{DrillId, RepositoryId, SourceId};
use jiff::Timestamp;
use plans::Plan;
use plans::plan::{Drill, From};
use records::drill::DrillRecord;
use records::event::{DrillFinished, DrillStarted, Trigger};
use repository::keys::{KeyError, ReaderKey};
use repository::reader::ReadError;
use restore::choose::Choice;
use restore::drill::{Access, DrillSpec, Objective, Pick};
use tokio_util::sync::CancellationToken;

use super::{JobError, open};
use crate::caught::caught;
use crate::facts::Facts;
use crate::parts::{Parts, run_id};

/// Which drill, and why now.
#[derive(Debug, Clone)]
pub struct Order {
    /// The drill.
    pub drill: DrillId,
    /// Why it runs.
    pub trigger: Trigger,
    /// The moment of the schedule that it fulfils.
    pub planned_at: Option<Timestamp>,
    /// Read this copy, whatever the plan says.
    pub from: Option<RepositoryId>,
    /// Another mode than the plan's, for a quick look that answers no schedule and proves nothing.
    pub mode: Option<plans::plan::Mode>,
}

/// Runs the drill. The snapshot is resolved now; which copy is read, where the plan leaves it open, is drawn at random.
#[tracing::instrument(name = "drill", skip_all, fields(drill = %order.drill))]
pub async fn run(
    parts: &Parts,
    plan: &Plan,
    order: &Order,
    progress: Arc<dyn restore::progress::Progress>,
    cancel: &CancellationToken,
) -> Result<DrillRecord, JobError> {
    let mut drill = plan.drills.get(&order.drill).ok_or_else(|| open::unknown("drill", order.drill.as_str(), plan.drills.keys()))?.clone();
    if let Some(what) = plans::supported::in_one_line(&plans::supported::drill(&drill)) {
        return Err(JobError::NotDone { what });
    }
    let quick = order.mode.is_some_and(|mode| mode != drill.mode);
    drill.mode = order.mode.unwrap_or(drill.mode);
    let sources = sources(plan, &drill);
    let copy = copy(plan, &drill, &sources, order)?;
    let key = open::reader_key(parts, plan, &copy)?;
    if order.trigger == Trigger::Manual {
        key_fits(parts, plan, &copy, &key).await?;
    }
    let run = run_id(&*parts.clock);
    let (id, trigger, planned_at) = (order.drill.clone(), order.trigger, order.planned_at);
    let started = DrillStarted { run: run.clone(), drill: id, trigger, planned_at, quick };
    parts.record(started).await?;
    let spec = DrillSpec {
        picks: sources.iter().map(|id| pick(plan, id)).collect(),
        objectives: objectives(plan, &drill),
        assumed_outage: None,
        declared: None,
        scratch_root: parts.scratch.clone(),
        threads: open::threads(),
        drill,
    };
    let frame = record::Frame { parts, plan, order, drill: &spec.drill, quick, run, copy: &copy, key: &key };
    let opened = caught(open::repository_unless(parts, plan, &copy, cancel)).await;
    let repository = match opened.unwrap_or_else(|what| Err(JobError::Panicked { what })) {
        Ok(repository) => repository,
        Err(error) => {
            // Written down as aborted, so that it is tried again after a wait, and not at each look.
            let report = restore::drill::not_begun(&spec, copy.to_string(), &*parts.clock, base::hint::whole_story(&error));
            parts.record(DrillFinished { record: Box::new(record::of(report, &frame)) }).await?;
            return Err(error);
        }
    };
    let options = open::reader_options(parts);
    let access = Access { repository: &repository, key: &key, options: &options };
    let ended = caught(restore::drill::run(&spec, access, &*parts.clock, progress, cancel)).await;
    let report = ended.unwrap_or_else(|what| {
        tracing::error!(what, "the drill broke off, which is a bug");
        restore::drill::not_begun(&spec, copy.to_string(), &*parts.clock, format!("it broke off: {what}"))
    });
    let record = record::of(report, &frame);
    tracing::info!(verdict = record.outcome.as_str(), "drill done");
    parts.record(DrillFinished { record: Box::new(record.clone()) }).await?;
    Ok(record)
}

/// Refuses a key that opens nothing, before anything is written down: whoever took the wrong file has run no drill. All else that is wrong
/// is found by the drill itself.
async fn key_fits(parts: &Parts, plan: &Plan, copy: &RepositoryId, key: &ReaderKey) -> Result<(), JobError> {
    let Ok(repository) = open::repository(parts, plan, copy).await else { return Ok(()) };
    match key.open(&repository).await {
        Err(error @ KeyError::WrongKey { .. }) => {
            Err(JobError::Read { repository: copy.clone(), source: Box::new(ReadError::Key(Arc::new(error))) })
        }
        _ => Ok(()),
    }
}

/// The sources of all services of the drill, those that others need first.
fn sources(plan: &Plan, drill: &Drill) -> Vec<SourceId> {
    let mut sources = Vec::new();
    for service in plan.recovery_order(drill).iter().filter_map(|id| plan.services.get(id)) {
        for source in &service.sources {
            if !sources.contains(source) {
                sources.push(source.clone());
            }
        }
    }
    sources
}

/// The repository that the drill reads.
fn copy(plan: &Plan, drill: &Drill, sources: &[SourceId], order: &Order) -> Result<RepositoryId, JobError> {
    if let Some(from) = &order.from {
        return Ok(from.clone());
    }
    let candidates = candidates(plan, drill, sources);
    let drawn = draw(candidates.len()).and_then(|n| candidates.get(n)).copied();
    drawn.cloned().ok_or_else(|| JobError::NoCommonRepository { drill: drill.id.clone() })
}

/// The repositories that the drill may read: the one that it names, or all that are to hold all of its sources.
fn candidates<'a>(plan: &'a Plan, drill: &'a Drill, sources: &[SourceId]) -> Vec<&'a RepositoryId> {
    if let From::Repository(id) = &drill.from {
        return vec![id];
    }
    let has_all = |id: &&RepositoryId| sources.iter().all(|source| plan.sources.get(source).is_some_and(|source| source.to.contains(id)));
    plan.repositories.keys().filter(has_all).collect()
}

/// Whether the first backups are over that the drill rests on: each of its sources has a restore point or a failed run in every copy
/// that may be read. Before, a drill would fail only because it came too early; afterwards a copy without a restore point is a finding.
pub(crate) fn may_begin(plan: &Plan, drill: &Drill, facts: &Facts) -> bool {
    let sources = sources(plan, drill);
    let is_over = |source: &SourceId, copy: &RepositoryId| {
        facts.backups.get(&(source.clone(), copy.clone())).is_some_and(|runs| runs.last.is_some() || runs.failures > 0)
    };
    sources.iter().all(|source| facts.newest_point(source).is_some())
        && candidates(plan, drill, &sources).iter().all(|copy| sources.iter().all(|source| is_over(source, copy)))
}

/// A random number below `n`; none when `n` is 0. Without random bytes it is the first: a drill of one copy beats none.
fn draw(n: usize) -> Option<usize> {
    let mut byte = [0_u8; 1];
    let drawn = getrandom::fill(&mut byte).map_or(0, |()| usize::from(byte[0]));
    drawn.checked_rem(n)
}

fn pick(plan: &Plan, source: &SourceId) -> Pick {
    let rpo = plan.sources.get(source).and_then(|source| plan.rpo_of(source));
    Pick { source: source.clone(), choice: Choice::Newest { source: source.clone() }, rpo }
}

fn objectives(plan: &Plan, drill: &Drill) -> Vec<Objective> {
    let of = |id| plan.services.get(id).map(|s| Objective { service: s.id.clone(), rto: s.objectives.rto, rpo: s.objectives.rpo });
    plan.recovery_order(drill).iter().filter_map(of).collect()
}

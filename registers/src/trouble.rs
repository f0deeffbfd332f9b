//! What went wrong and is not mended: the last backup that failed, the last drill that did not pass, damage that was found.
//!
//! A matter stays open until the same thing went well, so that it can be alerted once and its end can be told. The
//! orchestrator's notices task and `lifeboat status` ask it; what is merely late is in [`crate::overdue`].

use std::time::Duration;

use base::id::ContactId;
use base::span::human;
use plans::Plan;
use plans::plan::{Drill, Repository};
use records::drill::{FrozenObjective, Verdict};

use crate::facts::{DrillRun, Facts};
use crate::matter::{Kind, Matter, sort};
use crate::overdue::{object, owner};

/// Everything that went wrong and is not mended; gravest first, then longest.
pub fn list(plan: &Plan, facts: &Facts) -> Vec<Matter> {
    let mut matters = Vec::new();
    for source in plan.sources.values() {
        for repository in &source.to {
            let Some(failing) = facts.backups.get(&(source.id.clone(), repository.clone())).and_then(|state| state.failing.as_ref()) else {
                continue;
            };
            let runs = if failing.n_runs == 1 { "the last run".to_owned() } else { format!("the last {} runs", failing.n_runs) };
            matters.push(Matter {
                kind: Kind::BackupFailed,
                object: object(&source.id, repository),
                since: failing.since,
                owner: owner(plan, &source.id),
                what: format!("{runs} went wrong: {}", failing.error),
                todo: failing.hint.clone().unwrap_or_else(|| format!("lifeboat backup {}", source.id)),
            });
        }
    }
    for drill in plan.drills.values() {
        if let Some(run) = facts.last_verdict(&drill.id) {
            matters.extend(failed(plan, drill, run, facts));
            matters.extend(missed(plan, drill, run));
        }
    }
    for (repository, check) in facts.checks.iter().filter(|(id, _)| plan.repositories.contains_key(*id)) {
        if let Some(since) = check.damaged_since {
            let first = check.first.as_deref().unwrap_or("the check's report has the details");
            matters.push(Matter {
                kind: Kind::Damage,
                object: format!("repository {repository}"),
                since,
                owner: plan.owner.clone(),
                what: format!("the last check found damage in {}: {first}", places(check.n_findings)),
                todo: format!("lifeboat check --repository {repository}"),
            });
        }
    }
    matters.extend(plan.repositories.values().filter_map(|repository| weakened(plan, repository, facts)));
    sort(&mut matters);
    matters
}

fn weakened(plan: &Plan, repository: &Repository, facts: &Facts) -> Option<Matter> {
    repository.lock.as_ref()?;
    let state = facts.locks.get(&repository.id)?;
    let first = state.first_weak.as_deref().unwrap_or("lifeboat lock status names them");
    Some(Matter {
        kind: Kind::LockWeakened,
        object: format!("locks of {}", repository.id),
        since: state.weak_since?,
        owner: plan.owner.clone(),
        what: format!("{} objects were locked for less than was promised: {first}", state.n_weak),
        todo: format!("find out who did it, then lifeboat lock renew --repository {}", repository.id),
    })
}

fn failed(plan: &Plan, drill: &Drill, run: &DrillRun, facts: &Facts) -> Option<Matter> {
    let how = match run.verdict {
        Verdict::Fail => "failed",
        Verdict::Void => "is void, because it could not have failed",
        Verdict::Pass | Verdict::Aborted => return None,
    };
    let why = run.reasons.first().map_or_else(String::new, |reason| format!(": {reason}"));
    Some(Matter {
        kind: Kind::DrillFailed,
        object: format!("drill {}", drill.id),
        since: first_of_the_row(facts, drill, run),
        owner: first_owner(plan, drill),
        what: format!("the last run {how}{why}"),
        todo: format!("lifeboat drill show {}", run.run),
    })
}

/// When the first of the runs ended that have not passed since the last pass.
fn first_of_the_row(facts: &Facts, drill: &Drill, run: &DrillRun) -> jiff::Timestamp {
    let runs = facts.drills.get(&drill.id).map(Vec::as_slice).unwrap_or_default();
    let row = runs.iter().rev().filter(|run| run.verdict != Verdict::Aborted).take_while(|run| run.verdict != Verdict::Pass);
    row.last().map_or(run.ended, |first| first.ended)
}

/// A drill that was too slow, or lost too much. The objectives are those that were frozen when it started.
fn missed(plan: &Plan, drill: &Drill, run: &DrillRun) -> Option<Matter> {
    if !matches!(run.verdict, Verdict::Pass | Verdict::Fail) {
        return None;
    }
    let words: Vec<String> = run.objectives.iter().filter_map(|objective| beyond(objective, run)).collect();
    (!words.is_empty()).then(|| Matter {
        kind: Kind::ObjectiveMissed,
        object: format!("drill {}", drill.id),
        since: run.ended,
        owner: first_owner(plan, drill),
        what: words.join("; "),
        todo: format!("lifeboat drill show {}", run.run),
    })
}

/// What of one service's objectives the run missed, in words.
pub(crate) fn beyond(objective: &FrozenObjective, run: &DrillRun) -> Option<String> {
    let over = |promised: Option<u64>, measured: Option<u64>| promised.zip(measured).filter(|(promised, measured)| measured > promised);
    let human = |ms| human(Duration::from_millis(ms));
    let (lost_ms, promised_ms) = objective.data_loss(run.measured.rpo_ms);
    let mut words = Vec::new();
    if let Some((promised, measured)) = over(objective.rto_ms, run.measured.rto_ms()) {
        words.push(format!("recovery took {} of {}", human(measured), human(promised)));
    }
    if let Some((promised, measured)) = over(promised_ms, lost_ms) {
        words.push(format!("data of {} was lost, {} allowed", human(measured), human(promised)));
    }
    (!words.is_empty()).then(|| format!("{}: {}", objective.service, words.join(", ")))
}

fn first_owner(plan: &Plan, drill: &Drill) -> Option<ContactId> {
    drill.services.first().and_then(|id| plan.services.get(id)).and_then(|service| service.owner.clone()).or_else(|| plan.owner.clone())
}

/// "1 place", "3 places".
fn places(n: u64) -> String {
    if n == 1 { "1 place".to_owned() } else { format!("{n} places") }
}

//! Gathers what an evidence pack is made of: the facts of the plan and the records of a period, as `records::evidence` takes them.
//!
//! `lifeboat evidence export` asks it. [`input`] is pure: the same plan, facts, records, period and time give the same pack. It signs
//! nothing, writes nothing, and leaves nothing out: every drill that the plan wanted in the period is in it, run or not.

pub mod period;

use base::Hint;
use base::id::{ContactId, DrillId};
use jiff::Timestamp;
use plans::Plan;
use plans::plan::{Drill, Service, Threat, Treat};
use plans::review::ReviewStatus;
use records::chain::Entry;
use records::event::Event;
use records::evidence::{
    Facts as PackFacts, OverdueItem, PackInput, Period, PlanFacts, PlannedDrill, ReviewFacts, Reviewer, ServiceFacts, ThreatFacts,
};
use registers::matter::Kind;
use registers::{overdue, review};

use crate::facts::Facts;

/// The most planned runs of one drill in a period. A year of hourly drills fits; more rows than this nobody reads.
const MAX_RUNS: usize = 10_000;

/// Why there is nothing to make a pack of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The period lies in the future.
    #[error("the period {period} has not begun")]
    NotBegun {
        /// Its name.
        period: String,
    },
    /// A drill is planned more often than a report can show.
    #[error("the drill {drill} was planned more than {MAX_RUNS} times in this period")]
    TooManyRuns {
        /// Which.
        drill: DrillId,
    },
}

impl Hint for InputError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotBegun { .. } => "name a period that has begun; one that still runs is exported as far as it has come".to_owned(),
            Self::TooManyRuns { .. } => "name a shorter period: --period 2026-11".to_owned(),
        })
    }
}

/// Who issues a pack.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// A name in the list of allowed signers: "lifeboat@bcm01".
    pub name: String,
    /// The host.
    pub host: String,
}

/// What the pack of `period` is made of. `entries` are the journal's of the period, `facts` all that is known at `now`.
pub fn input(
    plan: &Plan,
    facts: &Facts,
    entries: Vec<Entry>,
    period: Period,
    issuer: Issuer,
    now: Timestamp,
) -> Result<PackInput, InputError> {
    if period.since >= now {
        return Err(InputError::NotBegun { period: period.name });
    }
    let end = period.until.min(now);
    let facts = PackFacts {
        id: format!("EV-{}", period.name),
        organisation: contact(plan, plan.owner.as_ref()).unwrap_or_else(|| plan.title.clone()),
        plan: plan_facts(plan, facts, &entries, end),
        issued_at: now,
        issued_by: issuer.name,
        host: issuer.host,
        services: plan.services.values().map(|service| service_facts(plan, service)).collect(),
        planned: planned(plan, facts, period.since, end)?,
        review: review_facts(plan, facts, end),
        threats: plan.threats.values().map(|threat| threat_facts(plan, threat)).collect(),
        overdue: late(plan, facts, now),
        reviewers: reviewers(plan),
        period,
    };
    Ok(PackInput { facts, entries })
}

/// Whether what is material in the plan has changed since the end of `period`: objectives are then those of now, not those of then.
pub fn plan_changed_since(plan: &Plan, facts: &Facts, period: &Period) -> bool {
    facts.register.loads.iter().rev().find(|load| load.at < period.until).is_some_and(|load| load.fingerprint != plan.fingerprint)
}

fn contact(plan: &Plan, id: Option<&ContactId>) -> Option<String> {
    id.map(|id| plan.contacts.get(id).map_or_else(|| id.to_string(), |contact| contact.name.clone()))
}

fn plan_facts(plan: &Plan, facts: &Facts, entries: &[Entry], end: Timestamp) -> PlanFacts {
    let then = facts.register.loads.iter().rev().find(|load| load.at < end);
    let revision = entries.iter().rev().find_map(|entry| match &entry.event {
        Event::PlanLoaded(loaded) if loaded.plan == plan.id => Some(loaded.revision.clone()),
        _ => None,
    });
    PlanFacts {
        id: plan.id.clone(),
        title: plan.title.clone(),
        scope: plan.scope.clone(),
        fingerprint: then.map_or(plan.fingerprint, |load| load.fingerprint),
        revision: revision.flatten(),
    }
}

fn service_facts(plan: &Plan, service: &Service) -> ServiceFacts {
    let ms = |span: Option<base::Span>| span.map(|span| u64::try_from(span.at_least().as_millis()).unwrap_or(u64::MAX));
    ServiceFacts {
        id: service.id.clone(),
        title: service.title.clone(),
        owner: contact(plan, service.owner.as_ref()),
        tier: format!("{:?}", service.tier).to_lowercase(),
        rto_ms: ms(service.objectives.rto),
        rpo_ms: ms(service.objectives.rpo),
        sources: service.sources.clone(),
        external: service.external,
    }
}

/// Every run that the schedules wanted, from the day on which the plan first came into force. A drill that was added to the plan later
/// is counted from that day, too: to show a drill as not run that nobody had planned yet is a question, to hide one is a lie.
fn planned(plan: &Plan, facts: &Facts, since: Timestamp, end: Timestamp) -> Result<Vec<PlannedDrill>, InputError> {
    let Some(in_force) = facts.register.plan_since() else { return Ok(Vec::new()) };
    let span = since.max(in_force)..end;
    let mut planned = Vec::new();
    for drill in plan.drills.values() {
        let runs = drill.schedule.runs_between(span.clone(), MAX_RUNS + 1);
        if runs.len() > MAX_RUNS {
            return Err(InputError::TooManyRuns { drill: drill.id.clone() });
        }
        planned.extend(runs.into_iter().map(|at| planned_drill(plan, drill, at)));
    }
    planned.sort_by(|a, b| (a.planned_at, &a.drill).cmp(&(b.planned_at, &b.drill)));
    Ok(planned)
}

fn planned_drill(plan: &Plan, drill: &Drill, planned_at: Timestamp) -> PlannedDrill {
    PlannedDrill { drill: drill.id.clone(), planned_at, services: plan.recovery_order(drill), note: None }
}

/// How the reviews stood at `end`: a signature that landed later does not count.
fn review_facts(plan: &Plan, facts: &Facts, end: Timestamp) -> ReviewFacts {
    let then = facts.reviews.iter().filter(|(at, _)| *at < end).map(|(at, event)| (*at, event));
    let last = review::last_signed(&review::fold(&plan.id, then), &plan.review.sign);
    let (due_at, overdue_since) = match overdue::review_status(plan, &facts.register, last.as_ref(), end) {
        ReviewStatus::Fresh { due_at } | ReviewStatus::Soon { due_at, .. } => (due_at, None),
        ReviewStatus::Overdue { since, .. } => (since, Some(since)),
    };
    ReviewFacts { every: plan.review.every.to_string(), last_signed: last.map(|signed| signed.at), due_at: Some(due_at), overdue_since }
}

fn threat_facts(plan: &Plan, threat: &Threat) -> ThreatFacts {
    ThreatFacts {
        id: threat.id.clone(),
        title: threat.title.clone(),
        likelihood: threat.inherent.likelihood,
        impact: threat.inherent.impact,
        residual: threat.residual.map(|score| (score.likelihood, score.impact)),
        treat: treatment(threat.treat).to_owned(),
        owner: contact(plan, threat.owner.as_ref()),
        reviewed: threat.reviewed.map(|day| day.to_string()),
        drill: threat.drill.clone(),
    }
}

fn treatment(treat: Treat) -> &'static str {
    match treat {
        Treat::Reduce => "reduce",
        Treat::Accept => "accept",
        Treat::Avoid => "avoid",
        Treat::Transfer => "transfer",
    }
}

/// What is late now, but the review, which the pack counts itself.
fn late(plan: &Plan, facts: &Facts, now: Timestamp) -> Vec<OverdueItem> {
    let last = review::last_signed(&facts.reviews(), &plan.review.sign);
    let matters = overdue::list(plan, &facts.register, last.as_ref(), now).into_iter();
    let item = |matter: registers::Matter| OverdueItem {
        what: format!("{}: {}", matter.object, matter.what),
        since: matter.since,
        owner: contact(plan, matter.owner.as_ref()),
    };
    matters.filter(|matter| !matches!(matter.kind, Kind::ReviewOverdue | Kind::ReviewSoon)).map(item).collect()
}

fn reviewers(plan: &Plan) -> Vec<Reviewer> {
    let key = |contact: &plans::plan::Contact| Some(Reviewer { principal: contact.id.to_string(), public_key: contact.ssh_key.clone()? });
    plan.contacts.values().filter_map(key).collect()
}

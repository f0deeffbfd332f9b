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
    let last = review::last_signed(&facts.reviews_before(plan, end), &plan.review.sign);
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
    let last = review::last_signed(&facts.reviews(plan), &plan.review.sign);
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

#[cfg(test)]
mod tests {
    use super::*;
    use plans::load::{Text, load};
    use records::event::{ReviewSigned, ReviewStarted};
    use registers::facts::PlanLoad;

    const PLAN: &str = "
lifeboat: 1
plan: web
owner: joy
contacts: {joy: {name: Joy Okafor, role: [service-owner], ssh_key: \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPhx2f3yHzUDYgAN6OZp8kJX4L4PUgQbvq2xJOLXzlAk\"}}
services: {web: {objectives: {rto: 1h, rpo: 24h}, sources: [files]}}
repositories: {main: {url: \"file:///srv/backup\", media: disk}}
recovery_keys:
  one: {recipient: age1qj9lesyqlssn8y3a3jzc5hqaclzjryhgj5rc32m7r46xve7evslstr43px}
  two: {recipient: age16el635443fd5fk0zcj2qzt5r5578nm0dvjtzuvyzy8xtuc47va6sf0femv}
sources: {files: {files: {paths: [/srv/www]}, schedule: \"17 */6 * * *\"}}
drills:
  monthly: {services: [web], schedule: \"0 3 1 * *\", checks: [{id: some, files: {paths: [\"**\"], min_count: 1}}]}
review: {every: 6 months, sign: {roles: [service-owner]}}
";

    fn plan() -> Plan {
        let texts = [Text { name: "web.yaml".to_owned(), text: PLAN.to_owned() }];
        load(&texts).unwrap_or_else(|faults| panic!("{faults}: {:#?}", faults.0)).plan
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// What is known of a plan that came into force on 10 July.
    fn facts(plan: &Plan) -> Facts {
        let mut facts = Facts::about(plan.id.clone());
        facts.register.loads.push(PlanLoad { at: at("2026-07-10T12:00:00Z"), fingerprint: plan.fingerprint });
        facts
    }

    fn pack(plan: &Plan, facts: &Facts, text: &str, now: &str) -> Result<PackFacts, InputError> {
        let issuer = Issuer { name: "lifeboat@bcm01".to_owned(), host: "bcm01".to_owned() };
        input(plan, facts, Vec::new(), period::parse(text).unwrap(), issuer, at(now)).map(|input| input.facts)
    }

    #[test]
    fn drills_are_planned_from_the_day_of_the_plan_to_now_and_never_outside_of_the_period() {
        let plan = plan();
        for (period, now, planned) in [
            ("2026-Q3", "2026-12-01T00:00:00Z", vec!["2026-08-01", "2026-09-01"]), // July's was before the plan
            ("2026-Q3", "2026-08-20T00:00:00Z", vec!["2026-08-01"]),               // September's is still to come
            ("2026-Q3", "2026-09-01T03:00:00Z", vec!["2026-08-01"]),               // and due only now
            ("2026-10", "2026-12-01T00:00:00Z", vec!["2026-10-01"]),
            ("2026-Q2", "2026-12-01T00:00:00Z", vec![]),
            ("2026-08-02..2026-08-31", "2026-12-01T00:00:00Z", vec![]),
        ] {
            let pack = pack(&plan, &facts(&plan), period, now).unwrap();
            let runs: Vec<_> = pack.planned.iter().map(|run| run.planned_at.to_string()).collect();
            let wanted: Vec<_> = planned.iter().map(|day| format!("{day}T03:00:00Z")).collect();
            assert_eq!(runs, wanted, "{period} at {now}");
        }
    }

    #[test]
    fn without_a_plan_in_force_nothing_was_planned_and_the_future_has_no_evidence() {
        let plan = plan();
        assert!(pack(&plan, &Facts::about(plan.id.clone()), "2026", "2026-12-01T00:00:00Z").unwrap().planned.is_empty());
        let early = pack(&plan, &facts(&plan), "2027", "2026-12-01T00:00:00Z");
        assert_eq!(early, Err(InputError::NotBegun { period: "2027".to_owned() }));
    }

    #[test]
    fn a_drill_that_is_planned_too_often_to_show_is_refused_and_not_cut_short() {
        let text = PLAN.replace("0 3 1 * *", "*/5 * * * *");
        let often = load(&[Text { name: "web.yaml".to_owned(), text }]).unwrap_or_else(|faults| panic!("{:#?}", faults.0)).plan;
        let refused = pack(&often, &facts(&often), "2026", "2026-12-01T00:00:00Z");
        assert_eq!(refused, Err(InputError::TooManyRuns { drill: "monthly".parse().unwrap() }));
        assert_eq!(pack(&often, &facts(&often), "2026-08-01..2026-08-01", "2026-12-01T00:00:00Z").unwrap().planned.len(), 288);
    }

    #[test]
    fn a_review_that_was_signed_after_the_period_does_not_count_in_it() {
        let plan = plan();
        let mut facts = facts(&plan);
        let started = ReviewStarted {
            review: "r1".to_owned(),
            plan: plan.id.clone(),
            fingerprint: plan.fingerprint,
            inputs: Vec::new(),
            asked: None,
        };
        let signed = ReviewSigned {
            review: "r1".to_owned(),
            plan: plan.id.clone(),
            fingerprint: plan.fingerprint,
            by: "joy".parse().unwrap(),
            name: None,
            role: "service-owner".to_owned(),
            meaning: "reviewed".to_owned(),
            statement: String::new(),
            statement_digest: base::Digest::of(b""),
            signature: String::new(),
        };
        facts.reviews.push((at("2026-09-20T10:00:00Z"), started.into()));
        facts.reviews.push((at("2026-10-02T10:00:00Z"), signed.into()));
        let review = |period: &str| pack(&plan, &facts, period, "2026-12-01T00:00:00Z").unwrap().review;
        assert_eq!(review("2026-Q3").last_signed, None);
        assert_eq!(review("2026-Q3").due_at, Some(at("2027-01-10T12:00:00Z")));
        assert_eq!(review("2026-Q4").last_signed, Some(at("2026-10-02T10:00:00Z")));
        assert_eq!(review("2026-Q4").due_at, Some(at("2027-04-02T10:00:00Z")));
    }

    #[test]
    fn a_plan_that_changed_after_the_period_is_told() {
        let plan = plan();
        let mut facts = facts(&plan);
        let then = period::parse("2026-Q3").unwrap();
        assert!(!plan_changed_since(&plan, &facts, &then));
        let load = facts.register.loads.first_mut().unwrap();
        load.fingerprint = base::Digest::of(b"an earlier plan");
        let earlier = load.fingerprint;
        facts.register.loads.push(PlanLoad { at: at("2026-10-05T00:00:00Z"), fingerprint: plan.fingerprint });
        assert!(plan_changed_since(&plan, &facts, &then));
        assert_eq!(pack(&plan, &facts, "2026-Q3", "2026-12-01T00:00:00Z").unwrap().plan.fingerprint, earlier);
        assert_eq!(pack(&plan, &facts, "2026-Q4", "2026-12-01T00:00:00Z").unwrap().plan.fingerprint, plan.fingerprint);
    }

    #[test]
    fn who_owns_the_plan_and_who_may_sign_reviews_is_in_the_pack() {
        let plan = plan();
        let pack = pack(&plan, &facts(&plan), "2026-Q3", "2026-12-01T00:00:00Z").unwrap();
        assert_eq!((pack.organisation.as_str(), pack.id.as_str()), ("Joy Okafor", "EV-2026-Q3"));
        assert_eq!(pack.reviewers.iter().map(|one| one.principal.as_str()).collect::<Vec<_>>(), ["joy"]);
        assert_eq!((pack.services[0].rto_ms, pack.services[0].rpo_ms), (Some(3_600_000), Some(86_400_000)));
    }
}

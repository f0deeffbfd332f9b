//! The business impact analysis: for each service what an outage costs over time, what was promised, and what the last
//! drills achieved.
//!
//! The first part is the plan's own, the achieved part comes from the latest drill that passed, and a gap is wherever the
//! two do not meet. What people add to it, such as why the levels are what they are and who assessed them, comes from the journal; with an
//! assessment goes down what the plan said then ([`basis`]), so that a later change shows. `lifeboat register list impact` shows the rows,
//! highest tier first.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Span;
use base::id::{ContactId, DrillId, ServiceId, SourceId};
use jiff::Timestamp;
use jiff::civil::Date;
use plans::Plan;
use plans::plan::{Category, Mtpd, Service, Tier};
use serde::Serialize;

use crate::facts::{DrillRun, Facts};
use crate::ledger::{Kept, Step, field};

/// A service at an instant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImpactRow {
    /// How the plan calls it.
    pub service: ServiceId,
    /// Its title.
    pub title: String,
    /// The process that it serves.
    pub process: Option<String>,
    /// Who answers for it.
    pub owner: Option<ContactId>,
    /// Who stands in for the owner.
    pub deputy: Option<ContactId>,
    /// How much depends on it.
    pub tier: Tier,
    /// Whether someone else runs it.
    pub external: bool,
    /// For each category the level of harm, 1 to 5, that an outage reaches after a time.
    pub impact: BTreeMap<Category, Vec<(Span, u8)>>,
    /// The longest outage that can be tolerated and the category that says so, derived from `impact`.
    pub mtpd: Option<Mtpd>,
    /// Recovery time objective.
    pub rto: Option<Span>,
    /// Recovery point objective.
    pub rpo: Option<Span>,
    /// The least service that counts as recovered.
    pub minimum: Option<String>,
    /// Services that it needs.
    pub needs: Vec<ServiceId>,
    /// Data that it needs.
    pub sources: Vec<SourceId>,
    /// What the latest drill that passed achieved; none if no drill of it ever passed.
    pub achieved: Option<Achieved>,
    /// Where promise and proof do not meet.
    pub gaps: Vec<Gap>,
    /// Why the levels are what they are.
    pub justification: Option<String>,
    /// When an outage hurts most.
    pub peaks: Option<String>,
    /// How people go on without it.
    pub workaround: Option<String>,
    /// How long that works.
    pub holds_for: Option<String>,
    /// Who delivers what it needs: the register's words, or else the owners of the external services that it needs.
    pub suppliers: Option<String>,
    /// Who assessed it.
    pub assessed_by: Option<ContactId>,
    /// The day of the assessment; one that is still to come was not yet made.
    pub assessed_on: Option<Date>,
    /// Who approved the assessment.
    pub approved_by: Option<ContactId>,
    /// When it is assessed next; none before the first assessment, which the plan's own review stands for.
    pub next_due: Option<Timestamp>,
    /// What the plan says otherwise than at the assessment: "tier", "impact", "objectives", "needs", "sources".
    pub changed_since: Vec<String>,
    /// What people did to it, oldest first.
    pub history: Vec<Step>,
}

/// What a drill achieved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Achieved {
    /// The drill.
    pub drill: DrillId,
    /// When it started.
    pub at: Timestamp,
    /// How long the recovery took, in milliseconds, where it was measured.
    pub rto_ms: Option<u64>,
    /// How much time of data was lost, in milliseconds, where it was measured.
    pub rpo_ms: Option<u64>,
    /// Of which source, where the record of the drill tells the sources apart.
    pub rpo_source: Option<SourceId>,
}

/// Where promise and proof do not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "gap")]
pub enum Gap {
    /// Nobody answers for the service.
    NoOwner,
    /// The plan does not say how long it may be away.
    NoRto,
    /// The plan does not say how much data may be lost, though it has data.
    NoRpo,
    /// The plan does not say what an outage costs, so no time limit can be derived.
    NoImpact,
    /// The objective is not below the longest outage that can be tolerated.
    RtoBeyondMtpd,
    /// No drill covers it.
    NoDrill,
    /// A drill covers it, and none ever passed.
    NeverProven,
    /// The last drill that passed took longer than promised.
    RtoMissed {
        /// What it took, in milliseconds.
        achieved_ms: u64,
    },
    /// The last drill that passed lost more than promised.
    RpoMissed {
        /// What it lost, in milliseconds.
        achieved_ms: u64,
    },
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let human = |ms: &u64| base::span::human(Duration::from_millis(*ms));
        match self {
            Self::NoOwner => f.pad("no owner"),
            Self::NoRto => f.pad("no RTO"),
            Self::NoRpo => f.pad("no RPO"),
            Self::NoImpact => f.pad("no impact over time, so no MTPD"),
            Self::RtoBeyondMtpd => f.pad("the RTO is not below the MTPD"),
            Self::NoDrill => f.pad("no drill covers it"),
            Self::NeverProven => f.pad("no drill of it ever passed"),
            Self::RtoMissed { achieved_ms } => write!(f, "recovery took {}", human(achieved_ms)),
            Self::RpoMissed { achieved_ms } => write!(f, "data of {} was lost", human(achieved_ms)),
        }
    }
}

/// What an assessment rests on: digests of what the plan says about the service, by what they are of.
pub fn basis(service: &Service) -> String {
    let impact = service.impact.iter().map(|(category, steps)| {
        let steps: Vec<String> = steps.iter().map(|(after, level)| format!("{after}:{level}")).collect();
        format!("{category} {}", steps.join(" "))
    });
    let span = |span: Option<Span>| span.map_or_else(|| "-".to_owned(), |span| span.to_string());
    let objectives = &service.objectives;
    let minimum = objectives.minimum.as_deref().unwrap_or("-");
    let list = |items: Vec<String>| items.join(" ");
    let parts = [
        ("tier", format!("{:?}", service.tier)),
        ("impact", impact.collect::<Vec<_>>().join("; ")),
        ("objectives", format!("{} {} {minimum}", span(objectives.rto), span(objectives.rpo))),
        ("needs", list(service.needs.iter().map(ToString::to_string).collect())),
        ("sources", list(service.sources.iter().map(ToString::to_string).collect())),
    ];
    parts.map(|(name, text)| format!("{name}={}", base::Digest::of(text.as_bytes()).short())).join(" ")
}

/// The parts of the basis that differ.
fn changed_since(service: &Service, kept: &Kept) -> Vec<String> {
    let Some(then) = kept.text("basis") else { return Vec::new() };
    let now = basis(service);
    let known: Vec<&str> = then.split(' ').collect();
    now.split(' ').filter(|part| !known.contains(part)).filter_map(|part| Some(part.split('=').next()?.to_owned())).collect()
}

fn next_due(plan: &Plan, kept: &Kept, assessed: Date, changed: bool) -> Option<Timestamp> {
    let on = assessed.to_zoned_datetime(plan.timezone.clone()).ok()?.timestamp();
    if changed { Some(kept.history.last().map_or(on, |step| step.at)) } else { Some(plan.review.every.after(on, &plan.timezone)) }
}

/// The register at `now`, highest tier first, then the tightest RTO, then by name.
pub fn rows(plan: &Plan, facts: &Facts, now: Timestamp) -> Vec<ImpactRow> {
    let mut rows: Vec<ImpactRow> = plan.services.values().map(|service| row(plan, service, facts, now)).collect();
    let rto = |row: &ImpactRow| row.rto.map_or(Duration::MAX, Span::at_least);
    rows.sort_by(|a, b| b.tier.cmp(&a.tier).then_with(|| rto(a).cmp(&rto(b))).then_with(|| a.service.cmp(&b.service)));
    rows
}

fn row(plan: &Plan, service: &Service, facts: &Facts, now: Timestamp) -> ImpactRow {
    let kept = facts.ledger.get("impact", service.id.as_str()).filter(|kept| kept.archived.is_none());
    let text = |field| kept.and_then(|kept| kept.text(field)).map(str::to_owned);
    let today = now.to_zoned_datetime(plan.timezone.clone()).date();
    let assessed_on = kept.and_then(|kept| kept.parsed::<Date>("assessed_on")).filter(|day| *day <= today);
    let changed_since = kept.filter(|_| assessed_on.is_some()).map(|kept| changed_since(service, kept)).unwrap_or_default();
    let due = kept.zip(assessed_on).and_then(|(kept, day)| next_due(plan, kept, day, !changed_since.is_empty()));
    let workaround = service.workaround.as_ref();
    let achieved = achieved(plan, service, facts);
    let deputy = service.owner.as_ref().and_then(|owner| plan.contacts.get(owner)).and_then(|owner| owner.deputy.clone());
    ImpactRow {
        service: service.id.clone(),
        title: service.title.clone(),
        process: service.process.clone(),
        owner: service.owner.clone(),
        deputy,
        tier: service.tier,
        external: service.external,
        impact: service.impact.clone(),
        mtpd: service.mtpd.clone(),
        rto: service.objectives.rto,
        rpo: service.objectives.rpo,
        minimum: service.objectives.minimum.clone(),
        needs: service.needs.clone(),
        sources: service.sources.clone(),
        gaps: gaps(plan, service, achieved.as_ref()),
        achieved,
        justification: text("justification"),
        peaks: text("peaks").or_else(|| service.peak.clone()),
        workaround: text("workaround").or_else(|| workaround.map(|one| one.form.clone())),
        holds_for: text("holds_for").or_else(|| workaround.and_then(|one| Some(one.holds_for?.to_string()))),
        suppliers: text("suppliers").or_else(|| suppliers(plan, service)),
        assessed_by: field::contact(text("assessed_by").as_deref()),
        assessed_on,
        approved_by: field::contact(text("approved_by").as_deref()),
        next_due: due,
        changed_since,
        history: facts.ledger.get("impact", service.id.as_str()).map(|kept| kept.history.clone()).unwrap_or_default(),
    }
}

fn suppliers(plan: &Plan, service: &Service) -> Option<String> {
    let needed = service.needs.iter().filter_map(|id| plan.services.get(id)).filter(|needed| needed.external);
    let name = |needed: &Service| {
        let owner = needed.owner.as_ref().and_then(|owner| plan.contacts.get(owner));
        owner.map_or_else(|| needed.title.clone(), |owner| format!("{} ({})", owner.name, needed.title))
    };
    let names: Vec<String> = needed.map(name).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn achieved(plan: &Plan, service: &Service, facts: &Facts) -> Option<Achieved> {
    let passes = covering(plan, service).filter_map(|drill| facts.last_pass(drill).map(|run| (drill, run)));
    let (drill, run): (&DrillId, &DrillRun) = passes.max_by_key(|(_, run)| run.started)?;
    let own = run.objectives.iter().find(|objective| objective.service == service.id);
    let rpo_ms = own.map_or(run.measured.rpo_ms, |objective| objective.data_loss(run.measured.rpo_ms).0);
    let rpo_source = own.and_then(|objective| Some(objective.rpo_point.as_ref()?.source.clone()));
    Some(Achieved { drill: drill.clone(), at: run.started, rto_ms: run.measured.rto_ms(), rpo_ms, rpo_source })
}

/// The drills that recover the service, also as something that another one needs.
fn covering<'p>(plan: &'p Plan, service: &'p Service) -> impl Iterator<Item = &'p DrillId> {
    plan.drills.values().filter(|drill| plan.recovery_order(drill).contains(&service.id)).map(|drill| &drill.id)
}

fn gaps(plan: &Plan, service: &Service, achieved: Option<&Achieved>) -> Vec<Gap> {
    let objectives = &service.objectives;
    let over = |promised: Option<Span>, achieved_ms: Option<u64>| match (promised, achieved_ms) {
        (Some(promised), Some(ms)) if Duration::from_millis(ms) > promised.at_least() => Some(ms),
        _ => None,
    };
    let drilled = covering(plan, service).next().is_some();
    let beyond = match (objectives.rto, &service.mtpd) {
        (Some(rto), Some(mtpd)) => rto.at_least() >= mtpd.after.at_least(),
        _ => false,
    };
    let recovered_here = !service.external;
    let mut gaps = Vec::new();
    let mut note = |missing: bool, gap: Gap| {
        if missing {
            gaps.push(gap);
        }
    };
    note(service.owner.is_none(), Gap::NoOwner);
    note(objectives.rto.is_none(), Gap::NoRto);
    note(objectives.rpo.is_none() && !service.sources.is_empty(), Gap::NoRpo);
    note(service.impact.is_empty() && recovered_here, Gap::NoImpact);
    note(beyond, Gap::RtoBeyondMtpd);
    note(recovered_here && !drilled, Gap::NoDrill);
    note(recovered_here && drilled && achieved.is_none(), Gap::NeverProven);
    if let Some(achieved_ms) = achieved.and_then(|achieved| over(objectives.rto, achieved.rto_ms)) {
        gaps.push(Gap::RtoMissed { achieved_ms });
    }
    // A source with an RPO of its own is held against that one.
    let of_source = |achieved: &Achieved| plan.sources.get(achieved.rpo_source.as_ref()?)?.rpo;
    if let Some(achieved_ms) = achieved.and_then(|achieved| over(of_source(achieved).or(objectives.rpo), achieved.rpo_ms)) {
        gaps.push(Gap::RpoMissed { achieved_ms });
    }
    gaps
}

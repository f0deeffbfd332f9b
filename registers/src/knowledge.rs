//! What is known: articles that were captured, found good by somebody else, and are then shown with incidents and alerts.
//!
//! The text of an article is Markdown in git, under its name in the folder of the plan; its front matter and the row of this register hold
//! the same fields. What happened to it (captured, processed, shared, archived) is folded from the journal. [`page`] reads and writes the
//! Markdown, [`search`] looks through it, [`act`] decides the steps. `lifeboat kb` reads the files.

pub mod act;
pub mod page;
pub mod search;

use std::collections::BTreeSet;

use base::id::ServiceId;
use jiff::Timestamp;
use jiff::civil::Date;
use plans::Plan;
use records::event::Row;
use serde::Serialize;

use crate::Facts;
use crate::incident::open::services_of;
use crate::incident::{Incident, Phase as IncidentPhase};
use crate::ledger::{Kept, Ledger, field};
use crate::matter::{Kind, Matter};
use crate::settings::IncidentRules;

/// The register's name.
pub const NAME: &str = "knowledge";

/// The fields that a look by somebody else is about: a change of one of them takes it back.
const LOOKED_AT: [&str; 6] = ["title", "services", "symptom", "cause", "fix", "text"];
/// What a look and the sharing wrote down.
const STEPS: [&str; 4] = ["processed_on", "processed_by", "shared_on", "commit"];

/// Where an article stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It is written down.
    Captured,
    /// Somebody else found it good.
    Processed,
    /// It is shown with incidents and alerts.
    Shared,
    /// It is of no more use.
    Archived,
}

impl Phase {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Processed => "processed",
            Self::Shared => "shared",
            Self::Archived => "archived",
        }
    }
}

/// Where a row stands.
pub fn phase(kept: &Kept) -> Phase {
    match () {
        () if kept.archived.is_some() => Phase::Archived,
        () if kept.text("shared_on").is_some() => Phase::Shared,
        () if kept.text("processed_on").is_some() => Phase::Processed,
        () => Phase::Captured,
    }
}

/// `changes`, and the steps that they take back.
pub(crate) fn undone(kept: &Kept, changes: &Row) -> Row {
    let mut changes = changes.clone();
    let differs = |field: &str| changes.get(field).is_some_and(|new| new.trim() != kept.text(field).unwrap_or_default());
    if LOOKED_AT.into_iter().any(differs) {
        let taken = STEPS.into_iter().filter(|step| kept.text(step).is_some());
        changes.extend(taken.map(|step| (step.to_owned(), String::new())));
    }
    changes
}

/// When somebody has to do something about an article: look at it and share it, or look again whether it is true.
pub fn due(plan: &Plan, kept: &Kept) -> Option<Timestamp> {
    match phase(kept) {
        Phase::Archived => None,
        Phase::Shared => {
            let day: Date = kept.parsed("verified_on").or_else(|| kept.parsed("shared_on"))?;
            Some(plan.knowledge.review.after(day.to_zoned_datetime(plan.timezone.clone()).ok()?.timestamp(), &plan.timezone))
        }
        Phase::Captured | Phase::Processed => Some(plan.knowledge.process.after(since(kept), &plan.timezone)),
    }
}

/// Since when an article waits as it is: since it was added, or since what others look at was last changed.
fn since(kept: &Kept) -> Timestamp {
    let changed = kept.history.iter().rev().find(|step| step.fields.iter().any(|field| LOOKED_AT.contains(&field.as_str())));
    changed.map_or(kept.added, |step| step.at)
}

/// Articles that wait to be shared for too long, and those that nobody found true for too long.
pub fn late(plan: &Plan, ledger: &Ledger, now: Timestamp) -> Vec<Matter> {
    let late = |kept: &Kept| {
        let since = due(plan, kept).filter(|due| *due <= now)?;
        let (id, title) = (&kept.id, kept.text("title").unwrap_or_default());
        let (what, todo) = match phase(kept) {
            Phase::Shared => {
                let last = kept.text("verified_on").unwrap_or("the day it was shared");
                (format!("last found true on {last}"), format!("lifeboat kb update {id} --verified-on DAY --reason TEXT"))
            }
            Phase::Processed => ("found good and not shared".to_owned(), format!("lifeboat kb share {id} --reason TEXT")),
            _ => (
                "captured and not yet looked at by somebody else".to_owned(),
                format!("lifeboat kb process {id} --by CONTACT --reason TEXT"),
            ),
        };
        let owner = field::contact(kept.text("owner")).or_else(|| plan.owner.clone());
        Some(Matter { kind: Kind::KnowledgeOverdue, object: kept.id.clone(), since, owner, what: format!("{title}: {what}"), todo })
    };
    ledger.live(NAME).filter_map(late).collect()
}

/// An incident that ended and that no article tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// The incident.
    pub incident: String,
    /// Its title.
    pub title: String,
    /// The services that it harmed.
    pub services: Vec<ServiceId>,
    /// How often the same trouble came, where that is too often.
    pub recurs: Option<usize>,
    /// Shared articles that may tell of it already.
    pub known: Vec<String>,
}

/// Discovers what should be written down: incidents that ended without an article, those that come back first.
pub fn wanted(facts: &Facts, rules: &IncidentRules) -> Vec<Wanted> {
    let told: BTreeSet<String> =
        facts.ledger.live(NAME).flat_map(|kept| names(kept.text("incidents"))).map(|id| id.to_ascii_uppercase()).collect();
    let ended = |incident: &&Incident| incident.phase() >= IncidentPhase::Resolved;
    let untold = |incident: &&Incident| incident.knowledge.is_none() && !told.contains(&incident.id);
    let mut wanted: Vec<Wanted> = facts
        .incidents
        .all()
        .iter()
        .filter(ended)
        .filter(untold)
        .map(|incident| Wanted {
            incident: incident.id.clone(),
            title: incident.title.clone(),
            services: incident.services.clone(),
            recurs: facts.incidents.recurs(incident, rules.recurrence),
            known: of_incident(facts, incident).into_iter().map(|kept| kept.id.clone()).collect(),
        })
        .collect();
    wanted.sort_by_key(|one| std::cmp::Reverse(one.recurs));
    wanted
}

/// The names in a list with commas between.
pub fn names(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The shared articles that tell of an incident: those that it or they name, and those of one of its services whose words fit.
pub fn of_incident<'a>(facts: &'a Facts, incident: &Incident) -> Vec<&'a Kept> {
    let named = |kept: &Kept| {
        incident.knowledge.as_deref().is_some_and(|id| id.eq_ignore_ascii_case(&kept.id))
            || names(kept.text("incidents")).iter().any(|id| id.eq_ignore_ascii_case(&incident.id))
    };
    let same = |kept: &Kept| {
        let cause = incident.cause.as_deref().filter(|cause| !cause.is_empty());
        let of_same = |other: &Incident| cause.is_some() && other.cause.as_deref() == cause;
        let told = names(kept.text("incidents"));
        told.iter().filter_map(|id| facts.incidents.get(id)).any(of_same)
    };
    let told = format!("{} {}", incident.title, incident.root_cause.as_deref().unwrap_or_default());
    shared(&facts.ledger).filter(|kept| named(kept) || same(kept) || fits(kept, &incident.services, &told)).collect()
}

/// The shared articles of one of these services whose words fit what is told.
pub fn matching<'a>(ledger: &'a Ledger, services: &[ServiceId], told: &str) -> Vec<&'a Kept> {
    shared(ledger).filter(|kept| fits(kept, services, told)).collect()
}

/// The shared articles that may help with something that people must look at.
pub fn of_matter<'a>(plan: &Plan, facts: &'a Facts, matter: &Matter) -> Vec<&'a Kept> {
    let incident = matter.object.strip_prefix("incident ").and_then(|rest| facts.incidents.get(rest.split(',').next()?));
    match incident {
        Some(incident) => of_incident(facts, incident),
        None if matter.kind.is_about_records() => Vec::new(),
        None => matching(&facts.ledger, &services_of(plan, matter), &format!("{} {}", matter.object, matter.what)),
    }
}

fn shared(ledger: &Ledger) -> impl Iterator<Item = &Kept> {
    ledger.live(NAME).filter(|kept| phase(kept) == Phase::Shared)
}

/// An article fits when it is about one of the services and shares two words with what is told: one alone, such as "backup", is everywhere.
fn fits(kept: &Kept, services: &[ServiceId], told: &str) -> bool {
    let own = field::services(kept.text("services"));
    if !services.iter().any(|service| own.contains(service)) {
        return false;
    }
    let names: BTreeSet<String> = services.iter().flat_map(|id| search::words(id.as_str())).collect();
    let telling = |text: &str| -> BTreeSet<String> {
        search::words(text).into_iter().filter(|word| word.chars().count() > 3 && !names.contains(word)).collect()
    };
    let text: Vec<&str> = ["title", "symptom", "cause"].into_iter().filter_map(|field| kept.text(field)).collect();
    telling(&text.join(" ")).intersection(&telling(told)).count() >= 2
}

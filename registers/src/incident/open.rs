//! What the program opens and ends by itself: an incident for trouble that the plan names, and its end when the trouble is over.
//!
//! The orchestrator's incidents task appends what this decides. Looking again changes nothing, so it may run as often as it likes.

use base::id::ServiceId;
use jiff::Timestamp;
use plans::Plan;
use records::Event;

use super::act::{Act, Report};
use super::{Incident, Incidents};
use crate::matter::{Kind, Matter};
use crate::settings::{IncidentRules, harm};

/// A condition that begins again within this time is the same occurrence: a restore point that is dated ahead is late "since now" at every look.
const SAME_OCCURRENCE: std::time::Duration = std::time::Duration::from_hours(1);

/// What stands for the cause of a matter: "drill.failed: drill lims-monthly".
pub fn cause_of(matter: &Matter) -> String {
    format!("{}: {}", matter.kind.event(), matter.object)
}

/// The events to append now.
pub fn due(plan: &Plan, incidents: &Incidents, rules: &IncidentRules, matters: &[Matter], by: &str) -> Vec<Event> {
    let act = Act { incidents, plan: &plan.id, rules, by };
    let asked = |matter: &&Matter| rules.open_for.contains(matter.kind.event()) && !matter.kind.is_about_records();
    let begun = matters.iter().filter(asked).find_map(|matter| opened(plan, &act, matter));
    let ended = || incidents.unresolved().find_map(|incident| ended(&act, incident, matters));
    // One at a time: the name of the next one depends on those before. The task looks again until nothing is due.
    begun.or_else(ended).into_iter().collect()
}

fn opened(plan: &Plan, act: &Act<'_>, matter: &Matter) -> Option<Event> {
    let cause = cause_of(matter);
    let known = |incident: &Incident| {
        incident.cause.as_deref() == Some(cause.as_str()) && incident.occurrences.iter().any(|since| is_same(*since, matter.since))
    };
    if act.incidents.all().iter().any(known) {
        return None;
    }
    let services = services_of(plan, matter);
    let impact = harm(plan, &services);
    let title = format!("{}: {}", matter.object, matter.what);
    let report = Report {
        title,
        impact,
        services,
        cause: Some(cause),
        since: Some(matter.since),
        occurred: Some(matter.since),
        ..Report::default()
    };
    act.declare(report).ok()
}

fn is_same(known: Timestamp, since: Timestamp) -> bool {
    known.duration_since(since).unsigned_abs() <= SAME_OCCURRENCE
}

/// An incident that the program opened ends when its condition does.
fn ended(act: &Act<'_>, incident: &Incident, matters: &[Matter]) -> Option<Event> {
    let cause = incident.cause.as_deref().filter(|_| incident.by_program)?;
    if matters.iter().any(|matter| cause_of(matter) == cause) {
        return None;
    }
    act.resolve(&incident.id, "the condition that opened it has ended", None, None).ok()
}

/// The services that a matter harms: those of its source, of its drill, or all whose data lies in its repository.
pub(crate) fn services_of(plan: &Plan, matter: &Matter) -> Vec<ServiceId> {
    let mut services: Vec<ServiceId> = match matter.kind {
        Kind::DrillFailed | Kind::ObjectiveMissed | Kind::DrillOverdue => {
            let drill = matter.object.strip_prefix("drill ").and_then(|id| plan.drills.get(id));
            drill.map(|drill| drill.services.clone()).unwrap_or_default()
        }
        Kind::BackupFailed | Kind::BackupSuspicious | Kind::BackupOverdue => {
            let source = matter.object.split(" in ").next().unwrap_or_default();
            plan.services
                .values()
                .filter(|service| service.sources.iter().any(|id| id.as_str() == source))
                .map(|service| service.id.clone())
                .collect()
        }
        Kind::Damage | Kind::LockWeakened => {
            let repository = matter.object.rsplit(' ').next().unwrap_or_default();
            let holds = |service: &&plans::plan::Service| {
                service
                    .sources
                    .iter()
                    .filter_map(|id| plan.sources.get(id))
                    .any(|source| source.to.iter().any(|to| to.as_str() == repository))
            };
            plan.services.values().filter(holds).map(|service| service.id.clone()).collect()
        }
        _ => Vec::new(),
    };
    services.sort();
    services.dedup();
    services
}

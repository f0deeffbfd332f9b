//! What somebody must look at about incidents: nobody took it, a clock runs out, an update is owed, the same trouble came back.
//!
//! [`crate::overdue`] asks it. Only what is not resolved has clocks; the result of a clock that ended stands in the register.

use jiff::Timestamp;
use plans::Plan;
use records::event::SlaClock;

use super::{Incident, Incidents};
use crate::matter::{Kind, Matter};
use crate::settings::IncidentRules;

/// Everything about incidents that somebody must look at now, in no order.
pub fn list(plan: &Plan, incidents: &Incidents, rules: &IncidentRules, now: Timestamp) -> Vec<Matter> {
    let mut matters = Vec::new();
    for incident in incidents.all().iter().filter(|incident| incident.closed.is_none()) {
        if incident.resolved.is_none() {
            for clock in [SlaClock::Response, SlaClock::Resolution] {
                matters.extend(self::clock(plan, incident, clock, rules, now));
            }
            matters.extend(untaken(plan, incident));
            matters.extend(update(plan, incident, now));
        }
        if incident.knowledge.is_none()
            && let Some(n) = incidents.recurs(incident, rules.recurrence)
        {
            let within = rules.recurrence.within;
            let what = format!("the same trouble came {n} times within {within}, and no knowledge article is linked to it");
            let todo = format!("lifeboat kb add --incident {} --title TEXT --reason TEXT", incident.id);
            matters.push(matter(plan, incident, Kind::KnowledgeMissing, incident.reported, what, todo));
        }
    }
    matters
}

fn matter(plan: &Plan, incident: &Incident, kind: Kind, since: Timestamp, what: String, todo: String) -> Matter {
    let owner = incident.services.iter().filter_map(|id| plan.services.get(id)).find_map(|service| service.owner.clone());
    Matter { kind, object: format!("incident {}", incident.id), since, owner: owner.or_else(|| plan.owner.clone()), what, todo }
}

fn untaken(plan: &Plan, incident: &Incident) -> Option<Matter> {
    let what = format!("{} ({}): nobody has taken it", incident.title, incident.severity);
    let todo = format!("lifeboat incident ack {}", incident.id);
    incident.acknowledged.is_none().then(|| matter(plan, incident, Kind::IncidentOpen, incident.reported, what, todo))
}

fn clock(plan: &Plan, incident: &Incident, clock: SlaClock, rules: &IncidentRules, now: Timestamp) -> Option<Matter> {
    let reading = incident.clock(clock, rules, now);
    if clock == SlaClock::Response && incident.acknowledged.is_some() {
        return None;
    }
    let promised = base::span::human(std::time::Duration::from_millis(reading.allowed_ms));
    let (kind, since, what) = match (reading.breached_at, reading.warned) {
        (Some(at), _) => (Kind::SlaBreach, at, format!("the {} took longer than the promised {promised}", clock.as_str())),
        (None, Some(percent)) => {
            (Kind::SlaWarn, incident.reported, format!("{percent} % of the {promised} promised for the {} are spent", clock.as_str()))
        }
        (None, None) => return None,
    };
    let todo = match clock {
        SlaClock::Response => format!("lifeboat incident ack {}", incident.id),
        SlaClock::Resolution => format!("lifeboat incident resolve {} --how TEXT", incident.id),
    };
    let mut matter = matter(plan, incident, kind, since, what, todo);
    // Each clock, and each level of warning, is told by itself.
    let level =
        if kind == Kind::SlaWarn { reading.warned.map_or_else(String::new, |percent| format!(" at {percent} %")) } else { String::new() };
    matter.object = format!("{}, {}{level}", matter.object, clock.as_str());
    Some(matter)
}

fn update(plan: &Plan, incident: &Incident, now: Timestamp) -> Option<Matter> {
    let due = incident.update_due().filter(|due| *due <= now)?;
    let what = format!("{}: those who wait are owed an update", incident.title);
    let todo = format!("lifeboat incident update {} --note TEXT --told WHOM", incident.id);
    Some(matter(plan, incident, Kind::UpdateDue, due, what, todo))
}

/// The clocks of an incident whose promise was not kept.
pub(crate) fn breached(incident: &Incident, rules: &IncidentRules, now: Timestamp) -> Vec<SlaClock> {
    [SlaClock::Response, SlaClock::Resolution].into_iter().filter(|clock| incident.clock(*clock, rules, now).is_breached()).collect()
}

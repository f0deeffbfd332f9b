//! Incidents as CSV: exported with their times and clocks, imported as declarations and corrections.
//!
//! What happened to an incident is its timeline, and no file can rewrite that: the columns that the timeline makes are read past where they
//! are as exported, and named as faults where they are not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plans::Plan;
use records::event::SlaClock;

use super::act::{Act, FIELDS, IncidentRefused, Report, held};
use super::{Incident, Incidents};
use crate::ledger::sheet::{Change, Deed, Fault, Faults, Planned, read, write};
use crate::settings::{IncidentRules, harm};

/// The columns that the timeline makes.
const MADE: [&str; 12] = [
    "state",
    "impact",
    "reported",
    "acknowledged",
    "resolved",
    "closed",
    "how",
    "recovery",
    "response",
    "resolution",
    "repeats",
    "archived",
];

fn columns() -> Vec<&'static str> {
    ["id"].into_iter().chain(FIELDS.iter().map(|(name, _)| *name)).chain(MADE).collect()
}

/// The register as a table.
pub fn export(incidents: &Incidents, rules: &IncidentRules, now: Timestamp) -> Result<String, csv::Error> {
    let head = columns();
    let rows = incidents.all().iter().map(|incident| {
        let cells = cells(incident, rules, now);
        head.iter().map(|column| cells.get(*column).cloned().unwrap_or_default()).collect()
    });
    write(&head, rows)
}

fn cells(incident: &Incident, rules: &IncidentRules, now: Timestamp) -> BTreeMap<&'static str, String> {
    let instant = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let clock = |clock| if incident.clock(clock, rules, now).is_breached() { "breached" } else { "kept" }.to_owned();
    let mut cells = held(incident);
    cells.extend([
        ("id", incident.id.clone()),
        ("state", incident.phase().as_str().to_owned()),
        ("impact", incident.impact.to_string()),
        ("reported", instant(Some(incident.reported))),
        ("acknowledged", instant(incident.acknowledged)),
        ("resolved", instant(incident.resolved)),
        ("closed", instant(incident.closed)),
        ("how", incident.how.clone().unwrap_or_default()),
        ("recovery", incident.recovery.clone().unwrap_or_default()),
        ("response", clock(SlaClock::Response)),
        ("resolution", clock(SlaClock::Resolution)),
        ("repeats", incident.n_repeats.to_string()),
        ("archived", instant(incident.archived)),
    ]);
    cells
}

/// What is wrong with a value, in words.
fn wrong(plan: &Plan, threats: &BTreeSet<String>, field: &str, value: &str) -> Option<String> {
    match field {
        "services" => {
            let strange = value.split(',').map(str::trim).find(|id| !plan.services.contains_key(*id))?;
            Some(format!("the plan has no service {strange}"))
        }
        "threat" if !threats.contains(value) => Some(format!("there is no threat {value}")),
        "occurred" | "detected" | "restored" if value.parse::<Timestamp>().is_err() => {
            Some(format!("\"{value}\" is not an instant; write it like 2026-11-24T01:00Z"))
        }
        _ => None,
    }
}

/// What importing `text` does, line by line, or everything that is wrong with it. `threats` are those of the register.
pub fn plan_import(
    act: &Act<'_>,
    plan: &Plan,
    threats: &BTreeSet<String>,
    text: &str,
    reason: &str,
    now: Timestamp,
) -> Result<Vec<Planned>, Faults> {
    let mut register = act.incidents.clone();
    let mut planned = Vec::new();
    let (lines, mut faults) = read(text, &columns())?;
    for line in lines {
        let fault = |field: Option<&str>, what: String| Fault { line: line.line, field: field.map(str::to_owned), what };
        let known = (!line.id.is_empty()).then(|| register.get(&line.id)).flatten();
        if known.is_none() && !line.id.is_empty() {
            faults.push(fault(Some("id"), format!("there is no incident {}; leave the cell empty for a new one", line.id)));
            continue;
        }
        let before = known.map(|incident| cells(incident, act.rules, now)).unwrap_or_default();
        let old = |column: &str| before.get(column).cloned().filter(|text| !text.is_empty());
        let differs: Vec<(&str, Option<String>)> = columns()
            .into_iter()
            .filter(|column| *column != "id" && line.columns.contains(*column))
            .map(|column| (column, line.cells.get(column).cloned()))
            .filter(|(column, new)| *new != old(column))
            .collect();
        let n_before = faults.len();
        for (column, new) in &differs {
            if MADE.contains(column) {
                faults.push(fault(Some(*column), "commands of the incident set it; leave it as it was exported".to_owned()));
            } else if let Some(what) = new.as_deref().and_then(|value| wrong(plan, threats, column, value)) {
                faults.push(fault(Some(*column), what));
            }
        }
        if faults.len() > n_before {
            continue;
        }
        let changes = differs.iter().map(|(field, new)| Change { field: (*field).to_owned(), old: old(field), new: new.clone() }).collect();
        let fields: BTreeMap<String, String> =
            differs.iter().map(|(field, new)| ((*field).to_owned(), new.clone().unwrap_or_default())).collect();
        let here = Act { incidents: &register, ..*act };
        let (deed, events) = match known {
            Some(_) if fields.is_empty() => (Deed::Same, Ok(Vec::new())),
            Some(incident) => (Deed::Update, here.change(&incident.id, &fields, reason).map(|event| vec![event])),
            None => (Deed::Add, declare(&here, plan, &fields, reason)),
        };
        match events {
            Ok(events) => {
                let id = known.map_or_else(|| register.next_id(), |incident| incident.id.clone());
                for event in &events {
                    register.take(&plan.id, now, event);
                }
                let more = events.iter().skip(1).cloned().collect::<Vec<_>>();
                planned.push(Planned { line: line.line, id: id.clone(), act: deed, changes, event: events.into_iter().next() });
                let rest = |event| Planned { line: line.line, id: id.clone(), act: Deed::Update, changes: Vec::new(), event: Some(event) };
                planned.extend(more.into_iter().map(rest));
            }
            Err(refused) => faults.push(fault(None, refused.to_string())),
        }
    }
    if faults.is_empty() { Ok(planned) } else { Err(Faults(faults)) }
}

/// A declaration, and a correction for the fields that a declaration does not take.
fn declare(act: &Act<'_>, plan: &Plan, fields: &BTreeMap<String, String>, reason: &str) -> Result<Vec<records::Event>, IncidentRefused> {
    let text = |field: &str| fields.get(field).cloned();
    let instant = |field: &str| fields.get(field).and_then(|text| text.parse::<Timestamp>().ok());
    let services = crate::ledger::field::services(fields.get("services").map(String::as_str));
    let declared = act.declare(Report {
        title: text("title").unwrap_or_default(),
        severity: text("severity"),
        impact: harm(plan, &services),
        services,
        cause: text("cause"),
        since: None,
        occurred: instant("occurred"),
        detected: instant("detected"),
        reported_by: None,
        threat: text("threat"),
        ticket: text("ticket"),
    })?;
    let rest: BTreeMap<String, String> = fields
        .iter()
        .filter(|(field, _)| matches!(field.as_str(), "root_cause" | "knowledge" | "restored"))
        .map(|(f, v)| (f.clone(), v.clone()))
        .collect();
    if rest.is_empty() {
        return Ok(vec![declared]);
    }
    let mut register = act.incidents.clone();
    let id = register.next_id();
    register.take(act.plan, Timestamp::UNIX_EPOCH, &declared);
    let corrected = Act { incidents: &register, ..*act }.change(&id, &rest, reason)?;
    Ok(vec![declared, corrected])
}

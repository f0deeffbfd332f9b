//! Incidents for people: a list, and one page with clocks and timeline.

use std::fmt::Write as _;
use std::time::Duration;

use base::span::human;
use jiff::Timestamp;
use orchestrator::jobs::open::unknown;
use records::event::SlaClock;
use registers::incident::{Incident, Phase};
use registers::sla::{Reading, State};

use super::super::kb;
use super::Room;
use crate::failure::Failure;
use crate::output::table::Table;
use crate::output::{folded, instant};
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Also those that are closed
    #[arg(long)]
    all: bool,
}

/// An incident with its clocks as they stand.
#[derive(serde::Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    incident: &'a Incident,
    phase: Phase,
    response: Reading,
    resolution: Reading,
    update_due: Option<Timestamp>,
    recurs: Option<usize>,
}

fn shown<'a>(room: &Room, incident: &'a Incident) -> Shown<'a> {
    let now = room.parts.clock.now();
    Shown {
        incident,
        phase: incident.phase(),
        response: incident.clock(SlaClock::Response, &room.rules, now),
        resolution: incident.clock(SlaClock::Resolution, &room.rules, now),
        update_due: incident.update_due(),
        recurs: room.facts.register.incidents.recurs(incident, room.rules.recurrence),
    }
}

pub(super) fn list(args: &ListArgs, room: &Room) {
    let mut rows: Vec<Shown<'_>> = room.facts.register.incidents.all().iter().map(|one| shown(room, one)).collect();
    rows.retain(|row| args.all || row.phase < Phase::Closed);
    let rank = |row: &Shown<'_>| room.rules.severities.iter().position(|one| one.name == row.incident.severity);
    rows.sort_by_key(|row| (row.phase >= Phase::Resolved, rank(row).unwrap_or(usize::MAX), row.incident.reported));
    room.output.answer("incidents", &rows, || {
        if rows.is_empty() {
            return if args.all { "There was never an incident.\n" } else { "No incident is open.\n" }.to_owned();
        }
        let mut table = Table::new(["INCIDENT", "SEVERITY", "STATE", "RESPONSE", "RESOLUTION", "TITLE"]);
        for row in &rows {
            let title = match row.incident.n_repeats {
                0 => row.incident.title.clone(),
                n => format!("{} (again {n}x)", row.incident.title),
            };
            table.row([
                row.incident.id.clone(),
                row.incident.severity.clone(),
                row.phase.as_str().to_owned(),
                clock(&row.response),
                clock(&row.resolution),
                title,
            ]);
        }
        table.render()
    });
    if let Some(row) = rows.iter().find(|row| row.phase == Phase::Open) {
        room.output.next(&format!("lifeboat incident ack {}", row.incident.id), "take it");
    }
}

/// "! 2 h over", "3 h left of 4 h", "+ 12 m of 15 m", "|| paused".
fn clock(reading: &Reading) -> String {
    let human = |ms: u64| human(Duration::from_millis(ms));
    let (spent, allowed) = (reading.spent_ms, reading.allowed_ms);
    let moved = if reading.clock_moved { " (not exact: the host's clock moved)" } else { "" };
    let text = match (reading.state, reading.is_breached()) {
        (State::Stopped, false) => format!("+ {} of {}", human(spent), human(allowed)),
        (State::Stopped, true) => format!("! {} of {}", human(spent), human(allowed)),
        (_, true) => format!("! {} over", human(spent.saturating_sub(allowed))),
        (State::Paused, false) => format!("|| paused, {} left", human(allowed.saturating_sub(spent))),
        (_, false) => {
            let warn = reading.warned.map_or_else(String::new, |percent| format!(" ({percent} % spent)"));
            format!("{} left{warn}", human(allowed.saturating_sub(spent)))
        }
    };
    text + moved
}

pub(super) fn show(id: &str, room: &Room, _: &Settings) -> Result<(), Failure> {
    let all = &room.facts.register.incidents;
    let known: Vec<&String> = all.all().iter().map(|incident| &incident.id).collect();
    let incident = all.get(id).ok_or_else(|| Failure::from(unknown("incident", id, known.into_iter())))?;
    let shown = shown(room, incident);
    room.output.answer("incident", &shown, || page(room, &shown));
    Ok(())
}

fn page(room: &Room, shown: &Shown<'_>) -> String {
    let incident = shown.incident;
    let now = room.parts.clock.now();
    let mut text = folded(&incident.id, &incident.title) + "\n";
    let mut line = |label: &str, value: String| text += &folded(&format!("{label:<12}"), &value);
    let mut state = format!("{}, {}, harm {} of 5", shown.phase.as_str(), incident.severity, incident.impact);
    if incident.n_repeats > 0 {
        let times = if incident.n_repeats == 1 { "once".to_owned() } else { format!("{} times", incident.n_repeats) };
        let _ = write!(state, "; struck again {times}"); // writing to a String cannot fail
    }
    line("state", state);
    let services: Vec<String> = incident.services.iter().map(ToString::to_string).collect();
    line("services", if services.is_empty() { "none named".to_owned() } else { services.join(", ") });
    line("response", clock(&shown.response));
    line("resolution", clock(&shown.resolution));
    for pause in &incident.pauses {
        let until = pause.until.map_or_else(|| "now".to_owned(), instant::utc);
        line("", format!("{} paused {} to {until} by {}: {}", pause.clock.as_str(), instant::utc(pause.from), pause.by, pause.reason));
    }
    if let Some(due) = shown.update_due {
        let late = if due <= now { "! overdue: " } else { "" };
        line("update", format!("{late}due {} ({})", instant::utc(due), instant::distance(due, now)));
    }
    let instants = [
        ("occurred", incident.occurred),
        ("detected", incident.detected),
        ("reported", Some(incident.reported)),
        ("acknowledged", incident.acknowledged),
        ("restored", incident.restored),
        ("resolved", incident.resolved),
        ("closed", incident.closed),
        ("archived", incident.archived),
    ];
    for (label, at) in instants.into_iter().filter_map(|(label, at)| Some((label, at?))) {
        line(label, instant::utc(at));
    }
    let texts = [
        ("reported by", &incident.reported_by),
        ("cause", &incident.cause),
        ("root cause", &incident.root_cause),
        ("how", &incident.how),
        ("recovery", &incident.recovery),
        ("ticket", &incident.ticket),
        ("knowledge", &incident.knowledge),
        ("threat", &incident.threat),
    ];
    for (label, value) in texts.into_iter().filter_map(|(label, value)| Some((label, value.clone()?))) {
        line(label, value);
    }
    for kept in registers::knowledge::of_incident(&room.facts.register, incident) {
        line("known", format!("{} ({})", kb::line(kept), kb::verified(kept)));
    }
    if let Some(n) = shown.recurs.filter(|_| incident.knowledge.is_none()) {
        let within = room.rules.recurrence.within;
        line("! comes back", format!("{n} times within {within}: a knowledge article is needed before it is closed"));
    }
    text += "\nTimeline\n";
    for entry in &incident.timeline {
        text += &folded(&format!("  {}  {:<10}", instant::utc(entry.at), entry.by), &entry.what);
    }
    text
}

/// The answer of a command that changed an incident: a sentence, and for programs the whole of it.
pub(super) fn brief(room: &Room, id: &str, sentence: &str) {
    if let Some(incident) = room.facts.register.incidents.get(id) {
        room.output.answer("incident", &shown(room, incident), || format!("{sentence}\n"));
    }
}

/// The name of a threat of the register as it is written there; empty stays empty, which takes the link away.
pub(super) fn threat(id: &str, room: &Room) -> Result<String, Failure> {
    let all = registers::threat::stated(&room.plan, &room.facts.register.ledger);
    let mut known = all.iter().map(|stated| &stated.threat.id);
    match known.clone().find(|known| known.as_str().eq_ignore_ascii_case(id)) {
        Some(known) => Ok(known.to_string()),
        None if id.trim().is_empty() => Ok(String::new()),
        None => Err(unknown("threat", id, known.by_ref()).into()),
    }
}

//! Corrective and preventive actions: when one is late, who may close it, and what shows that it worked.
//!
//! One is closed when its fields are filled and its effectiveness is shown by a drill that passed after the actions, or looked at on the
//! day that was named; never by its owner (ISO 22301:2019, 10.1).

use jiff::Timestamp;
use jiff::civil::Date;
use plans::Plan;
use records::Event;
use records::drill::Verdict;
use records::event::Row;
use serde::Serialize;

use crate::Facts;
use crate::incident::{Incident, late};
use crate::ledger::act::{Act, RowRefused};
use crate::ledger::{Kept, field};
use crate::matter::{Kind, Matter};
use crate::settings::{CapaRules, IncidentRules};

/// Where a CAPA stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The actions are to be done.
    Open,
    /// The actions are done; whether they worked is to be shown.
    Checking,
    /// It worked.
    Closed,
    /// It was given up.
    Archived,
}

impl Phase {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Checking => "checking",
            Self::Closed => "closed",
            Self::Archived => "archived",
        }
    }
}

/// Where a row stands.
pub fn phase(kept: &Kept) -> Phase {
    match () {
        () if kept.archived.is_some() => Phase::Archived,
        () if kept.text("closed_on").is_some() => Phase::Closed,
        () if kept.text("done_on").is_some() => Phase::Checking,
        () => Phase::Open,
    }
}

fn end_of(plan: &Plan, day: Date) -> Option<Timestamp> {
    Some(day.tomorrow().ok()?.to_zoned_datetime(plan.timezone.clone()).ok()?.timestamp())
}

fn start_of(plan: &Plan, day: Date) -> Option<Timestamp> {
    Some(day.to_zoned_datetime(plan.timezone.clone()).ok()?.timestamp())
}

/// When the effectiveness is looked at, where no drill shows it.
fn check_day(plan: &Plan, kept: &Kept, rules: &CapaRules) -> Option<Timestamp> {
    let named = kept.parsed::<Date>("check_on").and_then(|day| start_of(plan, day));
    named.or_else(|| Some(rules.effectiveness_after.after(start_of(plan, kept.parsed("done_on")?)?, &plan.timezone)))
}

/// What is late about CAPAs.
pub fn late(plan: &Plan, facts: &Facts, rules: &CapaRules, now: Timestamp) -> Vec<Matter> {
    let late = |kept: &Kept| {
        let (since, what) = match phase(kept) {
            Phase::Open => (end_of(plan, kept.parsed("due")?)?, "its actions were to be done by now"),
            Phase::Checking if kept.text("retest").is_none() => (check_day(plan, kept, rules)?, "whether it worked is to be looked at"),
            _ => return None,
        };
        let title = kept.text("title").unwrap_or_default();
        (since <= now).then(|| Matter {
            kind: Kind::CapaOverdue,
            object: kept.id.clone(),
            since,
            owner: field::contact(kept.text("owner")),
            what: format!("{title}: {what}"),
            todo: format!("lifeboat capa show {}", kept.id),
        })
    };
    facts.ledger.live("capa").filter_map(late).collect()
}

/// Closes a CAPA, if it worked and its closer may.
pub fn close(act: &Act<'_>, facts: &Facts, rules: &CapaRules, id: &str, reason: &str, now: Timestamp) -> Result<Event, RowRefused> {
    let kept = act.find(id)?;
    let not_yet = |why: String, todo: String| RowRefused::NotYet { id: kept.id.clone(), why, todo };
    if phase(kept) == Phase::Closed {
        return Err(RowRefused::Same { id: kept.id.clone() });
    }
    let show = format!("see it: lifeboat capa show {}", kept.id);
    let Some(closer) = act.plan.contacts.get(act.by) else {
        return Err(not_yet(format!("{} is no contact of the plan", act.by), "name who closes it: --by CONTACT".to_owned()));
    };
    if kept.text("owner") == Some(act.by) {
        return Err(not_yet(format!("{} owns it", act.by), "have somebody else close it: --by CONTACT".to_owned()));
    }
    if !rules.close_by.is_empty() && !rules.close_by.iter().any(|role| closer.roles.contains(role)) {
        let wanted: Vec<String> = rules.close_by.iter().map(ToString::to_string).collect();
        return Err(not_yet(format!("{} has none of the roles {}", act.by, wanted.join(", ")), show));
    }
    let empty: Vec<&str> = rules.fields.iter().map(String::as_str).filter(|field| kept.text(field).is_none()).collect();
    let update = format!("lifeboat capa update {} --reason TEXT", kept.id);
    if !empty.is_empty() {
        return Err(not_yet(format!("{} not filled", empty.join(", ")), format!("fill them: {update}")));
    }
    let Some(done) = kept.parsed::<Date>("done_on").and_then(|day| start_of(act.plan, day)).filter(|done| *done <= now) else {
        return Err(not_yet("its actions are not done".to_owned(), format!("say when they were: {update} --done-on DAY")));
    };
    if let Some(drill) = field::drill(kept.text("retest")) {
        let passed = facts.last_verdict_by(&drill, now).is_some_and(|run| run.verdict == Verdict::Pass && run.started >= done);
        if !passed {
            let why = format!("the drill {drill} has not passed since the actions were done");
            return Err(not_yet(why, format!("run it: lifeboat drill run {drill}")));
        }
    } else if let Some(day) = check_day(act.plan, kept, rules).filter(|day| *day > now) {
        let why = format!("its effectiveness is looked at on {}", day.to_zoned_datetime(act.plan.timezone.clone()).date());
        return Err(not_yet(why, format!("name a drill that shows it earlier: {update} --retest DRILL")));
    }
    let today = now.to_zoned_datetime(act.plan.timezone.clone()).date().to_string();
    let changes = Row::from([("closed_on".to_owned(), today), ("closed_by".to_owned(), act.by.to_owned())]);
    act.set(kept, &changes, reason)
}

/// The next CAPA that the program opens: for a breached promise, for trouble that came back, for events that the plan names.
pub fn opens(act: &Act<'_>, facts: &Facts, rules: &IncidentRules, now: Timestamp) -> Option<Event> {
    let known = |trigger: &str| facts.ledger.all("capa").iter().any(|kept| kept.text("trigger") == Some(trigger));
    let wanted = facts.incidents.all().iter().flat_map(|incident| triggers(facts, incident, rules, now));
    let (trigger, title, incident) = wanted.into_iter().find(|(trigger, ..)| !known(trigger))?;
    let plan = act.plan;
    let owner = incident.services.iter().filter_map(|id| plan.services.get(id)).find_map(|service| service.owner.clone());
    let owner = owner.or_else(|| plan.owner.clone()).or_else(|| plan.contacts.keys().next().cloned())?;
    let due = rules.capa.due.after(now, &plan.timezone).to_zoned_datetime(plan.timezone.clone()).date();
    let row = [("title", title), ("trigger", trigger), ("owner", owner.to_string()), ("due", due.to_string())];
    let row: Row = row.into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
    act.add(None, &row, "opened as the plan says").ok()
}

/// What about an incident asks for a CAPA, with a title.
fn triggers<'a>(facts: &Facts, incident: &'a Incident, rules: &IncidentRules, now: Timestamp) -> Vec<(String, String, &'a Incident)> {
    let mut found = Vec::new();
    let on = |event: &str| rules.capa.on.contains(event);
    let (id, title) = (&incident.id, &incident.title);
    if on("sla.breach") {
        for clock in late::breached(incident, rules, now) {
            let word = clock.as_str();
            found.push((format!("sla.breach {id} {word}"), format!("{word} of {id} took too long: {title}"), incident));
        }
    }
    if on("recurrence") && facts.incidents.recurs(incident, rules.recurrence).is_some() {
        found.push((format!("recurrence {id}"), format!("the trouble of {id} comes back: {title}"), incident));
    }
    let event = incident.cause.as_deref().filter(|_| incident.by_program).and_then(|cause| cause.split(':').next());
    if let Some(event) = event.filter(|event| on(event)) {
        found.push((format!("{event} {id}"), format!("{id}: {title}"), incident));
    }
    found
}

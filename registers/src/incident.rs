//! The incident register: what happened to services, how fast it was answered, and what is still owed to those who wait.
//!
//! An incident is folded from the journal and is never edited away: each event is a line of its timeline. [`act`] decides what
//! people may do, [`open`] what the program opens and ends by itself, [`late`] what somebody must look at. `lifeboat incident` and
//! the orchestrator's incidents task ask them.

pub mod act;
pub mod late;
pub mod open;
pub mod sheet;
mod times;

pub use times::plausible;

use std::time::Duration;

use base::id::{PlanId, ServiceId};
use jiff::Timestamp;
use records::Event;
use records::event::{Promised, SlaClock};
use serde::Serialize;

use crate::settings::{IncidentRules, Recurrence};
use crate::sla::{self, Mark, Reading};

/// An incident as the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incident {
    /// Its name: "INC-7".
    pub id: String,
    /// What happened, in a line.
    pub title: String,
    /// Its severity, in the plan's words.
    pub severity: String,
    /// The level of harm, 1 to 5.
    pub impact: u8,
    /// The services that it harms.
    pub services: Vec<ServiceId>,
    /// What stands for its cause.
    pub cause: Option<String>,
    /// What was found to be its root cause.
    pub root_cause: Option<String>,
    /// The article of the knowledge base that tells of it.
    pub knowledge: Option<String>,
    /// The threat that came true.
    pub threat: Option<String>,
    /// The key of a ticket elsewhere.
    pub ticket: Option<String>,
    /// Who opened it.
    pub opened_by: String,
    /// Whether the program opened it.
    pub by_program: bool,
    /// Who reported it.
    pub reported_by: Option<String>,
    /// When it began, where known.
    pub occurred: Option<Timestamp>,
    /// When it was noticed.
    pub detected: Option<Timestamp>,
    /// When it was written down; the clocks count from here.
    pub reported: Timestamp,
    /// When somebody took it.
    pub acknowledged: Option<Timestamp>,
    /// When the services were back.
    pub restored: Option<Timestamp>,
    /// When the harm had ended.
    pub resolved: Option<Timestamp>,
    /// When nothing was left to do.
    pub closed: Option<Timestamp>,
    /// How it was resolved.
    pub how: Option<String>,
    /// The run of the recovery that ended it.
    pub recovery: Option<String>,
    /// The times that are promised.
    pub promised: Promised,
    /// Times at which a clock stood still.
    pub pauses: Vec<Pause>,
    /// When the last update was told to those who wait.
    pub told: Option<Timestamp>,
    /// Since when the program saw the condition, each time.
    pub occurrences: Vec<Timestamp>,
    /// How often the same cause struck again while it was open.
    pub n_repeats: u32,
    /// Everything that was said, in the order in which it was.
    pub timeline: Vec<Line>,
    #[serde(skip)]
    response: Vec<(Timestamp, Mark)>,
    #[serde(skip)]
    resolution: Vec<(Timestamp, Mark)>,
}

/// A time at which a clock stood still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Which clock.
    pub clock: SlaClock,
    /// From when.
    pub from: Timestamp,
    /// Until when; none while it stands.
    pub until: Option<Timestamp>,
    /// Who stopped it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    pub what: String,
}

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nobody has taken it.
    Open,
    /// Somebody works on it.
    Acknowledged,
    /// The harm has ended.
    Resolved,
    /// Nothing is left to do.
    Closed,
}

impl Phase {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
        }
    }
}

/// The register of one plan, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incidents(Vec<Incident>);

impl Incident {
    /// Where it stands.
    pub fn phase(&self) -> Phase {
        if self.closed.is_some() {
            Phase::Closed
        } else if self.resolved.is_some() {
            Phase::Resolved
        } else if self.acknowledged.is_some() {
            Phase::Acknowledged
        } else {
            Phase::Open
        }
    }

    /// One of its clocks at `now`.
    pub fn clock(&self, clock: SlaClock, rules: &IncidentRules, now: Timestamp) -> Reading {
        let (marks, allowed_s) = match clock {
            SlaClock::Response => (&self.response, self.promised.respond_s),
            SlaClock::Resolution => (&self.resolution, self.promised.resolve_s),
        };
        sla::read(marks, Duration::from_secs(allowed_s), &rules.warn_at, &rules.hours, now)
    }

    /// Whether a clock stands still.
    pub fn is_paused(&self, clock: SlaClock) -> bool {
        self.pauses.iter().any(|pause| pause.clock == clock && pause.until.is_none())
    }

    /// When those who wait must be told the next thing; none once it is resolved, or where no updates were promised.
    pub fn update_due(&self) -> Option<Timestamp> {
        let every = Duration::from_secs(self.promised.update_s?);
        self.resolved.is_none().then(|| crate::facts::later(self.told.unwrap_or(self.reported), every))
    }

    /// Whether it is the same trouble as something with this cause and these services.
    pub fn is_same(&self, cause: &str, services: &[ServiceId]) -> bool {
        self.cause.as_deref() == Some(cause)
            && (services.is_empty() || self.services.is_empty() || services.iter().any(|service| self.services.contains(service)))
    }

    fn say(&mut self, at: Timestamp, by: &str, what: String) {
        self.timeline.push(Line { at, by: by.to_owned(), what });
    }

    fn mark(&mut self, clock: SlaClock, at: Timestamp, mark: Mark) {
        match clock {
            SlaClock::Response => self.response.push((at, mark)),
            SlaClock::Resolution => self.resolution.push((at, mark)),
        }
    }

    fn end_pauses(&mut self, clock: SlaClock, at: Timestamp) {
        for pause in self.pauses.iter_mut().filter(|pause| pause.clock == clock && pause.until.is_none()) {
            pause.until = Some(at);
        }
    }

    fn stop(&mut self, clock: SlaClock, at: Timestamp) {
        self.mark(clock, at, Mark::Stop);
        self.end_pauses(clock, at);
    }
}

impl Incidents {
    /// All of them, oldest first.
    pub fn all(&self) -> &[Incident] {
        &self.0
    }

    /// The one with this name; upper and lower case are the same.
    pub fn get(&self, id: &str) -> Option<&Incident> {
        self.0.iter().find(|incident| incident.id.eq_ignore_ascii_case(id))
    }

    /// Those that are not resolved.
    pub fn unresolved(&self) -> impl Iterator<Item = &Incident> {
        self.0.iter().filter(|incident| incident.resolved.is_none())
    }

    /// The name of the next one.
    pub fn next_id(&self) -> String {
        format!("INC-{}", self.0.len() + 1)
    }

    /// How often the trouble of `incident` came in the time before it, itself counted, if that is too often.
    pub fn recurs(&self, incident: &Incident, recurrence: Recurrence) -> Option<usize> {
        let cause = incident.cause.as_deref()?;
        let from = recurrence.within.before(incident.reported, &jiff::tz::TimeZone::UTC);
        let same =
            |other: &&Incident| other.reported >= from && other.reported <= incident.reported && other.is_same(cause, &incident.services);
        let n = self.0.iter().filter(same).count();
        (n >= recurrence.times as usize).then_some(n)
    }

    /// Folds in an event, written after all that were taken before.
    pub fn take(&mut self, plan: &PlanId, at: Timestamp, event: &Event) {
        if let Event::IncidentDeclared(e) = event
            && e.plan == *plan
            && self.get(&e.incident).is_none()
        {
            self.0.push(declared(e, at));
            return;
        }
        let about = match event {
            Event::IncidentRepeated(e) => (&e.plan, &e.incident),
            Event::IncidentNoted(e) => (&e.plan, &e.incident),
            Event::IncidentChanged(e) => (&e.plan, &e.incident),
            Event::IncidentAcknowledged(e) => (&e.plan, &e.incident),
            Event::IncidentPaused(e) => (&e.plan, &e.incident),
            Event::IncidentResumed(e) => (&e.plan, &e.incident),
            Event::IncidentResolved(e) => (&e.plan, &e.incident),
            Event::IncidentClosed(e) => (&e.plan, &e.incident),
            _ => return,
        };
        if about.0 == plan
            && let Some(incident) = self.0.iter_mut().find(|incident| incident.id == *about.1)
        {
            incident.take(at, event);
        }
    }
}

fn declared(e: &records::event::IncidentDeclared, at: Timestamp) -> Incident {
    let what = format!("declared as {}: {}", e.severity, e.title);
    let start = vec![(at, Mark::Run)];
    Incident {
        id: e.incident.clone(),
        title: e.title.clone(),
        severity: e.severity.clone(),
        impact: e.impact,
        services: e.services.clone(),
        cause: e.cause.clone(),
        root_cause: None,
        knowledge: None,
        threat: e.threat.clone(),
        ticket: e.ticket.clone(),
        opened_by: e.by.clone(),
        by_program: e.since.is_some(),
        reported_by: e.reported_by.clone(),
        occurred: e.occurred,
        detected: e.detected,
        reported: at,
        acknowledged: None,
        restored: None,
        resolved: None,
        closed: None,
        how: None,
        recovery: None,
        promised: e.promised,
        pauses: Vec::new(),
        told: None,
        occurrences: e.since.into_iter().collect(),
        n_repeats: 0,
        timeline: vec![Line { at, by: e.by.clone(), what }],
        response: start.clone(),
        resolution: start,
    }
}

impl Incident {
    fn take(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::IncidentRepeated(e) => {
                self.n_repeats = self.n_repeats.saturating_add(1);
                self.occurrences.extend(e.since);
                self.say(at, &e.by, format!("struck again: {}", e.what));
            }
            Event::IncidentNoted(e) => {
                if e.told.is_some() {
                    self.told = Some(at);
                }
                let told = e.told.as_ref().map_or_else(String::new, |who| format!("told {who}: "));
                self.say(at, &e.by, format!("{told}{}", e.text));
            }
            Event::IncidentChanged(e) => self.change(at, e),
            Event::IncidentAcknowledged(e) => {
                self.acknowledged.get_or_insert(at);
                self.stop(SlaClock::Response, at);
                self.say(at, &e.by, "acknowledged".to_owned());
            }
            Event::IncidentPaused(e) => {
                self.mark(e.clock, at, Mark::Pause);
                self.pauses.push(Pause { clock: e.clock, from: at, until: None, by: e.by.clone(), reason: e.reason.clone() });
                self.say(at, &e.by, format!("{} clock paused: {}", e.clock.as_str(), e.reason));
            }
            Event::IncidentResumed(e) => {
                self.mark(e.clock, at, Mark::Run);
                self.end_pauses(e.clock, at);
                self.say(at, &e.by, format!("{} clock resumed: {}", e.clock.as_str(), e.reason));
            }
            Event::IncidentResolved(e) => {
                self.resolved = Some(at);
                self.restored = e.restored.or(self.restored).or(Some(at));
                self.how = Some(e.how.clone());
                self.recovery = e.recovery.clone().or(self.recovery.take());
                self.stop(SlaClock::Response, at);
                self.stop(SlaClock::Resolution, at);
                self.say(at, &e.by, format!("resolved: {}", e.how));
            }
            Event::IncidentClosed(e) => {
                self.closed = Some(at);
                self.say(at, &e.by, format!("closed: {}", e.reason));
            }
            _ => {}
        }
    }

    fn change(&mut self, at: Timestamp, e: &records::event::IncidentChanged) {
        for field in e.old.keys().chain(e.new.keys()) {
            let value = e.new.get(field).cloned();
            let instant = || value.as_deref().and_then(|text| text.parse().ok());
            match field.as_str() {
                "title" => self.title = value.unwrap_or_default(),
                "severity" => self.severity = value.unwrap_or_default(),
                "impact" => self.impact = value.and_then(|text| text.parse().ok()).unwrap_or(self.impact),
                "services" => {
                    self.services = value.unwrap_or_default().split(", ").filter_map(|id| id.parse().ok()).collect();
                }
                "cause" => self.cause = value,
                "root_cause" => self.root_cause = value,
                "knowledge" => self.knowledge = value,
                "threat" => self.threat = value,
                "ticket" => self.ticket = value,
                "occurred" => self.occurred = instant(),
                "detected" => self.detected = instant(),
                "restored" => self.restored = instant(),
                _ => {}
            }
        }
        if let Some(promised) = e.promised {
            self.promised = promised;
        }
        let shown =
            |map: &std::collections::BTreeMap<String, String>, field: &str| map.get(field).cloned().unwrap_or_else(|| "nothing".to_owned());
        let mut fields: Vec<&String> = e.old.keys().chain(e.new.keys()).collect();
        fields.sort();
        fields.dedup();
        let words: Vec<String> =
            fields.into_iter().map(|field| format!("{field} from {} to {}", shown(&e.old, field), shown(&e.new, field))).collect();
        self.say(at, &e.by, format!("{} ({})", words.join("; "), e.reason));
    }
}

//! What the registers are told to do: severities and their promised times, what opens an incident, what a CAPA needs, the classes of feedback.
//!
//! Every register asks these structs; a plan that says nothing gets the values of [`Default`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::Span;
use plans::Plan;
use plans::plan::{Capa, Role, ServiceClock, Tier, WeekSpan};
use records::event::Promised;
use serde::Serialize;

use crate::sla::Hours;

/// A level of the severity of incidents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Severity {
    /// Its name: "sev1".
    pub name: String,
    /// The least level of harm (1 to 5) that makes an incident this severe.
    pub impact: u8,
    /// From the report to the acknowledgement.
    pub respond: Span,
    /// From the report to the resolution.
    pub resolve: Span,
    /// Between two updates to those who wait; none asks for no updates.
    pub update: Option<Span>,
}

impl Severity {
    /// Its times in seconds, as they are frozen into an incident.
    pub fn promised(&self) -> Promised {
        let seconds = |span: Span| span.at_least().as_secs();
        Promised { respond_s: seconds(self.respond), resolve_s: seconds(self.resolve), update_s: self.update.map(seconds) }
    }
}

/// How incidents are handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRules {
    /// When the clocks run.
    pub hours: Hours,
    /// The severities, gravest first.
    pub severities: Vec<Severity>,
    /// At how many percent of a promised time people are warned.
    pub warn_at: Vec<u8>,
    /// The events that open an incident by themselves.
    pub open_for: BTreeSet<String>,
    /// When the same trouble comes back too often.
    pub recurrence: Recurrence,
    /// What opens a CAPA, and what it needs.
    pub capa: CapaRules,
}

/// The same service and cause, so many times in so long, demands an article of the knowledge base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Recurrence {
    /// How many incidents.
    pub times: u32,
    /// In how long.
    pub within: Span,
}

/// What opens a corrective and preventive action, and what it needs before it is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CapaRules {
    /// What opens one: "sla.breach", "recurrence", or an event such as "drill.failed".
    pub on: BTreeSet<String>,
    /// How long after its opening it is due.
    pub due: Span,
    /// The fields that must be filled before it is closed.
    pub fields: Vec<String>,
    /// The roles of which one closes it; empty: anyone but its owner.
    pub close_by: Vec<Role>,
    /// How long after the actions the effectiveness is looked at, where no drill is named.
    pub effectiveness_after: Span,
}

/// How feedback is handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedbackRules {
    /// The severity whose resolution time each class has; none needs no answer.
    pub classes: BTreeMap<String, Option<String>>,
    /// How long an acknowledgement may take.
    pub acknowledge: Span,
    /// Undertones of one party within this time that suggest a concern.
    pub undertones_within: Span,
    /// How many of them.
    pub undertones: usize,
}

const DAY: u64 = 86_400;

impl Default for IncidentRules {
    /// Four severities, day and night, warnings at half and at four fifths.
    fn default() -> Self {
        let severity = |name: &str, impact, respond, resolve, update: Option<u64>| Severity {
            name: name.to_owned(),
            impact,
            respond: Span::seconds(respond),
            resolve: Span::seconds(resolve),
            update: update.map(Span::seconds),
        };
        Self {
            hours: Hours::Always,
            severities: vec![
                severity("sev1", 5, 15 * 60, 4 * 3600, Some(30 * 60)),
                severity("sev2", 4, 30 * 60, 8 * 3600, Some(2 * 3600)),
                severity("sev3", 3, 4 * 3600, 3 * DAY, None),
                severity("sev4", 1, DAY, 10 * DAY, None),
            ],
            warn_at: vec![50, 80],
            open_for: ["drill.failed", "backup.overdue", "verify.damaged", "objective.missed"].map(str::to_owned).into(),
            recurrence: Recurrence { times: 2, within: Span::seconds(90 * DAY) },
            capa: CapaRules::default(),
        }
    }
}

impl Default for CapaRules {
    fn default() -> Self {
        Self {
            on: ["sla.breach", "drill.failed", "recurrence"].map(str::to_owned).into(),
            due: Span::seconds(30 * DAY),
            fields: ["root_cause", "correction", "preventive_action", "effectiveness_check"].map(str::to_owned).into(),
            close_by: Vec::new(),
            effectiveness_after: Span::seconds(90 * DAY),
        }
    }
}

impl Default for FeedbackRules {
    fn default() -> Self {
        let class = |name: &str, severity: Option<&str>| (name.to_owned(), severity.map(str::to_owned));
        Self {
            classes: [
                class("appreciation", None),
                class("undertone", Some("sev4")),
                class("concern", Some("sev3")),
                class("complaint", Some("sev2")),
                class("escalation", Some("sev1")),
            ]
            .into(),
            acknowledge: Span::seconds(DAY),
            undertones_within: Span::seconds(60 * DAY),
            undertones: 2,
        }
    }
}

impl IncidentRules {
    /// What the plan says; the values of [`Default`] for what it does not say.
    pub fn of(plan: &Plan) -> Self {
        let (told, unsaid) = (&plan.incidents, Self::default());
        let hours = match &told.clock {
            ServiceClock::Always => Hours::Always,
            ServiceClock::Hours(parts) => Hours::Weekly { zone: plan.timezone.clone(), windows: apart(parts) },
        };
        let severity = |one: &&plans::plan::Severity| Severity {
            name: one.id.to_string(),
            impact: one.impact,
            respond: one.respond,
            resolve: one.resolve,
            update: one.update,
        };
        let recurrence = told.recurrence.as_ref();
        Self {
            hours,
            severities: told.by_gravity().iter().map(severity).collect(),
            warn_at: told.warn_at.clone(),
            open_for: if told.open_for.is_empty() { unsaid.open_for } else { told.open_for.iter().cloned().collect() },
            recurrence: recurrence.map_or(unsaid.recurrence, |one| Recurrence { times: one.times.into(), within: one.within }),
            capa: CapaRules::of(&told.capa),
        }
    }

    /// The severity with this name.
    pub fn severity(&self, name: &str) -> Option<&Severity> {
        self.severities.iter().find(|severity| severity.name == name)
    }

    /// The gravest severity that a level of harm reaches; the least grave one below all of them.
    pub fn severity_of(&self, impact: u8) -> Option<&Severity> {
        let reached = self.severities.iter().filter(|severity| severity.impact <= impact).max_by_key(|severity| severity.impact);
        reached.or_else(|| self.severities.iter().min_by_key(|severity| severity.impact))
    }
}

impl CapaRules {
    fn of(told: &Capa) -> Self {
        if *told == Capa::default() {
            return Self::default();
        }
        Self {
            on: told.on.iter().cloned().collect(),
            due: told.due,
            fields: told.fields.clone(),
            close_by: told.close_by.clone(),
            effectiveness_after: told.effectiveness_after,
        }
    }
}

/// The parts of a week in order, those that touch joined.
fn apart(parts: &[WeekSpan]) -> Vec<(u32, u32)> {
    let mut sorted: Vec<(u32, u32)> = parts.iter().map(|part| (part.from.into(), part.to.into())).collect();
    sorted.sort_unstable();
    let mut windows: Vec<(u32, u32)> = Vec::new();
    for (from, to) in sorted {
        match windows.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => windows.push((from, to)),
        }
    }
    windows
}

impl FeedbackRules {
    /// What the plan says; the values of [`Default`] where it has no classes.
    pub fn of(plan: &Plan) -> Self {
        let (told, unsaid) = (&plan.feedback, Self::default());
        let says_nothing = told.classes.values().all(Option::is_none);
        let classes = told.classes.iter().map(|(class, severity)| (class.word().to_owned(), severity.as_ref().map(ToString::to_string)));
        Self { classes: if says_nothing { unsaid.classes } else { classes.collect() }, acknowledge: told.acknowledge, ..Self::default() }
    }
}

/// The level of harm of an outage of these services: the worst that the impact analysis foresees by the time at which they were promised
/// to be back, or where there is none what their tier stands for (high 4, moderate 3, low 1).
pub fn harm(plan: &Plan, services: &[base::id::ServiceId]) -> u8 {
    let of_service = |service: &plans::plan::Service| {
        let until = service.objectives.rto.map_or(Duration::ZERO, Span::at_least);
        let reached = |steps: &Vec<(Span, u8)>| {
            steps.iter().filter(|(after, _)| after.at_least() <= until).map(|(_, level)| *level).max().or_else(|| Some(steps.first()?.1))
        };
        service.impact.values().filter_map(reached).max().unwrap_or(match service.tier {
            Tier::High => 4,
            Tier::Moderate => 3,
            Tier::Low => 1,
        })
    };
    services.iter().filter_map(|id| plan.services.get(id)).map(of_service).max().unwrap_or(1)
}

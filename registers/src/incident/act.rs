//! What people may do to an incident, and the event that it becomes; everything else is refused with what to do instead.
//!
//! Nothing here writes: the jobs of the orchestrator append what this decides, if the journal is still as it was decided upon.

use std::collections::BTreeMap;

use base::Hint;
use base::id::{PlanId, ServiceId};
use jiff::Timestamp;
use records::Event;
use records::event::{
    IncidentAcknowledged, IncidentChanged, IncidentClosed, IncidentDeclared, IncidentNoted, IncidentPaused, IncidentRepeated,
    IncidentResolved, IncidentResumed, SlaClock,
};

use super::{Incident, Incidents, Phase};
use crate::settings::IncidentRules;

/// The fields that [`Act::change`] takes, with what they are.
pub const FIELDS: &[(&str, &str)] = &[
    ("title", "what happened, in a line"),
    ("severity", "a severity of the plan; the promised times follow it"),
    ("services", "the services that it harms, with commas between"),
    ("cause", "what stands for its cause; the same words are the same trouble"),
    ("root_cause", "what was found to be behind it"),
    ("knowledge", "the article of the knowledge base that tells of it"),
    ("threat", "the threat that came true"),
    ("ticket", "the key of a ticket elsewhere"),
    ("occurred", "when it began, an instant with its zone"),
    ("detected", "when it was noticed"),
    ("restored", "when the services were back"),
];

/// Who acts on which incident of which plan.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// The register.
    pub incidents: &'a Incidents,
    /// The plan.
    pub plan: &'a PlanId,
    /// The rules of the plan.
    pub rules: &'a IncidentRules,
    /// Who.
    pub by: &'a str,
}

/// What somebody reports.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// What happened, in a line.
    pub title: String,
    /// The severity, where it is named.
    pub severity: Option<String>,
    /// The level of harm, 1 to 5.
    pub impact: u8,
    /// The services that it harms.
    pub services: Vec<ServiceId>,
    /// What stands for its cause.
    pub cause: Option<String>,
    /// Since when the program sees it; none where a person reports.
    pub since: Option<Timestamp>,
    /// When it began.
    pub occurred: Option<Timestamp>,
    /// When it was noticed.
    pub detected: Option<Timestamp>,
    /// Who reported it.
    pub reported_by: Option<String>,
    /// The threat that came true.
    pub threat: Option<String>,
    /// The key of a ticket elsewhere.
    pub ticket: Option<String>,
}

/// Why something may not be done to an incident.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncidentRefused {
    /// There is none with this name.
    #[error("there is no incident {id}")]
    Unknown {
        /// What was asked for.
        id: String,
    },
    /// The plan has no such severity.
    #[error("the plan has no severity \"{name}\"")]
    Severity {
        /// What was asked for.
        name: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// No text where one is needed.
    #[error("{what} is empty")]
    Empty {
        /// What is missing: "the reason".
        what: &'static str,
    },
    /// It is not in a state for that.
    #[error("incident {id} is {phase}, so it cannot be {what}")]
    Phase {
        /// Which.
        id: String,
        /// Where it stands.
        phase: &'static str,
        /// What was asked.
        what: &'static str,
    },
    /// The clock stands still already, or does not.
    #[error("the {clock} clock of incident {id} {state}")]
    Clock {
        /// Which.
        id: String,
        /// Which clock.
        clock: &'static str,
        /// What it does.
        state: &'static str,
    },
    /// The same trouble came back, and nobody wrote down what is known about it.
    #[error("the trouble of incident {id} came {n_times} times, and no knowledge article is linked to it")]
    NoArticle {
        /// Which.
        id: String,
        /// How often.
        n_times: usize,
    },
    /// A time cannot be.
    #[error("a time cannot be: {what}")]
    Time {
        /// Which, and why.
        what: String,
    },
    /// Nothing would change.
    #[error("incident {id} says so already")]
    Same {
        /// Which.
        id: String,
    },
}

impl Hint for IncidentRefused {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { .. } => "see which there are: lifeboat incident list --all".to_owned(),
            Self::Severity { known, .. } => format!("name one of {}", known.join(", ")),
            Self::Empty { what } => format!("say {what} in a few words; it is kept in the journal"),
            Self::Phase { phase: "closed", .. } => "declare a new one; a closed incident stays as it is".to_owned(),
            Self::Phase { id, what: "closed", .. } => format!("resolve it first: lifeboat incident resolve {id} --how TEXT"),
            Self::Phase { id, .. } => format!("see what was done: lifeboat incident show {id}"),
            Self::Clock { id, .. } => format!("see its clocks: lifeboat incident show {id}"),
            Self::NoArticle { id, .. } => {
                format!("write down what is known, and link it: lifeboat incident update {id} --knowledge ARTICLE --reason TEXT")
            }
            Self::Time { .. } => "look at the day and at the zone of the time; nothing was written".to_owned(),
            Self::Same { id } => format!("see it: lifeboat incident show {id}"),
        })
    }
}

fn said(text: &str, what: &'static str) -> Result<String, IncidentRefused> {
    let text = text.trim();
    if text.is_empty() { Err(IncidentRefused::Empty { what }) } else { Ok(text.to_owned()) }
}

impl<'a> Act<'a> {
    /// Opens an incident; a cause that an open one has joins that one.
    pub fn declare(&self, report: Report) -> Result<Event, IncidentRefused> {
        let title = said(&report.title, "the title")?;
        let cause = report.cause.map(|cause| cause.trim().to_owned()).filter(|cause| !cause.is_empty());
        let open = cause.as_ref().and_then(|cause| self.incidents.unresolved().find(|one| one.is_same(cause, &report.services)));
        if let Some(open) = open {
            let event = IncidentRepeated {
                incident: open.id.clone(),
                plan: self.plan.clone(),
                what: title,
                since: report.since,
                by: self.by.to_owned(),
            };
            return Ok(event.into());
        }
        let severity = match &report.severity {
            Some(name) => self.rules.severity(name).ok_or_else(|| self.no_severity(name))?,
            None => self.rules.severity_of(report.impact).ok_or_else(|| self.no_severity("any"))?,
        };
        Ok(IncidentDeclared {
            incident: self.incidents.next_id(),
            plan: self.plan.clone(),
            title,
            severity: severity.name.clone(),
            impact: report.impact.max(severity.impact),
            services: report.services,
            cause,
            since: report.since,
            occurred: report.occurred,
            detected: report.detected,
            reported_by: report.reported_by,
            threat: report.threat,
            ticket: report.ticket,
            promised: severity.promised(),
            by: self.by.to_owned(),
        }
        .into())
    }

    fn no_severity(&self, name: &str) -> IncidentRefused {
        IncidentRefused::Severity { name: name.to_owned(), known: self.rules.severities.iter().map(|one| one.name.clone()).collect() }
    }

    fn find(&self, id: &str) -> Result<&'a Incident, IncidentRefused> {
        self.incidents.get(id).ok_or_else(|| IncidentRefused::Unknown { id: id.to_owned() })
    }

    fn in_phase(&self, id: &str, allowed: &[Phase], what: &'static str) -> Result<&'a Incident, IncidentRefused> {
        let incident = self.find(id)?;
        let phase = incident.phase();
        if allowed.contains(&phase) {
            return Ok(incident);
        }
        Err(IncidentRefused::Phase { id: incident.id.clone(), phase: phase.as_str(), what })
    }

    /// Adds a line to the timeline; with `told` it is an update to those who wait.
    pub fn note(&self, id: &str, text: &str, told: Option<String>) -> Result<Event, IncidentRefused> {
        let incident = self.in_phase(id, &[Phase::Open, Phase::Acknowledged, Phase::Resolved], "added to")?;
        let text = said(text, "the note")?;
        Ok(IncidentNoted { incident: incident.id.clone(), plan: self.plan.clone(), text, told, by: self.by.to_owned() }.into())
    }

    /// Corrects fields. An empty value empties the field.
    pub fn change(&self, id: &str, fields: &BTreeMap<String, String>, reason: &str) -> Result<Event, IncidentRefused> {
        let incident = self.in_phase(id, &[Phase::Open, Phase::Acknowledged, Phase::Resolved], "changed")?;
        let reason = said(reason, "the reason")?;
        let before = held(incident);
        let mut promised = None;
        let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
        for (field, value) in fields {
            let value = value.trim();
            if before.get(field.as_str()).map_or("", String::as_str) == value {
                continue;
            }
            if field == "title" {
                said(value, "the title")?;
            }
            if field == "severity" {
                promised = Some(self.rules.severity(value).ok_or_else(|| self.no_severity(value))?.promised());
            }
            old.extend(before.get(field.as_str()).map(|was| (field.clone(), was.clone())));
            if !value.is_empty() {
                new.insert(field.clone(), value.to_owned());
            }
        }
        if old.is_empty() && new.is_empty() {
            return Err(IncidentRefused::Same { id: incident.id.clone() });
        }
        Ok(IncidentChanged { incident: incident.id.clone(), plan: self.plan.clone(), old, new, promised, reason, by: self.by.to_owned() }
            .into())
    }

    /// Takes the incident: the response clock stops.
    pub fn acknowledge(&self, id: &str) -> Result<Event, IncidentRefused> {
        let incident = self.in_phase(id, &[Phase::Open], "acknowledged")?;
        Ok(IncidentAcknowledged { incident: incident.id.clone(), plan: self.plan.clone(), by: self.by.to_owned() }.into())
    }

    /// Stops a clock for a reason.
    pub fn pause(&self, id: &str, clock: SlaClock, reason: &str) -> Result<Event, IncidentRefused> {
        let (incident, reason) = self.with_clock(id, clock, reason, "paused", false)?;
        Ok(IncidentPaused { incident, plan: self.plan.clone(), clock, reason, by: self.by.to_owned() }.into())
    }

    /// Lets a clock run again.
    pub fn resume(&self, id: &str, clock: SlaClock, reason: &str) -> Result<Event, IncidentRefused> {
        let (incident, reason) = self.with_clock(id, clock, reason, "resumed", true)?;
        Ok(IncidentResumed { incident, plan: self.plan.clone(), clock, reason, by: self.by.to_owned() }.into())
    }

    fn with_clock(
        &self,
        id: &str,
        clock: SlaClock,
        reason: &str,
        what: &'static str,
        paused: bool,
    ) -> Result<(String, String), IncidentRefused> {
        let allowed: &[Phase] = match clock {
            SlaClock::Response => &[Phase::Open],
            SlaClock::Resolution => &[Phase::Open, Phase::Acknowledged],
        };
        let incident = self.in_phase(id, allowed, what)?;
        let reason = said(reason, "the reason")?;
        if incident.is_paused(clock) != paused {
            let state = if paused { "runs already" } else { "stands still already" };
            return Err(IncidentRefused::Clock { id: incident.id.clone(), clock: clock.as_str(), state });
        }
        Ok((incident.id.clone(), reason))
    }

    /// The harm has ended.
    pub fn resolve(&self, id: &str, how: &str, restored: Option<Timestamp>, recovery: Option<String>) -> Result<Event, IncidentRefused> {
        let incident = self.in_phase(id, &[Phase::Open, Phase::Acknowledged], "resolved")?;
        let how = said(how, "how it was resolved")?;
        Ok(IncidentResolved { incident: incident.id.clone(), plan: self.plan.clone(), how, restored, recovery, by: self.by.to_owned() }
            .into())
    }

    /// Nothing is left to do; trouble that came back needs its knowledge article first.
    pub fn close(&self, id: &str, reason: &str) -> Result<Event, IncidentRefused> {
        let incident = self.in_phase(id, &[Phase::Resolved], "closed")?;
        let reason = said(reason, "what was found")?;
        if incident.knowledge.is_none()
            && let Some(n_times) = self.incidents.recurs(incident, self.rules.recurrence)
        {
            return Err(IncidentRefused::NoArticle { id: incident.id.clone(), n_times });
        }
        Ok(IncidentClosed { incident: incident.id.clone(), plan: self.plan.clone(), reason, by: self.by.to_owned() }.into())
    }
}

/// What the fields of an incident hold now, as text.
pub fn held(incident: &Incident) -> BTreeMap<&'static str, String> {
    let instant = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let services: Vec<String> = incident.services.iter().map(ToString::to_string).collect();
    [
        ("title", Some(incident.title.clone())),
        ("severity", Some(incident.severity.clone())),
        ("services", Some(services.join(", "))),
        ("cause", incident.cause.clone()),
        ("root_cause", incident.root_cause.clone()),
        ("knowledge", incident.knowledge.clone()),
        ("threat", incident.threat.clone()),
        ("ticket", incident.ticket.clone()),
        ("occurred", instant(incident.occurred)),
        ("detected", instant(incident.detected)),
        ("restored", instant(incident.restored)),
    ]
    .into_iter()
    .filter_map(|(field, value)| Some((field, value.filter(|text| !text.is_empty())?)))
    .collect()
}

//! How incidents, corrective actions and feedback are handled: clocks, deadlines, who may close.

use std::collections::BTreeMap;

use base::Span;
use base::id::SeverityId;
use serde::Serialize;

use super::Role;
use super::roster::WeekSpan;

/// How incidents are handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incidents {
    /// The hours that the two clocks of an incident count; 24x7 unless set.
    pub clock: ServiceClock,
    /// The severities, see [`Incidents::by_gravity`] for their order.
    pub severity: BTreeMap<SeverityId, Severity>,
    /// Parts of a deadline, in percent, after which people are warned; ascending.
    pub warn_at: Vec<u8>,
    /// Events that open an incident by themselves.
    pub open_for: Vec<String>,
    /// Corrective and preventive action.
    pub capa: Capa,
    /// When incidents count as the same trouble coming back.
    pub recurrence: Option<Recurrence>,
}

/// One severity and its deadlines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Severity {
    /// How the plan calls it.
    pub id: SeverityId,
    /// The level of the impact scale, 1 to 5, from which on an incident has this severity.
    pub impact: u8,
    /// Time to acknowledge.
    pub respond: Span,
    /// Time to restore or to answer.
    pub resolve: Span,
    /// Time between updates to those concerned; none are due unless set.
    pub update: Option<Span>,
}

/// The hours that a deadline counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceClock {
    /// All of them: "24x7".
    Always,
    /// These parts of the week, on the wall clock of the plan's zone.
    Hours(Vec<WeekSpan>),
}

/// Corrective and preventive action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capa {
    /// What calls for one: "sla.breach", "drill.failed", "recurrence".
    pub on: Vec<String>,
    /// Time until it has to be done.
    pub due: Span,
    /// Fields that must be filled in before it is closed.
    pub fields: Vec<String>,
    /// Roles whose holders may close it; never its owner. Empty: anyone but its owner.
    pub close_by: Vec<Role>,
    /// Time after the action at which its effect is checked.
    pub effectiveness_after: Span,
}

/// When incidents count as the same trouble coming back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recurrence {
    /// What they have in common: "service", "cause".
    pub same: Vec<String>,
    /// How many of them.
    pub times: u8,
    /// Within which time.
    pub within: Span,
    /// What is asked for then: "knowledge-article".
    pub require: Option<String>,
}

/// How feedback is handled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feedback {
    /// The severity of the incident that each class is handled as; `None`: no incident.
    pub classes: BTreeMap<FeedbackClass, Option<SeverityId>>,
    /// Time to acknowledge it; 1 day unless set.
    pub acknowledge: Span,
    /// Time between surveys; none are due unless set.
    pub survey: Option<Span>,
}

/// The classes of feedback, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FeedbackClass {
    /// Praise.
    Appreciation,
    /// Something between the lines.
    Undertone,
    /// A worry that is said.
    Concern,
    /// A fault that is named.
    Complaint,
    /// A complaint that went to someone above.
    Escalation,
}

impl FeedbackClass {
    /// All of them, mildest first.
    pub const ALL: [Self; 5] = [Self::Appreciation, Self::Undertone, Self::Concern, Self::Complaint, Self::Escalation];

    /// As a plan writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Appreciation => "appreciation",
            Self::Undertone => "undertone",
            Self::Concern => "concern",
            Self::Complaint => "complaint",
            Self::Escalation => "escalation",
        }
    }
}

impl Incidents {
    /// The severities, gravest first: by their level of impact, then by the time to resolve.
    pub fn by_gravity(&self) -> Vec<&Severity> {
        let mut all: Vec<&Severity> = self.severity.values().collect();
        all.sort_by(|a, b| (b.impact, a.resolve.at_least(), &a.id).cmp(&(a.impact, b.resolve.at_least(), &b.id)));
        all
    }

    /// The severity of an incident whose impact has this level, 1 to 5: the gravest whose own level is reached, or else the mildest.
    pub fn of_impact(&self, level: u8) -> Option<&Severity> {
        let all = self.by_gravity();
        all.iter().find(|severity| severity.impact <= level).or(all.last()).copied()
    }
}

impl Default for Incidents {
    /// sev1 to sev4 for the levels 5, 4, 3 and 1, around the clock, warnings at 50 and 80 percent; nothing opens an incident by itself.
    fn default() -> Self {
        let severity = |id: &str, impact, respond, resolve, update: Option<u64>| {
            let id: SeverityId = id.parse().expect("a plain word is an id");
            let update = update.map(Span::seconds);
            (id.clone(), Severity { id, impact, respond: Span::seconds(respond), resolve: Span::seconds(resolve), update })
        };
        Self {
            clock: ServiceClock::Always,
            severity: BTreeMap::from([
                severity("sev1", 5, 900, 4 * 3600, Some(1800)),
                severity("sev2", 4, 1800, 8 * 3600, Some(2 * 3600)),
                severity("sev3", 3, 4 * 3600, 3 * 86_400, None),
                severity("sev4", 1, 86_400, 10 * 86_400, None),
            ]),
            warn_at: vec![50, 80],
            open_for: Vec::new(),
            capa: Capa::default(),
            recurrence: None,
        }
    }
}

impl Default for Capa {
    /// Called for by nothing, due after 30 days, root cause, correction, prevention and effect filled in, its effect checked after 90 days.
    fn default() -> Self {
        let words = ["root_cause", "correction", "preventive_action", "effectiveness_check"];
        Self {
            on: Vec::new(),
            due: Span::seconds(30 * 86_400),
            fields: words.map(str::to_owned).to_vec(),
            close_by: Vec::new(),
            effectiveness_after: Span::seconds(90 * 86_400),
        }
    }
}

impl Default for Feedback {
    /// No class is handled as an incident; each is acknowledged within a day.
    fn default() -> Self {
        Self { classes: FeedbackClass::ALL.map(|class| (class, None)).into(), acknowledge: Span::seconds(86_400), survey: None }
    }
}

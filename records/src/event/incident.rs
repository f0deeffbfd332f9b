//! Records about incidents. `registers::incident` folds them into the register; the commands and the daemon make them.
//!
//! Each one is a line of the incident's timeline, which is therefore append-only: what was said stays said.

use std::collections::BTreeMap;

use base::id::{PlanId, ServiceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The times that were promised for an incident, in seconds, as the plan had them when it was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promised {
    /// From the report to the acknowledgement.
    pub respond_s: u64,
    /// From the report to the resolution.
    pub resolve_s: u64,
    /// Between two updates to those who wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_s: Option<u64>,
}

/// Which of the two clocks of an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlaClock {
    /// Until somebody acknowledges.
    Response,
    /// Until it is resolved.
    Resolution,
}

impl SlaClock {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Resolution => "resolution",
        }
    }
}

/// An incident was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentDeclared {
    /// Its name: "INC-7".
    pub incident: String,
    /// The plan that it happened under.
    pub plan: PlanId,
    /// What happened, in a line.
    pub title: String,
    /// Its severity, in the plan's words: "sev2".
    pub severity: String,
    /// The level of harm behind the severity, 1 to 5 on the plan's impact scale.
    pub impact: u8,
    /// The services that it harms.
    pub services: Vec<ServiceId>,
    /// What stands for its cause: two incidents with the same words are the same trouble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Since when the program sees the condition that opened it; none where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When it began, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred: Option<Timestamp>,
    /// When it was noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected: Option<Timestamp>,
    /// Who reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_by: Option<String>,
    /// The threat of the register that came true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threat: Option<String>,
    /// The key of a ticket elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The times that were promised.
    pub promised: Promised,
    /// Who opened it.
    pub by: String,
}

/// The same cause struck again while the incident was open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentRepeated {
    /// Which incident.
    pub incident: String,
    /// The plan.
    pub plan: PlanId,
    /// What happened.
    pub what: String,
    /// Since when the program sees it; none where a person reported it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Who reported it.
    pub by: String,
}

/// Something to remember, or to tell those who wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentNoted {
    /// Which incident.
    pub incident: String,
    /// The plan.
    pub plan: PlanId,
    /// What was said.
    pub text: String,
    /// Whom it was told, where it was an update to those who wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// Who said it.
    pub by: String,
}

/// Fields of an incident were corrected. Both values are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentChanged {
    /// Which incident.
    pub incident: String,
    /// The plan.
    pub plan: PlanId,
    /// What the changed fields held; a field that was empty is absent.
    pub old: BTreeMap<String, String>,
    /// What they hold now.
    pub new: BTreeMap<String, String>,
    /// The times that are promised now, where the severity changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised: Option<Promised>,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
}

/// Somebody works on it: the response clock stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentAcknowledged {
    /// Which incident.
    pub incident: String,
    /// The plan.
    pub plan: PlanId,
    /// Who.
    pub by: String,
}

/// A clock was stopped for a while, or runs again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentPaused {
    /// Which incident.
    pub incident: String,
    /// The plan.
    pub plan: PlanId,
    /// Which clock.
    pub clock: SlaClock,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
}

/// A clock that was stopped runs again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentResumed {
    /// Which incident.
    pub incident: String,
    /// The plan.
    pub plan: PlanId,
    /// Which clock.
    pub clock: SlaClock,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
}

/// The harm has ended: the resolution clock stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentResolved {
    /// Which incident.
    pub incident: String,
    /// The plan.
    pub plan: PlanId,
    /// How.
    pub how: String,
    /// When the services were back, where that is not now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Timestamp>,
    /// The run of the recovery that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<String>,
    /// Who.
    pub by: String,
}

/// Nothing is left to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentClosed {
    /// Which incident.
    pub incident: String,
    /// The plan.
    pub plan: PlanId,
    /// What was found.
    pub reason: String,
    /// Who.
    pub by: String,
}

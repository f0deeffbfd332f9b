//! One row of what people must look at: late ([`crate::overdue`]) or gone wrong ([`crate::trouble`]).
//!
//! The orchestrator makes a condition of `alerts` of each, `status` and `register list` show them.

use base::id::ContactId;
use jiff::Timestamp;
use serde::Serialize;

/// What is the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A check found damage in a repository.
    Damage,
    /// The latest run of a drill did not pass.
    DrillFailed,
    /// The latest run of a drill took longer, or lost more, than was promised.
    ObjectiveMissed,
    /// An incident was not answered in the time that was promised.
    SlaBreach,
    /// An incident that nobody has taken.
    IncidentOpen,
    /// The latest run of a backup stored nothing, or not everything.
    BackupFailed,
    /// The newest complete restore point is older than promised.
    BackupOverdue,
    /// Much of the time that was promised for an incident is spent.
    SlaWarn,
    /// Those who wait for the end of an incident are owed an update.
    UpdateDue,
    /// A drill did not run within its cadence.
    DrillOverdue,
    /// A corrective action, or the look at whether it worked, is late.
    CapaOverdue,
    /// Feedback waits for its answer.
    FeedbackOverdue,
    /// No drill has passed since a change.
    ChangeUnproven,
    /// Retention was not applied for too long.
    RetentionOverdue,
    /// Nobody has opened a repository with a recovery key for longer than the plan allows.
    KeyUntested,
    /// The plan has to be reviewed.
    ReviewOverdue,
    /// Nobody looked at a threat for too long, or its acceptance has ended.
    ThreatOverdue,
    /// Nobody assessed the impact of an outage for too long, or the plan has changed it since.
    ImpactOverdue,
    /// The same trouble came back, and nobody wrote down what is known about it.
    KnowledgeMissing,
    /// The acceptance of a threat ends soon.
    ThreatSoon,
    /// The plan has to be reviewed soon.
    ReviewSoon,
}

impl Kind {
    /// The event's name in a plan's `alerts.events`.
    pub const fn event(self) -> &'static str {
        match self {
            Self::Damage => "verify.damaged",
            Self::DrillFailed => "drill.failed",
            Self::ObjectiveMissed => "objective.missed",
            Self::BackupFailed => "backup.failed",
            Self::BackupOverdue => "backup.overdue",
            Self::DrillOverdue => "drill.overdue",
            Self::RetentionOverdue => "retention.overdue",
            Self::KeyUntested => "key.untested",
            Self::ReviewOverdue => "review.overdue",
            Self::ThreatOverdue => "threat.overdue",
            Self::ImpactOverdue => "impact.overdue",
            Self::ThreatSoon => "threat.soon",
            Self::SlaBreach => "sla.breach",
            Self::IncidentOpen => "incident.open",
            Self::SlaWarn => "sla.warn",
            Self::UpdateDue => "incident.update",
            Self::CapaOverdue => "capa.overdue",
            Self::FeedbackOverdue => "feedback.overdue",
            Self::ChangeUnproven => "change.unproven",
            Self::KnowledgeMissing => "knowledge.missing",
            Self::ReviewSoon => "review.soon",
        }
    }

    /// Whether it is about a row of a register that people keep: what opens incidents must not be about incidents.
    pub const fn is_about_records(self) -> bool {
        matches!(
            self,
            Self::SlaBreach
                | Self::IncidentOpen
                | Self::SlaWarn
                | Self::UpdateDue
                | Self::KnowledgeMissing
                | Self::CapaOverdue
                | Self::FeedbackOverdue
                | Self::ChangeUnproven
        )
    }
}

/// Something that people must look at. It is the same matter as long as `kind` and `object` are the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matter {
    /// What is the matter.
    pub kind: Kind,
    /// With what: "web in vault-local", "drill web-monthly".
    pub object: String,
    /// Since when.
    pub since: Timestamp,
    /// Who answers for it, where the plan says so.
    pub owner: Option<ContactId>,
    /// The fact in a sentence.
    pub what: String,
    /// A command to type, or the next step in words.
    pub todo: String,
}

/// The gravest kind first, then what has lasted longest.
pub(crate) fn sort(matters: &mut [Matter]) {
    matters.sort_by(|a, b| (a.kind, a.since, &a.object).cmp(&(b.kind, b.since, &b.object)));
}

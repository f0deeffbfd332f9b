//! What a pack is made from, apart from the records themselves: the plan's facts, given by the caller as plain data.
//!
//! They are stored in report.json as they were given, so that whoever verifies a pack can compute its figures again.
//! Durations are whole milliseconds, instants are UTC.

use base::Digest;
use base::id::{DrillId, PlanId, ServiceId, SourceId, ThreatId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chain::Entry;

/// All that goes into a pack.
#[derive(Debug, Clone)]
pub struct PackInput {
    /// What the plan says, and what else the journal does not hold.
    pub facts: Facts,
    /// The journal's entries of the period without a gap, from [`crate::Journal::period`].
    pub entries: Vec<Entry>,
}

/// What the plan says, and what else the journal does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Id of the pack: "EV-2026-Q3".
    pub id: String,
    /// Whose evidence it is, in print.
    pub organisation: String,
    /// The plan.
    pub plan: PlanFacts,
    /// The period.
    pub period: Period,
    /// When the pack is issued.
    pub issued_at: Timestamp,
    /// Who issues it: a name in the list of allowed signers, without blanks or commas: "bcm01@example.org".
    pub issued_by: String,
    /// The host it is made on.
    pub host: String,
    /// Every service of the plan.
    pub services: Vec<ServiceFacts>,
    /// Every drill that the plan's schedules wanted in the period, run or not.
    pub planned: Vec<PlannedDrill>,
    /// How the plan's reviews stand at the end.
    pub review: ReviewFacts,
    /// The threat register.
    pub threats: Vec<ThreatFacts>,
    /// What is late at the time of issue.
    pub overdue: Vec<OverdueItem>,
    /// The public keys that reviews may be signed with.
    pub reviewers: Vec<Reviewer>,
}

/// The plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFacts {
    /// Its id.
    pub id: PlanId,
    /// Its title.
    pub title: String,
    /// What it covers, in its own words.
    pub scope: Option<String>,
    /// Its material fingerprint at the end of the period.
    pub fingerprint: Digest,
    /// Its revision in version control, where it is known.
    pub revision: Option<String>,
}

/// A period of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// Its name: "2026-Q3".
    pub name: String,
    /// Its first instant.
    pub since: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
}

/// A service and its objectives at the end of the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceFacts {
    /// Its id.
    pub id: ServiceId,
    /// Its title.
    pub title: String,
    /// Its owner, in print.
    pub owner: Option<String>,
    /// "high", "moderate", "low".
    pub tier: String,
    /// Recovery time objective.
    pub rto_ms: Option<u64>,
    /// Recovery point objective.
    pub rpo_ms: Option<u64>,
    /// Its data.
    pub sources: Vec<SourceId>,
    /// Someone else's service, which is not drilled here.
    pub external: bool,
}

/// A drill that the plan wanted at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedDrill {
    /// The drill.
    pub drill: DrillId,
    /// When its schedule wanted it.
    pub planned_at: Timestamp,
    /// The services it is for.
    pub services: Vec<ServiceId>,
    /// Why it was not run, where someone said so.
    pub note: Option<String>,
}

/// How the plan's reviews stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewFacts {
    /// How often: "6 months".
    pub every: String,
    /// When the last full set of signatures landed, if ever.
    pub last_signed: Option<Timestamp>,
    /// When the next one is due.
    pub due_at: Option<Timestamp>,
    /// Since when it is overdue, if it is.
    pub overdue_since: Option<Timestamp>,
}

/// A row of the threat register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThreatFacts {
    /// Its id.
    pub id: ThreatId,
    /// Its title.
    pub title: String,
    /// 1 to 5.
    pub likelihood: u8,
    /// 1 to 5.
    pub impact: u8,
    /// Likelihood and impact that remain after the controls.
    pub residual: Option<(u8, u8)>,
    /// "reduce", "accept", "avoid", "transfer".
    pub treat: String,
    /// Its owner, in print.
    pub owner: Option<String>,
    /// The date of its last review, ISO 8601.
    pub reviewed: Option<String>,
    /// The drill that practises it.
    pub drill: Option<DrillId>,
}

/// Something that is late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverdueItem {
    /// What, in a sentence without a full stop.
    pub what: String,
    /// Since when.
    pub since: Timestamp,
    /// Who must act, in print.
    pub owner: Option<String>,
}

/// A public key that reviews may be signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reviewer {
    /// The name in the list of allowed signers, without blanks or commas.
    pub principal: String,
    /// "ssh-ed25519 AAAA…".
    pub public_key: String,
}

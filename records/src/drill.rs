//! The drill record: one JSON object that says what a drill did, measured and found.
//!
//! `orchestrator` fills it from `restore`'s report and appends it as [`crate::event::DrillFinished`]; `evidence` counts it.
//! The same shape serves a real recovery. What today's modes do not measure is an `Option` or an empty list. Durations are
//! whole milliseconds of the monotonic clock; instants are UTC. Nothing in here decides the outcome.

mod check;
mod objective;

use base::Digest;
use base::id::{DrillId, PlanId, RepositoryId, ServiceId, SourceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use check::{CheckOutcome, CheckResult, NegativeControl, Stage};
pub use objective::{FrozenObjective, PointAge, rpo_objective_ms};

use crate::event::Trigger;

/// The version of the record's shape that this code writes.
pub const VERSION: u16 = 1;

/// How a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything came back, every check passed, and the negative control did its work.
    Pass,
    /// Something did not come back, a check failed, or an objective was missed.
    Fail,
    /// It could not have failed (no checks, or the negative control passed), so it proves nothing.
    Void,
    /// It was stopped before it could tell.
    Aborted,
}

impl Verdict {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Void => "void",
            Self::Aborted => "aborted",
        }
    }
}

/// Whether it was practice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// A drill.
    #[default]
    Drill,
    /// A recovery in earnest.
    Recovery,
}

/// How much of the service was exercised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// People talked it through.
    Tabletop,
    /// Part of the data.
    Sample,
    /// The service's functions on restored data.
    Functional,
    /// All of it.
    Full,
}

/// How the data was brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Read back and hashed; nothing written.
    Stream,
    /// Restored to a scratch folder and compared.
    Scratch,
    /// The service ran on the restored data.
    Service,
}

/// What a drill did, measured and found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillRecord {
    /// Version of this shape: [`VERSION`].
    pub v: u16,
    /// Which drill, of which plan, and why now.
    pub identity: Identity,
    /// Who asked, who allowed, who did it.
    #[serde(default)]
    pub authority: Authority,
    /// What was to be recovered.
    pub scope: Scope,
    /// The objectives in force when it started, frozen.
    pub objectives: Vec<FrozenObjective>,
    /// The restore points it used, resolved when it started; one for each source.
    pub recovery_points: Vec<RecoveryPoint>,
    /// The instants.
    pub clocks: Clocks,
    /// The durations that objectives are compared with.
    pub measured: Measured,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// What was checked.
    pub checks: Vec<CheckResult>,
    /// The tampering that a check had to notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative_control: Option<NegativeControl>,
    /// What was compared with its recorded hash.
    pub integrity: Integrity,
    /// Who was to be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Person>,
    /// How it ended.
    pub outcome: Verdict,
    /// Why it ended so, in sentences.
    pub reasons: Vec<String>,
    /// What must be mended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// How the scratch place was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean_up: Option<CleanUp>,
    /// Signatures of people, where the drill needed some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
}

/// Which drill, of which plan, and why now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Unique id of this run.
    pub run: String,
    /// The drill of the plan.
    pub drill: DrillId,
    /// Practice or earnest.
    #[serde(default)]
    pub occasion: Occasion,
    /// The plan.
    pub plan: PlanId,
    /// Material fingerprint of the plan as it was.
    pub plan_fingerprint: Digest,
    /// Its revision in version control, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_revision: Option<String>,
    /// What made it start.
    pub trigger: Trigger,
    /// When the schedule wanted it, where there was one. A planned drill is counted as run by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_at: Option<Timestamp>,
    /// The threat or story that is practised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// How much of the service.
    pub depth: Depth,
    /// How the data came back.
    pub mode: Mode,
    /// A quick look in another mode than the plan's: it answers no schedule and is no proof.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quick: bool,
    /// The host it ran on.
    pub host: String,
    /// The program that ran it: "lifeboat 0.1.0".
    pub tool: String,
}

/// Who asked, who allowed, who did it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// Who allowed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved: Vec<String>,
    /// Who carried it out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub testers: Vec<String>,
    /// Whether the testers are not those who run the backups, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub independent: Option<bool>,
}

/// What was to be recovered, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The services, in the order of recovery.
    pub services: Vec<ServiceId>,
    /// What was left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<Exclusion>,
    /// The scratch place: a folder or sandbox, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// Whether the sandbox had a way out, where that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<IsolationProbe>,
}

/// Something that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// An attempt to leave the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsolationProbe {
    /// Whether every attempt was refused.
    pub isolated: bool,
    /// What was tried and seen.
    pub seen: String,
}

/// A restore point and how it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPoint {
    /// Id of the snapshot.
    pub snapshot: String,
    /// Whose data it is.
    pub source: SourceId,
    /// When the source began to be read.
    pub taken: Timestamp,
    /// Id of its root tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The repository it was read from.
    pub repository: RepositoryId,
    /// Where that is: site or location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// State of its lock against deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// Fingerprint of the key that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The rule of the choice: "newest complete".
    pub rule: String,
    /// When the choice was made.
    pub resolved: Timestamp,
    /// How old it was at the assumed outage, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// How old it may be, in milliseconds: by the source's own objective, or else by that of its services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_ms: Option<u64>,
}

/// The instants of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// When the disaster is supposed to have struck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed_outage: Option<Timestamp>,
    /// When it was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Timestamp>,
    /// When work began.
    pub started: Timestamp,
    /// When the data was back and equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_restored: Option<Timestamp>,
    /// When the last check passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_confirmed: Option<Timestamp>,
    /// When all was over, clean-up included.
    pub ended: Timestamp,
}

/// The durations that objectives are compared with, in milliseconds. Absent means not reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// From the declaration until the data was back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto_data_ms: Option<u64>,
    /// From the declaration until the last check passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto_service_ms: Option<u64>,
    /// Age at the assumed outage of the restore point that is worst beside its promise, see [`rpo_objective_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_ms: Option<u64>,
    /// Time that waited for people; part of the above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual_ms: Option<u64>,
}

impl Measured {
    /// The recovery time to judge: until the service was confirmed, or else until the data was back.
    pub fn rto_ms(&self) -> Option<u64> {
        self.rto_service_ms.or(self.rto_data_ms)
    }
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What.
    pub name: String,
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    pub took_ms: u64,
    /// Whether it succeeded.
    pub ok: bool,
    /// What was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What was compared with its recorded hash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integrity {
    /// Files, or objects in mode stream.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many were not equal or could not be had.
    pub mismatches: u64,
}

/// Someone who was to be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Printed name.
    pub name: String,
    /// In which role.
    pub role: String,
    /// When a notice reached them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Timestamp>,
    /// When they answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Timestamp>,
}

/// Something that must be mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// Its incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// Its corrective action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capa: Option<String>,
    /// Who mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The run that showed it mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retest: Option<String>,
}

/// How the scratch place was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanUp {
    /// Whether nothing is left.
    pub done: bool,
    /// How that is known.
    pub proof: String,
    /// How long it took.
    pub took_ms: u64,
}

/// A person's signature under a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Printed name.
    pub name: String,
    /// In which role.
    pub role: String,
    /// When.
    pub at: Timestamp,
    /// What it means.
    pub meaning: String,
    /// SSHSIG, armored.
    pub signature: String,
}

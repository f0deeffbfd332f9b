//! What a drill tells of itself: enough to fill the drill record without asking anybody again.

use base::id::{CheckId, DrillId, ServiceId};
use base::{Digest, Span};
use jiff::Timestamp;
use repository::snapshots::Canary;
use serde::{Deserialize, Serialize};

use crate::point::PointFacts;
use crate::report::Problem;
use crate::scratch::Wiped;

/// How a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The data came back, every check held, and every objective was met.
    Pass,
    /// Data is missing or damaged, a check did not hold, or an objective was missed.
    Fail,
    /// Nothing was proven: there was no check, or the negative control did not make its check fail.
    Void,
    /// It was interrupted, or could not be carried out for a reason that says nothing about the data.
    Aborted,
}

/// The report of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillReport {
    /// Version of this shape.
    pub v: u32,
    /// The drill, as the plan calls it.
    pub drill: DrillId,
    /// "stream" or "scratch".
    pub mode: String,
    /// How it ended.
    pub verdict: Verdict,
    /// Why; empty when it passed.
    pub reasons: Vec<String>,
    /// Where the repository is; no secret in it.
    pub repository: String,
    /// The restore points that were used.
    pub points: Vec<PointUsed>,
    /// The frozen objectives.
    pub objectives: Vec<FrozenObjective>,
    /// What the clocks showed.
    pub clocks: Clocks,
    /// What came of it.
    pub measured: Measured,
    /// What was done, in order.
    pub steps: Vec<StepDone>,
    /// What each check found, in the order in which they ran; those that were not reached are skipped.
    pub checks: Vec<CheckDone>,
    /// The negative control, where the drill has one.
    pub negative_control: Option<ControlDone>,
    /// What was read and compared.
    pub integrity: Integrity,
    /// How far the restored data was kept from the rest of the system; "none" for a scratch folder.
    pub isolation: String,
    /// The scratch folder and its end; absent in stream mode.
    pub clean_up: Option<CleanUp>,
}

/// A restore point and how it came to be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointUsed {
    /// The restore point.
    pub facts: PointFacts,
    /// The canary it carries.
    pub canary: Option<Canary>,
    /// The id of its top tree.
    pub root: String,
    /// The rule, in words.
    pub rule: String,
    /// When it was chosen.
    pub resolved: Timestamp,
    /// The source's RPO.
    pub rpo: Option<Span>,
    /// How old it was at the assumed outage, in milliseconds; none where the data did not come back.
    #[serde(default)]
    pub age_ms: Option<u64>,
}

/// Objectives of one service, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenObjective {
    /// The service.
    pub service: ServiceId,
    /// Longest time to recover.
    pub rto_ms: Option<u64>,
    /// Longest span of data that may be lost.
    pub rpo_ms: Option<u64>,
}

/// Instants of the wall clock. Durations in this report come from the monotonic one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// When the loss is assumed to have happened.
    pub assumed_outage: Option<Timestamp>,
    /// When the recovery was declared.
    pub declared: Option<Timestamp>,
    /// When the drill started.
    pub started: Timestamp,
    /// When the data was back and compared.
    pub data_restored: Option<Timestamp>,
    /// When the last check had run.
    pub checks_done: Option<Timestamp>,
    /// When everything was over, the wiping included.
    pub ended: Timestamp,
    /// From start to end, in milliseconds.
    pub took_ms: u64,
}

/// What was achieved, beside what was promised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// From the declaration to the restored data, in milliseconds.
    pub rto_data_ms: Option<u64>,
    /// The strictest objective of all services.
    pub rto_objective_ms: Option<u64>,
    /// From the restore point to the assumed outage, in milliseconds: of the point that is worst beside its own promise, or the oldest one
    /// where nothing was promised.
    pub rpo_ms: Option<u64>,
    /// What was promised for that point.
    pub rpo_objective_ms: Option<u64>,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDone {
    /// "open", "choose", "restore", "compare", "stream", "checks", "negative control", "wipe".
    pub name: String,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Whether it did what it should.
    pub ok: bool,
    /// What it did, in words.
    pub detail: Option<String>,
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// The claim holds.
    Pass,
    /// It does not.
    Fail,
    /// It was not run: a stage before it failed, or it cannot be run in this mode.
    Skipped,
}

/// One check and what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckDone {
    /// The check, as the drill calls it.
    pub check: CheckId,
    /// "sanity", "smoke" or "functional".
    pub stage: String,
    /// "files", "command", "canary".
    pub kind: String,
    /// The claim.
    pub claim: String,
    /// The digest of what was asked.
    pub query_digest: Digest,
    /// What it asked for.
    pub expected: String,
    /// What it found.
    pub observed: String,
    /// Whether the claim holds.
    pub result: CheckOutcome,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// The negative control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlDone {
    /// The check that had to fail.
    pub check: CheckId,
    /// What was done to the data.
    pub tamper: String,
    /// Whether the check failed then, as it must.
    pub noticed: bool,
    /// What the check found, or why the control was not carried out.
    pub observed: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What was read, compared and found wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integrity {
    /// Files whose every byte was compared with its record.
    pub files: u64,
    /// Different chunks that were read and verified.
    pub chunks: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// How many paths are wrong.
    pub n_problems: u64,
    /// Which, and how; at most [`MAX_LISTED`].
    pub problems: Vec<Problem>,
}

/// The most problems that a report lists.
pub const MAX_LISTED: usize = 1000;

/// The end of the scratch folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanUp {
    /// Where it was.
    pub folder: String,
    /// Whether it is gone.
    pub wiped: Wiped,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

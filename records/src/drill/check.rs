//! What a drill checked, and the tampering that a check had to notice: parts of the drill record.

use base::Digest;
use base::id::CheckId;
use serde::{Deserialize, Serialize};

/// When a check runs. A failing stage stops the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Is it all there?
    Sanity,
    /// Does it start?
    Smoke,
    /// Does it do its work?
    Functional,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// As expected.
    Pass,
    /// Not as expected.
    Fail,
    /// Not run, because an earlier stage failed.
    Skipped,
}

/// What was checked and seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The check of the plan.
    pub check: CheckId,
    /// Its stage.
    pub stage: Stage,
    /// "files", "command", "canary".
    pub kind: String,
    /// What it proves, in the plan's words.
    pub claim: String,
    /// Digest of the command or query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_digest: Option<Digest>,
    /// What had to be seen.
    pub expected: String,
    /// What was seen.
    pub observed: String,
    /// How it ended.
    pub result: CheckOutcome,
    /// How long it took.
    pub took_ms: u64,
}

/// A tampering that a named check had to notice. One that goes unnoticed makes the drill void.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NegativeControl {
    /// The check that had to fail.
    pub check: CheckId,
    /// What was done to the restored data.
    pub tamper: String,
    /// Whether the check failed, as it must.
    pub noticed: bool,
    /// What the check saw.
    pub observed: String,
    /// How long it took.
    pub took_ms: u64,
}

//! Records about real restores: who took what out, where to, and whether it was equal to what was stored.

use serde::{Deserialize, Serialize};

/// A real restore began. It is durable before the first byte is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreStarted {
    /// Unique id of this run.
    pub run: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Where to, as a path or location.
    pub target: String,
    /// Which paths of it; none means all.
    pub paths: Vec<String>,
    /// Why, where the person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A real restore came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreFinished {
    /// Unique id of this run.
    pub run: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Where to.
    pub target: String,
    /// Files written or found equal.
    pub files: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Files that are not equal to their recorded hash, or could not be had.
    pub mismatches: u64,
    /// In a word or sentence.
    pub outcome: String,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub took_ms: u64,
}

/// A real restore ended early.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreFailed {
    /// Unique id of this run.
    pub run: String,
    /// Id of the snapshot.
    pub snapshot: String,
    /// Where to.
    pub target: String,
    /// The fact, with its causes.
    pub error: String,
}

//! Records about repositories and their stores.

use base::id::RepositoryId;
use serde::{Deserialize, Serialize};

/// A repository was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryCreated {
    /// Its name in the plan.
    pub repository: RepositoryId,
    /// Where it is, without secrets: `file:///mnt/backup`.
    pub location: String,
    /// Its own unique id.
    pub uid: String,
}

/// A store was asked what it really does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryProbed {
    /// Its name in the plan.
    pub repository: RepositoryId,
    /// Where it is, without secrets.
    pub location: String,
    /// One line for each question.
    pub lines: Vec<ProbeLine>,
}

/// One question to a store and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeLine {
    /// The question: "conditional put".
    pub what: String,
    /// "yes", "no" or "unknown".
    pub verdict: String,
    /// What was seen.
    pub seen: String,
}

/// A repository was checked for damage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckFinished {
    /// Its name in the plan.
    pub repository: RepositoryId,
    /// How deep: "presence", "names", "contents".
    pub level: String,
    /// Objects looked at.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// How many findings there are; `findings` may hold only the first of them.
    pub n_findings: u64,
    /// The findings in words, the first of them where there are many.
    pub findings: Vec<String>,
    /// How long it took, in milliseconds.
    #[serde(default)]
    pub took_ms: u64,
}

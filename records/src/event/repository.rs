//! Records about repositories and their stores.

use base::id::RepositoryId;
use jiff::Timestamp;
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
    /// Packs that were not read for longer than was asked for, and were left for another time.
    #[serde(default)]
    pub n_packs_old: u64,
    /// Restore points whose trees were walked.
    #[serde(default)]
    pub n_walked: u64,
}

/// The locks of a repository were looked at, and those extended that were due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocksRenewed {
    /// Unique id of this run.
    pub run: String,
    /// Its name in the plan.
    pub repository: RepositoryId,
    /// Who may lift them: "compliance", "governance".
    pub mode: String,
    /// How long a lock holds, in seconds.
    pub period_s: u64,
    /// The store's time when it was looked at.
    pub store_time: Timestamp,
    /// Objects whose locks were read.
    pub n_objects: u64,
    /// Locks that were extended.
    pub n_renewed: u64,
    /// Packs that nothing needs any more, whose locks run out.
    pub n_unneeded: u64,
    /// Objects that were locked for less than was promised before.
    pub n_weak: u64,
    /// Locks that were due and that the store did not extend.
    pub n_refused: u64,
    /// What it said, of the first of them.
    pub refused: Vec<String>,
    /// Objects whose locks could not be read.
    pub n_unread: u64,
    /// Why, of the first of them.
    pub unread: Vec<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Objects are locked for less than was promised: somebody has shortened or lifted locks, or nobody has renewed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockWeakened {
    /// Its name in the plan.
    pub repository: RepositoryId,
    /// The store's time when it was looked at.
    pub store_time: Timestamp,
    /// How many objects; `objects` may hold only the first of them.
    pub n_objects: u64,
    /// Each of them, and what is wrong with its lock.
    pub objects: Vec<String>,
}

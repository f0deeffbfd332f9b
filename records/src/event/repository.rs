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
    /// Packs that should be there, or are; older records do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packs: Option<u64>,
    /// How many of them were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packs_checked: Option<u64>,
    /// Restore points that are there and have lost something, by their ids; none where that is not known of every finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged_points: Option<Vec<String>>,
    /// Restore points that are not there any more, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_points: Vec<String>,
}

impl CheckFinished {
    /// Whether every pack was looked at. Records that do not say so were believed to have done that.
    pub fn is_whole(&self) -> bool {
        self.packs.zip(self.packs_checked).is_none_or(|(packs, checked)| checked >= packs)
    }

    /// How deep it went, as a number: a deeper one sees all that a shallower one sees. A word of a later version is the deepest.
    pub fn depth(&self) -> u8 {
        match self.level.as_str() {
            "presence" => 0,
            "names" => 1,
            "contents" => 2,
            _ => 3,
        }
    }

    /// Whether a clean one ends the alarm that `earlier` raised: it saw at least as much.
    pub fn covers(&self, earlier: &Self) -> bool {
        self.is_whole() && self.depth() >= earlier.depth()
    }
}

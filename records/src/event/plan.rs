//! Records about plans. `orchestrator::tasks` and `plan check` make them.

use base::Digest;
use base::id::PlanId;
use serde::{Deserialize, Serialize};

/// A plan became the one in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLoaded {
    /// The plan.
    pub plan: PlanId,
    /// Digest of its material sections: a review is due when it changes.
    pub fingerprint: Digest,
    /// Digest of its files as they were read.
    pub file_digest: Digest,
    /// Fingerprint of the plan that was in force before, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// The revision in version control, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// A plan had faults and did not become the one in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRefused {
    /// The plan, where its id could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// Digest of the files as they were read.
    pub file_digest: Digest,
    /// How many faults it has.
    pub n_faults: u64,
    /// The first of them, in words.
    pub first: String,
}

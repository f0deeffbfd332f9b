//! What was promised when a drill started, and for each service the restore point that came nearest to breaking the promise.
//!
//! A source may have an objective of its own that is looser or tighter than its service's, so an age is compared with the promise that was
//! made for it and never with another one.

use std::cmp::Ordering;

use base::id::{ServiceId, SourceId};
use serde::{Deserialize, Serialize};

/// The objectives of one service as they were when the drill started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenObjective {
    /// The service.
    pub service: ServiceId,
    /// Recovery time objective, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto_ms: Option<u64>,
    /// Recovery point objective, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_ms: Option<u64>,
    /// Of the restore points of the service the one that is worst beside its promise. Absent in records that were made before it was
    /// measured, and where nothing was promised or nothing came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_point: Option<PointAge>,
}

/// How old the data of a source was, and how old it may be. Both in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointAge {
    /// The source.
    pub source: SourceId,
    /// Its age at the assumed outage.
    pub age_ms: u64,
    /// What was promised: the source's own objective, or else the service's.
    pub rpo_ms: u64,
}

impl PointAge {
    /// Compares the shares of their promises that two points use up.
    pub fn cmp_share(&self, other: &Self) -> Ordering {
        // Crosswise, so that there is no division.
        (u128::from(self.age_ms) * u128::from(other.rpo_ms)).cmp(&(u128::from(other.age_ms) * u128::from(self.rpo_ms)))
    }
}

impl FrozenObjective {
    /// The age of this service's data, and what was promised for that data. `rpo_ms` is what the whole drill measured, for records
    /// without the figure of each service.
    pub fn data_loss(&self, rpo_ms: Option<u64>) -> (Option<u64>, Option<u64>) {
        match &self.rpo_point {
            Some(point) => (Some(point.age_ms), Some(point.rpo_ms)),
            None => (rpo_ms, self.rpo_ms),
        }
    }

    /// Whether the service's data was older than promised. What was not measured was not met.
    pub fn misses_rpo(&self, rpo_ms: Option<u64>) -> bool {
        let (age, promised) = self.data_loss(rpo_ms);
        promised.is_some_and(|promised| age.is_none_or(|age| age > promised))
    }
}

/// The promise that belongs to the measured data loss of a drill: that of the point which is worst beside it, or the strictest of all
/// services in records that do not know the points.
pub fn rpo_objective_ms(objectives: &[FrozenObjective]) -> Option<u64> {
    let worst = objectives.iter().filter_map(|objective| objective.rpo_point.as_ref()).max_by(|a, b| a.cmp_share(b));
    worst.map(|point| point.rpo_ms).or_else(|| objectives.iter().filter_map(|objective| objective.rpo_ms).min())
}

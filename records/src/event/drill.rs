//! Records about drills. The whole of what a drill found is [`crate::drill::DrillRecord`].

use base::id::DrillId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::drill::DrillRecord;
use crate::event::Trigger;

/// A drill began. A drill that has begun and never ended was cut off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillStarted {
    /// Unique id of this run.
    pub run: String,
    /// The drill of the plan.
    pub drill: DrillId,
    /// What made it start.
    pub trigger: Trigger,
    /// When the schedule wanted it, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_at: Option<Timestamp>,
    /// A quick look in another mode than the plan's, see [`crate::drill::Identity::quick`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quick: bool,
}

/// A drill or a real recovery ended. A drill that failed is a result, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillFinished {
    /// All that was found.
    pub record: Box<DrillRecord>,
}

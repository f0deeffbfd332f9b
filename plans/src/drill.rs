//! Decides which drills are due.
use std::collections::BTreeMap;

use base::id::DrillId;
use jiff::Timestamp;
use serde::Serialize;

use crate::Plan;

/// A drill that should run now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    /// Which.
    pub drill: DrillId,
    /// The scheduled time that this run answers; `now` for a drill that never ran.
    pub planned_at: Timestamp,
    /// It never ran before.
    pub first: bool,
}

/// The drills that are due at `now`. `last` knows when each last started, whatever came of it.
pub fn due(plan: &Plan, last: &BTreeMap<DrillId, Timestamp>, now: Timestamp) -> Vec<Due> {
    let _ = (plan, last, now);
    todo!()
}

//! Decides which drills are due.
//!
//! `orchestrator::tasks::drills` starts what this module names. A drill that never ran is due at once, so that a new service is not trusted
//! before its first restore.

use std::collections::BTreeMap;
use std::time::Duration;

use base::id::DrillId;
use jiff::Timestamp;
use serde::Serialize;

use crate::Plan;
use crate::backup::waiting;
use crate::plan::Drill;

/// How long past its cadence the result of a drill still holds. Without it every result would lapse while its successor runs.
pub const GRACE: Duration = Duration::from_hours(24);

/// Until when the result of a run of `drill` that began at `started` holds: one cadence and [`GRACE`].
pub fn holds_until(drill: &Drill, started: Timestamp) -> Timestamp {
    started.checked_add(drill.schedule.longest_gap().saturating_add(GRACE)).unwrap_or(Timestamp::MAX)
}

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

/// The drills that are due at `now`, the longest waiting first. `last` knows when each last started, whatever came of it.
pub fn due(plan: &Plan, last: &BTreeMap<DrillId, Timestamp>, now: Timestamp) -> Vec<Due> {
    let mut due: Vec<Due> = plan
        .drills
        .values()
        .filter_map(|drill| {
            let last = last.get(&drill.id).copied();
            let (planned_at, _) = waiting(&drill.schedule, last, now)?;
            Some(Due { drill: drill.id.clone(), planned_at, first: last.is_none() })
        })
        .collect();
    due.sort_by(|a, b| (a.planned_at, &a.drill).cmp(&(b.planned_at, &b.drill)));
    due
}

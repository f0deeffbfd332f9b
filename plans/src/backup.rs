//! Decides which backups are due.
use std::collections::BTreeMap;

use base::id::{RepositoryId, SourceId};
use jiff::Timestamp;
use serde::Serialize;

use crate::Plan;

/// A backup that should run now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupDue {
    /// What to back up.
    pub source: SourceId,
    /// Where to.
    pub repository: RepositoryId,
    /// The scheduled time that this run answers; `now` for the first one.
    pub planned_at: Timestamp,
    /// Scheduled times before `planned_at` that passed without a run (at most [`MAX_MISSED`]).
    pub missed: u32,
}

/// Where counting missed runs ends.
pub const MAX_MISSED: u32 = 1000;

/// The backups that are due at `now`. `last_start` knows for each pair when its last run, good or bad, began.
pub fn due(plan: &Plan, last_start: &BTreeMap<(SourceId, RepositoryId), Timestamp>, now: Timestamp) -> Vec<BackupDue> {
    let _ = (plan, last_start, now);
    todo!()
}

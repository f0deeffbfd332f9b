//! Decides which backups are due.
//!
//! `orchestrator::tasks::backups` and `lifeboat backup --due` start what this module names. Runs that were missed, because the host was off or
//! busy, are caught up once: ten missed hours make one backup, not ten.

use std::collections::BTreeMap;
use std::time::Duration;

use base::id::{RepositoryId, SourceId};
use jiff::Timestamp;
use serde::Serialize;

use crate::Plan;
use crate::plan::SourceKind;
use crate::schedule::Schedule;

/// A backup that should run now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupDue {
    /// What to back up.
    pub source: SourceId,
    /// Where to.
    pub repository: RepositoryId,
    /// The scheduled time that this run answers; `now` for the first one of all.
    pub planned_at: Timestamp,
    /// Scheduled times before `planned_at` that passed without a run (at most [`MAX_MISSED`]).
    pub missed: u32,
}

/// Where counting missed runs ends.
pub const MAX_MISSED: u32 = 1000;

/// The backups that are due at `now`, the longest waiting first. `last_start` knows for each pair when its last run, good or bad, began:
/// a run that failed is told by an alert and repeated at its next time, so that a broken store is not asked in a tight loop.
/// A pair that never ran is due at once, so that new data is not without a copy until tonight.
pub fn due(plan: &Plan, last_start: &BTreeMap<(SourceId, RepositoryId), Timestamp>, now: Timestamp) -> Vec<BackupDue> {
    // Nobody but whoever pipes can start what is piped in.
    let sources = plan.sources.values().filter(|source| !matches!(source.kind, SourceKind::Stdin(_)));
    let pairs = sources.flat_map(|source| source.to.iter().map(move |repository| (source, repository)));
    let mut due: Vec<(bool, BackupDue)> = pairs
        .filter_map(|(source, repository)| {
            let last = last_start.get(&(source.id.clone(), repository.clone())).copied();
            let (planned_at, missed) = waiting(&source.schedule, last, now)?;
            Some((last.is_some(), BackupDue { source: source.id.clone(), repository: repository.clone(), planned_at, missed }))
        })
        .collect();
    // What never ran waits longest of all. Sorted by its `planned_at`, which is now, it would come last each time, and never run where
    // another copy of its source is always due again before its turn.
    let key = |(ran, due): &(bool, BackupDue)| (*ran, due.planned_at, due.source.clone(), due.repository.clone());
    due.sort_by_cached_key(key);
    due.into_iter().map(|(_, due)| due).collect()
}

/// How far ahead of `now` a recorded time may lie and still be believed: clocks are corrected by seconds, and zones are mistaken by hours.
const CLOCK_SLACK: Duration = Duration::from_hours(24);

/// Whether a recorded time lies so far in the future that the clock must have been wrong when it was written. Who believed it would wait for
/// years: one run under a clock that stood in 2035 would end all runs until then, and nothing would look late.
pub fn is_beyond(recorded: Timestamp, now: Timestamp) -> bool {
    now.checked_add(CLOCK_SLACK).is_ok_and(|limit| recorded > limit)
}

/// The scheduled time that waits for a run at `now`, and how many before it were missed. `last`: when the last run began.
pub(crate) fn waiting(schedule: &Schedule, last: Option<Timestamp>, now: Timestamp) -> Option<(Timestamp, u32)> {
    let Some(last) = last.filter(|last| !is_beyond(*last, now)) else { return Some((now, 0)) };
    let planned_at = schedule.last_at_or_before(now).filter(|planned| *planned > last)?;
    let runs = std::iter::successors(schedule.next_after(last), |run| schedule.next_after(*run));
    let missed = runs.take_while(|run| *run < planned_at).zip(0..MAX_MISSED).count();
    Some((planned_at, u32::try_from(missed).unwrap_or(MAX_MISSED)))
}

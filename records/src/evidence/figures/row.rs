//! One row for each drill that was planned or run. A planned drill that was not run stays a row.

use std::collections::BTreeSet;

use base::id::{DrillId, ServiceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chain::{Entry, Head};
use crate::drill::{CheckOutcome, DrillRecord, FrozenObjective, Occasion, Verdict, rpo_objective_ms};
use crate::event::{DrillStarted, Event};
use crate::evidence::input::Facts;

/// How a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowResult {
    /// All came back, every check passed, within the objectives.
    Passed,
    /// All came back, too late.
    RtoMissed,
    /// All came back, too old.
    RpoMissed,
    /// Something did not come back, or a check failed.
    Failed,
    /// It could not have failed, so it proves nothing.
    Void,
    /// It was cut off.
    Aborted,
    /// Planned, and not run.
    NotRun,
}

impl RowResult {
    /// In print.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Passed => "Passed",
            Self::RtoMissed => "RTO missed",
            Self::RpoMissed => "RPO missed",
            Self::Failed => "Failed",
            Self::Void => "Void",
            Self::Aborted => "Aborted",
            Self::NotRun => "Not run",
        }
    }
}

/// A drill that was planned, run, or both. Durations in milliseconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillRow {
    /// The drill of the plan.
    pub drill: DrillId,
    /// Id of the run, if it was run.
    pub run: Option<String>,
    /// When the schedule wanted it; none for a drill that a person started.
    pub planned_at: Option<Timestamp>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// The services, in order of recovery.
    pub services: Vec<ServiceId>,
    /// "stream", "scratch", "service", "recovery" for one in earnest; empty where it is not known.
    pub mode: String,
    /// A quick look in another mode than the plan's. It is told, and counted nowhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quick: bool,
    /// The snapshots, and the rule by which they were chosen.
    pub points: Vec<String>,
    /// Checks that passed.
    pub checks_passed: u64,
    /// All checks of the drill.
    pub checks: u64,
    /// Whether the negative control was noticed; none where there was none.
    pub negative_control: Option<bool>,
    /// Recovery time.
    pub rto_ms: Option<u64>,
    /// Age of the data.
    pub rpo_ms: Option<u64>,
    /// The objectives of the services, as they were when it started.
    pub objectives: Vec<FrozenObjective>,
    /// Files or objects compared.
    pub objects: u64,
    /// Bytes compared.
    pub bytes: u64,
    /// Those not equal.
    pub mismatches: u64,
    /// Whether the plan's material fingerprint was the one at the end of the period.
    pub current_plan: bool,
    /// How it ended.
    pub result: RowResult,
    /// Why, in a sentence.
    pub why: String,
    /// The record that says so.
    pub record: Option<Head>,
}

impl DrillRow {
    /// The time to sort and count by: when it began, or should have.
    pub fn at(&self) -> Timestamp {
        self.started.or(self.planned_at).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The strictest recovery time objective of its services.
    pub fn rto_objective_ms(&self) -> Option<u64> {
        self.objectives.iter().filter_map(|objective| objective.rto_ms).min()
    }

    /// What was promised for the data whose age is [`Self::rpo_ms`].
    pub fn rpo_objective_ms(&self) -> Option<u64> {
        rpo_objective_ms(&self.objectives)
    }

    /// How it ended for one service: another's objective is not its own.
    pub fn result_for(&self, service: &ServiceId) -> RowResult {
        match self.result {
            RowResult::RtoMissed | RowResult::RpoMissed | RowResult::Passed => {
                let own: Vec<_> = self.objectives.iter().filter(|objective| objective.service == *service).cloned().collect();
                judge(&own, self.rto_ms, self.rpo_ms)
            }
            other => other,
        }
    }
}

/// A run that recovered all: was it in time? What was not measured was not met.
#[expect(clippy::similar_names, reason = "RTO and RPO are the words of the trade")]
fn judge(objectives: &[FrozenObjective], rto_ms: Option<u64>, rpo_ms: Option<u64>) -> RowResult {
    let missed = |objective: Option<u64>, measured: Option<u64>| objective.is_some_and(|o| measured.is_none_or(|m| m > o));
    if objectives.iter().any(|objective| missed(objective.rto_ms, rto_ms)) {
        RowResult::RtoMissed
    } else if objectives.iter().any(|objective| objective.misses_rpo(rpo_ms)) {
        RowResult::RpoMissed
    } else {
        RowResult::Passed
    }
}

/// All rows, by time.
pub(super) fn rows(facts: &Facts, entries: &[Entry]) -> Vec<DrillRow> {
    let mut finished: Vec<(&Entry, &DrillRecord)> = Vec::new();
    let mut begun: Vec<(&Entry, &DrillStarted)> = Vec::new();
    let mut ended: BTreeSet<&str> = BTreeSet::new();
    for entry in entries {
        match &entry.event {
            Event::DrillFinished(end) => {
                ended.insert(&end.record.identity.run);
                // A host may keep two plans in one journal: another plan's drill proves nothing for this one.
                if end.record.identity.plan == facts.plan.id {
                    finished.push((entry, &end.record));
                }
            }
            Event::DrillStarted(start) => begun.push((entry, start)),
            _ => {}
        }
    }
    let mut rows: Vec<DrillRow> = finished.iter().map(|(entry, record)| of_record(facts, entry, record)).collect();
    rows.extend(begun.iter().filter(|(_, start)| !ended.contains(start.run.as_str())).map(|(entry, start)| cut_off(facts, entry, start)));
    let used = match_with_plan(facts, &mut rows);
    let mut missing: BTreeSet<(DrillId, Timestamp)> = BTreeSet::new();
    for planned in &facts.planned {
        let key = (planned.drill.clone(), planned.planned_at);
        if !used.contains(&key) && missing.insert(key) {
            rows.push(not_run(&planned.drill, planned.planned_at, &planned.services, planned.note.as_deref()));
        }
    }
    rows.sort_by(|a, b| {
        (a.at(), a.drill.as_str(), a.record.map(|head| head.seq)).cmp(&(b.at(), b.drill.as_str(), b.record.map(|head| head.seq)))
    });
    rows
}

/// Leaves `planned_at` to the runs that answer a planned time, and says which times were answered. A run counts for the plan only where the plan
/// wanted it, and one run counts for one time: the first that came to a result, or else the first that was cut off.
fn match_with_plan(facts: &Facts, rows: &mut [DrillRow]) -> BTreeSet<(DrillId, Timestamp)> {
    let wanted: BTreeSet<(&DrillId, Timestamp)> = facts.planned.iter().map(|planned| (&planned.drill, planned.planned_at)).collect();
    let mut used: BTreeSet<(DrillId, Timestamp)> = BTreeSet::new();
    let (cut_off, decided): (Vec<_>, Vec<_>) = rows.iter_mut().partition(|row| row.result == RowResult::Aborted);
    for row in decided.into_iter().chain(cut_off) {
        let Some(at) = row.planned_at else { continue };
        if row.quick || !wanted.contains(&(&row.drill, at)) || !used.insert((row.drill.clone(), at)) {
            row.planned_at = None;
        }
    }
    used
}

#[expect(clippy::similar_names, reason = "RTO and RPO are the words of the trade")]
fn of_record(facts: &Facts, entry: &Entry, record: &DrillRecord) -> DrillRow {
    let rto_ms = record.measured.rto_ms();
    let rpo_ms = record.measured.rpo_ms;
    let result = match record.outcome {
        // The word of the record is not enough: what did not come back, or could not have failed, did not pass.
        Verdict::Pass if record.integrity.mismatches > 0 || any_check_failed(record) => RowResult::Failed,
        Verdict::Pass if !all_checks_passed(record) || record.negative_control.as_ref().is_some_and(|control| !control.noticed) => {
            RowResult::Void
        }
        Verdict::Pass => judge(&record.objectives, rto_ms, rpo_ms),
        // What came back whole with every check passed, and yet failed, missed an objective.
        Verdict::Fail if record.integrity.mismatches == 0 && all_checks_passed(record) => match judge(&record.objectives, rto_ms, rpo_ms) {
            RowResult::Passed => RowResult::Failed,
            missed => missed,
        },
        Verdict::Fail => RowResult::Failed,
        Verdict::Void => RowResult::Void,
        Verdict::Aborted => RowResult::Aborted,
    };
    let mode = match (record.identity.occasion, record.identity.mode) {
        (Occasion::Recovery, _) => "recovery",
        (_, crate::drill::Mode::Stream) => "stream",
        (_, crate::drill::Mode::Scratch) => "scratch",
        (_, crate::drill::Mode::Service) => "service",
    };
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    DrillRow {
        drill: record.identity.drill.clone(),
        run: Some(record.identity.run.clone()),
        planned_at: record.identity.planned_at,
        started: Some(record.clocks.started),
        services: record.scope.services.clone(),
        mode: if record.identity.quick { format!("{mode}, quick look") } else { mode.to_owned() },
        quick: record.identity.quick,
        points: record.recovery_points.iter().map(|point| point.snapshot.clone()).collect(),
        checks_passed: count(record.checks.iter().filter(|check| check.result == CheckOutcome::Pass).count()),
        checks: count(record.checks.len()),
        negative_control: record.negative_control.as_ref().map(|control| control.noticed),
        rto_ms,
        rpo_ms,
        objectives: record.objectives.clone(),
        objects: record.integrity.objects,
        bytes: record.integrity.bytes,
        mismatches: record.integrity.mismatches,
        current_plan: record.identity.plan_fingerprint == facts.plan.fingerprint,
        result,
        why: record.reasons.join("; "),
        record: Some(entry.head()),
    }
}

fn any_check_failed(record: &DrillRecord) -> bool {
    record.checks.iter().any(|check| check.result == CheckOutcome::Fail)
}

fn all_checks_passed(record: &DrillRecord) -> bool {
    !record.checks.is_empty() && record.checks.iter().all(|check| check.result == CheckOutcome::Pass)
}

fn not_run(drill: &DrillId, planned_at: Timestamp, services: &[ServiceId], note: Option<&str>) -> DrillRow {
    DrillRow {
        drill: drill.clone(),
        run: None,
        planned_at: Some(planned_at),
        started: None,
        services: services.to_vec(),
        mode: String::new(),
        quick: false,
        points: Vec::new(),
        checks_passed: 0,
        checks: 0,
        negative_control: None,
        rto_ms: None,
        rpo_ms: None,
        objectives: Vec::new(),
        objects: 0,
        bytes: 0,
        mismatches: 0,
        current_plan: true,
        result: RowResult::NotRun,
        why: note.unwrap_or("no reason is on record").to_owned(),
        record: None,
    }
}

fn cut_off(facts: &Facts, entry: &Entry, start: &DrillStarted) -> DrillRow {
    let services = facts.planned.iter().find(|planned| planned.drill == start.drill).map_or(&[][..], |planned| &planned.services);
    DrillRow {
        run: Some(start.run.clone()),
        planned_at: start.planned_at,
        quick: start.quick,
        started: Some(entry.at),
        result: RowResult::Aborted,
        why: "it began, and no end of it is on record".to_owned(),
        record: Some(entry.head()),
        ..not_run(&start.drill, entry.at, services, None)
    }
}

//! Every figure of a report, computed from facts and records. Pure.
//!
//! `export` computes them to render the pack, `verify` computes them again from the pack's own files and compares. Whole
//! numbers only: milliseconds, bytes, counts.

mod answer;
mod damage;
mod exception;
mod restore_point;
mod review;
mod row;
mod service;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub(super) use answer::counted;
pub use answer::{Answer, Verdict};
pub use exception::{Exception, ExceptionKind};
pub use restore_point::PointFigures;
pub use review::{ReviewRow, SignatureState};
pub use row::{DrillRow, RowResult};
pub use service::{ServiceFigures, ServiceState};

use super::input::Facts;
use crate::chain::{Entry, Head};
use crate::event::Event;
use crate::seal::AllowedSigners;

/// How many months of drills are counted apart; a longer period shows its last ones.
const MAX_MONTHS: usize = 36;

/// All figures of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Can we recover?
    pub answer: Answer,
    /// Drills, counted.
    pub drills: DrillCounts,
    /// Services, counted.
    pub service_counts: ServiceCounts,
    /// One for each service of the plan, in the plan's order.
    pub services: Vec<ServiceFigures>,
    /// One for each drill that was planned or run, by time.
    pub rows: Vec<DrillRow>,
    /// Drills by month.
    pub months: Vec<Month>,
    /// What all drills together compared with its recorded hash.
    pub compared: Compared,
    /// Restore points by source and repository.
    pub points: Vec<PointFigures>,
    /// Restores in earnest.
    pub restores: Restores,
    /// Signatures under reviews.
    pub reviews: Vec<ReviewRow>,
    /// What was not as it should be, by time.
    pub exceptions: Vec<Exception>,
    /// The records.
    pub chain: Chain,
}

/// Drills, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillCounts {
    /// Those that the plan's schedules wanted.
    pub planned: u64,
    /// Those of them that were run.
    pub planned_run: u64,
    /// Those of them that were not.
    pub not_run: u64,
    /// All that were run, also outside of the schedule.
    pub run: u64,
    /// Those run that passed within the objectives.
    pub passed: u64,
    /// Those run that failed or missed an objective.
    pub failed: u64,
    /// Those run that prove nothing, because they could not have failed.
    pub void: u64,
    /// Those run that were cut off.
    pub aborted: u64,
}

/// Services of the plan that are drilled here, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceCounts {
    /// All but external ones.
    pub all: u64,
    /// Recovered in their latest drill, within the objectives.
    pub recovered: u64,
    /// Those with a recovery time objective that was met in every drill, and at least one drill.
    pub rto_always: u64,
    /// Those with a recovery time objective.
    pub with_rto: u64,
    /// Those with a recovery point objective that was met in every drill, and at least one drill.
    pub rpo_always: u64,
    /// Those with a recovery point objective.
    pub with_rpo: u64,
}

/// Drills of one month (UTC).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Month {
    /// "2026-07".
    pub month: String,
    /// Passed.
    pub passed: u64,
    /// Run and not passed.
    pub not_passed: u64,
    /// Planned and not run.
    pub not_run: u64,
}

/// What all drills together compared with its recorded hash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// Files or objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that were not equal.
    pub mismatches: u64,
}

/// Restores in earnest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restores {
    /// Those that began.
    pub started: u64,
    /// Those that came to their end with every file equal.
    pub equal: u64,
}

/// The records that a pack holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// How many.
    pub records: u64,
    /// What stands before the first.
    pub after: Option<Head>,
    /// The last.
    pub head: Option<Head>,
}

impl Figures {
    /// Computes all figures. `reviewers` are the keys that reviews may be signed with.
    pub fn compute(facts: &Facts, entries: &[Entry], reviewers: &AllowedSigners) -> Self {
        let rows = row::rows(facts, entries);
        let services: Vec<_> = facts.services.iter().map(|service| service::figures(facts, service, &rows)).collect();
        let points = restore_point::figures(entries);
        let reviews = review::rows(facts, entries, reviewers);
        let drills = count_drills(&rows);
        let damage = damage::Damage::of(facts, entries);
        Self {
            answer: answer::answer(&services, drills, &damage),
            drills,
            service_counts: service::count(&services),
            months: months(facts, &rows),
            compared: compared(&rows),
            restores: restores(entries),
            exceptions: exception::exceptions(facts, entries, &rows, &points, &reviews, &damage),
            chain: chain(entries),
            services,
            rows,
            points,
            reviews,
        }
    }
}

fn count_drills(rows: &[DrillRow]) -> DrillCounts {
    let mut counts = DrillCounts::default();
    for row in rows.iter().filter(|row| !row.quick) {
        counts.planned += u64::from(row.planned_at.is_some());
        if row.result == RowResult::NotRun {
            counts.not_run += 1;
            continue;
        }
        counts.planned_run += u64::from(row.planned_at.is_some());
        counts.run += 1;
        match row.result {
            RowResult::Passed => counts.passed += 1,
            RowResult::Failed | RowResult::RtoMissed | RowResult::RpoMissed => counts.failed += 1,
            RowResult::Void => counts.void += 1,
            RowResult::Aborted | RowResult::NotRun => counts.aborted += 1,
        }
    }
    counts
}

fn months(facts: &Facts, rows: &[DrillRow]) -> Vec<Month> {
    let name = |at: jiff::Timestamp| at.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m").to_string();
    let first = facts.period.since.to_zoned_datetime(TimeZone::UTC).date().first_of_month();
    let mut months: Vec<Month> = first
        .series(jiff::Span::new().months(1))
        .take_while(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).is_ok_and(|day| day < facts.period.until))
        .take(1200)
        .map(|day| Month { month: day.strftime("%Y-%m").to_string(), passed: 0, not_passed: 0, not_run: 0 })
        .collect();
    for row in rows.iter().filter(|row| !row.quick) {
        let of_row = name(row.at());
        if let Some(month) = months.iter_mut().find(|month| month.month == of_row) {
            match row.result {
                RowResult::Passed => month.passed += 1,
                RowResult::NotRun => month.not_run += 1,
                _ => month.not_passed += 1,
            }
        }
    }
    months.split_off(months.len().saturating_sub(MAX_MONTHS))
}

fn compared(rows: &[DrillRow]) -> Compared {
    rows.iter().fold(Compared::default(), |sum, row| Compared {
        objects: sum.objects.saturating_add(row.objects),
        bytes: sum.bytes.saturating_add(row.bytes),
        mismatches: sum.mismatches.saturating_add(row.mismatches),
    })
}

fn restores(entries: &[Entry]) -> Restores {
    let mut restores = Restores::default();
    for entry in entries {
        match &entry.event {
            Event::RestoreStarted(_) => restores.started += 1,
            Event::RestoreFinished(end) if end.mismatches == 0 => restores.equal += 1,
            _ => {}
        }
    }
    restores
}

fn chain(entries: &[Entry]) -> Chain {
    Chain {
        records: u64::try_from(entries.len()).unwrap_or(u64::MAX),
        after: entries.first().map(|first| Head { seq: first.seq.saturating_sub(1), hash: first.prev }),
        head: entries.last().map(Entry::head),
    }
}

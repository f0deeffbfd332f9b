//! How each service stands: its objectives against what its drills measured.

use base::id::ServiceId;
use serde::{Deserialize, Serialize};

use super::ServiceCounts;
use super::row::{DrillRow, RowResult};
use crate::drill::PointAge;
use crate::evidence::input::{Facts, ServiceFacts};

/// How many of the latest drills make the trend.
const TREND: usize = 6;

/// How a service stands at the end of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    /// Every drill was run and passed within the objectives.
    Met,
    /// The latest drill passed; some planned one was not run, or not to its end.
    MetNotAllRun,
    /// The latest drill passed; an earlier one did not.
    Lapsed,
    /// The latest drill passed, on a plan that has materially changed since.
    Stale,
    /// The latest drill recovered it, and missed an objective.
    Missed,
    /// The latest drill failed.
    Failed,
    /// The latest drill proves nothing.
    Unproven,
    /// No drill of it was run.
    NotDrilled,
    /// Someone else's service.
    External,
}

impl ServiceState {
    /// In print.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Met => "Met",
            Self::MetNotAllRun => "Met, not all run",
            Self::Lapsed => "Met since a lapse",
            Self::Stale => "Met, plan changed",
            Self::Missed => "Missed",
            Self::Failed => "Failed",
            Self::Unproven => "Not proven",
            Self::NotDrilled => "Not drilled",
            Self::External => "External",
        }
    }

    /// Whether the latest drill recovered it within its objectives.
    pub const fn is_recovered(self) -> bool {
        matches!(self, Self::Met | Self::MetNotAllRun | Self::Lapsed | Self::Stale)
    }
}

/// The figures of one service. Durations in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceFigures {
    /// The service.
    pub service: ServiceId,
    /// Drills that the plan wanted.
    pub planned: u64,
    /// Drills that were run, also outside of the schedule.
    pub run: u64,
    /// Drills that passed for this service.
    pub passed: u64,
    /// Its recovery time objective at the end of the period.
    pub rto_objective_ms: Option<u64>,
    /// The middle one of all measured; of an even number the lower.
    pub rto_median_ms: Option<u64>,
    /// The slowest.
    pub rto_slowest_ms: Option<u64>,
    /// The latest ones, oldest first.
    pub rto_trend_ms: Vec<u64>,
    /// Whether every drill met the recovery time objective of its day; none where there is nothing to say.
    pub rto_always: Option<bool>,
    /// What is promised for the data of the next figure: its recovery point objective at the end of the period, or that of a source which has
    /// one of its own.
    pub rpo_objective_ms: Option<u64>,
    /// The age of the data that a drill brought back, of that which was worst beside its promise.
    pub rpo_oldest_ms: Option<u64>,
    /// Whether every drill met the recovery point objective of its day; none where there is nothing to say.
    pub rpo_always: Option<bool>,
    /// How it stands.
    pub state: ServiceState,
}

/// The figures of `service`.
pub(super) fn figures(facts: &Facts, service: &ServiceFacts, rows: &[DrillRow]) -> ServiceFigures {
    let own: Vec<&DrillRow> = rows.iter().filter(|row| !row.quick && row.services.contains(&service.id)).collect();
    // A drill that failed or was cut off has no recovery time: it did not recover.
    let recovered =
        |row: &&&DrillRow| matches!(row.result_for(&service.id), RowResult::Passed | RowResult::RtoMissed | RowResult::RpoMissed);
    let timed: Vec<&DrillRow> = own.iter().filter(recovered).copied().collect();
    let rto: Vec<u64> = timed.iter().filter_map(|row| row.rto_ms).collect();
    // In every drill that was run: what was not measured, because it failed or was cut off, was not met.
    let ran = |row: &&&DrillRow| row.result != RowResult::NotRun;
    let unmet = |row: &DrillRow| timed.iter().all(|timed| timed.record != row.record);
    let objective = |row: &DrillRow| row.objectives.iter().find(|o| o.service == service.id).cloned();
    let (rpo_oldest_ms, rpo_objective_ms) = data_loss(service, &timed);
    let always = |missed: &dyn Fn(&DrillRow) -> Option<bool>| {
        let answers: Vec<bool> = own.iter().filter(ran).filter_map(|row| missed(row)).collect();
        (!answers.is_empty()).then(|| !answers.contains(&true))
    };
    let mut sorted = rto.clone();
    sorted.sort_unstable();
    let count = |keep: &dyn Fn(&DrillRow) -> bool| u64::try_from(own.iter().filter(|row| keep(row)).count()).unwrap_or(u64::MAX);
    ServiceFigures {
        service: service.id.clone(),
        planned: u64::try_from(facts.planned.iter().filter(|planned| planned.services.contains(&service.id)).count()).unwrap_or(u64::MAX),
        run: count(&|row| row.result != RowResult::NotRun),
        passed: count(&|row| row.result_for(&service.id) == RowResult::Passed),
        rto_objective_ms: service.rto_ms,
        rto_median_ms: sorted.get(sorted.len().saturating_sub(1) / 2).copied(),
        rto_slowest_ms: sorted.last().copied(),
        rto_trend_ms: rto.iter().skip(rto.len().saturating_sub(TREND)).copied().collect(),
        rto_always: always(&|row| {
            let limit = objective(row).map_or(service.rto_ms, |objective| objective.rto_ms);
            if unmet(row) { limit.map(|_| true) } else { Some(limit.is_some_and(|limit| row.rto_ms.is_none_or(|took| took > limit))) }
        }),
        rpo_objective_ms,
        rpo_oldest_ms,
        rpo_always: always(&|row| match objective(row) {
            _ if unmet(row) => service.rpo_ms.map(|_| true),
            objective => Some(objective?.misses_rpo(row.rpo_ms)),
        }),
        state: state(service, &own),
    }
}

/// The age of the oldest data that a drill brought back, and what was promised for it. Where sources have objectives of their own, it is
/// the data that came nearest to breaking its promise: an age beside another's promise would tell of a miss that was none, or hide one.
fn data_loss(service: &ServiceFacts, timed: &[&DrillRow]) -> (Option<u64>, Option<u64>) {
    let own = |row: &&DrillRow| row.objectives.iter().find(|objective| objective.service == service.id).cloned();
    let points: Vec<_> = timed.iter().filter_map(own).filter_map(|objective| Some((objective.rpo_point?, objective.rpo_ms))).collect();
    if points.iter().any(|(point, of_service)| Some(point.rpo_ms) != *of_service) {
        let worst = points.into_iter().map(|(point, _)| point).max_by(PointAge::cmp_share);
        return (worst.as_ref().map(|point| point.age_ms), worst.map(|point| point.rpo_ms));
    }
    let ages = timed.iter().filter_map(|row| own(row).map_or(row.rpo_ms, |objective| objective.data_loss(row.rpo_ms).0));
    (ages.max(), service.rpo_ms)
}

fn state(service: &ServiceFacts, own: &[&DrillRow]) -> ServiceState {
    if service.external {
        return ServiceState::External;
    }
    let decided = |row: &&&DrillRow| !matches!(row.result, RowResult::NotRun | RowResult::Aborted);
    let Some(latest) = own.iter().rfind(decided) else { return ServiceState::NotDrilled };
    match latest.result_for(&service.id) {
        RowResult::Passed if !latest.current_plan => ServiceState::Stale,
        RowResult::Passed => {
            let lapsed = own.iter().filter(decided).any(|row| row.result_for(&service.id) != RowResult::Passed);
            // A planned drill that was cut off and not run again was not run: a drill that is always stopped must not look met.
            let all_run = own.iter().all(|row| row.planned_at.is_none() || !matches!(row.result, RowResult::NotRun | RowResult::Aborted));
            match (lapsed, all_run) {
                (true, _) => ServiceState::Lapsed,
                (false, false) => ServiceState::MetNotAllRun,
                (false, true) => ServiceState::Met,
            }
        }
        RowResult::RtoMissed | RowResult::RpoMissed => ServiceState::Missed,
        RowResult::Failed => ServiceState::Failed,
        RowResult::Void | RowResult::Aborted | RowResult::NotRun => ServiceState::Unproven,
    }
}

/// All services but external ones, counted.
pub(super) fn count(services: &[ServiceFigures]) -> ServiceCounts {
    let own = || services.iter().filter(|service| service.state != ServiceState::External);
    let n = |keep: &dyn Fn(&&ServiceFigures) -> bool| u64::try_from(own().filter(keep).count()).unwrap_or(u64::MAX);
    ServiceCounts {
        all: n(&|_| true),
        recovered: n(&|service| service.state.is_recovered()),
        rto_always: n(&|service| service.rto_objective_ms.is_some() && service.rto_always == Some(true)),
        with_rto: n(&|service| service.rto_objective_ms.is_some()),
        rpo_always: n(&|service| service.rpo_objective_ms.is_some() && service.rpo_always == Some(true)),
        with_rpo: n(&|service| service.rpo_objective_ms.is_some()),
    }
}

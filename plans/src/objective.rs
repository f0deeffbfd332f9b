//! Judges a measured recovery against its objectives. `orchestrator` asks after a drill and for the status; the objectives are those that were
//! frozen when the drill began.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Span;
use base::id::SourceId;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use crate::Plan;
use crate::plan::Service;

/// What became of an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Measured and within.
    Met,
    /// Measured and beyond.
    Missed,
    /// Not measured, or no objective is set.
    Unknown,
}

/// One objective and what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// What was promised.
    pub objective: Option<Span>,
    /// What came; ISO 8601 in data: "PT35M50S".
    #[serde(serialize_with = "iso")]
    pub measured: Option<Duration>,
    /// What became of it.
    pub verdict: Verdict,
}

#[expect(clippy::ref_option, reason = "serde hands the field over by reference")]
fn iso<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let whole = duration.map(|duration| SignedDuration::from_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)));
    whole.map(|duration| duration.to_string()).serialize(serializer)
}

/// Judges one objective, RTO or RPO: as long as promised is still met. What was not measured is unknown, never met.
pub fn judge(objective: Option<Span>, measured: Option<Duration>) -> Judgement {
    let verdict = match (objective, measured) {
        (Some(objective), Some(measured)) if measured <= objective.at_least() => Verdict::Met,
        (Some(_), Some(_)) => Verdict::Missed,
        _ => Verdict::Unknown,
    };
    Judgement { objective, measured, verdict }
}

/// What would be lost if `service` failed at `now`, against what was promised: the age of the newest complete restore point of the source that is
/// furthest behind its promise, which is the source's own RPO or else that of the service. `newest` knows for each source when the data of its newest
/// complete restore point was read. A source without one, or with one from so far ahead that the clock must have been wrong, makes it unknown; one
/// from a little ahead, which a clock that was set back leaves behind, counts as new.
pub fn rpo_now(plan: &Plan, service: &Service, newest: &BTreeMap<SourceId, Timestamp>, now: Timestamp) -> Judgement {
    let known = |taken: &&Timestamp| !crate::backup::is_beyond(**taken, now);
    let age = |taken: &Timestamp| Duration::try_from(now.duration_since(*taken)).unwrap_or(Duration::ZERO);
    let promise = |source| plan.sources.get(source).and_then(|source| source.rpo).or(service.objectives.rpo);
    let judged: Option<Vec<Judgement>> = service
        .sources
        .iter()
        .map(|source| newest.get(source).filter(known).map(|taken| judge(promise(source), Some(age(taken)))))
        .collect();
    // Seconds beyond the promise, below zero where it is kept; without a promise nothing can be behind it.
    let behind = |one: &Judgement| {
        let seconds = |span: Duration| i128::from(span.as_secs());
        one.objective.zip(one.measured).map(|(promised, lost)| seconds(lost) - seconds(promised.at_least()))
    };
    judged.and_then(|judged| judged.into_iter().max_by_key(behind)).unwrap_or_else(|| judge(service.objectives.rpo, None))
}

/// The worse of two verdicts: a miss outweighs all, and what is unknown is not met.
pub fn worse(a: Verdict, b: Verdict) -> Verdict {
    match (a, b) {
        (Verdict::Missed, _) | (_, Verdict::Missed) => Verdict::Missed,
        (Verdict::Unknown, _) | (_, Verdict::Unknown) => Verdict::Unknown,
        _ => Verdict::Met,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objective_is_met_to_the_second_and_never_without_a_measurement() {
        let hour = Some(Span::seconds(3600));
        for (objective, measured, verdict) in [
            (hour, Some(3600), Verdict::Met),
            (hour, Some(0), Verdict::Met),
            (hour, Some(3601), Verdict::Missed),
            (hour, None, Verdict::Unknown),
            (None, Some(1), Verdict::Unknown),
            (None, None, Verdict::Unknown),
            (Some(Span::Months(1)), Some(28 * 86_400), Verdict::Met),
            (Some(Span::Months(1)), Some(30 * 86_400), Verdict::Missed),
        ] {
            assert_eq!(judge(objective, measured.map(Duration::from_secs)).verdict, verdict, "{objective:?} {measured:?}");
        }
        assert_eq!(worse(Verdict::Met, Verdict::Unknown), Verdict::Unknown);
        assert_eq!(worse(Verdict::Missed, Verdict::Unknown), Verdict::Missed);
    }
}

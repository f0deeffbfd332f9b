//! Judges a measured recovery against its objectives. `orchestrator` asks after a drill and for the status; the objectives are those that were
//! frozen when the drill began.

use std::time::Duration;

use base::Span;
use serde::Serialize;

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
    /// What came.
    pub measured: Option<Duration>,
    /// What became of it.
    pub verdict: Verdict,
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

//! The verdict, from what was found.
//!
//! Pure. What says something about the data goes before what only says that nothing was learned: a drill that found damage
//! failed, even if it was interrupted afterwards or had no check.

use std::time::Duration;

use base::span;

use super::report::{Measured, PointUsed, Verdict};
use super::spec::Objective;

/// What a drill has found so far, by what it means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Something is wrong with the data, or an objective was missed.
    pub failures: Vec<String>,
    /// The drill could not be carried out.
    pub aborts: Vec<String>,
    /// Nothing would be proven by a good outcome.
    pub voids: Vec<String>,
}

impl Findings {
    /// The verdict and its reasons, the weightiest first.
    pub fn verdict(&self) -> (Verdict, Vec<String>) {
        let verdict = match self {
            Self { failures, .. } if !failures.is_empty() => Verdict::Fail,
            Self { aborts, .. } if !aborts.is_empty() => Verdict::Aborted,
            Self { voids, .. } if !voids.is_empty() => Verdict::Void,
            _ => Verdict::Pass,
        };
        (verdict, [self.failures.as_slice(), &self.aborts, &self.voids].concat())
    }
}

/// Sets what was promised beside what was measured, and says what was missed. Each restore point is held against its own promise: one that
/// the plan allows to be older is no miss because another one must be younger.
pub(super) fn objectives(objectives: &[Objective], points: &[PointUsed], measured: &mut Measured) -> Vec<String> {
    let mut missed = Vec::new();
    measured.rto_objective_ms = objectives.iter().filter_map(|o| o.rto).map(|rto| ms(rto.at_least())).min();
    if let (Some(took), Some(limit)) = (measured.rto_data_ms, measured.rto_objective_ms)
        && took > limit
    {
        missed.push(format!("recovery took {}, and the objective is {}", human(took), human(limit)));
    }
    let promised = || points.iter().filter_map(|point| Some((point, point.age_ms?, ms(point.rpo?.at_least()))));
    // By the share of the promise that is used up, crosswise so that there is no division.
    let share = |(_, age, limit): &(_, u64, u64), (_, other_age, other_limit): &(_, u64, u64)| {
        (u128::from(*age) * u128::from(*other_limit)).cmp(&(u128::from(*other_age) * u128::from(*limit)))
    };
    let worst = promised().max_by(share).map(|(_, age, limit)| (age, limit));
    measured.rpo_ms = worst.map(|(age, _)| age).or_else(|| points.iter().filter_map(|point| point.age_ms).max());
    measured.rpo_objective_ms = worst.map(|(_, limit)| limit);
    for (point, age, limit) in promised().filter(|(_, age, limit)| age > limit) {
        missed.push(format!("data of {} would be lost of {}, and the objective is {}", human(age), point.facts.source, human(limit)));
    }
    missed
}

/// Whole milliseconds.
pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn human(ms: u64) -> String {
    span::human(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use base::Span;

    use super::*;

    fn findings(failures: &[&str], aborts: &[&str], voids: &[&str]) -> Findings {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
        Findings { failures: owned(failures), aborts: owned(aborts), voids: owned(voids) }
    }

    #[test]
    fn what_is_known_of_the_data_goes_before_what_is_not_known() {
        for (found, verdict) in [
            (findings(&[], &[], &[]), Verdict::Pass),
            (findings(&[], &[], &["v"]), Verdict::Void),
            (findings(&[], &["a"], &["v"]), Verdict::Aborted),
            (findings(&["f"], &["a"], &["v"]), Verdict::Fail),
        ] {
            assert_eq!(found.verdict().0, verdict, "{found:?}");
        }
        assert_eq!(findings(&["f"], &["a"], &["v"]).verdict().1, ["f", "a", "v"]);
    }

    fn point(source: &str, rpo: Option<u64>, age_ms: u64) -> PointUsed {
        let taken = "2026-11-24T03:00:00Z".parse().unwrap();
        let facts = crate::point::PointFacts {
            snapshot: "9f3c41d7".to_owned(),
            source: source.parse().unwrap(),
            writer: "web1".parse().unwrap(),
            domain: "web1".parse().unwrap(),
            host: "web1".to_owned(),
            paths: Vec::new(),
            taken,
            finished: taken,
            complete: true,
        };
        let (root, rule) = (String::new(), String::new());
        let rpo = rpo.map(Span::seconds);
        PointUsed { facts, canary: None, root, rule, resolved: taken, rpo, age_ms: Some(age_ms) }
    }

    #[test]
    fn the_strictest_recovery_time_of_all_services_counts() {
        let objective = |rto| Objective { service: "web".parse().unwrap(), rto, rpo: None };
        let all = [objective(Some(Span::seconds(60))), objective(Some(Span::seconds(10))), objective(None)];
        let mut measured = Measured { rto_data_ms: Some(10_000), ..Measured::default() };
        assert_eq!(objectives(&all, &[], &mut measured), Vec::<String>::new());
        assert_eq!(measured.rto_objective_ms, Some(10_000));
        measured.rto_data_ms = Some(10_001);
        assert_eq!(objectives(&all, &[], &mut measured).len(), 1);
        assert_eq!(objectives(&[], &[], &mut measured), Vec::<String>::new());
    }

    #[test]
    fn each_restore_point_is_held_against_its_own_promise() {
        let mut measured = Measured::default();
        // Well within its own day, and older than the minute of the other.
        let points = [point("archive", Some(86_400), 40_000_000), point("db", Some(60), 50_000), point("notes", None, 90_000_000)];
        assert_eq!(objectives(&[], &points, &mut measured), Vec::<String>::new());
        assert_eq!((measured.rpo_ms, measured.rpo_objective_ms), (Some(50_000), Some(60_000)), "the one that is nearest to a miss");
        let points = [point("archive", Some(86_400), 40_000_000), point("db", Some(60), 60_001)];
        let missed = objectives(&[], &points, &mut measured);
        assert!(missed.len() == 1 && missed[0].contains("of db"), "{missed:?}");
        assert_eq!((measured.rpo_ms, measured.rpo_objective_ms), (Some(60_001), Some(60_000)));
        objectives(&[], &[point("notes", None, 7), point("more", None, 9)], &mut measured);
        assert_eq!((measured.rpo_ms, measured.rpo_objective_ms), (Some(9), None));
    }
}

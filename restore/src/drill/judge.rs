//! The verdict, from what was found.
//!
//! Pure. What says something about the data goes before what only says that nothing was learned: a drill that found damage
//! failed, even if it was interrupted afterwards or had no check.

use std::time::Duration;

use base::{Span, span};

use super::report::{Measured, Verdict};
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

/// Sets the strictest objectives beside what was measured, and says which were missed.
pub(super) fn objectives(objectives: &[Objective], measured: &mut Measured) -> Vec<String> {
    let strictest = |of: fn(&Objective) -> Option<Span>| objectives.iter().filter_map(of).map(Span::at_least).min().map(ms);
    measured.rto_objective_ms = strictest(|o| o.rto);
    measured.rpo_objective_ms = strictest(|o| o.rpo);
    let mut missed = Vec::new();
    if let (Some(took), Some(limit)) = (measured.rto_data_ms, measured.rto_objective_ms)
        && took > limit
    {
        missed.push(format!("recovery took {}, and the objective is {}", human(took), human(limit)));
    }
    if let (Some(lost), Some(limit)) = (measured.rpo_ms, measured.rpo_objective_ms)
        && lost > limit
    {
        missed.push(format!("data of {} would be lost, and the objective is {}", human(lost), human(limit)));
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

    #[test]
    fn the_strictest_objective_of_all_services_counts() {
        let objective = |rto, rpo| Objective { service: "web".parse().unwrap(), rto, rpo };
        let all = [objective(Some(Span::seconds(60)), None), objective(Some(Span::seconds(10)), Some(Span::seconds(100)))];
        let mut measured = Measured { rto_data_ms: Some(10_000), rpo_ms: Some(100_000), ..Measured::default() };
        assert_eq!(objectives(&all, &mut measured), Vec::<String>::new());
        assert_eq!((measured.rto_objective_ms, measured.rpo_objective_ms), (Some(10_000), Some(100_000)));
        measured.rto_data_ms = Some(10_001);
        measured.rpo_ms = Some(100_001);
        assert_eq!(objectives(&all, &mut measured).len(), 2);
        assert_eq!(objectives(&[], &mut measured), Vec::<String>::new());
    }
}

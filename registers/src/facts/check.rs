//! What checks found of a repository, and when an alarm of theirs is over.
//!
//! Damage that was found stays known until a check that sees at least as much finds none: a look at names alone, or at a share of the
//! packs, does not end what a look into all of them began.

use jiff::Timestamp;
use records::event::CheckFinished;
use serde::Serialize;

/// The checks of a repository, up to the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckState {
    /// When the last one ended.
    pub at: Timestamp,
    /// The damage that is not known to be mended.
    pub damage: Option<Damage>,
}

/// Damage that checks found, and that none which sees as much has found gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// When the first of these checks ended.
    pub since: Timestamp,
    /// When the last one that found any ended.
    pub at: Timestamp,
    /// How many findings it has.
    pub n_findings: u64,
    /// The first finding.
    pub first: Option<String>,
    /// Restore points that have lost something; none where that is not known of every finding.
    pub damaged: Option<Vec<String>>,
    /// Restore points that are gone.
    pub missing: Vec<String>,
    /// Whether it found more than restore points that are gone, so that what was stored since may be built on damage.
    pub spreads: bool,
    /// The deepest of these checks that found any: one that ends the alarm goes as deep, and leaves nothing out.
    deepest: CheckFinished,
}

impl CheckState {
    /// The state after `check`, which ended at `at`.
    pub(super) fn after(before: Option<Self>, at: Timestamp, check: &CheckFinished) -> Self {
        let known = before.and_then(|state| state.damage);
        let damage = match known {
            None if check.n_findings == 0 => None,
            None => Some(Damage::new(at, at, check, check)),
            Some(known) if check.n_findings == 0 => (!check.covers(&known.deepest)).then_some(known),
            Some(known) if check.covers(&known.deepest) => Some(Damage::new(known.since, at, check, check)),
            // It saw less: what it does not tell of may still be so.
            Some(known) => Some(known.and(at, check)),
        };
        Self { at, damage }
    }

    /// How many findings are not known to be mended.
    pub fn n_findings(&self) -> u64 {
        self.damage.as_ref().map_or(0, |damage| damage.n_findings)
    }
}

impl Damage {
    fn new(since: Timestamp, at: Timestamp, check: &CheckFinished, deepest: &CheckFinished) -> Self {
        Self {
            since,
            at,
            n_findings: check.n_findings,
            first: check.findings.first().cloned(),
            damaged: check.damaged_points.clone(),
            missing: check.missing_points.clone(),
            spreads: check.n_findings > check.missing_points.len() as u64,
            deepest: deepest.clone(),
        }
    }

    /// The arguments of a check that looks as closely as the one that found it.
    pub fn closely(&self) -> &'static str {
        match self.deepest.depth() {
            0 => " --level presence",
            1 => "",
            _ => " --read-data",
        }
    }

    fn and(mut self, at: Timestamp, check: &CheckFinished) -> Self {
        let new = Self::new(self.since, at, check, &self.deepest);
        let both = |a: Vec<String>, b: Vec<String>| -> Vec<String> {
            let mut all: Vec<String> = a.into_iter().chain(b).collect();
            all.sort();
            all.dedup();
            all
        };
        self.n_findings = self.n_findings.max(new.n_findings);
        self.damaged = self.damaged.zip(new.damaged).map(|(a, b)| both(a, b));
        self.missing = both(self.missing, new.missing);
        self.first = new.first.or(self.first);
        self.spreads |= new.spreads;
        self.at = at;
        if check.depth() > self.deepest.depth() {
            self.deepest = check.clone();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: u8) -> Timestamp {
        format!("2026-11-24T{hour:02}:00:00Z").parse().unwrap()
    }

    /// A check of `checked` of ten packs with `n` findings.
    fn check(level: &str, checked: u64, n: u64) -> CheckFinished {
        CheckFinished {
            repository: "main".parse().unwrap(),
            level: level.to_owned(),
            objects: 10,
            bytes: 0,
            n_findings: n,
            findings: (0..n).map(|n| format!("packs/{n}: it is missing")).collect(),
            took_ms: 1,
            packs: Some(10),
            packs_checked: Some(checked),
            damaged_points: Some(Vec::new()),
            missing_points: Vec::new(),
        }
    }

    fn after(checks: &[CheckFinished]) -> CheckState {
        let mut state = None;
        for (hour, check) in checks.iter().enumerate() {
            state = Some(CheckState::after(state, at(u8::try_from(hour).unwrap()), check));
        }
        state.unwrap()
    }

    #[test]
    fn only_a_clean_check_that_sees_as_much_ends_the_alarm() {
        for (level, checked, ends) in
            [("presence", 10, false), ("names", 9, false), ("names", 10, true), ("contents", 9, false), ("contents", 10, true)]
        {
            let state = after(&[check("names", 10, 1), check(level, checked, 0)]);
            assert_eq!(state.damage.is_none(), ends, "{level} of {checked} packs");
            assert_eq!(state.n_findings(), u64::from(!ends));
            assert_eq!(state.at, at(1));
        }
    }

    #[test]
    fn a_sample_that_found_damage_is_answered_by_a_look_at_all_packs_of_its_level() {
        let found = check("contents", 1, 1);
        assert!(after(&[found.clone(), check("contents", 1, 0)]).damage.is_some(), "it drew other packs");
        assert!(after(&[found.clone(), check("names", 10, 0)]).damage.is_some());
        assert!(after(&[found, check("contents", 10, 0)]).damage.is_none());
    }

    #[test]
    fn a_shallower_look_that_finds_less_does_not_hide_the_rest() {
        let state = after(&[check("contents", 10, 5), check("presence", 10, 1), check("names", 10, 0)]);
        assert_eq!(state.n_findings(), 5);
        assert_eq!(state.damage.unwrap().since, at(0));
        let state = after(&[check("contents", 10, 5), check("contents", 10, 1)]);
        assert_eq!(state.n_findings(), 1, "a full look at the same level is the newer truth");
    }

    #[test]
    fn a_record_that_does_not_say_how_many_packs_it_saw_is_believed_as_before() {
        let mut clean = check("names", 10, 0);
        (clean.packs, clean.packs_checked) = (None, None);
        assert!(after(&[check("names", 10, 1), clean]).damage.is_none());
    }
}

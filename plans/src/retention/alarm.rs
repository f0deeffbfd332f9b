//! Decides whether what retention would drop is out of the ordinary, so that a second person has to agree.

use std::fmt;

use crate::plan::Keep;

/// Of the points that the last prune left, the next one leaves at least this part, in percent, or a second person is asked.
pub const LEAVES_PERCENT: u64 = 80;
/// Where nothing was pruned before, at least this part of all points is left, in percent, or a second person is asked.
pub const FIRST_LEAVES_PERCENT: u64 = 50;
/// Fewer points than these alarm nobody.
const FEW: u64 = 4;

/// What the last prune of a source did, as its signed tombstones tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// The rule of its tombstones, as [`Keep`] prints it.
    pub rule: String,
    /// How many points it left.
    pub left: u64,
}

/// What is out of the ordinary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alarm {
    /// Less is kept than the last time.
    Shorter {
        /// The rule of the last prune.
        before: String,
        /// The rule of today.
        now: String,
    },
    /// Fewer points would be left than the last prune left.
    Fewer {
        /// Points that the last prune left.
        before: u64,
        /// Points that this one would leave.
        now: u64,
    },
    /// The first prune would drop much.
    First {
        /// Points that are there.
        points: u64,
        /// Points that would be left.
        now: u64,
    },
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shorter { before, now } => write!(f, "less is kept than the last time: \"{now}\" instead of \"{before}\""),
            Self::Fewer { before, now } => {
                write!(f, "{now} restore points would be left, less than {LEAVES_PERCENT} % of the {before} that the last prune left")
            }
            Self::First { points, now } => {
                write!(f, "the first prune would leave {now} of {points} restore points, less than {FIRST_LEAVES_PERCENT} %")
            }
        }
    }
}

/// Whether a prune that would leave `left` of `points` under `rule` needs a second person.
pub fn alarm(rule: &Keep, before: Option<&Before>, points: u64, left: u64) -> Option<Alarm> {
    if left >= points {
        return None;
    }
    let Some(before) = before else {
        let much = points - left >= FEW && left * 100 < points * FIRST_LEAVES_PERCENT;
        return much.then_some(Alarm::First { points, now: left });
    };
    if before.rule.parse::<Keep>().is_ok_and(|old| rule.is_shorter(&old)) {
        return Some(Alarm::Shorter { before: before.rule.clone(), now: rule.to_string() });
    }
    let fewer = before.left.saturating_sub(left) >= FEW && left * 100 < before.left * LEAVES_PERCENT;
    fewer.then_some(Alarm::Fewer { before: before.left, now: left })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_rule_or_a_sudden_loss_needs_a_second_person_and_the_usual_turnover_does_not() {
        let rule = Keep { hourly: 24, daily: 7, ..Keep::default() };
        let before = |rule: &str, left| Some(Before { rule: rule.to_owned(), left });
        let same = "hourly 24, daily 7";
        for (before, points, left, alarmed) in [
            (before(same, 30), 54, 30, false),
            (before(same, 30), 54, 24, false),
            (before(same, 30), 54, 23, true),
            (before(same, 4), 4, 1, false),
            (before("hourly 24, daily 8", 30), 54, 30, true),
            (before("hourly 24, daily 8", 30), 30, 30, false),
            (before("hourly 24", 30), 54, 30, false),
            (before("by hand", 30), 54, 30, false),
            (before("hourly 24, daily 7, within 1d", 30), 54, 30, true),
            (None, 60, 30, false),
            (None, 60, 29, true),
            (None, 4, 1, false),
        ] {
            assert_eq!(alarm(&rule, before.as_ref(), points, left).is_some(), alarmed, "{before:?} {points} {left}");
        }
    }
}

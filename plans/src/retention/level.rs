//! One rule of [`super::keep`] at work: hourly, daily, weekly…

use jiff::civil::DateTime;

use super::PointInTime;
use crate::plan::Keep;

/// One rule, asked from the newest point to the oldest.
pub(super) struct Level {
    word: &'static str,
    left: u32,
    /// The period that a civil time falls into; for `last` each point is one of its own.
    period: fn(DateTime, usize) -> String,
    latest: Option<Period>,
}

/// The period that is looked at now.
struct Period {
    name: String,
    /// Whether it is one of those that are kept.
    open: bool,
    verified: bool,
    unsuspicious: bool,
}

impl Level {
    pub(super) fn all(keep: &Keep) -> [Self; 6] {
        let level = |word, left, period| Self { word, left, period, latest: None };
        [
            level("last", keep.last, |_, n| format!("{}", n + 1)),
            level("hourly", keep.hourly, |at, _| at.strftime("%Y-%m-%d %H:00").to_string()),
            level("daily", keep.daily, |at, _| at.strftime("%Y-%m-%d").to_string()),
            level("weekly", keep.weekly, |at, _| at.strftime("%G-W%V").to_string()),
            level("monthly", keep.monthly, |at, _| at.strftime("%Y-%m").to_string()),
            level("yearly", keep.yearly, |at, _| at.strftime("%Y").to_string()),
        ]
    }

    /// Why this rule keeps a point, if it does: the newest of its period, or, where that one was not verified or looks suspicious, the newest
    /// that was verified, or is not suspicious. A period of suspicious points alone is not counted.
    pub(super) fn takes(&mut self, point: &PointInTime, at: DateTime, n: usize, oldest: bool) -> Option<String> {
        let done = |latest: &Option<Period>| latest.as_ref().is_none_or(|period| !period.open);
        if self.left == 0 && done(&self.latest) {
            return None;
        }
        let name = (self.period)(at, n);
        let first = self.latest.as_ref().is_none_or(|period| period.name != name);
        if first {
            self.latest = Some(Period { name: name.clone(), open: self.left > 0, verified: false, unsuspicious: false });
        }
        let word = self.word;
        let period = self.latest.as_mut().filter(|period| period.open)?;
        let proves = point.verified && !point.suspicious;
        let reason = if first {
            Some(format!("{word} {name}"))
        } else if proves && !period.verified {
            Some(format!("{word} {name}, newest verified"))
        } else if !point.suspicious && !period.unsuspicious {
            Some(format!("{word} {name}, newest that is not suspicious"))
        } else {
            // The oldest point of all stands in for the older periods that the rule still had room for.
            (oldest && self.left > 0).then(|| format!("oldest, for {word}"))
        };
        if !point.suspicious && !std::mem::replace(&mut period.unsuspicious, true) {
            self.left -= 1;
        }
        period.verified |= proves;
        reason
    }
}

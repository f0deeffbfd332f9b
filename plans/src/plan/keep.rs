//! The counts of a retention rule, and how they are written in tombstones and answers: "last 1, hourly 48, daily 35".

use std::fmt;
use std::str::FromStr;

use base::Span;
use serde::Serialize;

/// How many restore points to keep: the newest of each of the last n hours, days, weeks… that have one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Keep {
    /// The newest n, whatever their time.
    pub last: u32,
    /// One an hour.
    pub hourly: u32,
    /// One a day.
    pub daily: u32,
    /// One a week (ISO 8601, Monday first).
    pub weekly: u32,
    /// One a month.
    pub monthly: u32,
    /// One a year.
    pub yearly: u32,
    /// All that are younger than this, counted back from the newest.
    pub within: Option<Span>,
}

impl Keep {
    /// The counts with their words, in the order in which they are written.
    pub fn counts(&self) -> [(&'static str, u32); 6] {
        let Self { last, hourly, daily, weekly, monthly, yearly, within: _ } = *self;
        [("last", last), ("hourly", hourly), ("daily", daily), ("weekly", weekly), ("monthly", monthly), ("yearly", yearly)]
    }

    /// Whether any part of it keeps less than `old` does.
    pub fn is_shorter(&self, old: &Self) -> bool {
        let within = |keep: &Self| keep.within.map(Span::at_least).unwrap_or_default();
        self.counts().iter().zip(old.counts()).any(|((_, now), (_, before))| *now < before) || within(self) < within(old)
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts().into_iter().filter(|(_, n)| *n > 0).map(|(word, n)| format!("{word} {n}"));
        let parts: Vec<String> = counts.chain(self.within.map(|within| format!("within {within}"))).collect();
        f.write_str(&if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") })
    }
}

/// Text that is not a retention rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a retention rule such as \"hourly 48, daily 35\"")]
pub struct BadKeep(String);

impl FromStr for Keep {
    type Err = BadKeep;

    fn from_str(text: &str) -> Result<Self, BadKeep> {
        let mut keep = Self::default();
        for part in text.split(", ") {
            let bad = || BadKeep(text.to_owned());
            let (word, value) = part.split_once(' ').ok_or_else(bad)?;
            let place = match word {
                "last" => &mut keep.last,
                "hourly" => &mut keep.hourly,
                "daily" => &mut keep.daily,
                "weekly" => &mut keep.weekly,
                "monthly" => &mut keep.monthly,
                "yearly" => &mut keep.yearly,
                "within" => {
                    keep.within = Some(value.parse().map_err(|_| bad())?);
                    continue;
                }
                _ => return Err(bad()),
            };
            *place = value.parse().map_err(|_| bad())?;
        }
        Ok(keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_as_it_was_written_and_other_text_is_none() {
        for text in ["last 1, hourly 48, daily 35, weekly 12, monthly 24", "within 30d", "yearly 10, within 6 months"] {
            assert_eq!(text.parse::<Keep>().unwrap().to_string(), text);
        }
        for text in ["", "by hand", "daily", "daily x", "daily 1,weekly 2", "nothing", "within x"] {
            assert!(text.parse::<Keep>().is_err(), "{text}");
        }
    }
}

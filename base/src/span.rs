//! Spans of time as plans and people write them: "4h", "30d", "6 months".

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::time::Duration;

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A span of time. Seconds to weeks are exact; months and years are counted in the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Span {
    /// An exact duration: "90s", "12m", "4h", "30d" (a day is 24 hours), "2w", "1h30m".
    Exact(Duration),
    /// Calendar months: "6 months", "1 year", "25y".
    Months(u16),
}

/// Text that is not a span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a span of time; write it like \"90s\", \"12m\", \"4h\", \"30d\", \"2w\" or \"6 months\"")]
pub struct BadSpan {
    text: String,
}

impl Span {
    /// An exact span of `seconds`.
    pub const fn seconds(seconds: u64) -> Self {
        Self::Exact(Duration::from_secs(seconds))
    }

    /// The instant one such span after `from`; months are counted on the calendar of `zone`.
    /// An instant beyond the end of time is the end of time.
    pub fn after(self, from: Timestamp, zone: &TimeZone) -> Timestamp {
        self.shift(from, zone, 1)
    }

    /// The instant one such span before `from`.
    pub fn before(self, from: Timestamp, zone: &TimeZone) -> Timestamp {
        self.shift(from, zone, -1)
    }

    fn shift(self, from: Timestamp, zone: &TimeZone, sign: i64) -> Timestamp {
        let end = if sign < 0 { Timestamp::MIN } else { Timestamp::MAX };
        match self {
            Self::Exact(by) if sign < 0 => from.checked_sub(by).unwrap_or(end),
            Self::Exact(by) => from.checked_add(by).unwrap_or(end),
            Self::Months(months) => {
                let by = (i64::from(months) * sign).months();
                from.to_zoned_datetime(zone.clone()).checked_add(by).map_or(end, |then| then.timestamp())
            }
        }
    }

    /// The exact length; a month counts as 28 days, the shortest it can be, so that promises stay on the safe side.
    pub fn at_least(self) -> Duration {
        match self {
            Self::Exact(duration) => duration,
            Self::Months(months) => Duration::from_secs(u64::from(months) * 28 * 86_400),
        }
    }
}

const UNITS: [(&str, u64); 5] = [("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

impl FromStr for Span {
    type Err = BadSpan;

    fn from_str(text: &str) -> Result<Self, BadSpan> {
        let bad = || BadSpan { text: text.chars().take(80).collect() };
        let trimmed = text.trim();
        for (word, months) in [("months", 1), ("month", 1), ("years", 12), ("year", 12), ("y", 12)] {
            if let Some(number) = trimmed.strip_suffix(word) {
                let number: u16 = number.trim_end().parse().map_err(|_| bad())?;
                return number.checked_mul(months).filter(|n| *n > 0).map(Self::Months).ok_or_else(bad);
            }
        }
        let (mut rest, mut total, mut last) = (trimmed, 0_u64, u64::MAX);
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
            let (number, tail) = rest.split_at(digits);
            let number: u64 = number.parse().map_err(|_| bad())?;
            let (unit, factor) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit)).ok_or_else(bad)?;
            if *factor >= last {
                return Err(bad());
            }
            last = *factor;
            total = number.checked_mul(*factor).and_then(|part| total.checked_add(part)).ok_or_else(bad)?;
            rest = tail.strip_prefix(unit).unwrap_or_default().trim_start();
        }
        if trimmed.is_empty() { Err(bad()) } else { Ok(Self::seconds(total)) }
    }
}

impl fmt::Display for Span {
    /// As a plan writes it: "4h", "1h30m", "6 months".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Months(1) => f.pad("1 month"),
            Self::Months(months) if *months >= 24 && months.is_multiple_of(12) => f.pad(&format!("{} years", months / 12)),
            Self::Months(months) => f.pad(&format!("{months} months")),
            Self::Exact(duration) => {
                let mut text = String::new();
                let mut left = duration.as_secs();
                for (unit, factor) in UNITS.iter().filter(|(unit, _)| *unit != "w") {
                    if left >= *factor {
                        let _ = write!(text, "{}{unit}", left / factor); // writing to a String cannot fail
                        left %= factor;
                    }
                }
                f.pad(if text.is_empty() { "0s" } else { &text })
            }
        }
    }
}

impl TryFrom<String> for Span {
    type Error = BadSpan;
    fn try_from(text: String) -> Result<Self, BadSpan> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl schemars::JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "examples": ["12m", "4h", "30d", "6 months"]})
    }
}

/// A duration for people: "36 m 50 s", "1 h 06 m", "3 d 4 h", "0.4 s". Two units at most.
pub fn human(duration: Duration) -> String {
    let s = duration.as_secs();
    match s {
        0 if duration.subsec_millis() >= 100 => format!("0.{} s", duration.subsec_millis() / 100),
        0..60 => format!("{s} s"),
        60..3600 if s.is_multiple_of(60) => format!("{} m", s / 60),
        60..3600 => format!("{} m {:02} s", s / 60, s % 60),
        3600..86_400 if s % 3600 < 60 => format!("{} h", s / 3600),
        3600..86_400 => format!("{} h {:02} m", s / 3600, s % 3600 / 60),
        _ if s % 86_400 < 3600 => format!("{} d", s / 86_400),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, seconds) in
            [("90s", 90), ("12m", 720), ("4h", 14_400), ("30d", 2_592_000), ("1h30m", 5400), ("2w", 1_209_600), ("0s", 0)]
        {
            assert_eq!(text.parse(), Ok(Span::seconds(seconds)), "{text}");
        }
        assert_eq!("6 months".parse(), Ok(Span::Months(6)));
        assert_eq!("1 year".parse(), Ok(Span::Months(12)));
        assert_eq!("25y".parse(), Ok(Span::Months(300)));
        assert_eq!(Span::Months(300).to_string(), "25 years");
        for bad in ["", "4", "h", "4 hours", "1m1h", "-4h", "6months 1d", "0 months", "99999999999999999999s", "4H"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
        assert_eq!(Span::seconds(5400).to_string(), "1h30m");
    }

    #[test]
    fn six_months_after_the_end_of_august_is_the_end_of_february() {
        let from: Timestamp = "2026-08-31T12:00:00Z".parse().unwrap();
        assert_eq!(Span::Months(6).after(from, &TimeZone::UTC).to_string(), "2027-02-28T12:00:00Z");
    }

    #[test]
    fn durations_read_well() {
        for (s, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 m"),
            (2210, "36 m 50 s"),
            (3600, "1 h"),
            (3960, "1 h 06 m"),
            (86_400, "1 d"),
            (100_000, "1 d 3 h"),
        ] {
            assert_eq!(human(Duration::from_secs(s)), text);
        }
    }
}

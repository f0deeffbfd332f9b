//! Periods as people name them: "2026", "2026-Q3", "2026-11", "2026-07-01..2026-08-15". They begin and end in UTC, as records do.

use base::Hint;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use records::evidence::Period;

/// Text that names no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a period")]
pub struct BadPeriod {
    text: String,
}

impl Hint for BadPeriod {
    fn hint(&self) -> Option<String> {
        Some("write a year, a quarter, a month, or two days: 2026, 2026-Q3, 2026-11, 2026-07-01..2026-08-15 (both included)".to_owned())
    }
}

/// The period that `text` names; the last day of a range is part of it.
pub fn parse(text: &str) -> Result<Period, BadPeriod> {
    let bad = || BadPeriod { text: text.chars().take(60).collect() };
    let (first, after) = days(text).ok_or_else(bad)?;
    let begin = |day: Date| -> Option<Timestamp> { TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok() };
    let (since, until) = begin(first).zip(begin(after)).filter(|(since, until)| since < until).ok_or_else(bad)?;
    Ok(Period { name: text.to_ascii_uppercase(), since, until })
}

/// The first day, and the day after the last one.
fn days(text: &str) -> Option<(Date, Date)> {
    if let Some((from, to)) = text.split_once("..") {
        return Some((day(from)?, day(to)?.tomorrow().ok()?));
    }
    let (year, rest) = text.split_once('-').map_or((text, None), |(year, rest)| (year, Some(rest)));
    let year = digits(year, 4).and_then(|year| i16::try_from(year).ok()).filter(|year| (2000..=2200).contains(year))?;
    let (month, months) = match rest {
        None => (1, 12),
        Some(rest) => match rest.strip_prefix(['Q', 'q']) {
            Some(quarter) => (digits(quarter, 1).filter(|quarter| (1..=4).contains(quarter))? * 3 - 2, 3),
            None => (digits(rest, 2)?, 1),
        },
    };
    let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
    Some((first, first.checked_add(jiff::Span::new().months(months)).ok()?))
}

/// A day in full: "2026-07-01", and nothing that only looks like one.
fn day(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|day| day.to_string() == text && (2000..=2200).contains(&day.year()))
}

fn digits(text: &str, n: usize) -> Option<u16> {
    if text.len() == n && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_whole_days_in_utc_and_their_last_day_is_part_of_them() {
        for (text, since, until) in [
            ("2026", "2026-01-01", "2027-01-01"),
            ("2026-Q1", "2026-01-01", "2026-04-01"),
            ("2026-q4", "2026-10-01", "2027-01-01"),
            ("2026-11", "2026-11-01", "2026-12-01"),
            ("2024-02-28..2024-02-29", "2024-02-28", "2024-03-01"),
            ("2026-12-31..2026-12-31", "2026-12-31", "2027-01-01"),
        ] {
            let period = parse(text).unwrap();
            let of = |at: Timestamp| at.to_string();
            assert_eq!((of(period.since), of(period.until)), (format!("{since}T00:00:00Z"), format!("{until}T00:00:00Z")), "{text}");
            assert_eq!(period.name, text.to_uppercase());
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        let bad = [
            "",
            "26",
            "2026-Q0",
            "2026-Q5",
            "2026-13",
            "2026-0",
            "2026-Q",
            "Q3-2026",
            "2026-02-30..2026-03-01",
            "2026-03-02..2026-03-01",
            "2026-03-01..",
            "..",
            "+026",
            "2026-+1",
            "9999-12-31..9999-12-31",
            "2026-07-01",
            "2026-07-01T00:00Z..2026-08-01",
            "２０２６",
        ];
        for text in bad {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

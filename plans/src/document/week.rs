//! Parts of a week as rosters write them: "mon-fri" with "07:00-15:00", or from "fri 23:00" to "mon 07:00".

use super::shape::{Format, clipped};
use crate::plan::WeekSpan;
use crate::plan::roster::WEEK_MINUTES;

pub(crate) static DAYS: Format =
    Format { name: "days of the week", examples: &["mon-fri", "sat,sun", "daily"], check: |text| days(text).map(drop) };
pub(crate) static HOURS: Format =
    Format { name: "hours of a day", examples: &["\"07:00-15:00\"", "\"23:00-07:00\""], check: |text| hours(text).map(drop) };
pub(crate) static MOMENT: Format =
    Format { name: "a moment of the week", examples: &["\"fri 23:00\""], check: |text| moment(text).map(drop) };

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const DAY: u16 = 24 * 60;

fn day(text: &str) -> Result<u16, String> {
    let found = (0_u16..).zip(NAMES).find(|(_, name)| name.eq_ignore_ascii_case(text.trim()));
    found.map(|(n, _)| n).ok_or_else(|| format!("\"{}\" is no day of the week", clipped(text)))
}

/// Days from Monday, which is 0.
pub(crate) fn days(text: &str) -> Result<Vec<u16>, String> {
    if text == "daily" {
        return Ok((0..7).collect());
    }
    let mut all = Vec::new();
    for item in text.split(',') {
        match item.split_once('-') {
            None => all.push(day(item)?),
            Some((from, to)) => {
                let (from, to) = (day(from)?, day(to)?);
                all.extend((0..7).map(|n| (from + n) % 7).take(usize::from((to + 7 - from) % 7) + 1));
            }
        }
    }
    Ok(all)
}

fn time(text: &str) -> Result<u16, String> {
    let two = |part: &str| part.parse::<u16>().ok().filter(|_| part.len() == 2);
    let parts = text.trim().split_once(':').and_then(|(hour, minute)| Some((two(hour)?, two(minute)?)));
    match parts {
        Some((24, 0)) => Ok(DAY),
        Some((hour @ 0..=23, minute @ 0..=59)) => Ok(hour * 60 + minute),
        _ => Err(format!("\"{}\" is no time of day", clipped(text))),
    }
}

/// The first minute of a day and the length, which may reach into the next day.
pub(crate) fn hours(text: &str) -> Result<(u16, u16), String> {
    let (from, to) = text.split_once('-').ok_or_else(|| format!("\"{}\" are no hours", clipped(text)))?;
    let (from, to) = (time(from)?, time(to)?);
    Ok((from, if to > from { to - from } else { to + DAY - from }))
}

/// Minutes from Monday 00:00.
pub(crate) fn moment(text: &str) -> Result<u16, String> {
    let (name, clock) = text.trim().split_once(' ').ok_or_else(|| format!("\"{}\" is no moment of the week", clipped(text)))?;
    Ok((day(name)? * DAY + time(clock)?) % WEEK_MINUTES)
}

/// A part that begins at a minute of the week; what reaches beyond its end goes on at its beginning.
pub(crate) fn spans(from: u16, length: u16) -> Vec<WeekSpan> {
    let to = from.saturating_add(length);
    if to <= WEEK_MINUTES {
        return vec![WeekSpan { from, to }];
    }
    vec![WeekSpan { from, to: WEEK_MINUTES }, WeekSpan { from: 0, to: to - WEEK_MINUTES }]
}

/// The parts of "these days, these hours".
pub(crate) fn daily(days_text: &str, hours_text: &str) -> Vec<WeekSpan> {
    let (Ok(days), Ok((from, length))) = (days(days_text), hours(hours_text)) else { return Vec::new() };
    let mut all: Vec<WeekSpan> = days.into_iter().flat_map(|day| spans(day * DAY + from, length)).collect();
    all.sort();
    all
}

/// The parts of "from this moment to that one".
pub(crate) fn between(from: &str, to: &str) -> Vec<WeekSpan> {
    let (Ok(from), Ok(to)) = (moment(from), moment(to)) else { return Vec::new() };
    spans(from, if to > from { to - from } else { to + WEEK_MINUTES - from })
}

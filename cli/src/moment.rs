//! Instants as people type them after `--at`. A time without a zone is refused: it means another instant on another host.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use crate::failure::{Exit, Failure};

/// "2026-11-24T01:00Z", "2026-11-24 02:00+01:00", "2026-11-24T02:00[Europe/Berlin]", or "01:00Z" for the last time it was that.
pub(crate) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(at) = text.parse::<ZonedDateTime>() {
        return Ok(at.timestamp());
    }
    if let Some(at) = text.strip_suffix(['Z', 'z']).and_then(|time| last_time(time, now)) {
        return Ok(at);
    }
    // A day alone is no instant, and a zone behind it would not be one either.
    let text = if text.parse::<Date>().is_ok() && text.len() <= 10 { format!("{text}T00:00") } else { text.to_owned() };
    if text.parse::<DateTime>().is_ok() || text.parse::<Time>().is_ok() {
        return Err(Failure::new(
            "LB0004",
            Exit::Usage,
            format!("\"{text}\" is a time without a zone, and means another instant elsewhere"),
        )
        .fix(format!("say which: {text}Z for UTC, or an offset such as {text}+01:00")));
    }
    Err(Failure::new("LB0004", Exit::Usage, format!("\"{text}\" is not a time"))
        .fix("write 2026-11-24T01:00Z, 2026-11-24T02:00+01:00, or 01:00Z for the last time it was that"))
}

/// The last instant at or before `now` at which UTC clocks showed this.
fn last_time(time: &str, now: Timestamp) -> Option<Timestamp> {
    let time: Time = time.parse().ok()?;
    let today = TimeZone::UTC.to_timestamp(TimeZone::UTC.to_datetime(now).date().to_datetime(time)).ok()?;
    if today <= now { Some(today) } else { today.checked_sub(SignedDuration::from_hours(24)).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String, String> {
        let now = "2026-11-24T06:30:00Z".parse().unwrap();
        parse(text, now).map(|at| at.to_string()).map_err(|failure| failure.fix.unwrap_or_default())
    }

    #[test]
    fn times_with_a_zone_are_taken_and_a_bare_time_of_day_is_the_last_one() {
        for (text, wanted) in [
            ("2026-11-24T01:00Z", "2026-11-24T01:00:00Z"),
            ("2026-11-24 02:00+01:00", "2026-11-24T01:00:00Z"),
            ("2026-11-24T02:00[Europe/Berlin]", "2026-11-24T01:00:00Z"),
            ("01:00Z", "2026-11-24T01:00:00Z"),
            ("07:00Z", "2026-11-23T07:00:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn a_time_without_a_zone_is_refused_with_the_two_ways_to_say_it() {
        for text in ["2026-11-24T01:00", "2026-11-24 01:00", "01:00", "2026-11-24"] {
            let fix = at(text).unwrap_err();
            let offered = fix.strip_prefix("say which: ").and_then(|rest| rest.split_once(" for UTC")).unwrap().0;
            assert!(at(offered).is_ok(), "{text}: {offered}");
        }
        assert!(at("yesterday").unwrap_err().contains("01:00Z"));
    }
}

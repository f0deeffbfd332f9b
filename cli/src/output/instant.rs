//! Instants for people: UTC first, since records are in UTC, the plan's local time beside it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// "2026-11-24 06:30Z".
pub(crate) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// "2026-11-24 06:30:05Z", for records.
pub(crate) fn utc_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// "Tue 07:30 CET".
pub(crate) fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%a %H:%M %Z").to_string()
}

/// "38 s ago", or "in 5 m" for what is still to come.
pub(crate) fn distance(at: Timestamp, now: Timestamp) -> String {
    let span = now.duration_since(at);
    let length = base::span::human(Duration::from_secs(span.unsigned_abs().as_secs()));
    if span.is_negative() { format!("in {length}") } else { format!("{length} ago") }
}

/// An instant as a person types it. A time without a zone is refused: at 3 a.m. nobody knows which one was meant.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(zoned) = text.parse::<jiff::ZonedDateTime>() {
        return Ok(zoned.timestamp());
    }
    if text.parse::<jiff::civil::DateTime>().is_ok() || text.parse::<jiff::civil::Date>().is_ok() {
        let text = if text.len() <= 10 { format!("{text}T00:00") } else { text.to_owned() };
        return Err(format!("it has no time zone; write {text}Z for UTC, or add an offset like +01:00"));
    }
    Err("write it like 2026-11-24T01:00Z or 2026-11-24T02:00+01:00".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_needs_its_zone() {
        assert_eq!(parse("2026-11-24T01:00Z").unwrap().to_string(), "2026-11-24T01:00:00Z");
        assert_eq!(parse("2026-11-24T02:00+01:00").unwrap().to_string(), "2026-11-24T01:00:00Z");
        assert_eq!(parse("2026-11-24T02:00+01:00[Europe/Berlin]").unwrap().to_string(), "2026-11-24T01:00:00Z");
        assert!(parse("2026-11-24T02:00").unwrap_err().contains("no time zone"));
        assert!(parse("yesterday").is_err());
    }
}

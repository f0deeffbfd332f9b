//! Instants for people: UTC first, since records are in UTC, the plan's local time beside it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// "2026-11-24 06:30Z".
pub(crate) fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
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

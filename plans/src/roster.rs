//! Decides who is on call, and finds the hours in which nobody is.

use base::id::ContactId;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::plan::roster::WEEK_MINUTES;
use crate::plan::{Shift, WeekSpan};

/// Who is on call at `now`, first to last, on the wall clock of `zone`; nobody where the roster has a gap.
pub fn on_call<'a>(shifts: impl IntoIterator<Item = &'a Shift>, zone: &TimeZone, now: Timestamp) -> Vec<&'a ContactId> {
    let civil = zone.to_datetime(now);
    let part = |n: i8| u16::try_from(n).unwrap_or(0);
    let minute = part(civil.weekday().to_monday_zero_offset()) * 24 * 60 + part(civil.hour()) * 60 + part(civil.minute());
    let mut found: Vec<&ContactId> = Vec::new();
    for shift in shifts.into_iter().filter(|shift| shift.spans.iter().any(|span| (span.from..span.to).contains(&minute))) {
        for person in &shift.on_call {
            if !found.contains(&person) {
                found.push(person);
            }
        }
    }
    found
}

/// The parts of the week that no shift covers, in order.
pub fn gaps<'a>(shifts: impl IntoIterator<Item = &'a Shift>) -> Vec<WeekSpan> {
    let mut spans: Vec<WeekSpan> =
        shifts.into_iter().filter(|shift| !shift.on_call.is_empty()).flat_map(|shift| shift.spans.clone()).collect();
    spans.sort();
    let (mut gaps, mut covered) = (Vec::new(), 0);
    for span in spans {
        if span.from > covered {
            gaps.push(WeekSpan { from: covered, to: span.from });
        }
        covered = covered.max(span.to);
    }
    if covered < WEEK_MINUTES {
        gaps.push(WeekSpan { from: covered, to: WEEK_MINUTES });
    }
    gaps
}

/// "mon 04:00 to mon 06:30".
pub fn words(span: WeekSpan) -> String {
    let moment = |minute: u16| {
        let day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][usize::from(minute / (24 * 60) % 7)];
        format!("{day} {:02}:{:02}", minute / 60 % 24, minute % 60)
    };
    format!("{} to {}", moment(span.from), moment(span.to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shift(spans: &[(u16, u16)]) -> Shift {
        let spans = spans.iter().map(|(from, to)| WeekSpan { from: *from, to: *to }).collect();
        Shift { id: "s".parse().unwrap(), text: String::new(), spans, on_call: vec!["ann".parse().unwrap()] }
    }

    proptest! {
        /// Minute by minute, over all 168 hours: somebody is on call, or a gap says that nobody is.
        #[test]
        fn each_minute_of_the_week_is_either_covered_or_in_a_gap(parts in proptest::collection::vec((0_u16..WEEK_MINUTES, 1_u16..5000), 0..8)) {
            let spans: Vec<(u16, u16)> = parts.iter().map(|(from, length)| (*from, (from + length).min(WEEK_MINUTES))).collect();
            let shifts = [shift(&spans)];
            let gaps = gaps(&shifts);
            let monday: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
            for minute in (0..WEEK_MINUTES).step_by(7) {
                let at = monday.checked_add(jiff::ToSpan::minutes(i64::from(minute))).unwrap();
                let alone = on_call(&shifts, &TimeZone::UTC, at).is_empty();
                prop_assert_eq!(alone, gaps.iter().any(|gap| (gap.from..gap.to).contains(&minute)), "{}", minute);
            }
        }
    }

    #[test]
    fn the_wall_clock_of_the_zone_decides() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let shifts = [shift(&[(0, 60)])]; // Monday, the first hour
        assert_eq!(on_call(&shifts, &berlin, "2026-11-22T23:30:00Z".parse().unwrap()).len(), 1);
        assert_eq!(on_call(&shifts, &berlin, "2026-11-23T00:30:00Z".parse().unwrap()).len(), 0);
        assert_eq!(words(WeekSpan { from: 1440, to: WEEK_MINUTES }), "tue 00:00 to mon 00:00");
    }
}

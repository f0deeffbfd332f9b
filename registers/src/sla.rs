//! The arithmetic of a service level: how much of a promised time is spent, when it runs out, and whether it was kept.
//!
//! [`crate::incident`] asks it for the response and the resolution of each incident. Time is counted between the marks in the order
//! in which they were written. A clock that went backwards between two marks counts nothing there and is told, because the result is
//! then not exact; it never makes time negative and never gives spent time back.

use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Serialize;

use crate::facts::later;

/// Minutes of a week.
pub const WEEK: u32 = 7 * 24 * 60;
/// Weeks that are looked at one by one; a longer stretch is counted whole.
const MAX_WEEKS: u32 = 53 * 50;

/// The hours in which a clock runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Hours {
    /// Day and night.
    #[default]
    Always,
    /// In windows of the week.
    Weekly {
        /// Where the week is told.
        zone: TimeZone,
        /// Minutes since Monday 00:00, from and to, in order and apart; at most [`WEEK`].
        windows: Vec<(u32, u32)>,
    },
}

impl Hours {
    /// How much of the time between two instants counts; nothing if the second is the earlier one.
    pub fn between(&self, from: Timestamp, to: Timestamp) -> Duration {
        if to <= from {
            return Duration::ZERO;
        }
        match self {
            Self::Always => to.duration_since(from).unsigned_abs(),
            Self::Weekly { zone, windows } => {
                let (mut spent, mut cursor) = (Duration::ZERO, from);
                for (start, end) in weeks(zone, windows, from) {
                    if start >= to {
                        return spent;
                    }
                    let (start, end) = (start.max(cursor), end.min(to));
                    if end > start {
                        spent = spent.saturating_add(end.duration_since(start).unsigned_abs());
                        cursor = end;
                    }
                }
                spent
            }
        }
    }

    /// When `time` that counts has passed after `from`; the end of time if it never does.
    pub fn after(&self, from: Timestamp, time: Duration) -> Timestamp {
        match self {
            Self::Always => later(from, time),
            Self::Weekly { zone, windows } => {
                let (mut left, mut cursor) = (time, from);
                for (start, end) in weeks(zone, windows, from) {
                    let start = start.max(cursor);
                    if end <= start {
                        continue;
                    }
                    let room = end.duration_since(start).unsigned_abs();
                    if left <= room {
                        return later(start, left);
                    }
                    left -= room;
                    cursor = end;
                }
                Timestamp::MAX
            }
        }
    }
}

/// The windows from the week of `from` on, as instants. Daylight saving moves them with the clocks on the wall.
fn weeks<'a>(zone: &'a TimeZone, windows: &'a [(u32, u32)], from: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + 'a {
    let day = zone.to_datetime(from).date();
    let monday = day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).unwrap_or(day);
    let instant = move |week: u32, minute: u32| -> Option<Timestamp> {
        let day: Date = monday.checked_add((i64::from(week) * 7 + i64::from(minute / 1440)).days()).ok()?;
        let time = Time::new(i8::try_from(minute % 1440 / 60).ok()?, i8::try_from(minute % 60).ok()?, 0, 0).ok()?;
        Some(day.to_datetime(time).to_zoned_datetime(zone.clone()).ok()?.timestamp())
    };
    let window = move |week: u32, (from, to): (u32, u32)| Some((instant(week, from.min(WEEK))?, instant(week, to.min(WEEK))?));
    (0..MAX_WEEKS).flat_map(move |week| windows.iter().filter_map(move |one| window(week, *one)))
}

/// What a mark does to a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It runs from here, if it did not.
    Run,
    /// It stands still from here.
    Pause,
    /// It is done.
    Stop,
}

/// What a clock does at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has not begun.
    Idle,
    /// It runs.
    Running,
    /// It stands still for a reason.
    Paused,
    /// It is done.
    Stopped,
}

/// A clock at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// What it does.
    pub state: State,
    /// The time that counts, in milliseconds.
    pub spent_ms: u64,
    /// The time that was promised, in milliseconds.
    pub allowed_ms: u64,
    /// When the promise runs out, while it runs and is kept.
    pub due: Option<Timestamp>,
    /// When more than the promised time was spent.
    pub breached_at: Option<Timestamp>,
    /// The greatest of the warning levels that is reached, in percent.
    pub warned: Option<u8>,
    /// Two marks were written in the wrong order of time: the clock of the host moved, and the figures are not exact.
    pub clock_moved: bool,
}

impl Reading {
    /// Whether more than the promised time was spent.
    pub fn is_breached(&self) -> bool {
        self.breached_at.is_some()
    }
}

/// Reads a clock at `now`. `marks` are in the order in which they were written; `warn_at` in percent of `allowed`.
pub fn read(marks: &[(Timestamp, Mark)], allowed: Duration, warn_at: &[u8], hours: &Hours, now: Timestamp) -> Reading {
    let mut state = State::Idle;
    let mut spent = Duration::ZERO;
    let mut last: Option<Timestamp> = None;
    let mut breached_at = None;
    let mut clock_moved = false;
    let mut count = |from: Timestamp, to: Timestamp, spent: &mut Duration| {
        let before = *spent;
        *spent = before.saturating_add(hours.between(from, to));
        if breached_at.is_none() && *spent > allowed {
            breached_at = Some(hours.after(from, allowed.saturating_sub(before)));
        }
    };
    for (at, mark) in marks {
        if let Some(from) = last {
            clock_moved |= *at < from;
            if state == State::Running {
                count(from, *at, &mut spent);
            }
        }
        last = Some(*at);
        state = match (state, mark) {
            (State::Stopped, _) | (_, Mark::Stop) => State::Stopped,
            (_, Mark::Run) => State::Running,
            (_, Mark::Pause) => State::Paused,
        };
    }
    if let (State::Running, Some(from)) = (state, last) {
        clock_moved |= now < from;
        count(from, now, &mut spent);
    }
    let running = state == State::Running && breached_at.is_none();
    let due = last.filter(|_| running).map(|from| hours.after(from.max(now), allowed.saturating_sub(spent)));
    let reached = |percent: &&u8| spent.as_millis() * 100 >= allowed.as_millis() * u128::from(**percent);
    Reading {
        state,
        spent_ms: millis(spent),
        allowed_ms: millis(allowed),
        due,
        breached_at,
        warned: warn_at.iter().filter(reached).max().copied(),
        clock_moved,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}Z").parse().unwrap()
    }

    fn office() -> Hours {
        let windows = (0..5).map(|day| (day * 1440 + 8 * 60, day * 1440 + 16 * 60)).collect();
        Hours::Weekly { zone: TimeZone::get("Europe/Berlin").unwrap(), windows }
    }

    #[test]
    fn office_hours_count_from_eight_to_four_on_working_days_in_the_zone() {
        // Friday 15:00 in Berlin to Monday 09:00: one hour on Friday, one on Monday.
        assert_eq!(office().between(at("20T14:00:00"), at("23T08:00:00")), Duration::from_hours(2));
        assert_eq!(office().after(at("20T14:00:00"), Duration::from_hours(2)), at("23T08:00:00"));
    }

    #[test]
    fn a_window_over_the_change_of_clocks_is_an_hour_shorter() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let night = Hours::Weekly { zone, windows: vec![(6 * 1440, 6 * 1440 + 6 * 60)] };
        let day = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(night.between(day("2026-03-28T12:00:00Z"), day("2026-03-29T12:00:00Z")), Duration::from_hours(5));
        assert_eq!(night.between(day("2026-10-24T12:00:00Z"), day("2026-10-25T12:00:00Z")), Duration::from_hours(7));
    }

    #[test]
    fn hours_without_a_window_never_pass() {
        let never = Hours::Weekly { zone: TimeZone::UTC, windows: Vec::new() };
        assert_eq!(never.between(at("01T00:00:00"), at("20T00:00:00")), Duration::ZERO);
        assert_eq!(never.after(at("01T00:00:00"), Duration::from_secs(1)), Timestamp::MAX);
    }

    #[test]
    fn pauses_stand_beside_the_result_and_do_not_count() {
        let marks = [(at("24T01:00:00"), Mark::Run), (at("24T02:00:00"), Mark::Pause), (at("24T05:00:00"), Mark::Run)];
        let read = |now| super::read(&marks, Duration::from_hours(4), &[50, 80], &Hours::Always, now);
        assert_eq!((read(at("24T06:00:00")).spent_ms, read(at("24T06:00:00")).warned), (2 * 3_600_000, Some(50)));
        assert_eq!(read(at("24T06:00:00")).due, Some(at("24T08:00:00")));
        let late = read(at("24T09:00:00"));
        assert_eq!((late.breached_at, late.due, late.warned), (Some(at("24T08:00:00")), None, Some(80)));
    }

    #[test]
    fn a_clock_that_went_back_is_told_and_takes_nothing_back() {
        let marks = [(at("24T10:00:00"), Mark::Run), (at("24T11:00:00"), Mark::Run), (at("23T09:00:00"), Mark::Run)];
        let reading = super::read(&marks, Duration::from_hours(4), &[], &Hours::Always, at("23T09:30:00"));
        assert_eq!((reading.spent_ms, reading.clock_moved), (90 * 60_000, true));
    }

    fn mark() -> impl Strategy<Value = Mark> {
        prop_oneof![Just(Mark::Run), Just(Mark::Pause), Just(Mark::Stop)]
    }

    fn instant() -> impl Strategy<Value = Timestamp> {
        // Years apart, so that clocks that jump are met; now and then the ends of time.
        prop_oneof![
            20 => (1_700_000_000_i64..1_900_000_000).prop_map(|s| Timestamp::from_second(s).unwrap()),
            1 => Just(Timestamp::MIN),
            1 => Just(Timestamp::MAX),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn time_is_the_sum_of_its_parts(a in 1_700_000_000_i64..1_702_000_000, b in 0_i64..3_000_000, c in 0_i64..3_000_000, always: bool) {
            let hours = if always { Hours::Always } else { office() };
            let t = |s| Timestamp::from_second(s).unwrap();
            prop_assert_eq!(hours.between(t(a), t(a + b + c)), hours.between(t(a), t(a + b)) + hours.between(t(a + b), t(a + b + c)));
        }

        #[test]
        fn after_is_the_inverse_of_between(a in 1_700_000_000_i64..1_702_000_000, minutes in 1_u64..20_000, always: bool) {
            let hours = if always { Hours::Always } else { office() };
            let from = Timestamp::from_second(a).unwrap();
            let time = Duration::from_mins(minutes);
            prop_assert_eq!(hours.between(from, hours.after(from, time)), time);
        }

        #[test]
        fn a_reading_survives_any_order_of_instants(
            marks in prop::collection::vec((instant(), mark()), 0..12), allowed in 0_u64..10_000_000, now in instant(),
        ) {
            let reading = read(&marks, Duration::from_secs(allowed), &[50, 80], &Hours::Always, now);
            prop_assert_eq!(reading.is_breached(), reading.spent_ms > reading.allowed_ms);
            prop_assert!(reading.due.is_none() || !reading.is_breached());
        }

        #[test]
        fn time_spent_never_shrinks_as_time_goes_on(
            marks in prop::collection::vec((instant(), mark()), 1..8), allowed in 1_u64..10_000_000, now in 1_900_000_000_i64..1_990_000_000, more in 0_i64..1_000_000,
        ) {
            let read = |s| super::read(&marks, Duration::from_secs(allowed), &[50, 80], &Hours::Always, Timestamp::from_second(s).unwrap());
            let (first, second) = (read(now), read(now + more));
            prop_assert!(first.spent_ms <= second.spent_ms);
            prop_assert!(first.warned <= second.warned);
            prop_assert!(first.breached_at.is_none() || first.breached_at == second.breached_at);
        }

        #[test]
        fn in_order_the_spent_time_is_what_ran(gaps in prop::collection::vec((1_i64..100_000, any::<bool>()), 1..10)) {
            // Each gap runs or stands still; a plain sum is the independent answer.
            let mut at = 1_700_000_000;
            let mut marks = Vec::new();
            let mut expected = 0;
            for (length, runs) in &gaps {
                marks.push((Timestamp::from_second(at).unwrap(), if *runs { Mark::Run } else { Mark::Pause }));
                at += length;
                expected += if *runs { *length } else { 0 };
            }
            let reading = read(&marks, Duration::from_secs(1), &[], &Hours::Always, Timestamp::from_second(at).unwrap());
            prop_assert_eq!(i64::try_from(reading.spent_ms).unwrap(), expected * 1000);
            prop_assert!(!reading.clock_moved);
        }
    }
}

//! The longest time between two runs, for the rule that a schedule must fit its RPO.

use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::Schedule;

/// Days and weekdays fall together in the same way again after 28 years, unless a century without leap day lies between. Twice that, so
/// that a day that comes once in 28 years, like a Sunday that is 29 February, comes twice.
const FIRST_DAY: Date = Date::constant(2025, 1, 1);
const LAST_DAY: Date = Date::constant(2080, 12, 31);
/// Years in which changes of the clock are looked at; rules of zones recur every year.
const CHANGES_UNTIL: Date = Date::constant(2031, 1, 1);

/// The longest gap on a clock that is never changed: between two runs of a day, or from the last of a day to the first of the next day.
pub(super) fn usual(schedule: &Schedule) -> Duration {
    let fields = &schedule.fields;
    let minute_of_day = |hour: &u8, minute: &u8| u64::from(*hour) * 60 + u64::from(*minute);
    let mut runs = fields.hours.iter().flat_map(|hour| fields.minutes.iter().map(move |minute| minute_of_day(hour, minute)));
    let Some(first) = runs.next() else { return Duration::ZERO };
    let (mut within, mut last) = (0, first);
    for run in runs {
        within = within.max(run - last);
        last = run;
    }
    let across = longest_day_step(schedule) * 24 * 60 - last + first;
    Duration::from_secs(within.max(across) * 60)
}

/// The most days from one that has runs to the next.
fn longest_day_step(schedule: &Schedule) -> u64 {
    if schedule.fields.every_day() {
        return 1;
    }
    let days = FIRST_DAY.series(1.day()).take_while(|day| *day <= LAST_DAY);
    let matching = (0_u64..).zip(days).filter(|(_, day)| schedule.fields.matches(*day)).map(|(n, _)| n);
    let (mut longest, mut last) = (1, None);
    for n in matching {
        longest = longest.max(n - last.unwrap_or(n));
        last = Some(n);
    }
    longest
}

/// The longest gap of those that a change of the clock falls into or ends at.
pub(super) fn at_changes(schedule: &Schedule) -> Duration {
    let instant =
        |date: Date| date.to_datetime(jiff::civil::Time::midnight()).to_zoned_datetime(jiff::tz::TimeZone::UTC).ok().map(|z| z.timestamp());
    let (Some(from), Some(until)) = (instant(FIRST_DAY), instant(CHANGES_UNTIL)) else { return Duration::ZERO };
    let changes: Vec<Timestamp> =
        schedule.zone.following(from).map(|change| change.timestamp()).take_while(|change| *change < until).collect();
    changes.into_iter().map(|change| around(schedule, change)).max().unwrap_or_default()
}

/// The longest gap from the last run before a change to the first run three hours after it: no change doubles or skips more.
fn around(schedule: &Schedule, change: Timestamp) -> Duration {
    let settled = change.checked_add(3.hours()).unwrap_or(change);
    let Some(mut last) = change.checked_sub(1.second()).ok().and_then(|before| schedule.last_at_or_before(before)) else {
        return Duration::ZERO;
    };
    let mut longest = Duration::ZERO;
    while let Some(next) = schedule.next_after(last) {
        longest = longest.max(next.duration_since(last).unsigned_abs());
        if next >= settled {
            break;
        }
        last = next;
    }
    longest
}

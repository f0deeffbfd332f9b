//! Schedules, in every zone that is strange.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use plans::schedule::Schedule;
use proptest::prelude::*;

use crate::support::at;

fn schedule(text: &str, zone: &str) -> Schedule {
    Schedule::parse(text, &TimeZone::get(zone).unwrap()).unwrap()
}

/// Runs from an instant on, as local times with their offset.
fn runs(text: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let schedule = schedule(text, zone);
    let runs = schedule.runs_between(at(from)..Timestamp::MAX, count);
    runs.iter().map(|run| run.to_zoned_datetime(schedule.zone().clone()).strftime("%m-%d %H:%M%:z").to_string()).collect()
}

#[test]
fn the_five_fields_mean_what_crontab_says() {
    for (text, expected) in [
        // 2026-11-24 is a Tuesday.
        ("0 3 * * *", ["11-24 03:00+00:00", "11-25 03:00+00:00"]),
        ("@hourly", ["11-24 00:00+00:00", "11-24 01:00+00:00"]),
        ("@daily", ["11-24 00:00+00:00", "11-25 00:00+00:00"]),
        ("@weekly", ["11-29 00:00+00:00", "12-06 00:00+00:00"]),
        ("@monthly", ["12-01 00:00+00:00", "01-01 00:00+00:00"]),
        ("0 0 * * 0", ["11-29 00:00+00:00", "12-06 00:00+00:00"]),
        ("0 0 * * 7", ["11-29 00:00+00:00", "12-06 00:00+00:00"]),
        ("0 0 * * sun", ["11-29 00:00+00:00", "12-06 00:00+00:00"]),
        ("0 0 * * 1", ["11-30 00:00+00:00", "12-07 00:00+00:00"]),
        ("0 0 * * MON", ["11-30 00:00+00:00", "12-07 00:00+00:00"]),
        ("0 0 * * 5-7", ["11-27 00:00+00:00", "11-28 00:00+00:00"]),
        ("0 0 * * sat-sun", ["11-28 00:00+00:00", "11-29 00:00+00:00"]),
        ("0 0 1 jan,jul *", ["01-01 00:00+00:00", "07-01 00:00+00:00"]),
        ("10-30/10 12 * * *", ["11-24 12:10+00:00", "11-24 12:20+00:00"]),
        ("*/20 * * * *", ["11-24 00:00+00:00", "11-24 00:20+00:00"]),
        // Both days are restricted: the 26th (a Thursday) or a Friday.
        ("0 0 26 * fri", ["11-26 00:00+00:00", "11-27 00:00+00:00"]),
        // A star in one of them: both must hold, so a Monday with an odd day.
        ("0 0 */2 * mon", ["12-07 00:00+00:00", "12-21 00:00+00:00"]),
        ("0 0 29 2 *", ["02-29 00:00+00:00", "02-29 00:00+00:00"]),
    ] {
        assert_eq!(runs(text, "UTC", "2026-11-24T00:00:00Z", 2), expected, "{text}");
    }
}

#[test]
fn text_that_is_no_schedule_says_why() {
    for (text, reason) in [
        ("", "it has 0 fields in place of five: minute, hour, day of month, month, weekday"),
        ("0 0 * * * *", "it has 6 fields in place of five: minute, hour, day of month, month, weekday"),
        ("60 * * * *", "minute is 0 to 59, not 60"),
        ("* * 0 * *", "day of month is 1 to 31, not 0"),
        ("* * * 13 *", "month is 1 to 12, not 13"),
        ("* * * * 8", "weekday is 0 to 7, not 8"),
        ("* * * * fri-mon", "\"fri-mon\" runs backwards"),
        ("*/0 * * * *", "\"*/0\" steps by nothing"),
        ("5/10 * * * *", "\"5/10\" steps from a single minute; write a range, like 5-59/…"),
        ("1,,2 * * * *", "\"\" is no minute"),
        ("-1 * * * *", "\"-1\" is no minute"),
        ("L * * * *", "\"L\" is no minute"),
        ("+1 * * * *", "\"+1\" is no minute"),
        ("@reboot", "the names are @hourly, @daily, @weekly, @monthly and @yearly"),
        ("0 0 30 2 *", "no day of the calendar matches it, so that it never fires"),
        ("0 0 31 2,4,6 *", "no day of the calendar matches it, so that it never fires"),
    ] {
        assert_eq!(Schedule::parse(text, &TimeZone::UTC).unwrap_err().reason, reason, "{text}");
    }
    assert!(Schedule::parse(&"1,".repeat(1_000_000), &TimeZone::UTC).is_err());
    assert!(Schedule::parse("0 0 30 2 *", &TimeZone::UTC).unwrap_err().never_fires);
    assert!(Schedule::parse("0 0 30 2 mon", &TimeZone::UTC).is_ok());
}

#[test]
fn a_skipped_time_runs_at_the_first_valid_instant_and_only_once() {
    for (text, zone, from, expected) in [
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["03-29 03:00+02:00", "03-30 02:30+02:00"]),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", ["03-29 03:00+02:00", "03-30 02:00+02:00"]),
        ("30 2 * * *", "America/New_York", "2026-03-08T00:00:00Z", ["03-08 03:00-04:00", "03-09 02:30-04:00"]),
        // Half an hour is skipped.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", ["10-04 02:30+11:00", "10-05 02:15+11:00"]),
        ("45 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", ["10-04 02:45+11:00", "10-05 02:45+11:00"]),
        // The whole 30 December 2011 is skipped.
        ("0 12 30 12 *", "Pacific/Apia", "2011-12-29T23:00:00Z", ["12-31 00:00+14:00", "12-30 12:00+14:00"]),
        ("0 12 * * *", "Pacific/Apia", "2011-12-29T23:00:00Z", ["12-31 00:00+14:00", "12-31 12:00+14:00"]),
    ] {
        assert_eq!(runs(text, zone, from, 2), expected, "{text} {zone}");
    }
}

#[test]
fn a_doubled_time_runs_once_the_first_time_it_comes() {
    for (text, zone, from, expected) in [
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", ["10-25 02:30+02:00", "10-26 02:30+01:00"]),
        ("30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", ["11-01 01:30-04:00", "11-02 01:30-05:00"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00Z", ["04-05 01:45+11:00", "04-06 01:45+10:30"]),
        ("0 */2 * * *", "Europe/Berlin", "2026-10-24T23:00:00Z", ["10-25 02:00+02:00", "10-25 04:00+01:00"]),
    ] {
        assert_eq!(runs(text, zone, from, 2), expected, "{text} {zone}");
    }
    // Asked in the middle of the second pass, both sides stay true.
    let schedule = schedule("10,40 2 * * *", "Europe/Berlin");
    let second = at("2026-10-25T01:20:00Z"); // 02:20 for the second time
    assert_eq!(schedule.last_at_or_before(second), Some(at("2026-10-25T00:40:00Z")));
    assert_eq!(schedule.next_after(second), Some(at("2026-10-26T01:10:00Z")));
}

#[test]
fn a_schedule_that_leaves_the_hour_open_keeps_its_rhythm_through_both_passes() {
    let expected =
        ["10-25 01:37+02:00", "10-25 02:07+02:00", "10-25 02:37+02:00", "10-25 02:07+01:00", "10-25 02:37+01:00", "10-25 03:07+01:00"];
    assert_eq!(runs("7,37 * * * *", "Europe/Berlin", "2026-10-24T23:30:00Z", 6), expected);
    let expected = ["04-05 01:30+11:00", "04-05 01:30+10:30", "04-05 02:00+10:30"];
    assert_eq!(runs("*/30 * * * *", "Australia/Lord_Howe", "2026-04-04T14:20:00Z", 3), expected);
    let schedule = schedule("7,37 * * * *", "Europe/Berlin");
    assert_eq!(schedule.last_at_or_before(at("2026-10-25T01:20:00Z")), Some(at("2026-10-25T01:07:00Z")));
    assert_eq!(schedule.last_at_or_before(at("2026-10-25T01:00:00Z")), Some(at("2026-10-25T00:37:00Z")));
}

#[test]
fn gaps_are_the_longest_there_can_be() {
    let hours = |n: u64| Duration::from_secs(n * 3600);
    for (text, zone, usual, longest) in [
        ("0 * * * *", "UTC", hours(1), hours(1)),
        ("*/30 * * * *", "Europe/Berlin", hours(1) / 2, hours(1) / 2),
        ("0 3 * * *", "UTC", hours(24), hours(24)),
        ("0 3 * * *", "Asia/Kathmandu", hours(24), hours(24)),
        ("0 3 * * *", "Europe/Berlin", hours(24), hours(25)),
        ("0 3 * * *", "Australia/Lord_Howe", hours(24), hours(49) / 2),
        ("15 */3 * * *", "Europe/Berlin", hours(3), hours(4)),
        ("0 8,20 * * *", "UTC", hours(12), hours(12)),
        ("0 8,12 * * *", "UTC", hours(20), hours(20)),
        ("0 0 * * mon-fri", "UTC", hours(72), hours(72)),
        ("0 0 1 * *", "UTC", hours(31 * 24), hours(31 * 24)),
        ("0 0 31 * *", "UTC", hours(61 * 24), hours(61 * 24)),
        ("0 0 29 2 *", "UTC", hours(1461 * 24), hours(1461 * 24)),
        // A Sunday that is 29 February comes once in 28 years.
        ("0 0 29 2 */7", "UTC", hours(10_227 * 24), hours(10_227 * 24)),
        ("* * * 2 *", "UTC", hours(337 * 24) + Duration::from_mins(1), hours(337 * 24) + Duration::from_mins(1)),
        ("0 0 1,15 * fri", "UTC", hours(7 * 24), hours(7 * 24)),
    ] {
        let schedule = schedule(text, zone);
        assert_eq!((schedule.usual_gap(), schedule.longest_gap()), (usual, longest), "{text} {zone}");
    }
}

#[test]
fn clocks_that_are_far_off_get_an_answer() {
    let daily = schedule("0 3 * * *", "Europe/Berlin");
    assert_eq!(daily.next_after(Timestamp::MIN), Some(at("1970-01-01T02:00:00Z")));
    assert_eq!(daily.next_after(Timestamp::MAX), None);
    assert_eq!(daily.last_at_or_before(Timestamp::MIN), None);
    assert_eq!(daily.last_at_or_before(at("1975-01-01T00:00:00Z")), Some(at("1974-12-31T02:00:00Z")));
    assert_eq!(daily.runs_between(at("2026-11-24T00:00:00Z")..at("2026-11-24T00:00:00Z"), 10), []);
}

/// One field of a schedule in the part of the dialect that the oracle shares: numbers, lists, ranges, steps, stars.
fn field(min: u8, max: u8) -> impl Strategy<Value = String> {
    let item = (min..=max, min..=max, 1_u8..=max).prop_map(move |(a, b, step)| match step % 4 {
        0 => a.to_string(),
        1 => format!("{}-{}", a.min(b), a.max(b)),
        2 => format!("{}-{}/{step}", a.min(b), a.max(b)),
        _ => format!("{a},{b}"),
    });
    prop_oneof![3 => Just("*".to_owned()), 1 => (2_u8..8).prop_map(|n| format!("*/{n}")), 4 => item]
}

/// Day fields without a stepped star, since the oracle takes "*/2" for restricted and crontab(5) does not.
fn day_field(min: u8, max: u8) -> impl Strategy<Value = String> {
    field(min, max).prop_filter("the dialects differ", |text| !text.starts_with("*/"))
}

const ZONES: [&str; 6] = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "UTC"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn civil_times_are_those_of_another_implementation(
        minute in field(0, 59), hour in field(0, 23), day in day_field(1, 28), month in field(1, 12), weekday in day_field(0, 6),
        start in 1_700_000_000_i64..1_900_000_000,
    ) {
        let text = format!("{minute} {hour} {day} {month} {weekday}");
        let ours = Schedule::parse(&text, &TimeZone::UTC);
        let theirs: croner::Cron = text.parse().unwrap();
        let Ok(ours) = ours else { return Ok(()); };
        let mut run = Timestamp::from_second(start).unwrap();
        let mut naive = chrono::TimeZone::timestamp_opt(&chrono::Utc, start, 0).unwrap();
        for _ in 0..5 {
            run = ours.next_after(run).unwrap();
            naive = theirs.find_next_occurrence(&naive, false).unwrap();
            prop_assert_eq!(run.as_second(), naive.timestamp(), "{}", text);
        }
    }

    #[test]
    fn next_and_last_agree_in_every_zone(
        minute in field(0, 59), hour in field(0, 23), weekday in day_field(0, 6), zone in 0_usize..ZONES.len(),
        near in proptest::sample::select(vec![1_774_746_000_i64, 1_792_890_000, 1_325_239_200, 1_775_314_800, 1_790_000_000, 1_762_063_200]), offset in -100_000_i64..100_000,
    ) {
        let schedule = schedule(&format!("{minute} {hour} * * {weekday}"), ZONES[zone]);
        let start = Timestamp::from_second(near + offset).unwrap();
        let next = schedule.next_after(start).unwrap();
        prop_assert!(next > start);
        // Nothing lies between, the run itself is found from both sides, and so is the one before it.
        prop_assert_eq!(schedule.last_at_or_before(next), Some(next));
        let last = schedule.last_at_or_before(start).unwrap();
        prop_assert!(last <= start);
        prop_assert_eq!(schedule.next_after(last.checked_sub(1.nanosecond()).unwrap()), Some(last));
        prop_assert_eq!(schedule.last_at_or_before(next.checked_sub(1.nanosecond()).unwrap()), Some(last));
        prop_assert!(next.duration_since(last).unsigned_abs() <= schedule.longest_gap() + Duration::from_hours(24), "Apia lost a day in 2011");
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}|[0-9*,/@a-z -]{0,30}") {
        let _ = Schedule::parse(&text, &TimeZone::UTC);
    }
}

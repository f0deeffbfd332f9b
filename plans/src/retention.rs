//! Decides which restore points are kept, and why each. Nothing is pruned yet: no command asks it today.
//!
//! The rules are those that people know from restic's `forget --keep-*`: points are looked at from the newest to the oldest, and each rule keeps the
//! newest point of each of the last n hours, days, weeks… *that have one*; a rule whose count is not used up keeps the oldest point, too.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::plan::Keep;

/// A restore point, as retention sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointInTime {
    /// Its name.
    pub id: String,
    /// When its source was read.
    pub taken: Timestamp,
    /// Whether everything of the source is in it.
    pub complete: bool,
}

/// What becomes of one restore point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name.
    pub id: String,
    /// When its source was read.
    pub taken: Timestamp,
    /// Why it is kept, like "daily 2026-11-24"; empty: it may go.
    pub reasons: Vec<String>,
}

/// Says for each point whether and why it is kept, newest first. Days, weeks (ISO 8601), months and years are those of `zone`.
///
/// A point that is not complete takes no other's place: it is kept only while it is newer than every complete one.
pub fn keep(keep: &Keep, points: &[PointInTime], zone: &TimeZone) -> Vec<Kept> {
    let mut sorted: Vec<&PointInTime> = points.iter().collect();
    sorted.sort_by(|a, b| (b.taken, &b.id).cmp(&(a.taken, &a.id)));
    let mut buckets = Bucket::all(keep);
    let oldest = sorted.iter().rposition(|point| point.complete);
    let newest = sorted.iter().find(|point| point.complete).map(|point| point.taken);
    let mut complete_seen = false;
    sorted
        .iter()
        .enumerate()
        .map(|(n, point)| {
            let mut reasons = Vec::new();
            if point.complete {
                complete_seen = true;
                let civil = zone.to_datetime(point.taken);
                if let Some(within) = keep.within
                    && newest.is_some_and(|newest| point.taken > within.before(newest, zone))
                {
                    reasons.push(format!("within {within}"));
                }
                reasons.extend(buckets.iter_mut().filter_map(|bucket| bucket.takes(civil, n, Some(n) == oldest)));
            } else if !complete_seen {
                reasons.push("incomplete, and newer than any complete one".to_owned());
            }
            Kept { id: point.id.clone(), taken: point.taken, reasons }
        })
        .collect()
}

/// One rule at work.
struct Bucket {
    word: &'static str,
    left: u32,
    /// The period that a civil time falls into; for `last` each point is one of its own.
    period: fn(DateTime, usize) -> String,
    latest: Option<String>,
}

impl Bucket {
    fn all(keep: &Keep) -> [Self; 6] {
        let bucket = |word, left, period| Self { word, left, period, latest: None };
        [
            bucket("last", keep.last, |_, n| format!("{}", n + 1)),
            bucket("hourly", keep.hourly, |at, _| at.strftime("%Y-%m-%d %H:00").to_string()),
            bucket("daily", keep.daily, |at, _| at.strftime("%Y-%m-%d").to_string()),
            bucket("weekly", keep.weekly, |at, _| at.strftime("%G-W%V").to_string()),
            bucket("monthly", keep.monthly, |at, _| at.strftime("%Y-%m").to_string()),
            bucket("yearly", keep.yearly, |at, _| at.strftime("%Y").to_string()),
        ]
    }

    /// Why this rule keeps a point, if it does.
    fn takes(&mut self, at: DateTime, n: usize, oldest: bool) -> Option<String> {
        if self.left == 0 {
            return None;
        }
        let period = (self.period)(at, n);
        if self.latest.as_ref() == Some(&period) {
            // The oldest point of all stands in for the older periods that the rule still had room for.
            return oldest.then(|| format!("oldest, for {}", self.word));
        }
        self.left -= 1;
        let reason = format!("{} {period}", self.word);
        self.latest = Some(period);
        Some(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use proptest::prelude::*;

    fn points(times: &[&str]) -> Vec<PointInTime> {
        times.iter().map(|time| PointInTime { id: (*time).to_owned(), taken: time.parse().unwrap(), complete: true }).collect()
    }

    fn kept(keep_counts: Keep, times: &[&str]) -> Vec<String> {
        keep(&keep_counts, &points(times), &TimeZone::UTC).into_iter().filter(|kept| !kept.reasons.is_empty()).map(|kept| kept.id).collect()
    }

    const TIMES: [&str; 10] = [
        "2026-11-24T18:30:00Z",
        "2026-11-24T18:10:00Z",
        "2026-11-24T09:00:00Z",
        "2026-11-23T09:00:00Z",
        "2026-11-22T09:00:00Z", // a Sunday: the week before
        "2026-11-10T09:00:00Z",
        "2026-10-31T09:00:00Z",
        "2026-10-30T09:00:00Z",
        "2025-12-31T09:00:00Z",
        "2024-06-01T09:00:00Z",
    ];

    #[test]
    fn each_rule_keeps_the_newest_of_its_last_periods_that_have_one() {
        let none = Keep::default();
        for (rule, expected) in [
            (Keep { last: 3, ..none }, vec![0, 1, 2]),
            (Keep { hourly: 2, ..none }, vec![0, 2]),
            (Keep { daily: 3, ..none }, vec![0, 3, 4]),
            (Keep { weekly: 3, ..none }, vec![0, 4, 5]),
            (Keep { monthly: 3, ..none }, vec![0, 6, 8]),
            (Keep { yearly: 2, ..none }, vec![0, 8]),
            (Keep { yearly: 9, ..none }, vec![0, 8, 9]),
            (Keep { daily: 2, monthly: 2, ..none }, vec![0, 3, 6]),
            (none, vec![]),
        ] {
            let expected: Vec<&str> = expected.into_iter().map(|n: usize| TIMES[n]).collect();
            assert_eq!(kept(rule, &TIMES), expected, "{rule:?}");
        }
    }

    #[test]
    fn the_oldest_point_stands_in_while_a_rule_has_room() {
        let times = ["2026-11-24T18:00:00Z", "2026-11-24T10:00:00Z"];
        assert_eq!(kept(Keep { daily: 3, ..Keep::default() }, &times), times);
        assert_eq!(kept(Keep { daily: 1, ..Keep::default() }, &times), times[..1]);
    }

    #[test]
    fn the_reasons_name_the_period_in_the_zone_of_the_plan() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let keep_counts = Keep { daily: 1, weekly: 1, ..Keep::default() };
        let kept = keep(&keep_counts, &points(&["2026-12-31T23:30:00Z"]), &berlin);
        assert_eq!(kept[0].reasons, ["daily 2027-01-01", "weekly 2026-W53"]);
    }

    #[test]
    fn an_incomplete_point_never_takes_the_place_of_a_complete_one() {
        let mut points = points(&TIMES[..4]);
        points[0].complete = false;
        points[2].complete = false;
        let kept = keep(&Keep { daily: 1, ..Keep::default() }, &points, &TimeZone::UTC);
        let reasons: Vec<usize> = kept.iter().map(|kept| kept.reasons.len()).collect();
        assert_eq!(reasons, [1, 1, 0, 0]);
    }

    proptest! {
        #[test]
        fn more_is_never_kept_less_and_the_newest_is_always_kept(
            hours in proptest::collection::btree_set(0_i64..20_000, 1..60), daily in 1_u32..20, monthly in 0_u32..5,
        ) {
            let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            let points: Vec<PointInTime> = hours.iter()
                .map(|n| PointInTime { id: n.to_string(), taken: start.checked_add((*n).hours()).unwrap(), complete: true }).collect();
            let counts = Keep { daily, monthly, ..Keep::default() };
            let few = keep(&counts, &points, &TimeZone::UTC);
            let more = keep(&Keep { daily: daily + 1, monthly: monthly + 1, ..counts }, &points, &TimeZone::UTC);
            prop_assert!(!few[0].reasons.is_empty());
            prop_assert_eq!(few.len(), points.len());
            // A rule with room keeps the oldest, too; beside that one, a greater count only adds.
            for (few, more) in few.iter().zip(&more) {
                prop_assert!(few.reasons.is_empty() || !more.reasons.is_empty() || few.reasons.iter().all(|why| why.starts_with("oldest")));
            }
        }
    }
}

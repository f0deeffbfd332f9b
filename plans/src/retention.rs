//! Decides which restore points are kept, why each, and when a second person is asked first. `orchestrator::jobs::prune` asks, and
//! `lifeboat simulate retention`.
//!
//! The rules are those that people know from restic's `forget --keep-*`: points are looked at from the newest to the oldest, and each rule keeps the
//! newest point of each of the last n hours, days, weeks… *that have one*; a rule whose count is not used up keeps the oldest point, too.
//! What is added to them only ever keeps more: of each period the newest point that was verified as well, the newest of all, what is held.

mod alarm;
mod level;
mod simulate;

use base::id::SourceId;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::plan::{AtExpiry, Keep, LegalHold, Retention};
use level::Level;

pub use alarm::{Alarm, Before, alarm};
pub use simulate::{Left, Simulated, simulate};

/// A restore point, as retention sees it. All points of one decision are of one source and one writer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointInTime {
    /// Its name.
    pub id: String,
    /// Its writer's count of its snapshots, which gives the order.
    pub seq: u64,
    /// When it was stored, by the store's clock: what a host says of its time decides nothing.
    pub stored: Timestamp,
    /// Whether everything of the source is in it.
    pub complete: bool,
    /// Whether a check or a drill has looked into it, and found it whole.
    pub verified: bool,
    /// Whether it looks like the work of somebody who destroys data. It takes no other's place.
    pub suspicious: bool,
    /// The reason of a hold.
    pub held: Option<String>,
}

/// What becomes of one restore point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name.
    pub id: String,
    /// When it was stored.
    pub stored: Timestamp,
    /// Why it is kept, like "daily 2026-11-24"; empty: it may go.
    pub reasons: Vec<String>,
}

impl Kept {
    /// Whether it may go.
    pub fn goes(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// Says for each point whether and why it is kept, newest first. Days, weeks (ISO 8601), months and years are those of `zone`.
///
/// A point that is not complete takes no other's place: it is kept only while it is newer than every complete one. The newest complete point
/// always stays, and so do the newest that was verified and the newest that is not suspicious.
pub fn keep(keep: &Keep, points: &[PointInTime], zone: &TimeZone) -> Vec<Kept> {
    let mut sorted: Vec<&PointInTime> = points.iter().collect();
    sorted.sort_by(|a, b| (b.seq, b.stored, &b.id).cmp(&(a.seq, a.stored, &a.id)));
    let mut levels = Level::all(keep);
    let oldest = sorted.iter().rposition(|point| point.complete);
    let newest = sorted.iter().find(|point| point.complete).map(|point| point.stored);
    let mut always = Always::default();
    sorted
        .iter()
        .enumerate()
        .map(|(n, point)| {
            let mut reasons: Vec<String> = point.held.iter().map(|why| format!("held: {why}")).collect();
            if point.complete {
                reasons.extend(always.takes(point));
                let civil = zone.to_datetime(point.stored);
                if let Some(within) = keep.within
                    && newest.is_some_and(|newest| point.stored > within.before(newest, zone))
                {
                    reasons.push(format!("within {within}"));
                }
                reasons.extend(levels.iter_mut().filter_map(|level| level.takes(point, civil, n, Some(n) == oldest)));
            } else if !always.newest {
                reasons.push("incomplete, and newer than any complete one".to_owned());
            }
            Kept { id: point.id.clone(), stored: point.stored, reasons }
        })
        .collect()
}

/// As [`keep`], with what else the plan says of a source: legal holds, a legal minimum, an archive that comes first. `now` is the store's time.
pub fn decide(
    rule: &Retention,
    source: &SourceId,
    holds: &[LegalHold],
    points: &[PointInTime],
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<Kept> {
    let mut kept = keep(&rule.keep, points, zone);
    for point in &mut kept {
        point.reasons.extend(legal_holds(source, holds, point.stored, zone));
        if let Some(minimum) = rule.legal_minimum
            && point.stored > minimum.before(now, zone)
        {
            point.reasons.push(format!("legal minimum {minimum}"));
        }
        if point.goes() && rule.at_expiry == AtExpiry::Archive {
            point.reasons.push("expired, and to be archived first".to_owned());
        }
    }
    kept
}

/// The legal holds of the plan that cover a point of `source`, in words.
pub fn legal_holds(source: &SourceId, holds: &[LegalHold], stored: Timestamp, zone: &TimeZone) -> Vec<String> {
    let day = zone.to_datetime(stored).date();
    let holds = holds.iter().filter(|hold| hold.sources.contains(source));
    let holds = holds.filter(|hold| hold.from <= day && hold.until.is_none_or(|until| day <= until));
    holds.map(|hold| format!("legal hold {}: {}", hold.id, hold.reason)).collect()
}

/// The points that stay whatever the counts are. Asked from the newest to the oldest.
#[derive(Default)]
struct Always {
    newest: bool,
    unsuspicious: bool,
    verified: bool,
}

impl Always {
    fn takes(&mut self, point: &PointInTime) -> Vec<String> {
        let mut reasons = Vec::new();
        if !std::mem::replace(&mut self.newest, true) {
            reasons.push("newest".to_owned());
        }
        if !point.suspicious && !std::mem::replace(&mut self.unsuspicious, true) && reasons.is_empty() {
            reasons.push("newest that is not suspicious".to_owned());
        }
        if point.verified && !point.suspicious && !std::mem::replace(&mut self.verified, true) {
            reasons.push("newest verified".to_owned());
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use proptest::prelude::*;

    fn points(times: &[&str]) -> Vec<PointInTime> {
        let seqs = (0..times.len() as u64).rev();
        times.iter().zip(seqs).map(|(time, seq)| point(time, seq, time.parse().unwrap())).collect()
    }

    fn point(id: &str, seq: u64, stored: Timestamp) -> PointInTime {
        PointInTime { id: id.to_owned(), seq, stored, complete: true, verified: false, suspicious: false, held: None }
    }

    fn kept(keep_counts: Keep, times: &[&str]) -> Vec<String> {
        stays(&keep(&keep_counts, &points(times), &TimeZone::UTC))
    }

    fn stays(kept: &[Kept]) -> Vec<String> {
        kept.iter().filter(|kept| !kept.goes()).map(|kept| kept.id.clone()).collect()
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
            (none, vec![0]),
            (Keep { within: Some("3d".parse().unwrap()), ..none }, vec![0, 1, 2, 3, 4]),
            (Keep { within: Some("1 months".parse().unwrap()), ..none }, vec![0, 1, 2, 3, 4, 5, 6, 7]),
            (Keep { within: Some("1h".parse().unwrap()), yearly: 1, ..none }, vec![0, 1]),
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
        assert_eq!(kept[0].reasons[1..], ["daily 2027-01-01", "weekly 2026-W53"]);
    }

    #[test]
    fn an_incomplete_point_never_takes_the_place_of_a_complete_one() {
        let mut points = points(&TIMES[..4]);
        points[0].complete = false;
        points[2].complete = false;
        let kept = keep(&Keep { daily: 1, ..Keep::default() }, &points, &TimeZone::UTC);
        let reasons: Vec<usize> = kept.iter().map(|kept| kept.reasons.len()).collect();
        assert_eq!(reasons, [1, 2, 0, 0]);
    }

    #[test]
    fn the_newest_verified_of_each_period_stays_beside_the_newest() {
        let mut points = points(&TIMES[..4]);
        points[1].verified = true;
        points[2].verified = true;
        let kept = keep(&Keep { daily: 2, ..Keep::default() }, &points, &TimeZone::UTC);
        let reasons: Vec<&[String]> = kept.iter().map(|kept| &kept.reasons[..]).collect();
        let verified = ["newest verified".to_owned(), "daily 2026-11-24, newest verified".to_owned()];
        let expected: [&[String]; 4] =
            [&["newest".to_owned(), "daily 2026-11-24".to_owned()], &verified, &[], &["daily 2026-11-23".to_owned()]];
        assert_eq!(reasons, expected);
    }

    #[test]
    fn suspicious_points_push_no_other_out_and_are_not_the_good_one() {
        let mut points = points(&TIMES);
        for point in &mut points {
            point.verified = true;
        }
        let rule = Keep { last: 1, daily: 3, ..Keep::default() };
        let before = stays(&keep(&rule, &points, &TimeZone::UTC));
        // Somebody who destroys data makes a hundred backups, an hour apart.
        let mut bad: Vec<PointInTime> =
            (0..100).map(|n| point(&format!("bad-{n}"), 100 + n, at("2026-11-24T19:00:00Z", i64::try_from(n).unwrap()))).collect();
        for bad in &mut bad {
            bad.suspicious = true;
            bad.verified = true;
        }
        points.extend(bad);
        let kept = keep(&rule, &points, &TimeZone::UTC);
        let after = stays(&kept);
        assert!(before.iter().all(|id| after.contains(id)), "{before:?} {after:?}");
        let good = kept.iter().find(|kept| kept.id == TIMES[0]).unwrap();
        assert_eq!(good.reasons[..2], ["newest that is not suspicious", "newest verified"]);
    }

    #[test]
    fn a_hold_a_law_and_an_archive_keep_what_the_counts_do_not() {
        let now = "2026-11-24T20:00:00Z".parse().unwrap();
        let hold = LegalHold {
            id: "LH-3".parse().unwrap(),
            sources: vec!["held".parse().unwrap()],
            from: "2026-10-31".parse().unwrap(),
            until: Some("2026-10-31".parse().unwrap()),
            by: "ada".parse().unwrap(),
            reason: "a lawsuit".to_owned(),
        };
        let mut rule = Retention { keep: Keep { last: 1, ..Keep::default() }, ..Retention::standard() };
        let reasons = |rule: &Retention, source: &str| -> Vec<String> {
            let kept = decide(rule, &source.parse().unwrap(), std::slice::from_ref(&hold), &points(&TIMES), now, &TimeZone::UTC);
            kept.iter().map(|kept| kept.reasons.last().cloned().unwrap_or_default()).collect()
        };
        let court = reasons(&rule, "held");
        rule.legal_minimum = Some("30d".parse().unwrap());
        let law = reasons(&rule, "law");
        rule.at_expiry = AtExpiry::Archive;
        let archived = reasons(&rule, "archived");
        assert_eq!((court[6].as_str(), court[5].as_str(), court[8].as_str()), ("legal hold LH-3: a lawsuit", "", ""));
        assert_eq!((law[7].as_str(), law[8].as_str()), ("legal minimum 30d", ""));
        assert_eq!(archived[9], "expired, and to be archived first");
        let mut points = points(&TIMES);
        points[9].held = Some("an audit".to_owned());
        assert_eq!(keep(&Keep { last: 1, ..Keep::default() }, &points, &TimeZone::UTC)[9].reasons, ["held: an audit"]);
    }

    fn at(start: &str, hours: i64) -> Timestamp {
        start.parse::<Timestamp>().unwrap().checked_add(hours.hours()).unwrap()
    }

    prop_compose! {
        fn any_points()(marks in proptest::collection::vec((0_i64..300, any::<bool>(), any::<bool>(), 0_u8..10, 0_u8..12), 1..60))
            -> Vec<PointInTime> {
            let mut hours = 0;
            marks.iter().enumerate().map(|(n, (gap, verified, complete, suspicious, held))| {
                hours += gap;
                let seq = n as u64;
                PointInTime {
                    id: seq.to_string(), seq, stored: at("2026-01-01T00:00:00Z", hours), complete: *complete || n % 3 == 0, verified: *verified,
                    suspicious: *suspicious == 0, held: (*held == 0).then(|| "court".to_owned()),
                }
            }).collect()
        }
    }

    prop_compose! {
        fn any_rule()(last in 0_u32..3, hourly in 0_u32..6, daily in 0_u32..9, weekly in 0_u32..5, monthly in 0_u32..4, yearly in 0_u32..2,
            within in proptest::option::of(1_i64..400)) -> Keep {
            let within = within.map(|hours| format!("{hours}h").parse().unwrap());
            Keep { last, hourly, daily, weekly, monthly, yearly, within }
        }
    }

    proptest! {
        #[test]
        fn the_newest_and_what_is_protected_always_stay_and_a_second_look_drops_nothing_more(
            rule in any_rule(), points in any_points(), gap in 0_i64..2000,
        ) {
            let kept = stays(&keep(&rule, &points, &TimeZone::UTC));
            let good = |point: &&PointInTime| point.complete && point.verified && !point.suspicious;
            let ids = |found: Option<&PointInTime>| found.map(|point| point.id.clone());
            let mut sacred: Vec<String> = points.iter().filter(|point| point.held.is_some()).map(|point| point.id.clone()).collect();
            sacred.extend(ids(points.iter().rfind(good)));
            prop_assert!(sacred.iter().chain(&ids(points.iter().rfind(|point| point.complete))).all(|id| kept.contains(id)));
            prop_assert!(ids(points.iter().rfind(|point| point.complete && !point.suspicious)).is_none_or(|id| kept.contains(&id)));
            let left: Vec<PointInTime> = points.iter().filter(|point| kept.contains(&point.id)).cloned().collect();
            prop_assert_eq!(&stays(&keep(&rule, &left, &TimeZone::UTC)), &kept);
            // One more that nobody verified drops neither a held point nor the newest verified one.
            let last = points.last().unwrap();
            let mut more = points.clone();
            more.push(PointInTime { id: "new".to_owned(), seq: last.seq + 1, stored: last.stored.checked_add(gap.hours()).unwrap(),
                complete: true, verified: false, suspicious: false, held: None });
            let after = stays(&keep(&rule, &more, &TimeZone::UTC));
            prop_assert!(after.contains(&"new".to_owned()));
            prop_assert!(sacred.iter().all(|id| after.contains(id)));
        }

        #[test]
        fn more_is_never_kept_less_and_the_newest_is_always_kept(
            hours in proptest::collection::btree_set(0_i64..20_000, 1..60), daily in 1_u32..20, monthly in 0_u32..5,
        ) {
            let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
            let points: Vec<PointInTime> = hours.iter()
                .map(|n| point(&n.to_string(), n.unsigned_abs(), start.checked_add((*n).hours()).unwrap())).collect();
            let counts = Keep { daily, monthly, ..Keep::default() };
            let few = keep(&counts, &points, &TimeZone::UTC);
            let more = keep(&Keep { daily: daily + 1, monthly: monthly + 1, ..counts }, &points, &TimeZone::UTC);
            prop_assert!(!few[0].goes());
            prop_assert_eq!(few.len(), points.len());
            // A rule with room keeps the oldest, too; beside that one, a greater count only adds.
            for (few, more) in few.iter().zip(&more) {
                prop_assert!(few.reasons.is_empty() || !more.reasons.is_empty() || few.reasons.iter().all(|why| why.starts_with("oldest")));
            }
        }
    }
}

//! What a rule would keep over a time in which backups come by a schedule. No repository is looked at.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Kept, PointInTime, keep};
use crate::plan::Keep;
use crate::schedule::Schedule;

/// What is left at the end of a simulated time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Simulated {
    /// Backups that were made.
    pub backups: usize,
    /// The most restore points that were there at once, before a day's prune.
    pub most: usize,
    /// Each restore point that is left, newest first, and why.
    pub left: Vec<Kept>,
    /// What each rule keeps: how many, and the oldest of them.
    pub levels: BTreeMap<String, Left>,
}

/// What one rule keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// How many.
    pub points: usize,
    /// When the oldest of them was stored.
    pub oldest: Timestamp,
}

/// Makes a backup at each time of `schedule` from `start` to `end`, at most `limit` of them, and prunes after each day of `zone`. All are verified.
pub fn simulate(rule: &Keep, schedule: &Schedule, start: Timestamp, end: Timestamp, limit: usize, zone: &TimeZone) -> Simulated {
    let times = schedule.runs_between(start..end, limit);
    let (mut points, mut most, mut day) = (Vec::<PointInTime>::new(), 0, None);
    for (seq, stored) in times.iter().copied().enumerate() {
        let today = Some(zone.to_datetime(stored).date());
        if std::mem::replace(&mut day, today) != today {
            most = most.max(points.len());
            prune(rule, &mut points, zone);
        }
        let seq = seq as u64;
        points.push(PointInTime { id: seq.to_string(), seq, stored, complete: true, verified: true, suspicious: false, held: None });
    }
    most = most.max(points.len());
    let left = prune(rule, &mut points, zone);
    let mut levels = BTreeMap::<String, Left>::new();
    for point in &left {
        for reason in &point.reasons {
            let word = reason.strip_prefix("oldest, for ").unwrap_or(reason).split(' ').next().unwrap_or_default();
            // From the newest to the oldest: the last one is the oldest.
            let level = levels.entry(word.to_owned()).or_insert(Left { points: 0, oldest: point.stored });
            level.points += 1;
            level.oldest = point.stored;
        }
    }
    Simulated { backups: times.len(), most, left, levels }
}

fn prune(rule: &Keep, points: &mut Vec<PointInTime>, zone: &TimeZone) -> Vec<Kept> {
    let mut kept = keep(rule, points, zone);
    kept.retain(|point| !point.goes());
    let ids: std::collections::BTreeSet<&str> = kept.iter().map(|point| point.id.as_str()).collect();
    points.retain(|point| ids.contains(point.id.as_str()));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_hourly_backups_leaves_what_the_counts_say() {
        let schedule = Schedule::parse("0 * * * *", &TimeZone::UTC).unwrap();
        let rule = Keep { last: 1, hourly: 48, daily: 35, weekly: 12, monthly: 24, ..Keep::default() };
        let (start, end) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2027-01-01T00:00:00Z".parse().unwrap());
        let simulated = simulate(&rule, &schedule, start, end, 100_000, &TimeZone::UTC);
        assert_eq!(simulated.backups, 365 * 24);
        let count = |word: &str| simulated.levels[word].points;
        // The first restore point of all stands in for the twelve months that did not come yet.
        assert_eq!((count("last"), count("hourly"), count("daily"), count("weekly"), count("monthly")), (1, 48, 35, 12, 13));
        assert_eq!(simulated.levels["monthly"].oldest, start + jiff::SignedDuration::from_hours(0));
        assert_eq!(simulated.levels["daily"].oldest, "2026-11-27T23:00:00Z".parse().unwrap());
        assert!(simulated.left.len() < 110 && simulated.most < 135, "{} {}", simulated.left.len(), simulated.most);
    }
}

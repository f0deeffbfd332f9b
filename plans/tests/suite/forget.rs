//! Retention against what restic's `forget --keep-…` does: a table that `tests/restic_forget.py` made with restic itself.
//!
//! Whoever comes from restic finds the same points kept for the same reasons. What lifeboat keeps beside them is named in one place here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use plans::plan::Keep;
use plans::retention::{PointInTime, keep};

const TABLE: &str = include_str!("../fixtures/restic-forget.jsonl");

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Line {
    Head { restic: String, zone: String, times: Vec<Timestamp> },
    Case { policy: Policy, kept: BTreeMap<Timestamp, Vec<String>> },
}

#[derive(Debug, Default, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Policy {
    last: u32,
    hourly: u32,
    daily: u32,
    weekly: u32,
    monthly: u32,
    yearly: u32,
    within: Option<String>,
}

impl Policy {
    fn keep(&self) -> Keep {
        // restic writes "1m" for a month and "1y" for a year.
        let within = self.within.as_ref().map(|text| text.replace('m', " months").replace('y', " years").parse().unwrap());
        let Self { last, hourly, daily, weekly, monthly, yearly, .. } = *self;
        Keep { last, hourly, daily, weekly, monthly, yearly, within }
    }
}

/// The rules that keep a point: "daily snapshot" and "daily 2026-11-24" are both "daily".
fn rules<'a>(reasons: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut rules: Vec<&str> = reasons.map(|reason| reason.split(' ').next().unwrap()).collect();
    rules.sort_unstable();
    rules
}

#[test]
fn every_policy_keeps_what_restic_keeps_for_the_same_reasons() {
    let (mut n_cases, mut points, mut zone) = (0, Vec::new(), TimeZone::UTC);
    for line in TABLE.lines() {
        let (policy, theirs) = match serde_json::from_str(line).unwrap() {
            Line::Head { restic, zone: name, times } => {
                assert!(!restic.is_empty() && times.len() > 30 && times.is_sorted_by(|a, b| a > b));
                zone = TimeZone::get(&name).unwrap();
                points = (0..).zip(times.iter().rev()).map(|(seq, time)| point(seq, *time)).collect();
                continue;
            }
            Line::Case { policy, kept } => (policy, kept),
        };
        n_cases += 1;
        let room = |n: u32, rule: &str| {
            let used = theirs.values().filter(|reasons| rules(reasons.iter().map(String::as_str)).contains(&rule)).count();
            usize::try_from(n).unwrap() > used
        };
        for ours in keep(&policy.keep(), &points, &zone) {
            // The newest point always stays, which restic has in every policy, too. What lifeboat adds to version 0.14 of restic is the oldest
            // point of all, for a rule that has room left: otherwise a young repository would lose its first point to the second of its day.
            let (added, same): (Vec<&str>, Vec<&str>) =
                ours.reasons.iter().map(String::as_str).partition(|why| why.starts_with("oldest, for "));
            let same = rules(same.into_iter().filter(|why| *why != "newest"));
            let expected = theirs.get(&ours.stored).map(|reasons| rules(reasons.iter().map(String::as_str))).unwrap_or_default();
            assert_eq!(same, expected, "{} under {policy:?} in {}", ours.stored, zone.iana_name().unwrap());
            for why in added {
                let rule = why.strip_prefix("oldest, for ").unwrap();
                let n = match rule {
                    "hourly" => policy.hourly,
                    "daily" => policy.daily,
                    "weekly" => policy.weekly,
                    "monthly" => policy.monthly,
                    "yearly" => policy.yearly,
                    _ => panic!("{why}"),
                };
                assert!(ours.stored == points[0].stored && room(n, rule), "{} under {policy:?}: {why}", ours.stored);
            }
        }
    }
    assert_eq!(n_cases, 56);
}

fn point(seq: u64, stored: Timestamp) -> PointInTime {
    PointInTime { id: seq.to_string(), seq, stored, complete: true, verified: false, suspicious: false, held: None }
}

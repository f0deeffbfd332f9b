//! The business impact analysis: what the plan promises beside what drills achieved.

use records::Event;
use records::drill::{PointAge, Verdict};
use registers::impact::{Gap, ImpactRow, rows};

use super::{drilled, facts, plan, plan_with};

fn row<'r>(rows: &'r [ImpactRow], id: &str) -> &'r ImpactRow {
    rows.iter().find(|row| row.service.as_str() == id).unwrap()
}

#[test]
fn the_longest_tolerable_outage_is_derived_with_the_category_that_sets_it() {
    let plan = plan();
    let rows = rows(&plan, &facts(&plan, &[]), super::at("2026-11-01"));
    let mtpd = row(&rows, "lims").mtpd.clone().unwrap();
    assert_eq!((mtpd.after.to_string().as_str(), mtpd.category.as_str()), ("1d", "operations"));
    assert_eq!(row(&rows, "lims").deputy.as_ref().unwrap().as_str(), "j.okafor");
}

#[test]
fn rows_come_in_order_of_tier() {
    let plan = plan();
    let order: Vec<String> = rows(&plan, &facts(&plan, &[]), super::at("2026-11-01")).iter().map(|row| row.service.to_string()).collect();
    assert_eq!(order, ["lims", "login", "wiki"]);
}

#[test]
fn the_latest_pass_tells_what_was_achieved_and_a_later_failure_does_not_change_that() {
    let plan = plan();
    let events = [
        drilled(&plan, "2026-09-05T01:00:00", Verdict::Pass, 1000, 1000),
        drilled(&plan, "2026-10-05T01:00:00", Verdict::Pass, 600_000, 1_800_000),
        drilled(&plan, "2026-11-05T01:00:00", Verdict::Fail, 1, 1),
    ];
    let rows = rows(&plan, &facts(&plan, &events), super::at("2026-11-01"));
    let achieved = row(&rows, "lims").achieved.clone().unwrap();
    assert_eq!((achieved.rto_ms, achieved.rpo_ms), (Some(600_000), Some(1_800_000)));
    assert_eq!(row(&rows, "lims").gaps, []);
    assert_eq!(row(&rows, "login").achieved, None, "what others run is relied on, not recovered");
}

#[test]
fn gaps_name_what_is_missing_and_what_was_missed() {
    let plan = plan();
    let before = rows(&plan, &facts(&plan, &[]), super::at("2026-11-01"));
    assert_eq!(row(&before, "lims").gaps, [Gap::NeverProven]);
    assert_eq!(row(&before, "wiki").gaps, [Gap::NoOwner, Gap::NoRto, Gap::NoRpo, Gap::NoImpact, Gap::NoDrill]);
    assert_eq!(row(&before, "login").gaps, []);
    let slow = drilled(&plan, "2026-10-05T01:00:00", Verdict::Pass, 5 * 3_600_000, 2 * 3_600_000);
    let after = rows(&plan, &facts(&plan, &[slow]), super::at("2026-11-01"));
    let words: Vec<String> = row(&after, "lims").gaps.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["recovery took 5 h", "data of 2 h was lost"]);
}

#[test]
fn a_service_that_a_drill_recovers_because_another_needs_it_is_covered() {
    let plan = plan_with(&[("needs: [login]", "needs: [login, wiki]")]);
    let rows = rows(&plan, &facts(&plan, &[]), super::at("2026-11-01"));
    assert!(row(&rows, "wiki").gaps.contains(&Gap::NeverProven));
    assert!(!row(&rows, "wiki").gaps.contains(&Gap::NoDrill));
}

#[test]
fn a_source_with_an_rpo_of_its_own_is_held_against_that_one() {
    let plan = plan();
    let source = plan.services.get("lims").unwrap().sources[0].clone();
    let gaps = |age_ms: u64, rpo_ms: u64| {
        let (when, event) = drilled(&plan, "2026-10-05T01:00:00", Verdict::Pass, 1000, age_ms);
        let Event::DrillFinished(mut done) = event else { panic!("a drill that ended") };
        done.record.objectives[0].rpo_point = Some(PointAge { source: source.clone(), age_ms, rpo_ms });
        let mut plan = plan.clone();
        plan.sources.get_mut(&source).unwrap().rpo = Some(base::Span::seconds(rpo_ms / 1000));
        let facts = facts(&plan, &[(when, done.into())]);
        let matters = registers::trouble::list(&plan, &facts);
        let missed = matters.iter().any(|matter| matter.kind == registers::matter::Kind::ObjectiveMissed);
        (row(&rows(&plan, &facts, super::at("2026-11-01")), "lims").gaps.len(), missed)
    };
    assert_eq!(gaps(2 * 3_600_000, 4 * 3_600_000), (0, false), "older than the service's hour, as its own four allow");
    assert_eq!(gaps(1_800_000, 60_000), (1, true));
}

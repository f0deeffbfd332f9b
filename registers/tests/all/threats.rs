//! The threat register: scores, credit for controls, order, and when someone has to look again.

use plans::plan::{Band, Score};
use records::drill::Verdict;
use registers::threat::{Credit, NoCredit, ThreatRow, rows};

use super::{at, drilled, facts, loaded, plan, plan_with};

fn row<'r>(rows: &'r [ThreatRow], id: &str) -> &'r ThreatRow {
    rows.iter().find(|row| row.id.as_str() == id).unwrap()
}

#[test]
fn bands_follow_the_product_and_impact_five_is_never_low() {
    let bands: Vec<Band> =
        [(1, 4), (1, 5), (3, 3), (2, 5), (5, 2), (3, 5), (5, 5)].map(|(likelihood, impact)| Score { likelihood, impact }.band()).into();
    assert_eq!(bands, [Band::Low, Band::Medium, Band::Medium, Band::High, Band::High, Band::Extreme, Band::Extreme]);
}

#[test]
fn a_control_counts_only_while_its_drill_has_passed_within_its_cadence() {
    let plan = plan();
    let shown = |events: &[_], now: &str| {
        let rows = rows(&plan, &facts(&plan, events), at(now));
        let row = row(&rows, "T-01");
        let why = match row.credit {
            Credit::Proven { .. } => None,
            Credit::None { why } => Some(why),
        };
        (row.shown.score, why)
    };
    let pass = drilled(&plan, "2026-10-05T01:00:00", Verdict::Pass, 1, 1);
    let fail = drilled(&plan, "2026-10-20T01:00:00", Verdict::Fail, 1, 1);
    let void = drilled(&plan, "2026-10-20T01:00:00", Verdict::Void, 1, 1);
    let aborted = drilled(&plan, "2026-10-20T01:00:00", Verdict::Aborted, 1, 1);
    assert_eq!(shown(&[], "2026-11-01"), (15, Some(NoCredit::NeverDrilled)));
    assert_eq!(shown(std::slice::from_ref(&pass), "2026-11-01"), (6, None));
    assert_eq!(shown(std::slice::from_ref(&pass), "2026-11-05T02:30:00"), (6, None), "while the next run is at work");
    assert_eq!(shown(std::slice::from_ref(&pass), "2026-11-08"), (15, Some(NoCredit::Lapsed)));
    assert_eq!(shown(&[pass.clone(), fail.clone()], "2026-11-01"), (15, Some(NoCredit::NotPassed)));
    assert_eq!(shown(&[pass.clone(), void], "2026-11-01"), (15, Some(NoCredit::NotPassed)));
    assert_eq!(shown(&[pass.clone(), aborted], "2026-11-01"), (6, None), "an aborted run says nothing");
    let again = drilled(&plan, "2026-10-21T01:00:00", Verdict::Pass, 1, 1);
    assert_eq!(shown(&[pass, fail, again], "2026-11-01"), (6, None));
}

#[test]
fn without_a_drill_a_stated_residual_counts_for_nothing() {
    let plan = plan();
    let rows = rows(&plan, &facts(&plan, &[]), at("2026-11-01"));
    assert_eq!((row(&rows, "T-04").shown.score, &row(&rows, "T-04").credit), (8, &Credit::None { why: NoCredit::NoDrill }));
    assert_eq!(row(&rows, "T-03").credit, Credit::None { why: NoCredit::NoResidual });
}

#[test]
fn rows_come_worst_first_and_ties_by_impact() {
    let plan = plan();
    let ids = |events: &[_]| -> Vec<String> {
        rows(&plan, &facts(&plan, events), at("2026-11-01")).iter().map(|row| row.id.to_string()).collect()
    };
    // T-02 and T-04 both stand at 8: the greater impact comes first.
    assert_eq!(ids(&[]), ["T-01", "T-02", "T-04", "T-03"]);
    assert_eq!(ids(&[drilled(&plan, "2026-10-05T01:00:00", Verdict::Pass, 1, 1)]), ["T-02", "T-04", "T-01", "T-03"]);
}

#[test]
fn what_stands_above_the_appetite_is_marked_until_someone_accepts_it_for_a_time() {
    let plan = plan();
    let above = |now: &str| -> Vec<String> {
        let rows = rows(&plan, &facts(&plan, &[]), at(now));
        rows.iter().filter(|row| row.above_appetite).map(|row| row.id.to_string()).collect()
    };
    assert_eq!(above("2026-11-01"), ["T-01", "T-04"]);
    assert_eq!(above("2027-03-31T21:59:59"), ["T-01", "T-04"], "the acceptance holds to the end of its last day in Berlin");
    assert_eq!(above("2027-03-31T22:00:00"), ["T-01", "T-02", "T-04"]);
}

#[test]
fn a_row_is_looked_at_again_after_the_time_of_its_band_and_never_later_than_the_plans_review() {
    let plan = plan();
    let next = |plan: &plans::Plan, id: &str| {
        let rows = rows(plan, &facts(plan, &[loaded(plan, "2026-10-01")]), at("2026-11-01"));
        row(&rows, id).next_review.unwrap().to_string()
    };
    // Midnight in Berlin is 22:00 UTC in summer and 23:00 in winter.
    assert_eq!(next(&plan, "T-01"), "2027-01-01T23:00:00Z", "extreme: three months");
    assert_eq!(next(&plan, "T-04"), "2027-04-01T22:00:00Z", "medium: six months");
    assert_eq!(next(&plan, "T-02"), "2027-03-31T22:00:00Z", "the acceptance ends before the six months");
    let often = plan_with(&[("review:\n  sign", "review:\n  every: 2 months\n  sign")]);
    assert_eq!(next(&often, "T-04"), "2026-12-01T23:00:00Z", "the plan's own review is more frequent");
    let never = plan_with(&[("services: [lims], reviewed: 2026-10-02}", "services: [lims]}")]);
    assert_eq!(next(&never, "T-03"), "2026-10-01T00:00:00Z", "nobody ever looked: due since it came into force");
}

#[test]
fn an_acceptance_without_name_or_end_accepts_nothing() {
    let above = |from: &str, to: &str| {
        let plan = plan_with(&[(from, to)]);
        rows(&plan, &facts(&plan, &[]), at("2026-11-01")).iter().any(|row| row.id.as_str() == "T-02" && row.above_appetite)
    };
    assert!(!above("treat: accept", "treat: accept"));
    assert!(above("accepted_by: q.ansari, until: 2027-03-31", "accepted_by: q.ansari"), "for ever is not for a time");
    assert!(above("accepted_by: q.ansari, until: 2027-03-31", "until: 2027-03-31"), "nobody's acceptance");
    assert!(above("treat: accept, ", ""), "what is reduced is not accepted");
}

#[test]
fn a_look_that_is_still_to_come_and_a_drill_from_years_ahead_count_for_nothing() {
    let plan = plan_with(&[("services: [lims], reviewed: 2026-10-02}", "services: [lims], reviewed: 2099-01-01}")]);
    let events = [loaded(&plan, "2026-10-01"), drilled(&plan, "2035-01-01T00:00:00", Verdict::Pass, 1, 1)];
    let rows = rows(&plan, &facts(&plan, &events), at("2026-11-01"));
    assert!(row(&rows, "T-03").late, "{:?}", row(&rows, "T-03"));
    assert_eq!(row(&rows, "T-01").credit, Credit::None { why: NoCredit::NeverDrilled });
    let late = registers::overdue::list(&plan, &facts(&plan, &events), None, at("2026-11-03"));
    assert!(late.iter().any(|matter| matter.object == "threat T-03" && matter.what.contains("still to come")), "{late:#?}");
    assert!(late.iter().any(|matter| matter.object == "drill lims-monthly"), "{late:#?}");
}

//! What is late and what went wrong, at instants just before and just after.

use jiff::Timestamp;
use plans::review::SignedReview;
use records::Event;
use records::drill::Verdict;
use records::event::{BackupStarted, Trigger};
use registers::{Kind, Matter, overdue, trouble};

use super::{at, backed_up, backup_failed, checked, drilled, facts, loaded, plan, plan_with};

/// Everything late at `now` of the kind, under a review that was signed in October.
fn late(plan: &plans::Plan, events: &[(Timestamp, Event)], now: &str, kind: Kind) -> Vec<Matter> {
    let signed = SignedReview { at: at("2026-10-01"), fingerprint: plan.fingerprint };
    overdue::list(plan, &facts(plan, events), Some(&signed), at(now)).into_iter().filter(|matter| matter.kind == kind).collect()
}

#[test]
fn a_backup_is_late_when_the_newest_complete_restore_point_is_older_than_the_rpo() {
    let plan = plan();
    let events = [
        loaded(&plan, "2026-10-01"),
        backed_up("lims-files", "2026-11-01T10:00:00", true),
        backed_up("lims-files", "2026-11-01T10:30:00", false), // does not count
        backup_failed("lims-files", "2026-11-01T10:37:00", false),
    ];
    let of_lims = |now: &str| -> Vec<Matter> {
        late(&plan, &events, now, Kind::BackupOverdue).into_iter().filter(|matter| matter.object.starts_with("lims")).collect()
    };
    assert_eq!(of_lims("2026-11-01T10:59:59"), []);
    let expected = Matter {
        kind: Kind::BackupOverdue,
        object: "lims-files in vault".to_owned(),
        since: at("2026-11-01T11:00:00"),
        owner: Some("d.petrova".parse().unwrap()),
        what: "the newest complete restore point is 3 h old; the RPO is 1h".to_owned(),
        todo: "lifeboat backup lims-files".to_owned(),
    };
    assert_eq!(of_lims("2026-11-01T13:00:00"), [expected]);
}

#[test]
fn a_backup_that_never_ran_is_late_too() {
    let plan = plan();
    let events = [loaded(&plan, "2026-10-01")];
    assert_eq!(late(&plan, &events, "2026-10-01T00:59:59", Kind::BackupOverdue), []);
    let after = late(&plan, &events, "2026-10-01T01:00:00", Kind::BackupOverdue);
    assert_eq!(after.iter().map(|matter| matter.what.as_str()).collect::<Vec<_>>(), ["there is no complete restore point; the RPO is 1h"]);
}

#[test]
fn a_change_of_the_plan_does_not_hide_a_backup_that_was_begun_and_never_done() {
    let (before, after) = (plan(), plan_with(&[("rto: 4h", "rto: 3h")]));
    let begun = BackupStarted {
        run: "run".to_owned(),
        source: "lims-files".parse().unwrap(),
        repository: "vault".parse().unwrap(),
        trigger: Trigger::Schedule,
        planned_at: None,
    };
    let events = [loaded(&before, "2026-10-01"), (at("2026-10-01T00:07:00"), begun.into()), loaded(&after, "2026-10-01T02:00:00")];
    let since: Vec<Timestamp> = late(&after, &events, "2026-10-01T02:00:01", Kind::BackupOverdue).iter().map(|m| m.since).collect();
    assert_eq!(since, [at("2026-10-01T01:07:00")]);
}

#[test]
fn without_an_rpo_the_schedule_is_the_promise() {
    let plan = plan();
    let events = [loaded(&plan, "2026-10-01"), backed_up("wiki-files", "2026-11-10T02:00:00", true)];
    let of_wiki = |now: &str| late(&plan, &events, now, Kind::BackupOverdue).iter().filter(|m| m.object.starts_with("wiki")).count();
    assert_eq!(of_wiki("2026-11-11T02:30:00"), 0, "the next run is still at work");
    assert_eq!(of_wiki("2026-11-11T12:00:00"), 1);
}

#[test]
fn a_drill_is_late_when_its_cadence_and_its_grace_have_passed() {
    let plan = plan();
    let events = [loaded(&plan, "2026-10-01"), drilled(&plan, "2026-10-05T01:00:00", Verdict::Fail, 1, 1)];
    assert_eq!(late(&plan, &events, "2026-11-05T02:00:00", Kind::DrillOverdue), []);
    let after = late(&plan, &events, "2026-11-08", Kind::DrillOverdue);
    assert_eq!(after.iter().map(|matter| matter.todo.as_str()).collect::<Vec<_>>(), ["lifeboat drill run lims-monthly"]);
    assert!(after[0].since > at("2026-11-05T01:00:00") && after[0].since < at("2026-11-08"), "{}", after[0].since);
}

#[test]
fn a_drill_that_never_ran_is_late_after_its_grace() {
    let plan = plan();
    let events = [loaded(&plan, "2026-10-01")];
    assert_eq!(late(&plan, &events, "2026-10-01T23:59:59", Kind::DrillOverdue), []);
    assert_eq!(late(&plan, &events, "2026-10-02", Kind::DrillOverdue).len(), 1);
}

#[test]
fn a_threat_that_nobody_looked_at_is_late() {
    let plan = plan();
    let events = [loaded(&plan, "2026-10-01"), drilled(&plan, "2026-12-05T02:00:00", Verdict::Pass, 1, 1)];
    let after = late(&plan, &events, "2027-03-31T22:00:00", Kind::ThreatOverdue);
    let rows: Vec<(&str, &str)> = after.iter().map(|matter| (matter.object.as_str(), matter.what.as_str())).collect();
    assert_eq!(
        rows,
        [
            ("threat T-01", "someone last looked at it on 2026-10-02; it stands at 15 (extreme)"),
            ("threat T-02", "its acceptance has ended; it stands at 8 (medium)"),
        ]
    );
}

#[test]
fn a_review_is_due_by_the_calendar_by_a_change_and_if_there_never_was_one() {
    let plan = plan();
    let reviews = |signed: Option<&SignedReview>, now: &str| -> Vec<(Kind, String, String)> {
        let facts = facts(&plan, &[loaded(&plan, "2026-10-01")]);
        let list = overdue::list(&plan, &facts, signed, at(now)).into_iter();
        list.filter(|m| matches!(m.kind, Kind::ReviewOverdue | Kind::ReviewSoon)).map(|m| (m.kind, m.object, m.what)).collect()
    };
    let signed = SignedReview { at: at("2026-10-01"), fingerprint: plan.fingerprint };
    assert_eq!(reviews(Some(&signed), "2027-02-28"), []);
    let soon = |ahead: &str| (Kind::ReviewSoon, format!("plan helix-lab, {ahead} ahead"), "the review is due on 2027-04-01".to_owned());
    assert_eq!(reviews(Some(&signed), "2027-03-15"), [soon("30d")]);
    assert_eq!(reviews(Some(&signed), "2027-03-30"), [soon("30d"), soon("7d")]);
    let overdue = |what: &str| (Kind::ReviewOverdue, "plan helix-lab".to_owned(), what.to_owned());
    assert_eq!(reviews(Some(&signed), "2027-04-02"), [overdue("the last signed review is older than 6 months")]);
    let other = SignedReview { fingerprint: base::Digest::of(b"another plan"), ..signed };
    let changed = overdue("the plan differs from the one that was last reviewed and signed");
    assert_eq!(reviews(Some(&other), "2026-10-02"), [changed]);
    assert_eq!(reviews(None, "2027-04-02"), [overdue("no review of the plan was ever signed")]);
}

#[test]
fn trouble_stays_open_until_the_same_thing_went_well() {
    let plan = plan();
    let open = |events: &[(Timestamp, Event)]| -> Vec<(Kind, String)> {
        trouble::list(&plan, &facts(&plan, events)).into_iter().map(|matter| (matter.kind, matter.what)).collect()
    };
    let mut events = vec![backup_failed("lims-files", "2026-11-01T10:00:00", true)];
    assert_eq!(open(&events), [], "a run that was cut short did not go wrong");
    events.push(backup_failed("lims-files", "2026-11-01T10:37:00", false));
    let failed = "the last run went wrong: there is no repository at file:///srv/vault".to_owned();
    assert_eq!(open(&events), [(Kind::BackupFailed, failed)]);
    events.push(backed_up("lims-files", "2026-11-01T11:00:00", false));
    let twice = "the last 2 runs went wrong: 3 paths could not be read".to_owned();
    assert_eq!(open(&events), [(Kind::BackupFailed, twice)]);
    assert_eq!(trouble::list(&plan, &facts(&plan, &events))[0].since, at("2026-11-01T10:37:00"));
    events.push(backed_up("lims-files", "2026-11-01T12:00:00", true));
    assert_eq!(open(&events), []);

    events.push(checked("vault", "2026-11-02", &["packs/00 is missing"]));
    events.push(drilled(&plan, "2026-11-05T02:00:00", Verdict::Fail, 5 * 3_600_000, 1));
    assert_eq!(
        open(&events),
        [
            (Kind::Damage, "a check found damage in 1 place: packs/00 is missing".to_owned()),
            (Kind::DrillFailed, "the last run failed: the check \"there\" failed".to_owned()),
            (Kind::ObjectiveMissed, "lims: recovery took 5 h of 4 h".to_owned()),
        ]
    );
    events.push(checked("vault", "2026-11-06", &[]));
    events.push(drilled(&plan, "2026-11-06T02:00:00", Verdict::Pass, 1, 1));
    assert_eq!(open(&events), []);
}

#[test]
fn what_the_plan_no_longer_has_troubles_nobody() {
    let before = plan();
    let events = [backup_failed("wiki-files", "2026-11-01T10:37:00", false), checked("old-vault", "2026-11-02", &["gone"])];
    assert_eq!(trouble::list(&before, &facts(&before, &events)).len(), 1);
    let after = plan_with(&[
        ("  wiki: {title: Wiki, sources: [wiki-files]}\n", "  wiki: {title: Wiki, sources: [lims-files]}\n"),
        ("  wiki-files: {files: {paths: [/srv/wiki]}, schedule: \"0 3 * * *\", expect_run: 10m, copies: one}\n", ""),
    ]);
    assert_eq!(trouble::list(&after, &facts(&after, &events)), []);
}

#[test]
fn a_restore_point_from_years_ahead_is_late_until_there_is_one_whose_age_is_known() {
    let plan = plan();
    let wiki = |events: &[_], now: &str| -> Vec<String> {
        let late = registers::overdue::list(&plan, &facts(&plan, events), None, at(now)).into_iter();
        late.filter(|matter| matter.object == "wiki-files in vault").map(|matter| matter.what).collect()
    };
    let mut events = vec![loaded(&plan, "2026-11-01"), backed_up("wiki-files", "2035-01-01T03:00:00", true)];
    let found = wiki(&events, "2026-11-02");
    assert_eq!(found, ["the newest complete restore point is dated 2035-01-01, which is still to come, so its age is not known"]);
    events.push(backed_up("wiki-files", "2026-11-02T03:00:00", true));
    assert_eq!(wiki(&events, "2026-11-02T04:00:00"), Vec::<String>::new());
    assert_eq!(wiki(&events, "2026-11-09").len(), 1, "and it is late again when the next one does not come");
}

//! What is due, and what is proven.

use std::collections::BTreeMap;

use base::id::{DrillId, RepositoryId, SourceId};
use jiff::{Timestamp, ToSpan};
use plans::Plan;
use plans::posture::{DrillFact, Harm, Outcome, Posture, Stored, answer, of_service};
use plans::{backup, drill};
use proptest::prelude::*;

use crate::support::{at, changed, of_manual, plan};

fn pair(source: &str, repository: &str) -> (SourceId, RepositoryId) {
    (source.parse().unwrap(), repository.parse().unwrap())
}

/// The pairs of the fuller plan, all begun at one time.
fn begun(time: &str) -> BTreeMap<(SourceId, RepositoryId), Timestamp> {
    let pairs = [("orders", "vault"), ("orders", "away"), ("templates", "vault"), ("templates", "away")];
    pairs.iter().map(|(source, repository)| (pair(source, repository), at(time))).collect()
}

fn due(plan: &Plan, last: &BTreeMap<(SourceId, RepositoryId), Timestamp>, now: &str) -> Vec<String> {
    let due = backup::due(plan, last, at(now));
    due.iter().map(|due| format!("{} to {}, planned {}, missed {}", due.source, due.repository, due.planned_at, due.missed)).collect()
}

#[test]
fn what_never_ran_is_due_at_once() {
    let plan = plan(of_manual(1));
    let found = due(&plan, &BTreeMap::new(), "2026-11-24T12:00:00Z");
    assert_eq!(found.len(), 4);
    assert_eq!(found[0], "orders to away, planned 2026-11-24T12:00:00Z, missed 0");
}

#[test]
fn a_copy_that_was_never_made_goes_before_one_that_is_due_again() {
    let plan = plan(of_manual(1));
    let mut last = begun("2026-11-24T12:00:00Z");
    last.remove(&pair("orders", "vault"));
    let found = due(&plan, &last, "2026-11-24T12:40:00Z");
    assert_eq!(found[0], "orders to vault, planned 2026-11-24T12:40:00Z, missed 0");
    assert!(found.len() > 1, "others wait as well: {found:?}");
}

#[test]
fn a_backup_is_due_at_its_time_and_missed_runs_are_caught_up_once() {
    let plan = plan(of_manual(1));
    // orders runs at :07 and :37, templates at 00:30 and 12:30 in Berlin, which is an hour before UTC.
    let last = begun("2026-11-24T12:00:00Z");
    assert_eq!(due(&plan, &last, "2026-11-24T12:06:59Z"), Vec::<String>::new());
    let first = ["orders to away, planned 2026-11-24T12:07:00Z, missed 0", "orders to vault, planned 2026-11-24T12:07:00Z, missed 0"];
    assert_eq!(due(&plan, &last, "2026-11-24T12:07:00Z"), first);
    let mut later = due(&plan, &last, "2026-11-24T23:40:00Z");
    later.retain(|line| line.contains("vault"));
    let expected =
        ["templates to vault, planned 2026-11-24T23:30:00Z, missed 0", "orders to vault, planned 2026-11-24T23:37:00Z, missed 23"];
    assert_eq!(later, expected);
    // A run that began at its planned time, or later, has answered it.
    assert_eq!(due(&plan, &begun("2026-11-24T23:37:00Z"), "2026-11-24T23:40:00Z"), Vec::<String>::new());
    // After ten years the count of missed runs ends, and it is still one backup for each pair.
    let found = due(&plan, &begun("2016-01-01T00:00:00Z"), "2026-11-24T12:00:00Z");
    assert_eq!(found.len(), 4);
    assert!(found.iter().any(|line| line.ends_with(&format!("missed {}", backup::MAX_MISSED))));
}

#[test]
fn a_clock_that_went_back_by_hours_starts_nothing_twice() {
    let plan = plan(of_manual(1));
    assert_eq!(due(&plan, &begun("2026-11-24T12:00:00Z"), "2026-11-23T13:00:00Z"), Vec::<String>::new());
}

#[test]
fn a_run_under_a_clock_that_stood_years_ahead_does_not_end_all_runs_until_then() {
    let plan = plan(of_manual(1));
    let found = due(&plan, &begun("2035-01-01T00:00:00Z"), "2026-11-24T12:00:00Z");
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(
        drill::due(&plan, &BTreeMap::from([("shop-monthly".parse().unwrap(), at("2035-01-01T00:00:00Z"))]), at("2026-11-24T12:00:00Z"))
            .len(),
        1
    );
}

#[test]
fn a_drill_is_due_at_once_when_new_and_then_by_its_schedule() {
    let plan = plan(of_manual(1));
    let id: DrillId = "shop-monthly".parse().unwrap();
    let now = at("2026-11-24T12:00:00Z");
    let first = drill::due(&plan, &BTreeMap::new(), now);
    assert_eq!((first.len(), first[0].first, first[0].planned_at), (1, true, now));
    let due = |last: &str, now: &str| drill::due(&plan, &BTreeMap::from([(id.clone(), at(last))]), at(now));
    // 03:00 on the 5th in Berlin.
    assert_eq!(due("2026-11-24T12:00:00Z", "2026-12-05T01:59:59Z"), []);
    let found = due("2026-11-24T12:00:00Z", "2026-12-05T02:00:00Z");
    assert_eq!((found[0].planned_at, found[0].first), (at("2026-12-05T02:00:00Z"), false));
    // Three months late it is still one drill, for the newest time.
    assert_eq!(due("2026-08-01T00:00:00Z", "2026-11-24T12:00:00Z")[0].planned_at, at("2026-11-05T02:00:00Z"));
}

proptest! {
    #[test]
    fn whoever_starts_what_is_due_is_asked_for_no_run_twice_and_for_none_in_the_future(
        start in 1_790_000_000_i64..1_800_000_000, steps in proptest::collection::vec(1_i64..200_000, 1..20),
    ) {
        let plan = plan(of_manual(0));
        let (mut now, mut last) = (Timestamp::from_second(start).unwrap(), BTreeMap::new());
        for step in steps {
            let due = backup::due(&plan, &last, now);
            for one in &due {
                prop_assert!(one.planned_at <= now);
                prop_assert!(last.get(&(one.source.clone(), one.repository.clone())).is_none_or(|last| *last < one.planned_at));
                last.insert((one.source.clone(), one.repository.clone()), now);
            }
            prop_assert!(backup::due(&plan, &last, now).is_empty());
            now = now.checked_add(step.seconds()).unwrap();
        }
    }
}

#[test]
fn the_rpo_of_now_is_that_of_the_source_that_is_furthest_behind_its_own_promise() {
    use plans::objective::{Verdict, rpo_now};
    let plan = plan(of_manual(1));
    let judge = |newest: &[(&str, &str)], now: &str| {
        let newest = newest.iter().map(|(source, taken)| (source.parse().unwrap(), at(taken))).collect();
        let found = rpo_now(&plan, &plan.services["shop"], &newest, at(now));
        (found.measured.map(|lost| lost.as_secs()), found.verdict)
    };
    // orders has the RPO of the shop, one hour; templates has one of its own, a day.
    let both = [("orders", "2026-11-24T12:00:00Z"), ("templates", "2026-11-24T00:30:00Z")];
    assert_eq!(judge(&both, "2026-11-24T13:00:00Z"), (Some(3600), Verdict::Met));
    assert_eq!(judge(&both, "2026-11-24T13:00:01Z"), (Some(3601), Verdict::Missed));
    let fresh = [("orders", "2026-11-25T00:30:00Z"), ("templates", "2026-11-24T00:30:00Z")];
    assert_eq!(judge(&fresh, "2026-11-25T00:30:01Z"), (Some(86_401), Verdict::Missed));
    assert_eq!(judge(&both, "2026-11-24T00:00:00Z"), (Some(0), Verdict::Met), "a clock that was set back by hours");
    assert_eq!(judge(&both, "2020-01-01T00:00:00Z"), (None, Verdict::Unknown), "a restore point from years ahead");
    assert_eq!(judge(&both[..1], "2026-11-24T12:30:00Z"), (None, Verdict::Unknown));
}

fn fact(plan: &Plan, started: &str, outcome: Outcome) -> DrillFact {
    DrillFact {
        drill: "shop-monthly".parse().unwrap(),
        services: vec!["shop".parse().unwrap()],
        started: at(started),
        outcome,
        fingerprint: plan.fingerprint,
    }
}

#[test]
fn a_service_is_proven_only_by_its_latest_drill_on_this_plan_within_its_cadence() {
    let plan = plan(of_manual(1));
    let other = crate::support::plan(&changed(&[("hourly: 48", "hourly: 47")]));
    let now = at("2026-11-24T12:00:00Z");
    let pass = |started: &str| fact(&plan, started, Outcome::Pass);
    let ended = |started: &str, outcome| fact(&plan, started, outcome);
    for (facts, posture, reason) in [
        (vec![], Posture::Never, Some("no drill of it ever came to an end")),
        (vec![pass("2026-11-05T02:00:00Z")], Posture::Proven, None),
        (
            vec![pass("2026-11-05T02:00:00Z"), ended("2026-11-06T02:00:00Z", Outcome::Fail)],
            Posture::Failed,
            Some("the drill shop-monthly failed"),
        ),
        (vec![ended("2026-11-06T02:00:00Z", Outcome::Fail), pass("2026-11-07T02:00:00Z")], Posture::Proven, None),
        (
            vec![pass("2026-11-05T02:00:00Z"), ended("2026-11-06T02:00:00Z", Outcome::Void)],
            Posture::Failed,
            Some("the drill shop-monthly proved nothing"),
        ),
        // An aborted drill says nothing, for better or worse.
        (vec![pass("2026-11-05T02:00:00Z"), ended("2026-11-06T02:00:00Z", Outcome::Aborted)], Posture::Proven, None),
        (vec![ended("2026-11-06T02:00:00Z", Outcome::Aborted)], Posture::Never, Some("no drill of it ever came to an end")),
        (vec![pass("2026-10-05T02:00:00Z")], Posture::Stale, Some("the last drill is older than its cadence of 31 d 1 h")),
        (vec![fact(&other, "2026-11-05T02:00:00Z", Outcome::Pass)], Posture::Stale, Some("the plan has changed since the last drill")),
        (vec![pass("2027-01-01T00:00:00Z")], Posture::Never, Some("no drill of it ever came to an end")),
    ] {
        let found = of_service(&plan, &plan.services["shop"], &facts, &Stored::default(), now);
        assert_eq!((found.posture, found.reason.as_deref()), (posture, reason), "{facts:?}");
    }
}

#[test]
fn the_five_numbers_count_copies_media_sites_accounts_and_errors() {
    let full = plan(of_manual(1));
    let now = at("2026-11-24T12:00:00Z");
    let numbers = |plan: &Plan, service: &str, errors: &[(&str, u64)]| {
        let errors = errors.iter().map(|(id, n)| (id.parse().unwrap(), *n)).collect();
        of_service(plan, &plan.services[service], &[], &Stored { errors, ..Stored::default() }, now).copies.to_string()
    };
    assert_eq!(numbers(&full, "shop", &[]), "2-2-1-1-?");
    assert_eq!(numbers(&full, "shop", &[("vault", 0)]), "2-2-1-1-?");
    assert_eq!(numbers(&full, "shop", &[("vault", 0), ("away", 3)]), "2-2-1-1-3");
    // One source with a single copy pulls the whole service down.
    let one = plan(&changed(&[("{to: [vault, away]}", "{to: [vault]}")]));
    assert_eq!(numbers(&one, "shop", &[("vault", 0), ("away", 0)]), "1-1-0-0-0");
    assert_eq!(numbers(&plan(of_manual(0)), "web", &[("local", 0)]), "1-1-0-0-0");
}

#[test]
fn one_sentence_says_whether_we_can_recover() {
    let yaml = changed(&[
        ("external: true, objectives: {rto: 1h}}", "external: true, objectives: {rto: 1h}}\n  wiki: {tier: low, sources: [templates]}"),
        ("    services: [shop]\n    depth", "    services: [shop, wiki]\n    depth"),
    ]);
    let plan = plan(&yaml);
    let now = at("2026-11-24T12:00:00Z");
    let fact =
        |service: &str, outcome| DrillFact { services: vec![service.parse().unwrap()], ..fact(&plan, "2026-11-05T02:00:00Z", outcome) };
    for (facts, worst, sentence) in [
        (vec![], "shop", "0 of 2 services are proven recoverable; shop was never drilled."),
        (vec![fact("shop", Outcome::Pass)], "wiki", "1 of 2 services are proven recoverable; wiki was never drilled."),
        (vec![fact("wiki", Outcome::Fail)], "wiki", "0 of 2 services are proven recoverable; wiki failed its last drill."),
        (vec![fact("shop", Outcome::Pass), fact("wiki", Outcome::Pass)], "shop", "All 2 services can be recovered."),
    ] {
        let found = answer(&plan, &facts, &Stored::default(), now);
        assert_eq!((found.services[0].service.as_str(), found.sentence().as_str()), (worst, sentence));
        assert_eq!(found.services.len(), 2, "what is external is not recovered");
    }
}

#[test]
fn data_that_no_repository_holds_whole_is_lost_whatever_a_drill_proved() {
    let plan = plan(of_manual(1));
    let now = at("2026-11-24T12:00:00Z");
    let harm = |what: &str, whole| Harm { what: what.to_owned(), whole };
    let of = |harmed: Vec<((SourceId, RepositoryId), Harm)>| {
        let stored = Stored { harmed: harmed.into_iter().collect(), ..Stored::default() };
        of_service(&plan, &plan.services["shop"], &[], &stored, now)
    };
    let in_vault = (pair("orders", "vault"), harm("its newest restore point is damaged in vault", None));
    let one = of(vec![in_vault.clone()]);
    assert_eq!(one.posture, Posture::Never, "another repository has it");
    assert_eq!(one.harmed.as_deref(), Some("its newest restore point is damaged in vault"));
    let whole = Some(("9f3c41d7aaaa".to_owned(), at("2026-11-24T09:30:00Z")));
    let both = of(vec![in_vault, (pair("orders", "away"), harm("it is gone from away", whole))]);
    assert_eq!(both.posture, Posture::Lost);
    let reason = both.reason.unwrap();
    assert!(reason.contains("nothing is known against 9f3c41d7 of 2026-11-24 09:30 UTC"), "{reason}");
}

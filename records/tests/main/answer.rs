//! The first sentence of a report follows from the records, whatever they say.

use base::Digest;
use records::drill::{CheckOutcome, DrillRecord, PointAge, Verdict as Outcome};
use records::event::{DrillFinished, DrillStarted, ReviewSigned, Trigger};
use records::evidence::figures::{ExceptionKind, Figures, RowResult, ServiceState, SignatureState, Verdict};
use records::evidence::{Facts, PackInput, PlannedDrill};
use records::seal::AllowedSigners;
use records::{Entry, Event};

use crate::sample::{self, Chain, drill, id, time};

fn compute(facts: &Facts, entries: &[Entry]) -> Figures {
    Figures::compute(facts, entries, &AllowedSigners::default())
}

/// One service whose drills, a week apart, end as `change` makes them.
fn history(changes: &[fn(&mut DrillRecord)]) -> Figures {
    let PackInput { mut facts, .. } = sample::smallest();
    let mut chain = Chain::after(0);
    facts.planned.clear();
    for (week, change) in changes.iter().enumerate() {
        let at = time("2026-07-03T03:00:00Z") + std::time::Duration::from_secs(week as u64 * 604_800);
        let mut record = drill(&facts.services[0], &format!("DR-{week}"), Some(at), at, 900, 300);
        change(&mut record);
        facts.planned.push(PlannedDrill {
            drill: record.identity.drill.clone(),
            planned_at: at,
            services: vec![facts.services[0].id.clone()],
            note: None,
        });
        if record.identity.run != "never" {
            chain.push(record.clocks.ended, DrillFinished { record: Box::new(record) });
        }
    }
    compute(&facts, &chain.entries)
}

fn pass(_: &mut DrillRecord) {}
fn fail(record: &mut DrillRecord) {
    record.outcome = Outcome::Fail;
    record.checks[0].result = CheckOutcome::Fail;
}
fn void(record: &mut DrillRecord) {
    record.outcome = Outcome::Void;
}
fn abort(record: &mut DrillRecord) {
    record.outcome = Outcome::Aborted;
}
fn late(record: &mut DrillRecord) {
    record.measured.rto_service_ms = Some(9_000_000);
}
fn old(record: &mut DrillRecord) {
    record.measured.rpo_ms = Some(9_000_000);
}
fn unmeasured(record: &mut DrillRecord) {
    record.measured.rpo_ms = None;
}
fn other_plan(record: &mut DrillRecord) {
    record.identity.plan_fingerprint = Digest::of(b"the plan as it was");
}
fn not_run(record: &mut DrillRecord) {
    "never".clone_into(&mut record.identity.run);
}

#[test]
fn the_answer_follows_from_the_latest_drill_and_what_came_before() {
    for (changes, verdict, state) in [
        (&[pass as fn(&mut DrillRecord), pass][..], Verdict::Yes, ServiceState::Met),
        (&[fail, pass], Verdict::YesWithLapses, ServiceState::Lapsed),
        (&[late, pass], Verdict::YesWithLapses, ServiceState::Lapsed),
        (&[pass, not_run], Verdict::YesWithLapses, ServiceState::MetNotAllRun),
        (&[pass, abort], Verdict::YesWithLapses, ServiceState::MetNotAllRun),
        (&[abort, pass], Verdict::YesWithLapses, ServiceState::MetNotAllRun),
        (&[pass, other_plan], Verdict::YesWithLapses, ServiceState::Stale),
        (&[pass, fail], Verdict::No, ServiceState::Failed),
        (&[pass, late], Verdict::No, ServiceState::Missed),
        (&[pass, old], Verdict::No, ServiceState::Missed),
        (&[pass, unmeasured], Verdict::No, ServiceState::Missed),
        (&[pass, void], Verdict::NotProven, ServiceState::Unproven),
        (&[void], Verdict::NotProven, ServiceState::Unproven),
        (&[abort], Verdict::NotProven, ServiceState::NotDrilled),
        (&[not_run], Verdict::NotProven, ServiceState::NotDrilled),
        (&[], Verdict::NotProven, ServiceState::NotDrilled),
    ] {
        let figures = history(changes);
        assert_eq!((figures.answer.verdict, figures.services[0].state), (verdict, state), "{:?}", figures.answer);
        assert!(figures.answer.sentence.ends_with('.'));
    }
}

#[test]
fn drills_are_counted_against_the_schedule() {
    let figures = history(&[pass, fail, void, abort, not_run, late]);
    let drills = figures.drills;
    assert_eq!((drills.planned, drills.planned_run, drills.not_run, drills.run), (6, 5, 1, 5));
    assert_eq!((drills.passed, drills.failed, drills.void, drills.aborted), (1, 2, 1, 1));
    let kinds: Vec<_> = figures.exceptions.iter().map(|exception| exception.kind).collect();
    for kind in [
        ExceptionKind::DrillFailed,
        ExceptionKind::DrillVoid,
        ExceptionKind::DrillAborted,
        ExceptionKind::DrillNotRun,
        ExceptionKind::ObjectiveMissed,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} in {kinds:?}");
    }
}

#[test]
fn a_drill_by_hand_proves_recovery_and_does_not_count_for_the_schedule() {
    let PackInput { mut facts, .. } = sample::smallest();
    let at = time("2026-07-10T03:00:00Z");
    let record = drill(&facts.services[0], "DR-hand", None, at, 900, 300);
    facts.planned =
        vec![PlannedDrill { drill: record.identity.drill.clone(), planned_at: at, services: record.scope.services.clone(), note: None }];
    let mut chain = Chain::after(0);
    chain.push(record.clocks.ended, DrillFinished { record: Box::new(record) });
    let figures = compute(&facts, &chain.entries);
    assert_eq!((figures.drills.planned, figures.drills.planned_run, figures.drills.run, figures.drills.passed), (1, 0, 1, 1));
    assert_eq!(figures.rows.len(), 2);
    assert_eq!(figures.answer.verdict, Verdict::YesWithLapses);
}

#[test]
fn a_quick_look_in_another_mode_is_a_row_that_counts_for_nothing() {
    let quick: fn(&mut DrillRecord) = |record| record.identity.quick = true;
    let figures = history(&[quick]);
    assert_eq!(figures.rows.iter().filter(|row| row.quick && row.planned_at.is_none()).count(), 1, "{:#?}", figures.rows);
    assert_eq!((figures.drills.planned, figures.drills.not_run, figures.drills.run, figures.drills.passed), (1, 1, 0, 0));
    assert_eq!((figures.answer.verdict, figures.services[0].state), (Verdict::NotProven, ServiceState::NotDrilled));
}

#[test]
fn a_drill_that_began_and_never_ended_is_a_row() {
    let PackInput { facts, .. } = sample::smallest();
    let planned = facts.planned[0].clone();
    let mut chain = Chain::after(0);
    chain.push(
        planned.planned_at,
        DrillStarted {
            run: "DR-1".to_owned(),
            drill: planned.drill,
            trigger: Trigger::Schedule,
            planned_at: Some(planned.planned_at),
            quick: false,
        },
    );
    let figures = compute(&facts, &chain.entries);
    assert_eq!(figures.rows.len(), 1);
    assert_eq!((figures.rows[0].result, figures.drills.not_run), (RowResult::Aborted, 0));
    assert_eq!(figures.rows[0].services, facts.services.iter().map(|s| s.id.clone()).collect::<Vec<_>>());
}

#[test]
fn one_services_objective_is_not_anothers() {
    let PackInput { facts, .. } = sample::quarter(2);
    let (quick, slow) = (&facts.services[0], &facts.services[1]);
    let at = time("2026-07-10T03:00:00Z");
    let mut record = drill(quick, "DR-both", None, at, 2400, 300); // 40 min: too long for identity, not for billing-db
    record.scope.services.push(slow.id.clone());
    record.objectives.push(records::drill::FrozenObjective {
        service: slow.id.clone(),
        rto_ms: slow.rto_ms,
        rpo_ms: slow.rpo_ms,
        rpo_point: None,
    });
    let mut chain = Chain::after(0);
    chain.push(record.clocks.ended, DrillFinished { record: Box::new(record) });
    let mut facts = facts.clone();
    facts.planned.clear();
    let figures = compute(&facts, &chain.entries);
    let states: Vec<_> = figures.services.iter().map(|service| service.state).collect();
    assert_eq!(states, [ServiceState::Missed, ServiceState::Met]);
}

#[test]
fn data_is_judged_by_the_promise_that_was_made_for_it() {
    let PackInput { mut facts, .. } = sample::smallest();
    facts.planned.clear();
    let service = facts.services[0].clone(); // its own objective is 900 s
    let at = time("2026-07-10T03:00:00Z");
    let judged = |age_ms: u64, rpo_ms: u64| {
        let mut record = drill(&service, "DR-1", None, at, 900, age_ms / 1000);
        record.objectives[0].rpo_point = Some(PointAge { source: service.sources[0].clone(), age_ms, rpo_ms });
        let mut chain = Chain::after(0);
        chain.push(record.clocks.ended, DrillFinished { record: Box::new(record) });
        let figures = compute(&facts, &chain.entries);
        let (row, of_service) = (&figures.rows[0], &figures.services[0]);
        assert_eq!((row.rpo_ms, row.rpo_objective_ms()), (Some(age_ms), Some(rpo_ms)), "figure and objective belong together");
        assert_eq!((of_service.rpo_oldest_ms, of_service.rpo_objective_ms), (Some(age_ms), Some(rpo_ms)));
        (row.result, of_service.state, of_service.rpo_always)
    };
    let own = service.rpo_ms.unwrap();
    assert_eq!(judged(own * 3, own * 4), (RowResult::Passed, ServiceState::Met, Some(true)), "looser than the service");
    assert_eq!(judged(own / 2, own / 4), (RowResult::RpoMissed, ServiceState::Missed, Some(false)), "tighter than the service");
    assert_eq!(judged(own, own).0, RowResult::Passed);
    assert_eq!(judged(own + 1000, own).0, RowResult::RpoMissed);
}

#[test]
fn signatures_under_reviews_are_verified_and_not_believed() {
    let input = sample::quarter(1);
    let signed = input.entries.iter().find_map(|entry| match &entry.event {
        Event::ReviewSigned(signed) => Some(signed.clone()),
        _ => None,
    });
    let signed = signed.unwrap();
    let reviewers = AllowedSigners::one("ingrid.moe", records::seal::REVIEW_NAMESPACE, &sample::reviewer().public_line()).unwrap();
    let state = |review: ReviewSigned, allowed: &AllowedSigners| {
        let mut chain = Chain::after(0);
        chain.push(time("2026-08-27T08:14:00Z"), review);
        Figures::compute(&input.facts, &chain.entries, allowed).reviews[0].signature
    };
    assert_eq!(state(signed.clone(), &reviewers), SignatureState::Good);
    assert_eq!(state(signed.clone(), &AllowedSigners::default()), SignatureState::Stranger);
    let other_words = ReviewSigned { statement: "I approved everything".to_owned(), ..signed.clone() };
    assert_eq!(state(other_words, &reviewers), SignatureState::Bad);
    let other_digest = ReviewSigned { statement_digest: Digest::of(b"x"), ..signed.clone() };
    assert_eq!(state(other_digest, &reviewers), SignatureState::Bad);
    assert_eq!(state(ReviewSigned { signature: "none".to_owned(), by: id("eve"), ..signed }, &reviewers), SignatureState::Bad);
}

#[test]
fn a_drill_that_was_cut_off_and_run_again_counts_for_its_time_once_and_by_the_run_that_ended() {
    let PackInput { mut facts, .. } = sample::smallest();
    let at = time("2026-07-10T03:00:00Z");
    let record = |run: &str| drill(&facts.services[0], run, Some(at), at, 900, 300);
    let (mut first, second) = (record("DR-1"), record("DR-2"));
    abort(&mut first);
    facts.planned =
        vec![PlannedDrill { drill: first.identity.drill.clone(), planned_at: at, services: first.scope.services.clone(), note: None }];
    let mut chain = Chain::after(0);
    chain.push(first.clocks.ended, DrillFinished { record: Box::new(first) });
    chain.push(second.clocks.ended, DrillFinished { record: Box::new(second) });
    let figures = compute(&facts, &chain.entries);
    assert_eq!((figures.drills.planned, figures.drills.planned_run, figures.drills.run), (1, 1, 2));
    assert_eq!((figures.services[0].state, figures.answer.verdict), (ServiceState::Met, Verdict::Yes));
}

#[test]
fn a_drill_of_another_plan_in_the_same_journal_proves_nothing_for_this_one() {
    let PackInput { mut facts, .. } = sample::smallest();
    facts.planned.clear();
    let at = time("2026-07-10T03:00:00Z");
    let mut record = drill(&facts.services[0], "DR-1", None, at, 900, 300);
    record.identity.plan = id("another");
    let mut chain = Chain::after(0);
    chain.push(record.clocks.ended, DrillFinished { record: Box::new(record) });
    let figures = compute(&facts, &chain.entries);
    assert_eq!((figures.rows.len(), figures.services[0].state), (0, ServiceState::NotDrilled));
}

#[test]
fn an_old_signature_and_one_by_another_reviewer_do_not_do_for_a_record_that_the_host_made_up() {
    let input = sample::quarter(1);
    let signed = input.entries.iter().find_map(|entry| match &entry.event {
        Event::ReviewSigned(signed) => Some(signed.clone()),
        _ => None,
    });
    let signed = signed.unwrap();
    let list = format!(
        "ingrid.moe {}\neve {}\n",
        sample::reviewer().public_line(),
        records::seal::SigningKey::from_seed(&[13; 32], "eve").unwrap().public_line()
    );
    let reviewers = AllowedSigners::parse(&list).unwrap();
    let state = |review: ReviewSigned| {
        let mut chain = Chain::after(0);
        chain.push(time("2026-08-27T08:14:00Z"), review);
        let figures = Figures::compute(&input.facts, &chain.entries, &reviewers);
        assert!(figures.exceptions.iter().any(|exception| exception.kind == ExceptionKind::SignatureNotGood), "{figures:#?}");
        figures.reviews[0].signature
    };
    for other in [
        ReviewSigned { review: "R-2027-01".to_owned(), ..signed.clone() },
        ReviewSigned { fingerprint: Digest::of(b"the plan of later"), ..signed.clone() },
        ReviewSigned { role: "quality".to_owned(), ..signed.clone() },
        ReviewSigned { meaning: "Approved".to_owned(), ..signed.clone() },
        ReviewSigned { name: Some("Eve".to_owned()), ..signed.clone() },
    ] {
        assert_eq!(state(other.clone()), SignatureState::Elsewhere, "{other:?}");
    }
    assert_eq!(state(ReviewSigned { by: id("eve"), ..signed }), SignatureState::Stranger);
}

#[test]
fn the_word_of_a_record_is_not_enough_for_a_drill_to_have_passed() {
    for (change, result) in [
        ((|record| record.integrity.mismatches = 1) as fn(&mut DrillRecord), RowResult::Failed),
        (|record| record.checks[0].result = CheckOutcome::Fail, RowResult::Failed),
        (|record| record.checks[0].result = CheckOutcome::Skipped, RowResult::Void),
        (|record| record.checks.clear(), RowResult::Void),
        (|record| record.negative_control.as_mut().unwrap().noticed = false, RowResult::Void),
        (|record| record.negative_control = None, RowResult::Passed),
    ] {
        assert_eq!(history(&[change]).rows[0].result, result);
    }
}

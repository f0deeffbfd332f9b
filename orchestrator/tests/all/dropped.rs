//! What becomes of restore points that were dropped: by somebody else, before a legal hold, and without a key that reads.

use std::collections::BTreeSet;
use std::time::Duration;

use orchestrator::jobs::prune::{Confirmed, Order, carry_out, look, steward};
use orchestrator::jobs::{attest, open};
use records::event::Event;
use repository::keys::{StewardRole, add_steward};
use repository::prune::say::{Said, tombstone};
use repository::prune::{Facts, SnapshotFact};
use repository::snapshots::SnapshotId;
use secrecy::ExposeSecret as _;

use super::installation::Installation;
use super::retention::{facts, hourly, live};

const SIX_HOURS: Duration = Duration::from_hours(6);

/// Other data each time, so that each restore point has packs of its own.
async fn back_up(place: &Installation, by: Duration, round: usize) {
    std::fs::write(place.source().join("a"), format!("the data of round {round}")).unwrap();
    place.advance(by).await;
}

fn has_all_packs(facts: &Facts, id: SnapshotId) -> bool {
    let packs: BTreeSet<_> = facts.packs.iter().map(|pack| pack.at.clone()).collect();
    found(facts, id).packs.iter().all(|at| packs.contains(at))
}

fn found(facts: &Facts, id: SnapshotId) -> &SnapshotFact {
    facts.snapshots.iter().find(|snapshot| snapshot.id == id).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_drops_out_of_the_ordinary_keeps_its_packs_until_a_second_person_agrees() {
    let place = hourly().await;
    place.edit_plan("backup.overdue: ops", "backup.overdue: ops, retention.overdue: ops");
    for round in 0..30 {
        back_up(&place, Duration::from_hours(1), round).await;
    }
    // Whoever stole the maintainer's key drops all but the newest.
    let (parts, plan, id) = (&place.desk.parts, place.desk.plan().unwrap(), "main".parse().unwrap());
    let opened = open::repository(parts, &plan, &id).await.unwrap();
    let thief = steward(parts, &id, &opened, None).await.unwrap();
    let mut stolen = live(&facts(&place).await);
    stolen.pop().unwrap();
    for snapshot in &stolen {
        let said = Said { steward: &thief, now: parts.clock.now(), who: "ops", reason: "no longer wanted" };
        tombstone(&opened, *snapshot, "by hand", said).await.unwrap();
    }
    place.told();
    for round in 30..70 {
        back_up(&place, SIX_HOURS, round).await;
    }
    let seen = facts(&place).await;
    assert!(stolen.len() > 8 && stolen.iter().all(|snapshot| has_all_packs(&seen, *snapshot)), "{} dropped", stolen.len());
    assert!(place.told().iter().any(|subject| subject.contains("retention")), "people are told");
    let key = orchestrator::Connect::reader_key(&*place.fake).unwrap();
    let looked = look(parts, &plan, &id, &opened, key.as_ref(), false).await.unwrap();
    let told = looked.points.iter().find(|point| point.snapshot == stolen[0]).unwrap();
    assert!(told.why[0].contains("somebody else dropped it"), "{told:?}");
    assert!(looked.agreement().is_some() && looked.asked.contains(&stolen[0]), "{looked:?}");

    // Somebody agrees, and from then on it goes as any other.
    let confirmed = Confirmed { by: "ben".to_owned(), reason: "we cleaned up by hand".to_owned() };
    let order = Order { repository: id.clone(), who: "ada".to_owned(), confirmed: Some(confirmed) };
    let agreed = look(parts, &plan, &id, &opened, key.as_ref(), true).await.unwrap();
    assert_eq!(agreed.agreement(), looked.agreement());
    carry_out(parts, &plan, &opened, &agreed, &thief, &order).await.unwrap();
    for round in 70..90 {
        back_up(&place, SIX_HOURS, round).await;
    }
    let seen = facts(&place).await;
    assert!(stolen.iter().all(|snapshot| !has_all_packs(&seen, *snapshot)));
    assert!(look(parts, &plan, &id, &opened, key.as_ref(), false).await.unwrap().alarms.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_legal_hold_of_the_plan_reaches_what_was_dropped_before_it_came() {
    let place = hourly().await;
    for round in 0..30 {
        back_up(&place, Duration::from_hours(1), round).await;
    }
    let before = facts(&place).await;
    let dropped: Vec<_> = before.snapshots.iter().filter(|snapshot| snapshot.tombstone.is_some()).map(|snapshot| snapshot.id).collect();
    assert!(!dropped.is_empty() && dropped.iter().all(|snapshot| has_all_packs(&before, *snapshot)));
    let hold = "legal_hold: [{id: LH-1, sources: [files], from: 2026-01-01, until: 2026-01-03, by: ada, reason: a lawsuit}]\ndrills:\n";
    place.edit_plan("drills:\n", hold);
    for round in 30..80 {
        back_up(&place, SIX_HOURS, round).await;
    }
    let after = facts(&place).await;
    for snapshot in &dropped {
        assert!(has_all_packs(&after, *snapshot), "{snapshot}");
        assert_eq!(found(&after, *snapshot).held.as_deref(), Some("legal hold LH-1: a lawsuit"));
    }
    let deleted = |event: &Event| matches!(event, Event::MaintenanceFinished(done) if done.n_deleted > 0);
    assert!(place.events("maintenance.finished").await.iter().any(deleted), "what it does not cover goes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_key_that_reads_space_is_freed_when_somebody_attests_now_and_then() {
    let place = hourly().await;
    place.edit_plan("backup.overdue: ops", "backup.overdue: ops, retention.overdue: ops");
    place.look().await;
    let (parts, plan, id) = (&place.desk.parts, place.desk.plan().unwrap(), "main".parse().unwrap());
    let reader = place.fake.reader.lock().unwrap().clone();
    let person = orchestrator::Connect::reader_key(&*place.fake).unwrap().unwrap();
    let opened = open::repository(parts, &plan, &id).await.unwrap();
    let ops = add_steward(&opened, &person, StewardRole::Maintainer, "ops".parse().unwrap(), parts.clock.now()).await.unwrap();
    *place.fake.maintainer.lock().unwrap() = Some(ops.to_text().expose_secret().to_owned());
    *place.fake.reader.lock().unwrap() = None;
    for round in 0..24 * 20 {
        back_up(&place, Duration::from_hours(1), round).await;
        if round % (24 * 7) == 24 * 6 {
            *place.fake.reader.lock().unwrap() = reader.clone();
            let opened = open::repository(parts, &plan, &id).await.unwrap();
            let signs = steward(parts, &id, &opened, None).await.unwrap();
            let attested = attest::run(parts, &id, &opened, &open::reader(parts, &plan, &id).await.unwrap(), &signs).await.unwrap();
            assert!(attested.failed.is_empty(), "{attested:?}");
            *place.fake.reader.lock().unwrap() = None;
        }
    }
    let deleted = |event: &Event| match event {
        Event::MaintenanceFinished(done) => done.n_deleted,
        _ => 0,
    };
    let deleted: u64 = place.events("maintenance.finished").await.iter().map(deleted).sum();
    assert!(deleted > 100, "{deleted} packs were deleted");
    let told = place.told();
    assert!(told.iter().all(|subject| !subject.contains("retention")), "{told:?}");
    let seen = facts(&place).await;
    assert!(live(&seen).iter().all(|snapshot| has_all_packs(&seen, *snapshot)));
}

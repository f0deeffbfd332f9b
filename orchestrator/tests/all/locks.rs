//! Locks as the daemon looks after them, in the time of a manual clock.

use std::sync::Arc;
use std::time::Duration;

use records::event::{Event, LocksRenewed};
use stores::store::list_all;
use stores::{Key, LockStore, MemoryStore, Mode, Prefix, Retain as _, Retention, Store};

use super::installation::Installation;

const DAY: Duration = Duration::from_hours(24);
const PERIOD: Duration = Duration::from_hours(24 * 40);

/// An installation with a lock in its plan, whose repository was there before that, without locks.
async fn locked() -> (Installation, MemoryStore) {
    let place = Installation::new().await;
    place.edit_plan("url: \"file:///nowhere\", media: disk}", "url: \"s3://bucket/x\", lock: {mode: compliance, for: 40d}}");
    place.edit_plan("backup.overdue: ops", "backup.overdue: ops, \"lock.*\": ops");
    let disk = MemoryStore::with_clock(Arc::clone(&place.clock) as Arc<dyn base::Clock>).with_locks();
    let before = place.fake.store.lock().unwrap().take().unwrap();
    for entry in list_all(&*before, &Prefix::all()).await.unwrap() {
        disk.overwrite(&entry.key, before.get(&entry.key).await.unwrap());
    }
    let store = LockStore::new(Arc::new(disk.clone()), Mode::Compliance, PERIOD, Arc::clone(&place.clock) as Arc<dyn base::Clock>);
    *place.fake.store.lock().unwrap() = Some(Arc::new(store));
    (place, disk)
}

async fn until(disk: &MemoryStore, key: &Key) -> Option<jiff::Timestamp> {
    disk.retention(key).await.unwrap().map(|lock| lock.until)
}

async fn renewals(place: &Installation) -> Vec<LocksRenewed> {
    let of = |event| if let Event::LocksRenewed(done) = event { done } else { unreachable!("{event:?}") };
    place.events("lock.renewed").await.into_iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_a_quarter_of_a_year_no_object_that_is_needed_has_less_than_a_quarter_of_its_lock_and_each_look_is_an_eighth_apart() {
    let (place, disk) = locked().await;
    place.look().await;
    let first = &renewals(&place).await[0];
    assert!(first.n_renewed > 0 && first.n_weak == 0, "what was there before is locked, and nobody is alarmed: {first:?}");
    for day in 0..90_u32 {
        std::fs::write(place.source().join("a"), format!("the data of day {day}")).unwrap();
        place.advance(DAY).await;
        for key in disk.keys() {
            let left = until(&disk, &key).await.unwrap_or_default().duration_since(base::Clock::now(&*place.clock));
            assert!(left.as_secs_f64() >= PERIOD.as_secs_f64() / 4.0, "day {day}: {key} is locked for {left:?}");
        }
    }
    let done = renewals(&place).await;
    assert_eq!(done.len(), 1 + 90 / 5);
    assert!(done.iter().all(|one| (one.n_refused, one.n_unread, one.n_weak) == (0, 0, 0)), "{done:?}");
    assert!(place.told().iter().all(|subject| !subject.contains("lock")), "nothing is the matter");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locks_that_somebody_lifts_are_told_mended_and_over_when_the_next_look_finds_none() {
    let (place, disk) = locked().await;
    place.look().await;
    let config: Key = "repository.json".parse().unwrap();
    disk.relock(&config, None);
    place.told();
    place.advance(5 * DAY).await;
    let weak = place.events("lock.weakened").await;
    assert!(matches!(&weak[..], [Event::LockWeakened(weak)] if weak.objects[0].contains("repository.json: it has no lock")), "{weak:?}");
    assert!(until(&disk, &config).await.is_some(), "it is mended at once");
    place.look().await;
    let told = place.told();
    assert!(told.iter().any(|subject| subject.contains("locks of main")), "{told:?}");
    place.advance(5 * DAY).await;
    place.look().await;
    let told = place.told();
    assert!(told.iter().any(|subject| subject.contains("locks of main")), "and that it is over, too: {told:?}");
    assert_eq!(place.events("lock.weakened").await.len(), 1);
    let shorter = Retention { mode: Mode::Compliance, until: base::Clock::now(&*place.clock) + DAY };
    disk.relock(&config, Some(shorter));
    place.advance(5 * DAY).await;
    assert_eq!(place.events("lock.weakened").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_is_tried_again_each_hour_and_locks_that_nobody_renews_are_overdue() {
    let (place, _) = locked().await;
    place.look().await;
    place.told();
    let store = place.fake.store.lock().unwrap().take();
    place.advance(5 * DAY).await;
    place.advance(Duration::from_mins(30)).await;
    assert_eq!(place.events("maintenance.failed").await.len(), 1);
    place.advance(Duration::from_hours(1)).await;
    assert_eq!(place.events("maintenance.failed").await.len(), 2);
    let about = |told: &[String]| told.iter().filter(|subject| subject.contains("locks of main")).count();
    assert_eq!(about(&place.told()), 0, "not yet");
    place.advance(5 * DAY).await;
    assert_eq!(about(&place.told()), 1);
    *place.fake.store.lock().unwrap() = store;
    place.advance(Duration::from_hours(1)).await;
    place.look().await;
    assert_eq!(about(&place.told()), 1, "it is over");
    place.edit_plan("for: 40d}", "for: 40d, renewal: elsewhere}");
    let done = renewals(&place).await.len();
    for _ in 0..20 {
        place.advance(DAY).await;
    }
    assert_eq!((renewals(&place).await.len(), about(&place.told())), (done, 0), "another host does it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_that_waits_for_locks_alone_is_not_overdue() {
    let (place, disk) = locked().await;
    place.edit_plan("lock: {mode", "maintainer: {file: /nowhere.key}, lock: {mode");
    place.edit_plan("expect_run: 1h", "expect_run: 1h, retention: few");
    place.edit_plan("drills:\n", "retention:\n  few: {keep: {hourly: 4}}\ndrills:\n");
    place.edit_plan("\"lock.*\": ops", "\"lock.*\": ops, retention.overdue: ops");
    let packs = || disk.keys().into_iter().filter(|key| key.as_str().starts_with("packs/"));
    let mut ever = std::collections::BTreeSet::new();
    for n in 0..50 * 2_u32 {
        std::fs::write(place.source().join("a"), format!("the data of run {n}")).unwrap();
        place.advance(Duration::from_hours(12)).await;
        ever.extend(packs().map(|key| key.as_str().to_owned()));
    }
    assert!(place.told().iter().all(|subject| !subject.contains("retention")), "nothing is overdue");
    assert!(packs().count() < ever.len(), "what was locked longest ago is gone: {} of {} are there", packs().count(), ever.len());
}

//! Retention as the daemon applies it, in the time of a manual clock.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use orchestrator::jobs::open;
use orchestrator::jobs::prune::steward;
use orchestrator::jobs::statement::{Saying, Speaker, say};
use records::event::Event;
use repository::check::{self, Budget, Level};
use repository::prune::{Facts, gather};
use repository::snapshots::SnapshotId;
use repository::space;

use super::installation::Installation;

const RULE: &str = "{keep: {hourly: 12, daily: 5}}";

/// An installation whose plan backs up each hour and names a maintainer.
pub(crate) async fn hourly() -> Installation {
    let place = Installation::new().await;
    place.edit_plan("media: disk}", "media: disk, maintainer: {file: /nowhere.key}}");
    place.edit_plan("schedule: \"0 */6 * * *\", expect_run: 1h", "schedule: \"0 * * * *\", expect_run: 10m, retention: few");
    place.edit_plan("drills:\n", &format!("retention:\n  few: {RULE}\ndrills:\n"));
    place
}

pub(crate) async fn facts(place: &Installation) -> Facts {
    let plan = place.desk.plan().unwrap();
    let opened = open::repository(&place.desk.parts, &plan, &"main".parse().unwrap()).await.unwrap();
    gather(&opened).await.unwrap()
}

pub(crate) fn live(facts: &Facts) -> Vec<SnapshotId> {
    facts.snapshots.iter().filter(|snapshot| snapshot.tombstone.is_none()).map(|snapshot| snapshot.id).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_of_hourly_backups_stays_bounded_keeps_the_grace_period_and_what_is_held() {
    let place = hourly().await;
    let (mut held, mut most, mut most_packs) = (None, 0, 0);
    for hour in 0..24 * 30_u32 {
        // Other data each hour, so that each restore point has packs of its own.
        std::fs::write(place.source().join("a"), format!("the data of hour {hour}")).unwrap();
        place.advance(Duration::from_hours(1)).await;
        if hour == 30 {
            let plan = place.desk.plan().unwrap();
            let (parts, id) = (&place.desk.parts, "main".parse().unwrap());
            let opened = open::repository(parts, &plan, &id).await.unwrap();
            let steward = steward(parts, &id, &opened, None).await.unwrap();
            let first = live(&facts(&place).await)[0];
            held = Some(first);
            let speaker = Speaker { steward: &steward, who: "ada", reason: "an audit" };
            say(parts, &id, &opened, speaker, &Saying::Hold([first].into())).await.unwrap();
        }
        if hour % 24 == 23 {
            let facts = facts(&place).await;
            if hour > 24 * 10 {
                most = most.max(live(&facts).len());
                most_packs = most_packs.max(facts.packs.len());
            }
            // What was dropped within the grace period has all its packs.
            let packs: std::collections::BTreeSet<_> = facts.packs.iter().map(|pack| pack.at.clone()).collect();
            for snapshot in &facts.snapshots {
                let young = |(since, _): &(Timestamp, String)| facts.now.duration_since(*since).as_hours() < 72;
                if snapshot.held.is_some() || snapshot.tombstone.as_ref().is_none_or(young) {
                    assert!(snapshot.packs.is_subset(&packs), "hour {hour}: {}", snapshot.key);
                }
            }
        }
    }
    let facts = facts(&place).await;
    let deleted: u64 = place
        .events("maintenance.finished")
        .await
        .iter()
        .map(|event| match event {
            Event::MaintenanceFinished(done) => done.n_deleted,
            _ => 0,
        })
        .sum();
    assert!(live(&facts).contains(&held.unwrap()));
    // 12 hours, 5 days, the held one, and what six hours add before the next prune.
    assert!(most <= 12 + 5 + 1 + 6, "{most} restore points at once");
    // A dropped one keeps its packs for the grace period, and they wait for 1.05 of it again: a bit more than 6 days of 24.
    assert!(most_packs < 24 * 8 * 3 && deleted > 500, "{most_packs} packs at once, {deleted} deleted");
    assert!(place.told().iter().all(|subject| !subject.contains("retention")), "nothing is overdue");
    // A second look at the same hour finds nothing due.
    place.look().await;
    let ends = place.events("maintenance.finished").await.len();
    place.look().await;
    assert_eq!(place.events("maintenance.finished").await.len(), ends);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_that_waits_for_a_person_is_overdue_and_drops_nothing() {
    let place = hourly().await;
    place.edit_plan("backup.overdue: ops", "backup.overdue: ops, retention.overdue: ops");
    // Restore points are there before retention is first applied: the first prune would drop most.
    place.edit_plan(", maintainer: {file: /nowhere.key}", "");
    for hour in 0..40 {
        std::fs::write(place.source().join("a"), format!("the data of hour {hour}")).unwrap();
        place.advance(Duration::from_hours(1)).await;
    }
    place.edit_plan("media: disk}", "media: disk, maintainer: {file: /nowhere.key}}");
    place.told();
    for _ in 0..50 {
        place.advance(Duration::from_hours(1)).await;
    }
    assert_eq!(live(&facts(&place).await).len(), 90);
    let told = place.told();
    assert!(told.iter().any(|subject| subject.contains("retention")), "{told:?}");
}

/// Bytes that do not compress, others for each seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..len / 8).flat_map(|_| next()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packs_that_are_mostly_dead_are_emptied_where_the_keys_are_and_what_was_dead_is_written_down() {
    let place = hourly().await;
    // Two small files stay, and large ones around them go: whichever worker took them, its pack is mostly dead.
    for n in 0..10 {
        std::fs::write(place.source().join(format!("file-{n}")), noise(n, if n % 5 == 0 { 200_000 } else { 1_300_000 })).unwrap();
    }
    place.advance(Duration::from_hours(1)).await;
    for n in (0..10).filter(|n| n % 5 != 0) {
        std::fs::remove_file(place.source().join(format!("file-{n}"))).unwrap();
    }
    let mut most_points = 0;
    for _ in 0..4 * 15 {
        place.advance(Duration::from_hours(6)).await;
        most_points = most_points.max(live(&facts(&place).await).len());
    }
    let measured = place.events("space.measured").await;
    let share = |event: &Event| match event {
        Event::SpaceMeasured(told) => told.dead_bytes * 100 / told.stored_bytes.max(1),
        other => panic!("{other:?}"),
    };
    assert!(measured.len() == 3 && measured.iter().map(share).max() > Some(20), "{measured:?}");
    assert!(measured.last().map(share) <= Some(20), "{measured:?}");
    let done = place.events("maintenance.finished").await;
    let compact = done.iter().find_map(|event| match event {
        Event::MaintenanceFinished(done) if done.act == "compact" => Some(done),
        _ => None,
    });
    assert!(compact.is_some_and(|done| done.n_condemned > 0 && done.n_snapshots > 0), "{compact:?}");
    assert!(most_points <= 12 + 5 + 2, "a restore point that was stored again counts once: {most_points} at once");
    let now = facts(&place).await;
    let packs: BTreeSet<_> = now.packs.iter().map(|pack| pack.at.clone()).collect();
    let bytes: u64 = now.packs.iter().map(|pack| pack.size).sum();
    assert!(bytes < 4_000_000, "{bytes} bytes");
    let plan = place.desk.plan().unwrap();
    let id = "main".parse().unwrap();
    let reader = open::reader(&place.desk.parts, &plan, &id).await.unwrap();
    let found = check::run(reader.repository(), Level::Contents, Some(&reader), Budget::All).await.unwrap();
    assert!(found.is_sound(), "{:?}", found.findings);
    // Every chunk of every restore point is in one of its packs, and they are all there.
    let points = reader.snapshots().await.unwrap().snapshots;
    space::measure(&reader, &points).await.unwrap();
    assert!(points.iter().all(|point| point.packs.iter().all(|pack| packs.contains(&(point.domain.clone(), *pack)))));
    let (_, waste) = space::told(reader.repository()).await.unwrap().unwrap();
    assert!(waste.per_mille() <= 200, "{waste:?}");
}

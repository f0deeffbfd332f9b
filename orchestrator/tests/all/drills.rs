//! Drills by schedule.

use std::sync::atomic::Ordering;
use std::time::Duration;

use orchestrator::jobs::drill::{Order, run};
use plans::plan::Mode;
use records::drill::Verdict;
use records::event::{Event, Trigger};

use crate::installation::Installation;

const DAY: Duration = Duration::from_hours(24);

async fn verdicts(here: &Installation) -> Vec<Verdict> {
    let events = here.events("drill.finished").await;
    events.iter().filter_map(|event| if let Event::DrillFinished(done) = event { Some(done.record.outcome) } else { None }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_was_never_drilled_is_drilled_after_its_first_backup_and_then_by_schedule() {
    let here = Installation::new().await;
    here.look().await;
    assert_eq!(verdicts(&here).await, [Verdict::Pass]);
    for _ in 0..40 {
        here.advance(DAY).await;
    }
    assert_eq!(verdicts(&here).await, [Verdict::Pass, Verdict::Pass, Verdict::Pass], "on 1 January 03:00 and on 1 February 03:00");
    let facts = here.desk.facts(&here.desk.plan().unwrap()).await.unwrap();
    let record = facts.drills.last().unwrap();
    assert!(record.negative_control.as_ref().is_some_and(|control| control.noticed));
    assert!(record.identity.planned_at.is_some());
    assert!(record.clean_up.as_ref().is_some_and(|clean_up| clean_up.done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_a_reader_key_drills_nothing_and_people_are_told_that_the_drill_is_overdue() {
    let here = Installation::new().await;
    *here.fake.reader.lock().unwrap() = None;
    here.look().await;
    for _ in 0..70 {
        here.advance(DAY).await;
    }
    assert_eq!(verdicts(&here).await, []);
    let told = here.told();
    assert!(told.iter().any(|subject| subject.contains("ALERT drill overdue") && subject.contains("monthly")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_on_a_repository_that_lost_its_packs_fails_and_is_alerted() {
    let here = Installation::new().await;
    here.look().await;
    let store = here.fake.store.lock().unwrap().clone().unwrap();
    let packs = stores::store::list_all(&*store, &"packs/".parse().unwrap()).await.unwrap();
    assert!(!packs.is_empty());
    for pack in packs {
        store.deleter().unwrap().delete(&pack.key).await.unwrap();
    }
    here.advance(Duration::from_hours(3)).await;
    assert_eq!(verdicts(&here).await, [Verdict::Pass, Verdict::Fail]);
    let told = here.told();
    assert!(told.iter().any(|subject| subject.contains("ALERT drill failed") && subject.contains("monthly")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_whose_store_is_away_is_written_down_and_not_tried_at_each_look() {
    let here = Installation::new().await;
    here.look().await;
    here.advance(DAY * 30 + Duration::from_hours(20)).await; // every backup is done but those of the next day
    let store = here.fake.store.lock().unwrap().take();
    here.clock.advance(Duration::from_hours(8)); // past 03:00 on the first
    let before = verdicts(&here).await.len();
    for _ in 0..12 {
        here.advance(Duration::from_mins(5)).await;
    }
    let tried = verdicts(&here).await.split_off(before);
    assert!((2..=5).contains(&tried.len()) && tried.iter().all(|verdict| *verdict == Verdict::Aborted), "{tried:?}");
    *here.fake.store.lock().unwrap() = store;
    here.advance(Duration::from_hours(2)).await;
    assert_eq!(verdicts(&here).await.last(), Some(&Verdict::Pass));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_drill_waits_until_every_copy_that_it_may_read_has_had_its_first_backup() {
    let here = Installation::new().await;
    here.edit_plan("media: disk}", "media: disk}\n  second: {url: \"file:///elsewhere\", media: disk}");
    here.look().await;
    assert_eq!((here.events("backup.finished").await.len(), verdicts(&here).await), (1, Vec::new()), "one job a source at a time");
    here.look().await;
    assert_eq!((here.events("backup.finished").await.len(), verdicts(&here).await), (2, vec![Verdict::Pass]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_may_be_older_than_its_service_does_not_fail_the_drill() {
    let here = Installation::new().await;
    let folder = here.folder.path().join("archive");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("old"), "kept for long").unwrap();
    let (folder, schedule) = (folder.display(), "schedule: \"0 0 * * 4\", expect_run: 1h, rpo: 8d");
    let archive = format!("sources:\n  archive: {{files: {{paths: [\"{folder}\"]}}, {schedule}}}\n");
    here.edit_plan("sources:\n", &archive);
    here.edit_plan("sources: [files]", "sources: [files, archive]");
    here.edit_plan("remove_file: .canary", "remove_file: \"**/.canary\"");
    here.look().await;
    for _ in 0..32 {
        here.advance(DAY).await;
    }
    let facts = here.desk.facts(&here.desk.plan().unwrap()).await.unwrap();
    let record = facts.drills.last().unwrap();
    assert_eq!(record.outcome, Verdict::Pass, "{:?}", record.reasons);
    let archive = record.recovery_points.iter().find(|point| point.source.as_str() == "archive").unwrap();
    assert!(archive.age_ms > Some(86_400_000) && archive.rpo_ms == Some(8 * 86_400_000), "{archive:?}");
    let worst = record.objectives[0].rpo_point.as_ref().unwrap();
    assert_eq!((record.measured.rpo_ms, records::drill::rpo_objective_ms(&record.objectives)), (Some(worst.age_ms), Some(worst.rpo_ms)));
    assert_eq!(worst.source.as_str(), "archive");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_look_in_another_mode_is_no_proof_and_answers_no_schedule() {
    let here = Installation::new().await;
    let key = here.fake.reader.lock().unwrap().take(); // nothing is drilled by schedule yet
    here.look().await;
    *here.fake.reader.lock().unwrap() = key;
    let plan = here.desk.plan().unwrap();
    let look = |mode| Order { drill: "monthly".parse().unwrap(), trigger: Trigger::Manual, planned_at: None, from: None, mode };
    let never = tokio_util::sync::CancellationToken::new();
    let quiet = || std::sync::Arc::new(restore::progress::Quiet);
    run(&here.desk.parts, &plan, &look(Some(Mode::Stream)), quiet(), &never).await.unwrap();
    let facts = here.desk.facts(&plan).await.unwrap();
    assert!(facts.drills.len() == 1 && facts.drills[0].identity.quick, "it is on record as what it was");
    assert!(facts.drill_facts().is_empty() && facts.drill_runs.is_empty() && facts.register.drills.is_empty());
    assert!(facts.register.first_drills.is_empty());

    here.look().await;
    let facts = here.desk.facts(&plan).await.unwrap();
    let quick: Vec<bool> = facts.drills.iter().map(|record| record.identity.quick).collect();
    assert_eq!((quick.as_slice(), facts.drill_facts().len()), (&[true, false][..], 1), "the drill of the schedule runs all the same");
    run(&here.desk.parts, &plan, &look(Some(Mode::Scratch)), quiet(), &never).await.unwrap();
    assert_eq!(here.desk.facts(&plan).await.unwrap().drill_facts().len(), 2, "the plan's own mode is no quick look");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_that_panics_is_written_down_as_aborted() {
    let here = Installation::new().await;
    let key = here.fake.reader.lock().unwrap().take();
    here.look().await; // the backup
    *here.fake.reader.lock().unwrap() = key;
    here.fake.panics.store(true, Ordering::Relaxed);
    here.look().await;
    assert_eq!(verdicts(&here).await, [Verdict::Aborted]);
    here.fake.panics.store(false, Ordering::Relaxed);
    here.advance(Duration::from_mins(10)).await;
    assert_eq!(verdicts(&here).await, [Verdict::Aborted, Verdict::Pass]);
}

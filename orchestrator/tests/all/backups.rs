//! Backups by schedule.

use std::sync::atomic::Ordering;
use std::time::Duration;

use orchestrator::jobs::backup::{Order, run};
use records::event::{BackupStarted, Event, Trigger};

use crate::installation::Installation;

const HOUR: Duration = Duration::from_hours(1);

fn triggers(events: &[Event]) -> Vec<Trigger> {
    events
        .iter()
        .filter_map(|event| if let Event::BackupStarted(BackupStarted { trigger, .. }) = event { Some(*trigger) } else { None })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_runs_once_for_each_moment_of_its_schedule() {
    let here = Installation::new().await;
    here.look().await;
    let before = here.events("backup.finished").await.len();
    for _ in 0..12 {
        here.advance(HOUR).await;
        here.look().await; // a second look at the same time finds nothing
    }
    assert_eq!(here.events("backup.finished").await.len() - before, 2, "06:00 and 12:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_were_missed_are_caught_up_once() {
    let here = Installation::new().await;
    here.look().await;
    let before = here.events("backup.started").await.len();
    here.advance(HOUR * 24 * 7).await; // the machine was off for a week
    here.look().await;
    here.advance(HOUR * 12).await; // and then it slept through one run
    here.advance(HOUR * 6).await;
    let started = here.events("backup.started").await;
    assert_eq!(triggers(&started[before..]), [Trigger::CatchUp, Trigger::CatchUp, Trigger::Schedule]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_a_crash_cut_short_begins_again_after_the_restart() {
    let here = Installation::new().await;
    here.look().await;
    here.clock.advance(HOUR * 6);
    // As the journal stands when the daemon was killed in the middle of a run.
    let cut = BackupStarted {
        run: "cut".to_owned(),
        source: "files".parse().unwrap(),
        repository: "main".parse().unwrap(),
        trigger: Trigger::Schedule,
        planned_at: None,
    };
    here.desk.parts.record(cut).await.unwrap();
    let before = here.events("backup.finished").await.len();
    here.look().await;
    assert_eq!(here.events("backup.finished").await.len(), before, "as far as anyone knows it still runs");
    let daemon = records::event::DaemonStarted { host: "host".to_owned(), version: "0".to_owned(), pid: 1 };
    here.desk.parts.record(daemon).await.unwrap();
    here.look().await;
    assert_eq!(here.events("backup.finished").await.len(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_away_is_tried_again_and_not_hammered() {
    let here = Installation::new().await;
    here.look().await;
    let store = here.fake.store.lock().unwrap().take();
    here.advance(HOUR * 6).await;
    for _ in 0..12 {
        here.advance(Duration::from_mins(5)).await;
    }
    let failed = here.events("backup.failed").await.len();
    assert!((3..=5).contains(&failed), "{failed} tries in one hour: after 5, 10, 20 and 40 minutes");
    assert_eq!(here.told(), ["[lifeboat] ALERT backup failed: files in main"]);
    *here.fake.store.lock().unwrap() = store;
    here.advance(HOUR * 2).await;
    here.look().await;
    assert_eq!(here.told(), ["[lifeboat] OVER backup failed: files in main"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_vanished_is_a_failed_backup_and_never_an_empty_one() {
    let here = Installation::new().await;
    here.look().await;
    let before = here.events("backup.finished").await.len();
    std::fs::rename(here.source(), here.folder.path().join("elsewhere")).unwrap();
    here.advance(HOUR * 6).await;
    assert_eq!(here.events("backup.finished").await.len(), before);
    assert_eq!(here.events("backup.failed").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_panics_is_written_down_as_failed_and_tried_again() {
    let here = Installation::new().await;
    here.fake.panics.store(true, Ordering::Relaxed);
    here.look().await;
    let failed = here.events("backup.failed").await;
    let [Event::BackupFailed(failed)] = failed.as_slice() else { panic!("one end for the one start: {failed:?}") };
    assert!(failed.error.contains("a bug for the test") && !failed.interrupted && failed.hint.is_some(), "{failed:?}");
    here.fake.panics.store(false, Ordering::Relaxed);
    here.advance(Duration::from_mins(10)).await;
    assert_eq!(here.events("backup.finished").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_a_person_backs_up_at_this_moment_waits_and_is_no_failure() {
    let here = Installation::new().await;
    let locks = here.desk.parts.cache.join("locks");
    std::fs::create_dir_all(&locks).unwrap();
    let held = std::fs::File::create(locks.join("files.lock")).unwrap();
    held.lock().unwrap();
    here.look().await;
    assert_eq!((here.events("backup.started").await.len(), here.events("backup.failed").await.len()), (0, 0));
    // The other way round: the person comes second.
    let plan = here.desk.plan().unwrap();
    let order = Order { source: "files".parse().unwrap(), repository: "main".parse().unwrap(), trigger: Trigger::Manual, planned_at: None };
    let silent = std::sync::Arc::new(backup::Silent);
    let error = run(&here.desk.parts, &plan, &order, silent, tokio_util::sync::CancellationToken::new()).await.unwrap_err();
    assert!(error.is_interruption(), "{error:?}");
    let failed = here.events("backup.failed").await;
    assert!(
        matches!(failed.as_slice(), [Event::BackupFailed(failed)] if failed.interrupted && failed.error.contains("already")),
        "{failed:?}"
    );
    here.look().await;
    assert_eq!(here.told(), Vec::<String>::new());
    drop(held);
    here.look().await;
    assert_eq!(here.events("backup.finished").await.len(), 1);
}

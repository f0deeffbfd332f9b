//! Restores that are stopped and go on later.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use restore::apply::{ApplyError, apply};
use restore::plan::{PlanOptions, Refusal};
use restore::progress::{Progress, Stage};
use restore::report::Outcome;
use restore::tree::Selection;
use tokio_util::sync::CancellationToken;

use crate::world::{Host, OPTIONS, World, noise};

/// Cancels after so many steps of progress.
#[derive(Debug)]
struct CancelAfter {
    left: AtomicU64,
    token: CancellationToken,
}

impl Progress for CancelAfter {
    fn begin(&self, _: Stage, _: u64, _: u64) {
        self.advance(0, 0);
    }

    fn advance(&self, _: u64, _: u64) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.token.cancel();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_stopped_anywhere_goes_on_and_ends_whole() {
    let world = World::new().await;
    let mut host = Host::new().symlink("/srv/www/link", "f0");
    for i in 0..40 {
        host = host.file(format!("/srv/www/d{}/f{i}", i % 5), noise(if i % 4 == 0 { 700_000 } else { 3000 }, i));
    }
    let snapshot = world.back_up(&host).await;
    let reader = world.reader().await;
    let mut stopped = 0;
    // Steps of progress are the points at which a restore can be seen from outside; each is tried once, in leaps.
    for steps in (1..200).step_by(13) {
        let target = world.target(&format!("t{steps}"));
        let token = CancellationToken::new();
        let progress = Arc::new(CancelAfter { left: AtomicU64::new(steps), token: token.clone() });
        let planned = world.plan(&snapshot, &target, &Selection::default(), &PlanOptions::default()).await;
        match apply(planned, &reader, OPTIONS, &world.clock, progress, &token).await {
            Err(ApplyError::Cancelled { .. }) => {
                stopped += 1;
                assert!(target.join(".lifeboat-restore").exists());
            }
            Ok(report) => assert_eq!(report.outcome, Outcome::Complete),
            Err(error) => panic!("{error}"),
        }
        let again = world.plan(&snapshot, &target, &Selection::default(), &PlanOptions::default()).await;
        if again.preview().resumes {
            let report = world.apply(again).await.unwrap();
            assert_eq!(report.outcome, Outcome::Complete, "{steps}: {:#?}", report.problems);
            assert_eq!(report.files_compared, 40, "every file is compared, also those that were there");
        }
        assert!(!target.join(".lifeboat-restore").exists());
        for i in 0..40 {
            let there = fs::read(target.join(format!("srv/www/d{}/f{i}", i % 5))).unwrap();
            assert!(there == noise(if i % 4 == 0 { 700_000 } else { 3000 }, i), "file {i} after {steps} steps");
        }
        assert_eq!(fs::read_dir(target.join("srv/www/d0")).unwrap().count(), 8, "no temporary file is left");
    }
    assert!(stopped > 5, "{stopped} restores were stopped in their course");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_and_equal_is_left_and_what_differs_is_written_anew() {
    let world = World::new().await;
    let host = Host::new().file("/a", noise(500_000, 1)).file("/b", noise(500_000, 2)).file("/c", noise(500_000, 3)).file("/d", "d");
    let snapshot = world.back_up(&host).await;
    let target = world.target("t");
    let token = CancellationToken::new();
    token.cancel();
    let planned = world.plan(&snapshot, &target, &Selection::default(), &PlanOptions::default()).await;
    assert!(matches!(world.apply_until(planned, &token).await, Err(ApplyError::Cancelled { .. })));
    let mut flipped = noise(500_000, 2);
    flipped[499_999] ^= 1;
    fs::write(target.join("a"), noise(500_000, 1)).unwrap();
    fs::write(target.join("b"), flipped).unwrap();
    fs::write(target.join("c"), "short").unwrap();
    let planned = world.plan(&snapshot, &target, &Selection::default(), &PlanOptions::default()).await;
    assert_eq!(planned.preview().needed_bytes, 503_808 + 4096, "room for c and d, and not again for what may be whole");
    let report = world.apply(planned).await.unwrap();
    assert_eq!((report.outcome, report.resumed, report.files_left, report.written.files), (Outcome::Complete, true, 1, 3));
    assert!(fs::read(target.join("b")).unwrap() == noise(500_000, 2) && fs::read(target.join("c")).unwrap() == noise(500_000, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unfinished_restore_of_another_snapshot_is_not_resumed() {
    let world = World::new().await;
    let first = world.back_up(&Host::new().file("/a", "1")).await;
    let second = world.back_up(&Host::new().file("/a", "2")).await;
    let target = world.target("t");
    let token = CancellationToken::new();
    token.cancel();
    let planned = world.plan(&first, &target, &Selection::default(), &PlanOptions::default()).await;
    assert!(world.apply_until(planned, &token).await.is_err());
    let planned = world.plan(&second, &target, &Selection::default(), &PlanOptions::default()).await;
    assert!(matches!(planned.refusals(), [Refusal::NotEmpty { other: Some(_), .. }]), "{:?}", planned.refusals());
}

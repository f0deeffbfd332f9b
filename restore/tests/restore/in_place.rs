//! Restores in place: back to where things were, and back again.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use repository::snapshots::Snapshot;
use restore::apply::apply;
use restore::path::TreePath;
use restore::plan::{InTheWay, PlanOptions, RestorePlan, plan};
use restore::progress::{Progress, Quiet, Stage};
use restore::report::{Outcome, RestoreReport};
use restore::target::look_in_place;
use restore::tree::{Layout, Selection, gather};
use restore::undo::{Undo, UndoError, UndoReport};
use tokio_util::sync::CancellationToken;

use crate::world::{Host, OPTIONS, World, meta, noise};

/// Every entry below a folder as one line, our own aside folders left out.
fn picture(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut lines = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(at) = waiting.pop() {
        let meta = at.symlink_metadata().unwrap();
        let content = if meta.is_dir() {
            waiting.extend(fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
            "folder".to_owned()
        } else if meta.is_symlink() {
            fs::read_link(&at).unwrap().display().to_string()
        } else {
            base::Digest::of(&fs::read(&at).unwrap()).to_string()
        };
        lines.insert(at, format!("{:o} {}:{} {}.{:09} {content}", meta.mode(), meta.uid(), meta.gid(), meta.mtime(), meta.mtime_nsec()));
    }
    lines.retain(|path, _| !path.to_string_lossy().contains(".lifeboat-aside-"));
    lines
}

fn host() -> Host {
    Host::new()
        .folder("/srv/www", 0o755)
        .file("/srv/www/same", noise(300_000, 1))
        .file("/srv/www/changed", noise(2_000_000, 2))
        .file("/srv/www/longer", "short")
        .file("/srv/www/gone/file", "back again")
        .file("/srv/www/folder now", "was a file")
        .folder("/srv/www/file now", 0o750)
        .file("/srv/www/file now/inside", "in a folder")
        .symlink("/srv/www/link", "same")
        .put("/srv/www/mode", meta(0o640), crate::world::Thing::File(b"m".to_vec()))
}

/// The state to come back to, and what became of it since.
async fn world() -> (World, Snapshot, PathBuf) {
    let world = World::new().await;
    let snapshot = world.back_up(&host()).await;
    let live = world.target("live");
    assert_eq!(world.restore(&snapshot, &live).await.outcome, Outcome::Complete);
    let www = live.join("srv/www");
    let mut changed = noise(2_000_000, 2);
    changed[1_000_000] ^= 1;
    fs::write(www.join("changed"), changed).unwrap();
    fs::write(www.join("longer"), noise(400_000, 9)).unwrap();
    fs::remove_dir_all(www.join("gone")).unwrap();
    fs::remove_file(www.join("folder now")).unwrap();
    fs::create_dir_all(www.join("folder now/deep")).unwrap();
    fs::write(www.join("folder now/deep/x"), "mine").unwrap();
    fs::remove_dir_all(www.join("file now")).unwrap();
    fs::write(www.join("file now"), "a file").unwrap();
    fs::remove_file(www.join("link")).unwrap();
    std::os::unix::fs::symlink("changed", www.join("link")).unwrap();
    fs::set_permissions(www.join("mode"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(www.join("new since"), "not in the restore point").unwrap();
    (world, snapshot, www)
}

async fn planned(world: &World, snapshot: &Snapshot, www: &Path, exact: bool) -> RestorePlan {
    let path = TreePath::parse(b"/srv/www").unwrap();
    let selection = Selection { layout: Layout::Below(path.parent()), paths: vec![path], ..Selection::default() };
    let tree = gather(&world.reader().await, snapshot, &selection, &CancellationToken::new()).await.unwrap();
    let facts = look_in_place(www.parent().unwrap(), &tree, &snapshot.id.to_string(), exact).unwrap();
    plan(snapshot.into(), tree, &facts, &PlanOptions { in_the_way: InTheWay::InPlace, ..PlanOptions::default() })
}

async fn restore(world: &World, snapshot: &Snapshot, www: &Path, exact: bool) -> RestoreReport {
    world.apply(planned(world, snapshot, www, exact).await).await.unwrap()
}

fn undo(folder: &Path, cancel: &CancellationToken) -> Result<UndoReport, UndoError> {
    Undo::open(folder)?.run(cancel)
}

fn undo_all(report: &RestoreReport) -> UndoReport {
    assert_eq!(report.aside.len(), 1, "{:?}", report.aside);
    undo(&report.aside[0], &CancellationToken::new()).unwrap()
}

/// What the restore point has, restored to a new place.
async fn wanted(world: &World, snapshot: &Snapshot, www: &Path) -> BTreeMap<PathBuf, String> {
    let fresh = world.target("fresh");
    world.restore(snapshot, &fresh).await;
    let of_fresh = picture(&fresh.join("srv/www"));
    fs::remove_dir_all(&fresh).unwrap();
    of_fresh.into_iter().map(|(path, line)| (www.join(path.strip_prefix(fresh.join("srv/www")).unwrap()), line)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_place_everything_is_as_it_was_and_what_was_there_is_aside_and_comes_back_by_undo() {
    let (world, snapshot, www) = world().await;
    let (before, wanted) = (picture(&www), wanted(&world, &snapshot, &www).await);
    let plan = planned(&world, &snapshot, &www, false).await;
    assert!(plan.refusals().is_empty() && plan.preview().conflicts.is_empty(), "{:#?}", plan.preview());
    let report = world.apply(plan).await.unwrap();
    assert_eq!(report.outcome, Outcome::Complete, "{:#?}", report.problems);
    let mut there = picture(&www);
    assert!(there.remove(&www.join("new since")).is_some(), "what is not in the restore point stays unless asked for");
    // The same path, with and without the trailing component that joining nothing adds.
    let wanted: BTreeMap<PathBuf, String> = wanted.into_iter().map(|(path, line)| (path.components().collect(), line)).collect();
    assert_eq!(there, wanted);
    assert!(report.bytes_read < 700_000 && report.bytes_reused > 1_400_000, "{} read, {} reused", report.bytes_read, report.bytes_reused);
    let aside = report.aside[0].join("1");
    assert_eq!(fs::read(aside.join("old/folder now/deep/x")).unwrap(), b"mine");
    assert!(!aside.join("new").exists() && report.aside[0].join("finished").exists());
    assert!(!www.parent().unwrap().join(".lifeboat-restore").exists());

    let undone = undo_all(&report);
    assert!(undone.problems.is_empty() && undone.gaps.is_empty() && undone.was_finished, "{undone:#?}");
    assert_eq!(picture(&www), before);
    assert_eq!(fs::read(aside.join("restored/gone/file")).unwrap(), b"back again", "an undo deletes nothing");
    assert!(matches!(undo(&report.aside[0], &CancellationToken::new()), Err(UndoError::Done { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_restore_point_does_not_have_is_moved_aside_where_that_is_asked_for() {
    let (world, snapshot, www) = world().await;
    let before = picture(&www);
    let plan = planned(&world, &snapshot, &www, true).await;
    let extras: Vec<&str> = plan.preview().extras.iter().map(|extra| extra.path.as_str()).collect();
    assert_eq!(extras, ["/www/new since"]);
    let report = world.apply(plan).await.unwrap();
    assert!(report.outcome == Outcome::Complete && !www.join("new since").exists());
    assert_eq!(fs::read(report.aside[0].join("1/old/new since")).unwrap(), b"not in the restore point");
    undo_all(&report);
    assert_eq!(picture(&www), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_restore_in_place_fetches_nothing_and_moves_nothing() {
    let (world, snapshot, www) = world().await;
    restore(&world, &snapshot, &www, false).await;
    let before = picture(&www);
    let report = restore(&world, &snapshot, &www, false).await;
    assert_eq!((report.bytes_read, report.moved_aside, report.written.files), (0, 0, 0));
    assert_eq!((report.outcome, picture(&www)), (Outcome::Complete, before));
}

/// Cancels at the n-th step of progress.
#[derive(Debug)]
struct StopAt(std::sync::atomic::AtomicU64, CancellationToken);

impl Progress for StopAt {
    fn begin(&self, _: Stage, _: u64, _: u64) {
        self.advance(0, 0);
    }

    fn advance(&self, _: u64, _: u64) {
        if self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 1 {
            self.1.cancel();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_in_place_that_is_stopped_anywhere_goes_on_or_is_undone_as_a_whole() {
    let mut stopped = 0;
    for (step, goes_on) in (1..26).flat_map(|step| [(step, true), (step, false)]) {
        let (world, snapshot, www) = world().await;
        let (before, mut wanted) = (picture(&www), wanted(&world, &snapshot, &www).await);
        wanted = wanted.into_iter().map(|(path, line)| (path.components().collect(), line)).collect();
        let token = CancellationToken::new();
        let progress = Arc::new(StopAt(step.into(), token.clone()));
        let plan = planned(&world, &snapshot, &www, false).await;
        let ended = apply(plan, &world.reader().await, OPTIONS, &world.clock, progress, &token).await;
        stopped += u32::from(ended.is_err());
        let aside = fs::read_dir(&www).unwrap().map(|entry| entry.unwrap().path());
        let aside: Vec<PathBuf> = aside.filter(|path| path.to_string_lossy().contains(".lifeboat-aside-")).collect();
        assert_eq!(aside.len(), 1, "{aside:?}");
        if goes_on && ended.is_err() {
            let plan = planned(&world, &snapshot, &www, false).await;
            assert!(plan.preview().resumes);
            let report = apply(plan, &world.reader().await, OPTIONS, &world.clock, Arc::new(Quiet), &CancellationToken::new()).await;
            let report = report.unwrap();
            assert_eq!((report.outcome, &report.aside), (Outcome::Complete, &aside), "step {step}: {:#?}", report.problems);
            let mut there = picture(&www);
            there.remove(&www.join("new since"));
            assert_eq!(there, wanted, "step {step}");
        }
        let undone = undo(&aside[0], &CancellationToken::new()).unwrap();
        assert!(undone.problems.is_empty(), "step {step}: {undone:#?}");
        assert_eq!(picture(&www), before, "step {step}, {goes_on}");
    }
    assert!(stopped > 10, "{stopped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_somebody_else_may_have_written_is_not_believed() {
    let (world, snapshot, www) = world().await;
    let report = restore(&world, &snapshot, &www, false).await;
    let before = picture(&www);
    fs::set_permissions(&report.aside[0], fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(undo(&report.aside[0], &CancellationToken::new()), Err(UndoError::Folder { .. })));
    assert_eq!(picture(&www), before);
    let other = www.join("not ours");
    fs::create_dir(&other).unwrap();
    assert!(matches!(undo(&other, &CancellationToken::new()), Err(UndoError::NotOurs { .. })));
}

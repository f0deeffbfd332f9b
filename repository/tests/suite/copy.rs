//! Copies of a repository: byte for byte, without a key, taken up after a crash, and never spreading damage.

use std::sync::Arc;

use repository::check::{Budget, Level, inspect};
use repository::copy::{CopyError, CopyPlan, CopyReport, Limits, look, run};
use repository::repository::Repository;
use stores::error::{Operation, StoreError};
use stores::fault::{Fault, FaultStore};
use stores::{Key, MemoryStore, Store};

use super::create_and_open::place;
use super::stocked::Stocked;

pub async fn planned(source: &MemoryStore, target: &dyn Store) -> CopyPlan {
    look(&Repository::open(Arc::new(source.clone())).await.unwrap(), target).await.unwrap()
}

pub async fn copy(stocked: &Stocked, target: &dyn Store) -> Result<CopyReport, CopyError> {
    let plan = look(&stocked.open().await, target).await?;
    run(&stocked.open().await, target, &plan, Limits::default(), &()).await
}

async fn same(one: &MemoryStore, other: &MemoryStore) -> bool {
    for key in one.keys() {
        if other.get(&key).await.ok() != one.get(&key).await.ok() {
            return false;
        }
    }
    one.keys() == other.keys()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_the_same_byte_for_byte_and_restores_by_itself() {
    let stocked = Stocked::new().await;
    let target = MemoryStore::default();
    let report = copy(&stocked, &target).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!((report.objects, report.snapshots), (target.keys().len() as u64, 2));
    assert!(same(stocked.disk(), &target).await);
    let again = copy(&stocked, &target).await.unwrap();
    assert_eq!((again.objects, again.bytes), (0, 0));
    let copied = Repository::open(Arc::new(target)).await.unwrap();
    let keys = stocked.place.ada.open(&copied).await.unwrap();
    let checked = inspect(&copied, Level::Contents, Some(&keys), Budget::All).await.unwrap();
    assert!(checked.is_sound() && checked.snapshots == 2, "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_leaves_restore_points_whole_and_the_next_run_goes_on() {
    let stocked = Stocked::new().await;
    let all = stocked.disk().keys().len() as u64;
    for nth in 1..=all {
        let disk = MemoryStore::default();
        let target =
            if nth % 2 == 0 { FaultStore::crash_at_write(disk.clone(), nth) } else { FaultStore::crash_after_write(disk.clone(), nth) };
        let cut = copy(&stocked, &target).await.unwrap_err();
        assert!(matches!(cut, CopyError::Store { .. }), "{cut}");
        if disk.keys().iter().any(|key| key.as_str().starts_with("snapshots/")) {
            let copied = Repository::open(Arc::new(disk.clone())).await.unwrap();
            let seen = inspect(&copied, Level::Names, None, Budget::All).await.unwrap();
            let missing: Vec<_> = seen.findings.iter().filter(|finding| !finding.object.starts_with("snapshots/")).collect();
            assert!(missing.is_empty(), "after write {nth}: {missing:?}");
        }
        assert!(copy(&stocked, &disk).await.unwrap().is_complete());
        assert!(same(stocked.disk(), &disk).await, "after write {nth}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_in_the_original_is_named_and_not_copied_nor_is_a_restore_point_that_needs_it() {
    let stocked = Stocked::new().await;
    let bad = |key: &Key| key.as_str() != "repository.json" && !key.as_str().starts_with("trust/");
    for key in stocked.disk().keys().into_iter().filter(bad) {
        let sound = stocked.disk().get(&key).await.unwrap();
        let mut flipped = sound.to_vec();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 4;
        stocked.disk().overwrite(&key, flipped);
        let target = MemoryStore::default();
        let report = copy(&stocked, &target).await.unwrap();
        let named: Vec<_> = report.findings.iter().map(|finding| finding.object.as_str()).collect();
        assert_eq!(named, [key.as_str()]);
        assert!(!target.keys().contains(&key));
        if key.as_str().starts_with("packs/") || key.as_str().starts_with("index/") {
            assert!(!report.held_back.is_empty(), "{key}");
        }
        let copied = Repository::open(Arc::new(target.clone())).await.unwrap();
        let seen = inspect(&copied, Level::Names, None, Budget::All).await.unwrap();
        assert!(seen.findings.iter().all(|finding| finding.snapshots.is_empty()), "no restore point of the copy lacks anything: {seen:?}");
        stocked.disk().overwrite(&key, sound);
        assert!(copy(&stocked, &target).await.unwrap().is_complete());
        assert!(same(stocked.disk(), &target).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_copy_is_overwritten_and_what_differs_is_named() {
    let stocked = Stocked::new().await;
    let target = MemoryStore::default();
    copy(&stocked, &target).await.unwrap();
    let pack = stocked.keys("packs/").pop().unwrap();
    target.overwrite(&pack, "short");
    let plan = planned(stocked.disk(), &target).await;
    assert_eq!(plan.differs.iter().map(|finding| finding.object.as_str()).collect::<Vec<_>>(), [pack.as_str()]);
    assert!(plan.missing.is_empty());
    copy(&stocked, &target).await.unwrap();
    assert_eq!(target.get(&pack).await.unwrap(), "short");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_repository_and_a_rolled_back_original_are_refused() {
    let (stocked, other) = (Stocked::new().await, place().await);
    let before = other.disk.keys();
    let refused = copy(&stocked, &other.disk).await.unwrap_err();
    assert!(matches!(refused, CopyError::Another { .. }), "{refused}");
    assert_eq!(other.disk.keys(), before);
    let target = MemoryStore::default();
    copy(&stocked, &target).await.unwrap();
    let config: Key = "repository.json".parse().unwrap();
    let sound = target.get(&config).await.unwrap();
    let flipped = |at: usize| sound.iter().enumerate().map(|(n, byte)| if n == at { byte ^ 2 } else { *byte }).collect::<Vec<u8>>();
    for damage in [flipped(0), flipped(200), sound[..100].to_vec()] {
        target.overwrite(&config, damage);
        let refused = copy(&stocked, &target).await.unwrap_err();
        assert!(matches!(&refused, CopyError::DamagedCopy { object, .. } if object == "repository.json"), "{refused}");
    }
    // Once it is healed, the copy goes on.
    target.put_new(&beside(&config, &base::Digest::of(&sound)).unwrap(), sound.clone(), base::Digest::of(&sound)).await.unwrap();
    copy(&stocked, &target).await.unwrap();
    assert!(target.lose(&config));
    target.overwrite(&"holds/only-here".parse().unwrap(), "x");
    target.overwrite(&config, sound);
    target.overwrite(&"trust/9.json".parse().unwrap(), "later");
    let refused = copy(&stocked, &target).await.unwrap_err();
    assert!(matches!(refused, CopyError::RolledBack { here: 9, .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_or_forbidden_copy_ends_with_the_object_and_the_reason() {
    let stocked = Stocked::new().await;
    for (fault, wanted) in [(Fault::Full, "no space left"), (Fault::Deny, "not allowed"), (Fault::Fail, "no answer")] {
        let disk = MemoryStore::default();
        let failed = copy(&stocked, &FaultStore::new(disk.clone()).with(Operation::Put, 4, fault)).await.unwrap_err();
        let CopyError::Store { source, .. } = &failed else { panic!("{failed}") };
        assert!(source.to_string().contains(wanted), "{source}");
        assert!(copy(&stocked, &disk).await.unwrap().is_complete());
        let reading = FaultStore::new(stocked.disk().clone()).with(Operation::GetRange, 6, fault);
        let target = MemoryStore::default();
        let plan = planned(stocked.disk(), &target).await;
        let source = Repository::open(Arc::new(reading)).await.unwrap();
        let failed = run(&source, &target, &plan, Limits::default(), &()).await.unwrap_err();
        assert!(matches!(&failed, CopyError::Store { source, .. } if !matches!(source, StoreError::NotFound { .. })), "{failed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_budget_copies_one_object_after_the_other() {
    let stocked = Stocked::new().await;
    let target = MemoryStore::default();
    let plan = planned(stocked.disk(), &target).await;
    let limits = Limits { bytes: 1, objects: 4 };
    assert!(run(&stocked.open().await, &target, &plan, limits, &()).await.unwrap().is_complete());
    assert!(same(stocked.disk(), &target).await);
}

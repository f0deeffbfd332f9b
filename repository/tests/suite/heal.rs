//! Damage of every kind to every object is healed from a copy, beside and never over, and nothing that is false is ever read instead.

use std::sync::Arc;

use base::Digest;
use bytes::Bytes;
use repository::check::{Budget, Level, inspect};
use repository::heal::{HealError, HealReport, apply, look};
use repository::healed::beside;
use repository::reader::CancelFlag;
use repository::repository::Repository;
use stores::{Key, MemoryStore, Store};

use super::copy::copy;
use super::create_and_open::place;
use super::stocked::Stocked;

fn arc(disk: &MemoryStore) -> Arc<dyn Store> {
    Arc::new(disk.clone())
}

async fn open(disk: &MemoryStore) -> Repository {
    Repository::open(arc(disk)).await.unwrap()
}

async fn copied(stocked: &Stocked) -> MemoryStore {
    let disk = MemoryStore::default();
    assert!(copy(stocked, &disk).await.unwrap().is_complete());
    disk
}

/// Heals from `copies`; everything must be had.
async fn heal(disk: &MemoryStore, copies: &[&MemoryStore]) -> HealReport {
    let mut opened = Vec::new();
    for copy in copies {
        opened.push(open(copy).await);
    }
    let plan = look(&arc(disk), &opened, Level::Names).await.unwrap();
    assert!(plan.hopeless.is_empty(), "{plan:?}");
    let report = apply(&arc(disk), &opened, &plan).await.unwrap();
    assert!(report.failed.is_empty() && report.held_back.is_empty(), "{report:?}");
    report
}

/// Every chunk of the index, by id: what any restore reads.
async fn everything(stocked: &Stocked) -> usize {
    let reader = stocked.reader().await;
    assert!(reader.damaged().is_empty(), "{:?}", reader.damaged());
    let listing = reader.snapshots().await.unwrap();
    assert!(listing.damaged.is_empty(), "{:?}", listing.damaged);
    let mut wanted = Vec::new();
    for snapshot in &listing.snapshots {
        let mut left = vec![snapshot.root.clone()];
        while let Some(tree) = left.pop() {
            for node in reader.tree(&tree).await.unwrap() {
                match node.kind {
                    repository::format::tree::NodeKind::Directory { tree } => left.push(tree),
                    repository::format::tree::NodeKind::File { content } => wanted.extend(content.refs().iter().map(|chunk| chunk.id)),
                    _ => {}
                }
            }
        }
    }
    let report = reader.stream(wanted, Arc::new(|_, _| Ok(())), CancelFlag::default()).await.unwrap();
    assert!(report.missing.is_empty(), "{:?}", report.missing);
    listing.snapshots.len()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Harm {
    Delete,
    Truncate,
    Zero,
    Flip,
}

fn harm(disk: &MemoryStore, key: &Key, sound: &Bytes, how: Harm) {
    let mut bytes = sound.to_vec();
    let middle = bytes.len() / 2;
    match how {
        Harm::Delete => return assert!(disk.lose(key)),
        Harm::Truncate => bytes.truncate(middle),
        Harm::Zero => bytes.fill(0),
        Harm::Flip => bytes[middle] ^= 1,
    }
    disk.overwrite(key, bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_of_every_kind_to_every_object_is_healed_and_what_is_damaged_stays_where_it_is() {
    let stocked = Stocked::new().await;
    let copy = copied(&stocked).await;
    let disk = stocked.disk();
    let keys = stocked.place.ada.open(&stocked.open().await).await.unwrap();
    for key in disk.keys() {
        let sound = disk.get(&key).await.unwrap();
        for how in [Harm::Delete, Harm::Truncate, Harm::Zero, Harm::Flip] {
            harm(disk, &key, &sound, how);
            let harmed = disk.get(&key).await.ok();
            let report = heal(disk, &[&copy]).await;
            assert_eq!((report.returned, report.healed.len()), if how == Harm::Delete { (1, 0) } else { (0, 1) }, "{how:?} {key}");
            if how != Harm::Delete {
                assert_eq!(disk.get(&key).await.ok(), harmed, "{how:?} {key}: nothing is put over it");
            }
            let checked = inspect(&open(disk).await, Level::Contents, Some(&keys), Budget::All).await.unwrap();
            assert!(checked.is_sound(), "{how:?} {key}: {checked:?}");
            assert_eq!(checked.healed.len(), report.healed.len(), "{how:?} {key}");
            assert_eq!(everything(&stocked).await, 2, "{how:?} {key}");
            // The next run finds nothing to do.
            let again = look(&arc(disk), &[open(&copy).await], Level::Names).await.unwrap();
            assert!(again.mends.is_empty() && again.missing.is_empty(), "{again:?}");
            assert_eq!(again.healed_before, report.healed.len() as u64);
            for (_, at) in report.healed {
                assert!(disk.lose(&at));
            }
            disk.overwrite(&key, sound.clone());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_copy_has_not_is_fetched_from_another_and_what_none_has_is_named() {
    let stocked = Stocked::new().await;
    let (one, other) = (copied(&stocked).await, copied(&stocked).await);
    let (packs, snapshots) = (stocked.keys("packs/"), stocked.keys("snapshots/"));
    stocked.disk().overwrite(&packs[0], "damaged");
    one.overwrite(&packs[0], "damaged, too");
    assert!(stocked.disk().lose(&packs[1]) && one.lose(&packs[1]));
    assert!(stocked.disk().lose(&snapshots[1]) && other.lose(&snapshots[1]));
    let report = heal(stocked.disk(), &[&one, &other]).await;
    assert_eq!((report.healed.len(), report.returned), (1, 2), "{report:?}");
    assert_eq!(everything(&stocked).await, 2);
    for disk in [stocked.disk(), &one, &other] {
        disk.overwrite(&packs[1], "damaged everywhere");
    }
    let plan = look(&arc(stocked.disk()), &[open(&one).await, open(&other).await], Level::Names).await.unwrap();
    assert_eq!(plan.hopeless.iter().map(|finding| finding.object.as_str()).collect::<Vec<_>>(), [packs[1].as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_look_reads_no_pack_that_has_the_right_length() {
    let stocked = Stocked::new().await;
    let copy = copied(&stocked).await;
    let packs = stocked.keys("packs/");
    stocked.disk().overwrite(&packs[0], "short");
    let plan = look(&arc(stocked.disk()), &[open(&copy).await], Level::Presence).await.unwrap();
    assert_eq!(plan.mends.iter().map(|mend| &mend.key).collect::<Vec<_>>(), [&packs[0]]);
    let others = stocked.disk().keys().len() - packs.len();
    assert_eq!(plan.objects, others as u64 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_add_objects_hides_no_sound_object_behind_a_false_one() {
    let stocked = Stocked::new().await;
    let disk = stocked.disk();
    for key in disk.keys() {
        // One whose name fits its bytes, and one whose name is the one that readers would take.
        let false_bytes = Bytes::from_static(b"false");
        let at = beside(&key, &Digest::of(&false_bytes)).unwrap();
        disk.put_new(&at, false_bytes.clone(), Digest::of(&false_bytes)).await.unwrap();
        let right = beside(&key, &Digest::of(&disk.get(&key).await.unwrap())).unwrap();
        disk.overwrite(&right, false_bytes);
    }
    assert_eq!(everything(&stocked).await, 2);
    let checked = inspect(&open(disk).await, Level::Names, None, Budget::All).await.unwrap();
    assert!(checked.healed.is_empty());
    assert!(checked.findings.iter().all(|finding| finding.object.starts_with("healed/")), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_what_was_healed_is_whole_and_has_nothing_beside_anything() {
    let stocked = Stocked::new().await;
    let (first, later) = (copied(&stocked).await, MemoryStore::default());
    for key in stocked.disk().keys() {
        stocked.disk().overwrite(&key, "damaged");
    }
    heal(stocked.disk(), &[&first]).await;
    assert!(copy(&stocked, &later).await.unwrap().is_complete());
    assert_eq!(first.keys(), later.keys());
    for key in first.keys() {
        assert_eq!(first.get(&key).await.unwrap(), later.get(&key).await.unwrap(), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_repository_heals_nothing() {
    let (stocked, other) = (Stocked::new().await, place().await);
    let refused = look(&arc(stocked.disk()), &[open(&other.disk).await], Level::Names).await.unwrap_err();
    assert!(matches!(refused, HealError::Another { .. }), "{refused}");
    stocked.disk().overwrite(&"repository.json".parse().unwrap(), "damaged");
    let refused = look(&arc(stocked.disk()), &[open(&other.disk).await], Level::Names).await.unwrap_err();
    assert!(matches!(refused, HealError::Stranger { .. }), "{refused}");
    let empty = look(&arc(&MemoryStore::default()), &[open(&other.disk).await], Level::Names).await.unwrap_err();
    assert!(matches!(empty, HealError::Open { .. }), "{empty}");
}

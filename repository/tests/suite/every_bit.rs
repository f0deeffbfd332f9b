//! Every bit of every object of small repositories, flipped one at a time: `check` names that object and no other, without a key.
//!
//! The whole check runs for each bit, so the objects are spread over three repositories, each as small as its objects allow.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::Clock as _;
use base::clock::ManualClock;
use repository::check::{Budget, Level, inspect};
use repository::keys::generate_reader_key;
use repository::prune::say::{self, Said};
use repository::prune::{apply, gather, plan};
use repository::repository::{CreateSpec, Created, Repository, create};
use stores::store::Store as _;
use stores::{Key, MemoryStore};

use super::content::{Files, back_up, reader};
use super::create_and_open::clock;
use super::damage_matrix::told;

/// What the keyless check of a repository that is open already calls damaged.
async fn told_of(repository: &Repository) -> BTreeSet<String> {
    let report = inspect(repository, Level::Names, None, Budget::All).await.unwrap();
    assert!(report.unread.is_empty(), "{:?}", report.unread);
    report.findings.into_iter().map(|finding| finding.object).collect()
}

/// Flips each bit of the objects below `places`. Gives their names, and how many bits those were.
async fn flip(disk: &MemoryStore, places: &[&str], told: impl AsyncFn() -> BTreeSet<String>) -> (Vec<Key>, usize) {
    assert_eq!(told().await, BTreeSet::new(), "it is sound");
    let objects: Vec<Key> = disk.keys().into_iter().filter(|key| places.iter().any(|place| key.as_str().starts_with(place))).collect();
    let mut n_bits = 0;
    for key in &objects {
        let sound = disk.get(key).await.unwrap();
        let mut bytes = sound.to_vec();
        let only = BTreeSet::from([key.to_string()]);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            disk.overwrite(key, bytes.clone());
            assert_eq!(told().await, only, "bit {bit} of {key}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        n_bits += bytes.len() * 8;
        disk.overwrite(key, sound);
    }
    assert_eq!(told().await, BTreeSet::new(), "it is sound again");
    (objects, n_bits)
}

fn places(objects: &[Key]) -> BTreeSet<&str> {
    objects.iter().map(|key| key.as_str().split('/').next().unwrap()).collect()
}

/// One person, one host, one tiny restore point.
async fn small(clock: &Arc<ManualClock>) -> (MemoryStore, Created, repository::keys::ReaderKey, repository::snapshots::Snapshot) {
    let disk = MemoryStore::with_clock(Arc::clone(clock) as Arc<dyn base::Clock>);
    let (ada, _, to_ada) = generate_reader_key();
    let spec =
        CreateSpec { recipients: vec![to_ada], accept_single_key: true, writer: "web".parse().unwrap(), domain: "lab".parse().unwrap() };
    let created = create(Arc::new(disk.clone()), spec, &**clock).await.unwrap();
    let (cache, files) = (tempfile::tempdir().unwrap(), Files::from([("file".to_owned(), b"a file of a few bytes".to_vec())]));
    let snapshot = back_up(&created.repository, &created.writer_key, cache.path(), &files).await.unwrap().snapshot;
    (disk, created, ada, snapshot)
}

#[tokio::test]
async fn every_flipped_bit_of_configuration_trust_keys_and_recovery_script_is_a_finding_of_that_object() {
    let disk = super::create_and_open::place().await.disk;
    let (signed, n_signed) = flip(&disk, &["repository.json", "trust/"], async || told(&disk).await).await;
    let repository = Repository::open(Arc::new(disk.clone())).await.unwrap();
    let (listed, n_listed) = flip(&disk, &["keys/", "recover/"], async || told_of(&repository).await).await;
    assert_eq!(signed.len() + listed.len(), disk.keys().len(), "no object is left out");
    assert_eq!(places(&signed).len() + places(&listed).len(), 4);
    println!("{} bits of {} objects", n_signed + n_listed, disk.keys().len());
    assert!(n_signed > 20_000 && n_listed > 150_000, "{n_signed} {n_listed}");
}

#[tokio::test]
async fn every_flipped_bit_of_packs_index_and_snapshots_is_a_finding_of_that_object() {
    let (disk, created, ..) = small(&Arc::new(clock())).await;
    let repository = created.repository;
    let (objects, n_bits) = flip(&disk, &["packs/", "index/", "snapshots/"], async || told_of(&repository).await).await;
    assert_eq!(places(&objects).len(), 3);
    println!("{n_bits} bits of {} objects", objects.len());
    assert!(n_bits > 15_000, "{n_bits}");
}

#[tokio::test]
async fn every_flipped_bit_of_what_maintenance_said_is_a_finding_of_that_object() {
    let clock = Arc::new(clock());
    let (disk, created, ada, snapshot) = small(&clock).await;
    let repository = created.repository;
    let steward = ada.steward(&repository).await.unwrap();
    let said = || Said { steward: &steward, now: clock.now(), who: "ada", reason: "no longer wanted" };
    let cache = tempfile::tempdir().unwrap();
    let reader = reader(&repository, &ada, cache.path()).await.unwrap();
    say::attest(&repository, &reader, &snapshot, &steward, clock.now()).await.unwrap();
    say::tombstone(&repository, snapshot.id, "by hand", said()).await.unwrap();
    say::undo(&repository, snapshot.id, said()).await.unwrap();
    let held = say::hold(&repository, &[snapshot.id].into(), said()).await.unwrap();
    say::release(&repository, held, said()).await.unwrap();
    clock.advance(Duration::from_hours(1));
    say::tombstone(&repository, snapshot.id, "by hand", said()).await.unwrap();
    clock.advance(Duration::from_hours(80));
    let planned = plan(&gather(&repository).await.unwrap(), &repository.protocol());
    apply(&repository, &planned, &steward, &*clock).await.unwrap().condemned.expect("a pack is condemned");
    let (objects, n_bits) = flip(&disk, &["condemned/", "tombstones/", "holds/", "attest/"], async || told_of(&repository).await).await;
    assert_eq!((places(&objects).len(), objects.len()), (4, 7), "each kind of statement");
    println!("{n_bits} bits of {} objects", objects.len());
    assert!(n_bits > 20_000, "{n_bits}");
}

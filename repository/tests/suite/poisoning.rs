//! A host in the hands of somebody hostile, which may add any object anywhere, beside a host that goes on as ever.

use repository::check::{Budget, Level, run};
use repository::format::names::{self, Name};
use repository::keys::add_writer;
use repository::prune::say;
use repository::repository::Repository;
use repository::snapshots::Snapshot;
use std::sync::Arc;
use stores::store::Store as _;
use stores::{Key, MemoryStore};

use base::Digest;

use super::content::{Files, assert_same, back_up, files_of, files_streamed, noise, reader, text};
use super::create_and_open::{Place, place};

fn keys(disk: &MemoryStore, first: &str) -> Vec<Key> {
    disk.keys().into_iter().filter(|key| key.as_str().starts_with(first)).collect()
}

/// What a reader without a cache gets of a restore point.
async fn reads(place: &Place, snapshot: &Snapshot, files: &Files) {
    let (repository, cache) = (Repository::open(Arc::new(place.disk.clone())).await.unwrap(), tempfile::tempdir().unwrap());
    let reader = reader(&repository, &place.ada, cache.path()).await.unwrap();
    assert!(reader.snapshots().await.unwrap().snapshots.iter().any(|listed| listed.id == snapshot.id), "it is not listed");
    assert_same(&files_of(&reader, &snapshot.root).await.unwrap(), files);
    assert_same(&files_streamed(&reader, &snapshot.root).await.unwrap(), files);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hostile_host_stores_anywhere_changes_nothing_that_another_host_reads_or_stores() {
    let (place, good, bad) = (place().await, tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files: Files = [("letters".to_owned(), text(1, 300_000)), ("pictures".to_owned(), noise(2, 1 << 20))].into();
    let before = back_up(&place.created.repository, &place.created.writer_key, good.path(), &files).await.unwrap().snapshot;
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    let hostile = add_writer(&place.created.repository, &place.ada, "lab".parse().unwrap(), "lab".parse().unwrap(), now).await.unwrap();
    let repository = Repository::open(Arc::new(place.disk.clone())).await.unwrap();
    // It has the very same files, so that a shared domain would let it answer for them.
    back_up(&repository, &hostile, bad.path(), &files).await.unwrap();
    // Its index objects and restore points under the other host's name, behind what is there and in the same places.
    let (office, web) = (before.domain.clone(), before.writer.clone());
    let mut planted = Vec::new();
    for key in keys(&place.disk, "index/lab/").into_iter().chain(keys(&place.disk, "snapshots/lab/")) {
        let object = place.disk.get(&key).await.unwrap();
        for seq in [0, 1, 7] {
            let name = Name { seq, digest: Digest::of(&object) };
            let index = key.as_str().starts_with("index/");
            let at = if index { names::index(&office, &web, &name) } else { names::snapshot(&office, &web, &name) };
            place.disk.overwrite(&at, object.clone());
            planted.push(at.to_string());
        }
    }
    // Packs whose names are right and whose bytes nobody can open, and the packs of its own domain in the other one.
    for (n, object) in (0_u8..).zip([noise(9, 100_000), Vec::new()]) {
        place.disk.overwrite(&names::pack(&office, &Digest::of(&object)), [object, vec![n]].concat());
    }
    for key in keys(&place.disk, "packs/lab/") {
        let object = place.disk.get(&key).await.unwrap();
        place.disk.overwrite(&names::pack(&office, &Digest::of(&object)), object);
    }
    reads(&place, &before, &files).await;
    let cache = tempfile::tempdir().unwrap();
    let open = reader(&repository, &place.ada, cache.path()).await.unwrap();
    let report = run(&repository, Level::Contents, Some(&open), Budget::All).await.unwrap();
    let named: Vec<&str> = report.findings.iter().map(|finding| finding.object.as_str()).collect();
    assert!(planted.iter().all(|object| named.contains(&object.as_str())), "{planted:?}\n{named:?}");
    // The other host's next backup, with its cache and without it, relies on nothing that is not its own.
    for cache in [good, tempfile::tempdir().unwrap()] {
        let next = back_up(&repository, &place.created.writer_key, cache.path(), &files).await.unwrap().snapshot;
        assert!(next.packs.iter().all(|pack| before.packs.contains(pack)), "{:?} and {:?}", next.packs, before.packs);
        reads(&place, &next, &files).await;
        let steward = place.ada.steward(&repository).await.unwrap();
        let fresh = tempfile::tempdir().unwrap();
        let open = reader(&repository, &place.ada, fresh.path()).await.unwrap();
        say::attest(&repository, &open, &next, &steward, now).await.unwrap();
    }
    // And all that the hostile host ever stored may go.
    for key in keys(&place.disk, "").into_iter().filter(|key| key.as_str().contains("/lab/")) {
        place.disk.lose(&key);
    }
    reads(&place, &before, &files).await;
}

//! What is there twice, or was and is no more: chunks in two packs, numbers of two objects, trees of an older snapshot.

use std::path::Path;

use base::id::{DomainId, WriterId};
use repository::check::{Budget, Level, run};
use repository::format::tree::{NodeKind, TreeRef};
use repository::repository::Repository;
use repository::snapshots::Snapshot;
use repository::writer::WriteError;
use std::sync::Arc;
use stores::{MemoryStore, TallyStore};

use super::content::{Files, assert_same, back_up, files_of, files_streamed, new_snapshot, noise, reader, store, text, writer};
use super::crash::copy_of;
use super::create_and_open::{Place, place};

fn files(parts: &[(&str, Vec<u8>)]) -> Files {
    parts.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone())).collect()
}

/// Reads with an empty cache, so that what the store has counts alone.
async fn reads(place: &Place, disk: &MemoryStore, root: &TreeRef, wanted: &Files) {
    let (repository, cache) = (Repository::open(Arc::new(disk.clone())).await.unwrap(), tempfile::tempdir().unwrap());
    let reader = reader(&repository, &place.ada, cache.path()).await.unwrap();
    assert_same(&files_of(&reader, root).await.unwrap(), wanted);
    assert_same(&files_streamed(&reader, root).await.unwrap(), wanted);
}

/// Two snapshots of the same files by two processes that did not see each other: every chunk lies in two packs.
async fn stored_at_once(place: &Place, files: &Files) -> [Snapshot; 2] {
    let (caches, key) = ([tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()], &place.created.writer_key);
    let one = writer(&place.created.repository, key, caches[0].path()).await.unwrap();
    let other = writer(&place.created.repository, key, caches[1].path()).await.unwrap();
    let ((one, root), (other, same)) = (store(one, files).await.unwrap(), store(other, files).await.unwrap());
    assert_eq!(root, same);
    let one = one.commit(new_snapshot(root)).await.unwrap().snapshot;
    let other = other.commit(new_snapshot(same)).await.unwrap().snapshot;
    assert!(one.packs.iter().all(|pack| !other.packs.contains(pack)));
    [one, other]
}

fn lose_packs(place: &Place, snapshot: &Snapshot) {
    for pack in &snapshot.packs {
        assert!(place.disk.lose(&repository::format::names::pack(&snapshot.domain, pack)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_that_lies_in_two_packs_survives_the_loss_of_either() {
    let files = files(&[("a", text(1, 300_000)), ("b", noise(2, 1 << 20)), ("c", text(3, 3000))]);
    for lost in [0, 1] {
        let place = place().await;
        let snapshots = stored_at_once(&place, &files).await;
        lose_packs(&place, &snapshots[lost]);
        reads(&place, &place.disk, &snapshots[lost].root, &files).await;
        // `check` says the same: the packs are missing, and no path is.
        let cache = tempfile::tempdir().unwrap();
        let reader = reader(&place.created.repository, &place.ada, cache.path()).await.unwrap();
        let report = run(&place.created.repository, Level::Presence, Some(&reader), Budget::All).await.unwrap();
        assert_eq!(report.findings.len(), snapshots[lost].packs.len());
        assert!(report.findings.iter().all(|finding| finding.snapshots == [snapshots[lost].id] && finding.paths.is_empty()));
        lose_packs(&place, &snapshots[1 - lost]);
        let report = run(&place.created.repository, Level::Presence, Some(&reader), Budget::All).await.unwrap();
        assert!(!report.findings.is_empty() && report.findings.iter().any(|finding| finding.paths == ["/"]), "{:?}", report.findings);
        assert!(files_streamed(&reader, &snapshots[0].root).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_saw_another_object_of_the_same_name_is_not_believed() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let (key, here) = (&place.created.writer_key, &place.created.repository);
    let old = files(&[("old", text(1, 20_000))]);
    back_up(here, key, cache.path(), &old).await.unwrap();
    // A copy of the repository, to which the host writes while the first one is away: number 1 is given twice.
    let disk = copy_of(&place.disk).await;
    let copy = here.with_store(Arc::new(disk.clone()));
    let [mut to_copy, mut to_first] = [old.clone(), old];
    to_copy.insert("new".to_owned(), noise(2, 3 << 20));
    to_first.insert("new".to_owned(), noise(3, 1 << 20));
    back_up(&copy, key, cache.path(), &to_copy).await.unwrap();
    back_up(here, key, cache.path(), &to_first).await.unwrap();
    back_up(&copy, key, cache.path(), &to_copy).await.unwrap(); // now the cache knows the number 1 of the copy
    let receipt = back_up(here, key, cache.path(), &to_copy).await.unwrap();
    assert!(receipt.snapshot.stats.bytes_new >= 3 << 20, "{:?}", receipt.snapshot.stats);
    reads(&place, &place.disk, &receipt.snapshot.root, &to_copy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_object_that_the_cache_has_is_not_fetched_again() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let (key, repository) = (&place.created.writer_key, &place.created.repository);
    back_up(repository, key, cache.path(), &files(&[("a", noise(1, 1 << 20))])).await.unwrap();
    let tally = TallyStore::new(Arc::new(place.disk.clone()));
    let counted = repository.with_store(Arc::new(tally.clone()));
    let mut gets = Vec::new();
    for _ in 0..3 {
        writer(&counted, key, cache.path()).await.unwrap().abandon().await;
        gets.push(tally.take().get);
    }
    assert_eq!(gets, [2, 1, 1], "the keys of the host each time, and the index object once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packs_that_were_lost_or_cut_are_stored_again_by_the_next_backup() {
    let files = files(&[("a", text(1, 300_000)), ("b", noise(2, 1 << 20))]);
    for cut in [false, true] {
        let (place, cache) = (place().await, tempfile::tempdir().unwrap());
        let (key, repository) = (&place.created.writer_key, &place.created.repository);
        let first = back_up(repository, key, cache.path(), &files).await.unwrap().snapshot;
        for pack in &first.packs {
            let name = repository::format::names::pack(&first.domain, pack);
            let bytes = stores::Store::get(&place.disk, &name).await.unwrap();
            assert!(place.disk.lose(&name));
            if cut {
                place.disk.overwrite(&name, bytes.slice(..bytes.len() - 1));
            }
        }
        // Twice: the second finds the chunks in the new packs, although the index still names the old ones.
        let again = back_up(repository, key, cache.path(), &files).await.unwrap().snapshot;
        let third = back_up(repository, key, cache.path(), &files).await.unwrap().snapshot;
        assert_eq!((again.root == first.root, third.stats.bytes_new, &third.packs), (true, 0, &again.packs));
        assert!(first.packs.iter().all(|pack| !again.packs.contains(pack)));
        reads(&place, &place.disk, &third.root, &files).await;
    }
}

async fn reuse(place: &Place, cache: &Path, root: &TreeRef) -> Snapshot {
    let repository = &place.created.repository;
    let writer = writer(repository, &place.created.writer_key, cache).await.unwrap();
    assert!(writer.has_tree(root));
    for node in reader(repository, &place.ada, cache).await.unwrap().tree(root).await.unwrap() {
        let NodeKind::File { content } = node.kind else { panic!("only files are stored here") };
        assert!(content.refs().iter().all(|chunk| writer.has(&chunk.id)));
    }
    writer.commit(new_snapshot(root.clone())).await.unwrap().snapshot
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_of_an_older_snapshot_brings_its_packs_along() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let (key, repository) = (&place.created.writer_key, &place.created.repository);
    let first = back_up(repository, key, cache.path(), &files(&[("a", noise(1, 1 << 20))])).await.unwrap().snapshot;
    // The disk was not mounted, and the run ended before it could keep its cache of unchanged files.
    let between = back_up(repository, key, cache.path(), &files(&[("b", noise(2, 1 << 20))])).await.unwrap().snapshot;
    assert!(first.packs.iter().all(|pack| !between.packs.contains(pack)));
    let again = reuse(&place, cache.path(), &first.root).await;
    assert!(first.packs.iter().all(|pack| again.packs.contains(pack)), "{:?} and {:?}", first.packs, again.packs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stray_object_with_the_highest_number_ends_in_an_error_that_names_it() {
    let files = files(&[("a", text(1, 20_000))]);
    for kind in ["index", "snapshots"] {
        let (place, cache) = (place().await, tempfile::tempdir().unwrap());
        let key = &place.created.writer_key;
        let (domain, writer): (&DomainId, &WriterId) = (key.domain(), key.writer());
        let stray = format!("{kind}/{domain}/{writer}/{}-{}", u64::MAX, base::Digest::of(b"stray")).parse().unwrap();
        place.disk.overwrite(&stray, "stray");
        let refused = back_up(&place.created.repository, key, cache.path(), &files).await.unwrap_err();
        assert!(matches!(refused, WriteError::Numbers { .. }), "{refused}");
        assert_eq!(stores::Store::get(&place.disk, &stray).await.unwrap(), "stray");
    }
}

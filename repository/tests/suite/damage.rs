//! Bytes that the storage changed, cut or lost: never taken for the real ones, and named exactly.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use repository::format::tree::TreeRef;
use repository::pack::read::{open_whole, verify_chunks};
use repository::reader::{CancelFlag, ReadError, Reader};
use repository::repository::Repository;
use stores::{Key, MemoryStore, Store as _};

use super::content::{Files, assert_same, back_up, files_of, noise, reader, text};
use super::create_and_open::{Place, place};

struct Small {
    place: Place,
    root: TreeRef,
    files: Files,
}

/// One pack of data, one of trees, one index object, one snapshot.
async fn small() -> Small {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let files: Files = [("a", text(1, 90_000)), ("b", noise(2, 70_000)), ("c", text(3, 3000))]
        .into_iter()
        .map(|(name, bytes)| (name.to_owned(), bytes))
        .collect();
    let receipt = back_up(&place.created.repository, &place.created.writer_key, cache.path(), &files).await.unwrap();
    Small { root: receipt.snapshot.root, place, files }
}

fn objects(disk: &MemoryStore, first: &str) -> Vec<Key> {
    disk.keys().into_iter().filter(|key| key.as_str().starts_with(first)).collect()
}

async fn get(disk: &MemoryStore, key: &Key) -> Vec<u8> {
    disk.get(key).await.unwrap().to_vec()
}

async fn open(small: &Small) -> Reader {
    let cache = tempfile::tempdir().unwrap();
    let repository = Repository::open(Arc::new(small.place.disk.clone())).await.unwrap();
    reader(&repository, &small.place.ada, cache.path()).await.unwrap()
}

/// Some places of an object of `len` bytes: the first ones, the last ones, and some between.
fn places(len: usize) -> BTreeSet<usize> {
    let between = (0..len).step_by((len / 40).max(1));
    (0..len.min(8)).chain(len.saturating_sub(8)..len).chain(between).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_in_an_index_object_or_a_snapshot_is_a_finding_of_that_object() {
    let small = small().await;
    let disk = &small.place.disk;
    for key in [objects(disk, "index/"), objects(disk, "snapshots/")].concat() {
        let whole = get(disk, &key).await;
        for at in places(whole.len()) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            disk.overwrite(&key, flipped);
            let reader = open(&small).await;
            let listing = reader.snapshots().await.unwrap();
            let found: Vec<_> = reader.damaged().iter().chain(&listing.damaged).map(|finding| finding.object.clone()).collect();
            assert_eq!(found, [key.to_string()], "byte {at}");
            let is_index = key.as_str().starts_with("index/");
            assert_eq!(listing.snapshots.len(), usize::from(is_index), "byte {at}");
        }
        for len in places(whole.len()) {
            disk.overwrite(&key, Bytes::copy_from_slice(&whole[..len]));
            let reader = open(&small).await;
            let listing = reader.snapshots().await.unwrap();
            assert_eq!(reader.damaged().len() + listing.damaged.len(), 1, "cut to {len}");
        }
        disk.overwrite(&key, whole);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_in_a_pack_gives_the_right_bytes_or_an_error_that_names_the_pack() {
    let small = small().await;
    let disk = &small.place.disk;
    let mut errors = 0;
    for key in objects(disk, "packs/") {
        let whole = get(disk, &key).await;
        for at in places(whole.len()) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            disk.overwrite(&key, flipped);
            match files_of(&open(&small).await, &small.root).await {
                // Neither the header, of which the index has a copy, nor the padding is read for a file.
                Ok(files) => assert_same(&files, &small.files),
                Err(ReadError::Damaged { object, .. }) => {
                    assert_eq!(object, key.as_str());
                    errors += 1;
                }
                Err(error) => panic!("byte {at}: {error}"),
            }
        }
        disk.overwrite(&key, whole);
    }
    assert!(errors > 40, "{errors} flips were noticed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_flipped_bit_and_any_cut_closes_a_pack_that_is_opened_as_a_whole() {
    let small = small().await;
    let disk = &small.place.disk;
    let reader = open(&small).await;
    let domain = "office".parse().unwrap();
    let (hasher, epoch) = (reader.hasher(&domain).unwrap(), reader.epoch(1).unwrap());
    let mut n_chunks = 0;
    for key in objects(disk, "packs/") {
        let whole = get(disk, &key).await;
        n_chunks += verify_chunks(&open_whole(&whole, epoch).unwrap(), &hasher).unwrap();
        let nonce_and_before = whole.len().min(400);
        for at in (0..nonce_and_before).chain(places(whole.len())) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(open_whole(&flipped, epoch).is_err(), "byte {at} of {key}");
        }
        for len in places(whole.len()) {
            assert!(open_whole(&whole[..len], epoch).is_err(), "{key} cut to {len}");
        }
    }
    assert_eq!(n_chunks, 4, "three files and a directory");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_pack_loses_its_chunks_and_the_stream_brings_all_others() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let mut roots = Vec::new();
    for seed in [1, 2] {
        let files: Files = [(format!("file-{seed}"), text(seed, 600_000))].into();
        roots.push(back_up(&place.created.repository, &place.created.writer_key, cache.path(), &files).await.unwrap().snapshot.root);
    }
    let reader = reader(&place.created.repository, &place.ada, cache.path()).await.unwrap();
    let mut chunks = Vec::new();
    for root in &roots {
        for node in reader.tree(root).await.unwrap() {
            let repository::format::tree::NodeKind::File { content } = node.kind else { panic!("a file was stored") };
            chunks.push(content.refs().iter().map(|chunk| chunk.id).collect::<Vec<_>>());
        }
    }
    let (domain, lost) = reader.pack_of(&chunks[0][0]).unwrap();
    let lost = repository::format::names::pack(&domain, &lost);
    assert!(place.disk.lose(&lost));
    let report = reader.stream(chunks.concat(), Arc::new(|_, _| Ok(())), CancelFlag::default()).await.unwrap();
    let missing: BTreeSet<_> = report.missing.iter().map(|(id, _)| *id).collect();
    assert_eq!(missing, chunks[0].iter().copied().collect());
    assert_eq!(report.chunks, chunks[1].len() as u64);
    for (_, error) in &report.missing {
        assert!(matches!(error, ReadError::Store { object, .. } if *object == lost.to_string()), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_the_storage_left_out_is_missed() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    for seed in 0..3 {
        let files: Files = [("file".to_owned(), text(seed, 3000))].into();
        back_up(&place.created.repository, &place.created.writer_key, cache.path(), &files).await.unwrap();
    }
    let middle = objects(&place.disk, "snapshots/")[1].clone();
    assert!(place.disk.lose(&middle));
    let reader = reader(&place.created.repository, &place.ada, cache.path()).await.unwrap();
    let listing = reader.snapshots().await.unwrap();
    assert_eq!(listing.snapshots.len(), 2);
    let missed: Vec<_> = listing.damaged.iter().map(|finding| finding.object.as_str()).collect();
    assert_eq!(missed, [middle.as_str()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_in_the_place_of_another_is_refused() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    for seed in 0..2 {
        let files: Files = [("file".to_owned(), text(seed, 3000))].into();
        back_up(&place.created.repository, &place.created.writer_key, cache.path(), &files).await.unwrap();
    }
    for first in ["index/", "snapshots/"] {
        let keys = objects(&place.disk, first);
        place.disk.overwrite(&keys[1], get(&place.disk, &keys[0]).await);
        let fresh = tempfile::tempdir().unwrap();
        let reader = reader(&place.created.repository, &place.ada, fresh.path()).await.unwrap();
        let listing = reader.snapshots().await.unwrap();
        let found: Vec<_> = reader.damaged().iter().chain(&listing.damaged).collect();
        assert!(found.iter().any(|finding| finding.object == keys[1].as_str()), "{found:?}");
    }
}

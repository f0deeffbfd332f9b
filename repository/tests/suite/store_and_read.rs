//! What is stored comes back, is stored once, and is seen as what it is.

use std::sync::Arc;

use repository::keys::generate_reader_key;
use repository::reader::ReadError;
use repository::repository::{Repository, create};
use repository::snapshots::{SnapshotKey, list};
use repository::writer::{VerifyUpload, WriteError, Writer, WriterOptions};
use stores::tally::TallyStore;
use stores::{FolderStore, MemoryStore};

use super::content::{assert_same, back_up, files_of, files_streamed, new_snapshot, noise, reader, some_files, store, text, writer};
use super::create_and_open::{Place, clock, place, spec};

async fn reopened(place: &Place) -> Repository {
    Repository::open(Arc::new(place.disk.clone())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_every_size_come_back_from_memory_as_they_were() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let files = some_files();
    let receipt = back_up(&place.created.repository, &place.created.writer_key, cache.path(), &files).await.unwrap();
    for person in [&place.ada, &place.ben] {
        let reader = reader(&reopened(&place).await, person, cache.path()).await.unwrap();
        let listing = reader.snapshots().await.unwrap();
        assert_eq!(listing.snapshots, std::slice::from_ref(&receipt.snapshot));
        assert!(listing.damaged.is_empty(), "{:?}", listing.damaged);
        assert_same(&files_of(&reader, &receipt.snapshot.root).await.unwrap(), &files);
        assert_same(&files_streamed(&reader, &receipt.snapshot.root).await.unwrap(), &files);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_come_back_from_a_folder_as_they_were() {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Arc::new(FolderStore::create(folder.path().join("repository")).await.unwrap());
    let ((ada, _, to_ada), (_, _, to_ben)) = (generate_reader_key(), generate_reader_key());
    let created = create(store, spec(&[&to_ada, &to_ben]), &clock()).await.unwrap();
    let files = some_files();
    let receipt = back_up(&created.repository, &created.writer_key, cache.path(), &files).await.unwrap();
    let reader = reader(&created.repository, &ada, cache.path()).await.unwrap();
    assert_same(&files_streamed(&reader, &receipt.snapshot.root).await.unwrap(), &files);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unchanged_backup_stores_one_object_the_snapshot() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let files = some_files();
    let first = back_up(&place.created.repository, &place.created.writer_key, cache.path(), &files).await.unwrap();
    let tally = TallyStore::new(Arc::new(place.disk.clone()));
    let counted = reopened(&place).await.with_store(Arc::new(tally.clone()));
    let second = back_up(&counted, &place.created.writer_key, cache.path(), &files).await.unwrap();
    assert_eq!(tally.counts().put, 1);
    assert_eq!(second.snapshot.root, first.snapshot.root);
    assert_eq!(second.snapshot.packs, first.snapshot.packs);
    assert_eq!((second.snapshot.seq, second.snapshot.prev), (1, Some(first.snapshot.id)));
    assert_eq!(second.snapshot.stats.bytes_new, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_files_share_is_stored_once_and_an_insertion_moves_few_chunks() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let mut files = some_files();
    let again = files["5-large"].clone();
    let changed: Vec<u8> = [&again[..1 << 20], b"a line more\n", &again[1 << 20..]].concat();
    files.insert("8-again".to_owned(), again);
    files.insert("9-changed".to_owned(), changed);
    let receipt = back_up(&place.created.repository, &place.created.writer_key, cache.path(), &files).await.unwrap();
    let distinct: u64 = some_files().values().map(|bytes| bytes.len() as u64).sum();
    let new = receipt.snapshot.stats.bytes_new;
    assert!(new < distinct + (1 << 20), "{new} bytes are new, of {distinct} that differ");
    let reader = reader(&place.created.repository, &place.ada, cache.path()).await.unwrap();
    assert_same(&files_streamed(&reader, &receipt.snapshot.root).await.unwrap(), &files);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_writers_of_one_host_at_once_both_commit_behind_each_other() {
    let place = place().await;
    let caches = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (one, mut other) = (some_files(), some_files());
    other.insert("other".to_owned(), text(9, 700_000));
    let key = &place.created.writer_key;
    let repository = &place.created.repository;
    let (a, b) = tokio::join!(back_up(repository, key, caches[0].path(), &one), back_up(repository, key, caches[1].path(), &other));
    let mut seqs = [a.unwrap().snapshot.seq, b.unwrap().snapshot.seq];
    seqs.sort_unstable();
    assert_eq!(seqs, [0, 1]);
    let reader = reader(repository, &place.ada, caches[0].path()).await.unwrap();
    let listing = reader.snapshots().await.unwrap();
    assert!(listing.damaged.is_empty(), "{:?}", listing.damaged);
    for snapshot in listing.snapshots {
        let files = files_streamed(&reader, &snapshot.root).await.unwrap();
        assert_same(&files, if files.contains_key("other") { &other } else { &one });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_lists_its_snapshots_and_a_stranger_lists_nothing() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let receipt = back_up(&place.created.repository, &place.created.writer_key, cache.path(), &some_files()).await.unwrap();
    let repository = reopened(&place).await;
    let listing = list(&repository, &SnapshotKey::Writer(&place.created.writer_key)).await.unwrap();
    assert_eq!(listing.snapshots, [receipt.snapshot]);
    let (stranger, _, _) = generate_reader_key();
    assert!(matches!(list(&repository, &SnapshotKey::Reader(&stranger)).await, Err(ReadError::Key(_))));
    assert!(matches!(reader(&repository, &stranger, cache.path()).await, Err(ReadError::Key(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_that_names_a_chunk_which_is_not_there_is_refused() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let other = place_with_files().await;
    let (writer, _) =
        store(writer(&place.created.repository, &place.created.writer_key, cache.path()).await.unwrap(), &some_files()).await.unwrap();
    let refused = writer.commit(new_snapshot(other)).await.unwrap_err();
    assert!(matches!(refused, WriteError::Unknown(_)), "{refused}");
    let listing = list(&place.created.repository, &SnapshotKey::Reader(&place.ada)).await.unwrap();
    assert!(listing.snapshots.is_empty());
}

async fn place_with_files() -> repository::format::tree::TreeRef {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    back_up(&place.created.repository, &place.created.writer_key, cache.path(), &some_files()).await.unwrap().snapshot.root
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_or_lost_cache_changes_nothing() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let files = some_files();
    let key = &place.created.writer_key;
    back_up(&place.created.repository, key, cache.path(), &files).await.unwrap();
    // The second run makes the cache, the third finds it damaged, the fourth finds none.
    for damage in [None, Some(true), Some(false)] {
        let file = super::index_cache::segments(cache.path()).pop();
        match (damage, file) {
            (Some(true), Some(file)) => {
                let mut bytes = std::fs::read(&file).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(&file, bytes).unwrap();
            }
            (Some(false), Some(file)) => std::fs::remove_file(file).unwrap(),
            (Some(_), None) => panic!("a run leaves a cache behind"),
            (None, _) => {}
        }
        let receipt = back_up(&place.created.repository, key, cache.path(), &files).await.unwrap();
        assert_eq!(receipt.snapshot.stats.bytes_new, 0, "{damage:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plaintext_of_what_is_stored_is_nowhere_in_the_store() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    back_up(&place.created.repository, &place.created.writer_key, cache.path(), &some_files()).await.unwrap();
    let disk: &MemoryStore = &place.disk;
    for key in disk.keys() {
        let bytes = stores::Store::get(disk, &key).await.unwrap();
        for word in ["a sample was taken", "not worth a chunk", "5-large", "lims", "/srv"] {
            assert!(!bytes.windows(word.len()).any(|some| some == word.as_bytes()), "{key} tells \"{word}\"");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_without_threads_stores_the_same_and_more_packs_than_are_on_their_way_at_once() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let mut files = some_files();
    files.insert("8-many".to_owned(), noise(8, 40 << 20));
    let options = WriterOptions { cache_dir: cache.path().to_owned(), threads: 0, level: 3, verify_upload: VerifyUpload::All };
    let writer = Writer::open(&place.created.repository, &place.created.writer_key, options).await.unwrap();
    let (writer, root) = store(writer, &files).await.unwrap();
    let receipt = writer.commit(new_snapshot(root)).await.unwrap();
    let reader = reader(&reopened(&place).await, &place.ada, cache.path()).await.unwrap();
    assert!(reader.packs().count() > 3, "more than a data pack and a tree pack");
    assert_same(&files_streamed(&reader, &receipt.snapshot.root).await.unwrap(), &files);
}

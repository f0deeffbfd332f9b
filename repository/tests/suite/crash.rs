//! Stores that fail or vanish at any call: no listed snapshot is ever hurt, and nothing that failed is acknowledged.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use base::Digest;
use repository::reader::CancelFlag;
use repository::repository::Repository;
use repository::writer::{StoreFileError, WriteError};
use stores::fault::{Fault, FaultStore};
use stores::{MemoryStore, Operation, Store as _};

use super::content::{Files, assert_same, back_up, files_streamed, new_snapshot, noise, reader, some_files, store, text, writer};
use super::create_and_open::{Place, place};

/// The same objects in a store of their own.
pub async fn copy_of(disk: &MemoryStore) -> MemoryStore {
    let copy = MemoryStore::default();
    for key in disk.keys() {
        let bytes = disk.get(&key).await.unwrap();
        let digest = Digest::of(&bytes);
        copy.put_new(&key, bytes, digest).await.unwrap();
    }
    copy
}

async fn every_listed_snapshot_reads(disk: &MemoryStore, place: &Place, generations: &[&Files]) -> usize {
    let repository = Repository::open(Arc::new(disk.clone())).await.unwrap();
    let cache = tempfile::tempdir().unwrap();
    let reader = reader(&repository, &place.ada, cache.path()).await.unwrap();
    let listing = reader.snapshots().await.unwrap();
    assert!(listing.damaged.is_empty() && reader.damaged().is_empty());
    for (snapshot, files) in listing.snapshots.iter().zip(generations) {
        assert_same(&files_streamed(&reader, &snapshot.root).await.unwrap(), files);
    }
    listing.snapshots.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_write_leaves_every_listed_snapshot_readable() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let first = some_files();
    let mut second = first.clone();
    second.insert("new".to_owned(), noise(77, 1 << 20));
    back_up(&place.created.repository, &place.created.writer_key, cache.path(), &first).await.unwrap();
    for after in [false, true] {
        for nth in 1.. {
            let disk = copy_of(&place.disk).await;
            let faulty =
                if after { FaultStore::crash_after_write(disk.clone(), nth) } else { FaultStore::crash_at_write(disk.clone(), nth) };
            let repository = place.created.repository.with_store(Arc::new(faulty));
            let cache = tempfile::tempdir().unwrap();
            let finished = back_up(&repository, &place.created.writer_key, cache.path(), &second).await.is_ok();
            let listed = every_listed_snapshot_reads(&disk, &place, &[&first, &second]).await;
            assert!(listed > usize::from(finished), "what was acknowledged is listed");
            // After the restart the same backup succeeds on what the crash left.
            let repository = Repository::open(Arc::new(disk.clone())).await.unwrap();
            back_up(&repository, &place.created.writer_key, cache.path(), &second).await.unwrap();
            assert_eq!(every_listed_snapshot_reads(&disk, &place, &[&first, &second, &second]).await, listed + 1);
            if finished {
                assert!(nth >= 4, "a changed backup writes packs, index and snapshot");
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_ends_everything_in_one_error_and_nobody_waits_for_ever() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let faulty = FaultStore::new(place.disk.clone()).with(Operation::Put, 1, Fault::Full);
    let repository = place.created.repository.with_store(Arc::new(faulty));
    // Far more than the queues hold: callers have to be let go.
    let files: Files = (0..12).map(|n| (format!("{n:02}"), noise(n, 8 << 20))).collect();
    let ended = tokio::time::timeout(Duration::from_mins(1), back_up(&repository, &place.created.writer_key, cache.path(), &files));
    let error = ended.await.expect("it ends").unwrap_err();
    assert!(matches!(&error, WriteError::Store { object, .. } if object.starts_with("packs/")), "{error}");
    assert_eq!(every_listed_snapshot_reads(&place.disk, &place, &[]).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_lost_is_not_taken_for_another_writers_object() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let files = some_files();
    for nth in 1..=4 {
        let faulty = FaultStore::new(place.disk.clone()).with(Operation::Put, nth, Fault::LoseAnswer);
        let retried = stores::retry::RetryStore::new(Arc::new(faulty), stores::retry::RetryLimits::default(), nth);
        let repository = place.created.repository.with_store(Arc::new(retried));
        let mut files = files.clone();
        files.insert("new".to_owned(), noise(100 + nth, 1 << 20));
        let receipt = back_up(&repository, &place.created.writer_key, cache.path(), &files).await.unwrap();
        assert_eq!(receipt.snapshot.seq, nth - 1);
    }
}

/// Gives some bytes, then an error.
struct Broken(usize);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.0.min(buffer.len());
        if n == 0 {
            return Err(io::Error::other("the disk is broken"));
        }
        buffer[..n].fill(7);
        self.0 -= n;
        Ok(n)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_read_is_its_own_fault_and_the_others_go_on() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let files = some_files();
    let writer = writer(&place.created.repository, &place.created.writer_key, cache.path()).await.unwrap();
    let writer = tokio::task::spawn_blocking(move || {
        for (len, hint) in [(0, 0), (1000, 1000), (1000, 9 << 20), (9 << 20, 0), (9 << 20, 9 << 20)] {
            assert!(matches!(writer.store_file(&mut Broken(len), hint), Err(StoreFileError::Source(_))));
        }
        writer
    });
    let (writer, root) = store(writer.await.unwrap(), &files).await.unwrap();
    writer.commit(new_snapshot(root)).await.unwrap();
    assert_eq!(every_listed_snapshot_reads(&place.disk, &place, &[&files]).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_writer_leaves_no_snapshot_and_the_next_one_works() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let files = some_files();
    let (abandoned, _) =
        store(writer(&place.created.repository, &place.created.writer_key, cache.path()).await.unwrap(), &files).await.unwrap();
    abandoned.abandon().await;
    let (dropped, _) =
        store(writer(&place.created.repository, &place.created.writer_key, cache.path()).await.unwrap(), &files).await.unwrap();
    drop(dropped);
    assert_eq!(every_listed_snapshot_reads(&place.disk, &place, &[]).await, 0);
    back_up(&place.created.repository, &place.created.writer_key, cache.path(), &files).await.unwrap();
    assert_eq!(every_listed_snapshot_reads(&place.disk, &place, &[&files]).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_stops_when_asked_to_and_when_its_sink_takes_no_more() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let files: Files = [("file".to_owned(), text(1, 4 << 20))].into();
    let root = back_up(&place.created.repository, &place.created.writer_key, cache.path(), &files).await.unwrap().snapshot.root;
    let reader = reader(&place.created.repository, &place.ada, cache.path()).await.unwrap();
    let mut wanted = Vec::new();
    for node in reader.tree(&root).await.unwrap() {
        let repository::format::tree::NodeKind::File { content } = node.kind else { panic!("a file was stored") };
        wanted.extend(content.refs().iter().map(|chunk| chunk.id));
    }
    let cancelled = CancelFlag::default();
    cancelled.cancel();
    let ended = reader.stream(wanted.clone(), Arc::new(|_, _| Ok(())), cancelled).await;
    assert!(matches!(ended, Err(repository::reader::ReadError::Cancelled)), "{ended:?}");
    let full = Arc::new(|_: &_, _: &[u8]| Err("the disk is full".into()));
    let ended = reader.stream(wanted, full, CancelFlag::default()).await;
    assert!(matches!(ended, Err(repository::reader::ReadError::Sink(_))), "{ended:?}");
}

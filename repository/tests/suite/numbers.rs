//! Numbers of index objects and snapshots when several writers of one key are at work on one host.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::Digest;
use bytes::Bytes;
use repository::check::{Budget, Level, inspect};
use repository::repository::Repository;
use repository::snapshots::{SnapshotKey, list};
use stores::MemoryStore;
use stores::error::StoreError;
use stores::key::{Key, Prefix};
use stores::store::{Cursor, Head, Page, Put, Store};

use super::content::{Files, assert_same, back_up, files_of, noise, reader};
use super::create_and_open::place;

/// Storage that puts an object in the place of another although it is asked not to, and takes its time.
#[derive(Debug)]
struct Overwriting(MemoryStore);

#[async_trait]
impl Store for Overwriting {
    fn location(&self) -> String {
        "overwriting".to_owned()
    }

    async fn put_new(&self, key: &Key, body: Bytes, _: Digest) -> Result<Put, StoreError> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.0.overwrite(key, body);
        Ok(Put { date: None })
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.0.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.0.get_range(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        self.0.head(key).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        self.0.list(prefix, after).await
    }
}

/// Two hosts that share a key see no lock of each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_one_key_on_two_hosts_both_keep_what_was_acknowledged_where_storage_lets_the_last_one_win() {
    let place = place().await;
    let caches = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let repository = place.created.repository.with_store(Arc::new(Overwriting(place.disk.clone())));
    let files = [1, 2].map(|seed| Files::from([("a".to_owned(), noise(seed, 300_000))]));
    let [one, two] = &caches;
    let one = back_up(&repository, &place.created.writer_key, one.path(), &files[0]);
    let two = back_up(&repository, &place.created.writer_key, two.path(), &files[1]);
    let (one, two) = tokio::join!(one, two);
    let snapshots = [one, two].map(|receipt| receipt.unwrap().snapshot);

    let (found, cache) = (Repository::open(Arc::new(place.disk.clone())).await.unwrap(), tempfile::tempdir().unwrap());
    let listing = list(&found, &SnapshotKey::Reader(&place.ada)).await.unwrap();
    assert_eq!((listing.snapshots.len(), listing.damaged.len()), (2, 0), "{:?}", listing.damaged);
    let reader = reader(&found, &place.ada, cache.path()).await.unwrap();
    for (snapshot, files) in snapshots.iter().zip(&files) {
        assert_same(&files_of(&reader, &snapshot.root).await.unwrap(), files);
    }
    let report = inspect(&found, Level::Names, None, Budget::All).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.findings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_one_key_and_one_cache_take_turns_where_storage_lets_the_last_one_win() {
    let (place, cache) = (place().await, tempfile::tempdir().unwrap());
    let repository = place.created.repository.with_store(Arc::new(Overwriting(place.disk.clone())));
    let files = [1, 2, 3].map(|seed| Files::from([("a".to_owned(), noise(seed, 300_000))]));
    let runs = files.each_ref().map(|files| back_up(&repository, &place.created.writer_key, cache.path(), files));
    let [one, two, three] = runs;
    let (one, two, three) = tokio::join!(one, two, three);
    let snapshots = [one, two, three].map(|receipt| receipt.unwrap().snapshot);
    assert_eq!(snapshots.iter().map(|snapshot| snapshot.seq).collect::<BTreeSet<_>>(), BTreeSet::from([0, 1, 2]));

    // What a reader with an empty cache finds in the store alone.
    let (found, cache) = (Repository::open(Arc::new(place.disk.clone())).await.unwrap(), tempfile::tempdir().unwrap());
    let listing = list(&found, &SnapshotKey::Reader(&place.ada)).await.unwrap();
    assert!(listing.damaged.is_empty(), "{:?}", listing.damaged);
    assert_eq!(
        listing.snapshots.iter().map(|snapshot| snapshot.id).collect::<BTreeSet<_>>(),
        snapshots.iter().map(|snapshot| snapshot.id).collect(),
    );
    let reader = reader(&found, &place.ada, cache.path()).await.unwrap();
    for (snapshot, files) in snapshots.iter().zip(&files) {
        assert_same(&files_of(&reader, &snapshot.root).await.unwrap(), files);
    }
}

//! A small repository in memory with two snapshots, for tests that look at it or harm it.

use std::sync::Arc;

use repository::format::tree::{Meta, Node, NodeKind, TreeRef};
use repository::keys::WriterKey;
use repository::reader::{Reader, ReaderOptions};
use repository::repository::Repository;
use repository::snapshots::{Snapshot, SnapshotStats};
use repository::writer::{NewSnapshot, VerifyUpload, Writer, WriterOptions};
use stores::{Key, MemoryStore};

use super::create_and_open::{Place, place};

/// A line that must be found nowhere but in opened packs.
pub const MARKER: &[u8] = b"the marker that nobody without a key may read\n";

/// The repository, and the folder that its host keeps.
pub struct Stocked {
    pub place: Place,
    pub host: tempfile::TempDir,
    pub snapshots: Vec<Snapshot>,
}

impl Stocked {
    /// Two snapshots: `/first/…`, and `/first/…` with `/second/…`.
    pub async fn new() -> Self {
        let (place, host) = (place().await, tempfile::tempdir().unwrap());
        let mut stocked = Self { place, host, snapshots: Vec::new() };
        for content in [&["first"][..], &["first", "second"]] {
            let key = stocked.place.created.writer_key.clone();
            let snapshot = stocked.back_up(&key, content).await;
            stocked.snapshots.push(snapshot);
        }
        stocked
    }

    /// One backup of a folder for each name of `content`, each with a small and a large file.
    pub async fn back_up(&self, key: &WriterKey, content: &[&str]) -> Snapshot {
        back_up_on(self.disk(), self.host.path(), key, content).await
    }

    pub fn disk(&self) -> &MemoryStore {
        &self.place.disk
    }

    pub async fn open(&self) -> Repository {
        Repository::open(Arc::new(self.disk().clone())).await.unwrap()
    }

    /// A reader whose cache is empty, so that it sees what the store has now.
    pub async fn reader(&self) -> Reader {
        let options = ReaderOptions { cache_dir: tempfile::tempdir().unwrap().path().join("cache"), threads: 2 };
        Reader::open(&self.open().await, &self.place.ada, options).await.unwrap()
    }

    /// The keys of all objects that begin with `prefix`, in order.
    pub fn keys(&self, prefix: &str) -> Vec<Key> {
        let mut keys: Vec<Key> = self.disk().keys().into_iter().filter(|key| key.as_str().starts_with(prefix)).collect();
        keys.sort();
        keys
    }
}

/// As [`Stocked::back_up`], on any store and with the folder of any host.
pub async fn back_up_on(disk: &MemoryStore, host: &std::path::Path, key: &WriterKey, content: &[&str]) -> Snapshot {
    let repository = Repository::open(Arc::new(disk.clone())).await.unwrap();
    let options = WriterOptions { cache_dir: host.join("cache"), threads: 2, level: 3, verify_upload: VerifyUpload::All };
    let writer = Arc::new(Writer::open(&repository, key, options).await.unwrap());
    let (storing, names) = (Arc::clone(&writer), content.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
    let root = tokio::task::spawn_blocking(move || store(&storing, &names)).await.unwrap();
    let now = "2026-11-24T07:00:00Z".parse().unwrap();
    let snapshot = NewSnapshot {
        source: "docs".parse().unwrap(),
        service_tags: Vec::new(),
        host: "web".to_owned(),
        paths: Vec::new(),
        taken: now,
        finished: now,
        complete: true,
        root,
        stats: SnapshotStats::default(),
        errors: Vec::new(),
        canary: None,
    };
    Arc::into_inner(writer).unwrap().commit(snapshot).await.unwrap().snapshot
}

fn store(writer: &Writer, names: &[String]) -> TreeRef {
    let node = |name: &str, kind| Node { name: name.as_bytes().to_vec(), meta: Meta { mode: 0o644, ..Meta::default() }, kind };
    let file = |name: &str, bytes: Vec<u8>| {
        let ticket = writer.store_file(&mut &bytes[..], bytes.len() as u64).unwrap();
        node(name, NodeKind::File { content: ticket.wait().unwrap() })
    };
    let folder = |name: &String| {
        let large: Vec<u8> = (0_u32..20_000).flat_map(|n| base::Digest::of(format!("{name} {n}").as_bytes()).as_bytes().to_vec()).collect();
        let small = [MARKER.repeat(50), name.as_bytes().to_vec()].concat();
        let tree = writer.store_tree(&[file("large", large), file("small", small)]).unwrap();
        node(name, NodeKind::Directory { tree })
    };
    let nodes: Vec<Node> = names.iter().map(folder).collect();
    writer.store_tree(&nodes).unwrap()
}

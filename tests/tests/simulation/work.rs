//! What the processes of a schedule do: backups of tiny trees, scrubs, new writers, and a prune that keeps no rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use base::Digest;
use base::clock::ManualClock;
use jiff::Timestamp;
use repository::check::{self, Budget, Level};
use repository::format::tree::{Meta, Node, NodeKind, TreeRef};
use repository::keys::{ReaderKey, WriterKey, add_writer, generate_reader_key};
use repository::repository::{CreateSpec, Repository, create};
use repository::snapshots::SnapshotId;
use repository::writer::{NewSnapshot, SnapshotStats, VerifyUpload, WriteError, Writer, WriterOptions};
use stores::store::{Store, list_all};
use stores::{MemoryStore, Prefix};

use super::net::Line;

/// Folders, each with files, each with the number of its content.
pub type Tree = BTreeMap<String, BTreeMap<String, u32>>;

/// A repository with three writers, two of whom share a domain. Made once, since keys take time.
#[derive(Clone)]
pub struct Template {
    pub disk: MemoryStore,
    pub person: ReaderKey,
    pub writers: Vec<WriterKey>,
}

pub fn start() -> Timestamp {
    "2026-11-24T06:00:00Z".parse().unwrap()
}

impl Template {
    pub async fn new() -> Self {
        let disk = MemoryStore::default();
        let store: Arc<dyn Store> = Arc::new(disk.clone());
        let (person, _, recipient) = generate_reader_key();
        let spec = CreateSpec { recipients: vec![recipient], accept_single_key: true, writer: id("web"), domain: id("office") };
        let created = create(Arc::clone(&store), spec, &ManualClock::at(start())).await.unwrap();
        let mut writers = vec![created.writer_key];
        for (writer, domain) in [("mail", "office"), ("lims", "lab")] {
            let repository = Repository::open(Arc::clone(&store)).await.unwrap();
            writers.push(add_writer(&repository, &person, id(writer), id(domain), start()).await.unwrap());
        }
        Self { disk, person, writers }
    }

    /// The same objects in a store of their own, whose answers carry the time of `clock`.
    pub async fn fresh(&self, clock: &Arc<ManualClock>) -> MemoryStore {
        let disk = MemoryStore::with_clock(Arc::clone(clock) as Arc<dyn base::Clock>);
        for key in self.disk.keys() {
            disk.overwrite(&key, self.disk.get(&key).await.unwrap());
        }
        disk
    }
}

fn id<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

/// The bytes with this number: few enough that hosts meet in them, of lengths that make them inline or chunks.
pub fn content(number: u32) -> Vec<u8> {
    let line = format!("{number}: a sample was taken, measured, written down and put back\n");
    line.repeat(1 + number as usize % 23 * 2).into_bytes()
}

fn store_tree(writer: &Writer, tree: &Tree) -> Result<TreeRef, String> {
    let node = |name: &str, kind| Node { name: name.as_bytes().to_vec(), meta: Meta::default(), kind };
    let mut folders = Vec::new();
    for (folder, files) in tree {
        let mut nodes = Vec::new();
        for (name, number) in files {
            let content = writer.store_bytes(&content(*number)).and_then(repository::writer::Ticket::wait).map_err(told)?;
            nodes.push(node(name, NodeKind::File { content }));
        }
        folders.push(node(folder, NodeKind::Directory { tree: writer.store_tree(&nodes).map_err(told)? }));
    }
    writer.store_tree(&folders).map_err(told)
}

fn told(error: impl std::error::Error) -> String {
    base::hint::whole_story(&error)
}

/// How the refusal of a snapshot begins that came too late to count. Who was held up for days needs no fault to meet it.
pub const LATE: &str = "late: ";

/// One backup, as `backup::run` drives the engine. The answer is an acknowledgement.
pub async fn back_up(
    store: Arc<dyn Store>,
    key: WriterKey,
    cache_dir: PathBuf,
    tree: Tree,
    taken: Timestamp,
) -> Result<SnapshotId, String> {
    let repository = Repository::open(store).await.map_err(told)?;
    let options = WriterOptions { cache_dir, threads: 0, level: 1, verify_upload: VerifyUpload::All };
    let writer = Writer::open(&repository, &key, options).await.map_err(told)?;
    let root = store_tree(&writer, &tree)?;
    let snapshot = NewSnapshot {
        source: id("files"),
        service_tags: Vec::new(),
        host: "host".to_owned(),
        paths: Vec::new(),
        taken,
        finished: taken,
        complete: true,
        root,
        stats: SnapshotStats::default(),
        errors: Vec::new(),
        canary: None,
    };
    match writer.commit(snapshot).await {
        Ok(written) => Ok(written.snapshot.id),
        Err(error @ WriteError::Late { .. }) => Err(format!("{LATE}{}", told(error))),
        Err(error) => Err(told(error)),
    }
}

/// Looks at everything without a key. The findings are answered.
pub async fn scrub(line: Line) -> Result<Vec<String>, String> {
    let repository = Repository::open(Arc::new(line)).await.map_err(told)?;
    let report = check::inspect(&repository, Level::Names, None, Budget::All).await.map_err(told)?;
    if report.is_sound() { Ok(Vec::new()) } else { Ok(vec![format!("{report:?}")]) }
}

/// Adds a writer, and with it a trust document and keys.
pub async fn add(line: Line, person: ReaderKey, name: String, now: Timestamp) -> Result<(), String> {
    let repository = Repository::open(Arc::new(line)).await.map_err(told)?;
    add_writer(&repository, &person, id(&name), id("office"), now).await.map(drop).map_err(told)
}

/// Deletes each pack that no listed snapshot names, at once: what a prune must not be. The simulation has to see it lose data.
pub async fn prune_without_protocol(line: Line, person: ReaderKey) -> Result<(), String> {
    let repository = Repository::open(Arc::new(line.clone())).await.map_err(told)?;
    let cache = tempfile::tempdir().unwrap();
    let options = repository::reader::ReaderOptions { cache_dir: cache.path().to_owned(), threads: 1 };
    let reader = repository::reader::Reader::open(&repository, &person, options).await.map_err(told)?;
    let listing = reader.snapshots().await.map_err(told)?;
    let named: BTreeSet<Digest> = listing.snapshots.into_iter().flat_map(|snapshot| snapshot.packs).collect();
    let packs: Prefix = "packs/".parse().unwrap();
    for entry in list_all(&line, &packs).await.map_err(told)? {
        if entry.key.name().parse::<Digest>().is_ok_and(|pack| !named.contains(&pack)) {
            line.deleter().unwrap().delete(&entry.key).await.map_err(told)?;
        }
    }
    Ok(())
}

//! What hosts do in a schedule, backups of tiny trees, and what anybody does without a key: scrubs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use base::clock::ManualClock;
use jiff::Timestamp;
use repository::check::{self, Budget, Level};
use repository::fence::Protocol;
use repository::format::tree::{Meta, Node, NodeKind, TreeRef};
use repository::keys::{ReaderKey, StewardKey, StewardRole, WriterKey, add_steward, add_writer, generate_reader_key};
use repository::repository::{CreateSpec, Repository, create};
use repository::snapshots::SnapshotId;
use repository::writer::{NewSnapshot, SnapshotStats, VerifyUpload, WriteError, Writer, WriterOptions};
use stores::MemoryStore;
use stores::store::Store;

/// Folders, each with files, each with the number of its content.
pub type Tree = BTreeMap<String, BTreeMap<String, u32>>;

/// A repository with three writers, two of whom share a domain. Made once, since keys take time.
#[derive(Clone)]
pub struct Template {
    pub disk: MemoryStore,
    pub person: ReaderKey,
    pub writers: Vec<WriterKey>,
    pub steward: StewardKey,
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
        let repository = Repository::open(Arc::clone(&store)).await.unwrap();
        let steward = add_steward(&repository, &person, StewardRole::Maintainer, id("keeper"), start()).await.unwrap();
        Self { disk, person, writers, steward }
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

pub fn id<T: std::str::FromStr>(text: &str) -> T
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

pub fn told(error: impl std::error::Error) -> String {
    base::hint::whole_story(&error)
}

/// Opens a repository under the rules of the schedule.
pub async fn open(store: Arc<dyn Store>, protocol: Protocol) -> Result<Repository, String> {
    Ok(Repository::open(store).await.map_err(told)?.with_protocol(protocol))
}

/// Why a backup gave no snapshot that counts.
#[derive(Debug)]
pub enum Refused {
    /// It was held up for too long, or met packs that are being deleted. Needs no fault.
    ByTheFence(String),
    Other(String),
}

/// What one backup works on.
#[derive(Debug, Clone)]
pub struct Job {
    pub key: WriterKey,
    pub cache_dir: PathBuf,
    pub tree: Tree,
    pub taken: Timestamp,
}

/// One backup, as `backup::run` drives the engine. The answer is an acknowledgement.
pub async fn back_up(store: Arc<dyn Store>, protocol: Protocol, job: Job) -> Result<SnapshotId, Refused> {
    let writer = async {
        let repository = open(store, protocol).await?;
        let options = WriterOptions { cache_dir: job.cache_dir, threads: 0, level: 1, verify_upload: VerifyUpload::Sample };
        let writer = Writer::open(&repository, &job.key, options).await.map_err(told)?;
        let root = store_tree(&writer, &job.tree)?;
        Ok((writer, root))
    };
    let (writer, root) = writer.await.map_err(Refused::Other)?;
    let snapshot = NewSnapshot {
        source: id("files"),
        service_tags: Vec::new(),
        host: "host".to_owned(),
        paths: Vec::new(),
        taken: job.taken,
        finished: job.taken,
        complete: true,
        root,
        stats: SnapshotStats::default(),
        errors: Vec::new(),
        canary: None,
    };
    match writer.commit(snapshot).await {
        Ok(written) => Ok(written.snapshot.id),
        Err(error @ (WriteError::Late { .. } | WriteError::Condemned { .. })) => Err(Refused::ByTheFence(told(error))),
        Err(error) => Err(Refused::Other(told(error))),
    }
}

/// Looks at everything without a key. The findings are answered, with the snapshots that they hurt.
pub async fn scrub(store: Arc<dyn Store>) -> Result<Vec<(String, Vec<SnapshotId>)>, String> {
    let repository = Repository::open(store).await.map_err(told)?;
    let report = check::inspect(&repository, Level::Names, None, Budget::All).await.map_err(told)?;
    Ok(report.findings.into_iter().map(|finding| (format!("{}: {}", finding.object, finding.what), finding.snapshots)).collect())
}

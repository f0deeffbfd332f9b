//! A repository in memory, filled by hand: the tests say what a host looked like, and get restore points of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use base::clock::ManualClock;
use base::id::SourceId;
use jiff::Timestamp;
use repository::format::tree::{Meta, Node, NodeKind, TreeRef};
use repository::keys::{ReaderKey, WriterKey, generate_reader_key};
use repository::reader::{Reader, ReaderOptions};
use repository::repository::{CreateSpec, Repository, create};
use repository::snapshots::{Canary, Snapshot, SnapshotStats};
use repository::writer::{NewSnapshot, VerifyUpload, Writer, WriterOptions};
use restore::apply::{ApplyError, ApplyOptions, apply};
use restore::plan::{PlanOptions, RestorePlan, plan};
use restore::progress::{Progress, Quiet, Stage};
use restore::report::RestoreReport;
use restore::target::look;
use restore::tree::{Selection, gather};
use stores::key::Key;
use stores::memory::MemoryStore;
use stores::store::Store as _;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Something on a host.
#[derive(Debug, Clone)]
pub enum Thing {
    Folder(BTreeMap<Vec<u8>, (Meta, Thing)>),
    File(Vec<u8>),
    Symlink(Vec<u8>),
}

/// A host's files, put together path by path.
#[derive(Debug, Clone)]
pub struct Host(BTreeMap<Vec<u8>, (Meta, Thing)>);

pub fn meta(mode: u32) -> Meta {
    let ids = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    Meta { mode, uid: ids.0, gid: ids.1, mtime_s: 1_600_000_000, mtime_ns: 123_456_789, ..Meta::default() }
}

impl Host {
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub fn file(self, path: impl AsRef<[u8]>, bytes: impl Into<Vec<u8>>) -> Self {
        self.put(path, meta(0o644), Thing::File(bytes.into()))
    }

    pub fn symlink(self, path: impl AsRef<[u8]>, target: &str) -> Self {
        self.put(path, meta(0o777), Thing::Symlink(target.as_bytes().to_vec()))
    }

    pub fn folder(self, path: impl AsRef<[u8]>, mode: u32) -> Self {
        self.put(path, meta(mode), Thing::Folder(BTreeMap::new()))
    }

    pub fn put(mut self, path: impl AsRef<[u8]>, meta_of: Meta, thing: Thing) -> Self {
        let names: Vec<&[u8]> = path.as_ref().split(|b| *b == b'/').filter(|name| !name.is_empty()).collect();
        let (last, folders) = names.split_last().unwrap();
        let mut at = &mut self.0;
        for name in folders {
            let entry = at.entry(name.to_vec()).or_insert_with(|| (meta(0o755), Thing::Folder(BTreeMap::new())));
            let Thing::Folder(inside) = &mut entry.1 else { panic!("a file is no folder") };
            at = inside;
        }
        at.insert(last.to_vec(), (meta_of, thing));
        self
    }
}

/// Bytes that neither compress nor repeat, different for each seed.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

pub struct World {
    pub store: MemoryStore,
    pub repository: Repository,
    pub writer_key: WriterKey,
    pub key: ReaderKey,
    pub clock: ManualClock,
    pub folder: TempDir,
}

pub const NOW: &str = "2026-11-24T12:00:00Z";

impl World {
    pub async fn new() -> Self {
        let (key, _, recipient) = generate_reader_key();
        let store = MemoryStore::default();
        let spec = CreateSpec {
            recipients: vec![recipient],
            accept_single_key: true,
            writer: "host".parse().unwrap(),
            domain: "lab".parse().unwrap(),
        };
        let clock = ManualClock::at(NOW.parse().unwrap());
        let created = create(Arc::new(store.clone()), spec, &clock).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self { store, repository: created.repository, writer_key: created.writer_key, key, clock, folder }
    }

    pub fn options(&self) -> ReaderOptions {
        ReaderOptions { cache_dir: self.folder.path().join("reader-cache"), threads: 2 }
    }

    pub async fn reader(&self) -> Reader {
        Reader::open(&self.repository, &self.key, self.options()).await.unwrap()
    }

    pub fn target(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Stores the host as a complete restore point of "web", taken now.
    pub async fn back_up(&self, host: &Host) -> Snapshot {
        self.back_up_as(host, |_| {}).await
    }

    pub async fn back_up_as(&self, host: &Host, change: impl FnOnce(&mut NewSnapshot)) -> Snapshot {
        let options = WriterOptions {
            cache_dir: self.folder.path().join("writer-cache"),
            threads: 2,
            level: 1,
            verify_upload: VerifyUpload::default(),
        };
        let writer = Writer::open(&self.repository, &self.writer_key, options).await.unwrap();
        let root = tokio::task::block_in_place(|| store(&writer, &host.0));
        let now: Timestamp = base::Clock::now(&self.clock);
        let mut snapshot = NewSnapshot {
            source: "web".parse::<SourceId>().unwrap(),
            service_tags: vec!["web".into()],
            host: "host.example".into(),
            paths: vec!["/srv/www".into()],
            taken: now,
            finished: now,
            complete: true,
            root,
            stats: SnapshotStats::default(),
            errors: Vec::new(),
            canary: None,
        };
        change(&mut snapshot);
        writer.commit(snapshot).await.unwrap().snapshot
    }

    pub async fn plan(&self, snapshot: &Snapshot, target: &Path, selection: &Selection, options: &PlanOptions) -> RestorePlan {
        let reader = self.reader().await;
        let tree = gather(&reader, snapshot, selection, &CancellationToken::new()).await.unwrap();
        let facts = look(target, &tree).unwrap();
        plan(snapshot.into(), tree, &facts, options)
    }

    pub async fn apply(&self, plan: RestorePlan) -> Result<RestoreReport, ApplyError> {
        self.apply_until(plan, &CancellationToken::new()).await
    }

    pub async fn apply_until(&self, plan: RestorePlan, cancel: &CancellationToken) -> Result<RestoreReport, ApplyError> {
        let reader = self.reader().await;
        apply(plan, &reader, OPTIONS, &self.clock, Arc::new(Quiet), cancel).await
    }

    /// Restores all of a restore point to a new place.
    pub async fn restore(&self, snapshot: &Snapshot, target: &Path) -> RestoreReport {
        let plan = self.plan(snapshot, target, &Selection::default(), &PlanOptions::default()).await;
        self.apply(plan).await.unwrap()
    }

    /// Flips bits all over every large pack of file data that is not among `before`, and tells how many there were. Trees
    /// lie in small packs of their own.
    pub async fn damage_large_packs(&self, before: &[Key]) -> usize {
        let mut damaged = 0;
        for key in self.store.keys().iter().filter(|key| key.as_str().starts_with("packs/") && !before.contains(key)) {
            let mut bytes = self.store.get(key).await.unwrap().to_vec();
            if bytes.len() > 200_000 {
                (1000..bytes.len()).step_by(50_000).for_each(|at| bytes[at] ^= 1);
                self.store.overwrite(key, bytes);
                damaged += 1;
            }
        }
        damaged
    }
}

/// Remembers which parts of a restore began.
#[derive(Debug, Default)]
pub struct Stages(std::sync::Mutex<Vec<Stage>>);

impl Stages {
    pub fn seen(&self) -> Vec<Stage> {
        self.0.lock().unwrap().clone()
    }
}

impl Progress for Stages {
    fn begin(&self, stage: Stage, _: u64, _: u64) {
        self.0.lock().unwrap().push(stage);
    }
}

pub const OPTIONS: ApplyOptions = ApplyOptions { threads: 2, special_bits: false, sync: true };

fn store(writer: &Writer, things: &BTreeMap<Vec<u8>, (Meta, Thing)>) -> TreeRef {
    let nodes: Vec<Node> = things
        .iter()
        .map(|(name, (meta, thing))| {
            let kind = match thing {
                Thing::Folder(inside) => NodeKind::Directory { tree: store(writer, inside) },
                Thing::Symlink(target) => NodeKind::Symlink { target: target.clone() },
                Thing::File(bytes) => {
                    let ticket = writer.store_file(&mut bytes.as_slice(), bytes.len() as u64).unwrap();
                    NodeKind::File { content: ticket.wait().unwrap() }
                }
            };
            Node { name: name.clone(), meta: meta.clone(), kind }
        })
        .collect();
    writer.store_tree(&nodes).unwrap()
}

pub fn canary(path: &str, nonce: &str, at: &str) -> Canary {
    Canary { path: path.into(), nonce: nonce.into(), at: at.parse().unwrap() }
}

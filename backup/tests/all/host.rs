//! A host with a source, a cache and a repository in memory, and a person who can read what it stored.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backup::{BackupError, BackupOptions, BackupReport, BackupSpec, Files, Progress, Status};
use base::Digest;
use base::clock::{Clock as _, ManualClock, SystemClock};
use bytes::Bytes;
use repository::format::tree::{Meta, Node, NodeKind, TreeRef};
use repository::keys::{ReaderKey, WriterKey, generate_reader_key};
use repository::reader::{Reader, ReaderOptions};
use repository::repository::{CreateSpec, Repository, create};
use repository::snapshots::Snapshot;
use repository::writer::VerifyUpload;
use stores::error::StoreError;
use stores::key::{Key, Prefix};
use stores::memory::MemoryStore;
use stores::store::{Cursor, Head, Page, Put, Store};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Calls that change a store.
pub type OnPut = Box<dyn FnMut(&Key) + Send>;

/// A store that tells of each object before it is stored.
#[derive(Clone)]
pub struct Watched {
    pub inner: Arc<dyn Store>,
    on_put: Arc<Mutex<Option<OnPut>>>,
    puts: Arc<Mutex<Vec<Key>>>,
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl Store for Watched {
    fn location(&self) -> String {
        self.inner.location()
    }
    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        self.puts.lock().unwrap().push(key.clone());
        let (this, moved) = (self.clone(), key.clone());
        let told = move || {
            if let Some(on_put) = &mut *this.on_put.lock().unwrap() {
                on_put(&moved);
            }
        };
        tokio::task::spawn_blocking(told).await.unwrap();
        self.inner.put_new(key, body, digest).await
    }
    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.inner.get(key).await
    }
    async fn get_range(&self, key: &Key, range: std::ops::Range<u64>) -> Result<Bytes, StoreError> {
        self.inner.get_range(key, range).await
    }
    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        self.inner.head(key).await
    }
    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        self.inner.list(prefix, after).await
    }
}

/// What was restored of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Directory,
    File(Vec<u8>),
    Symlink(Vec<u8>),
    /// "pipe", "socket" or "device".
    Special(&'static str),
}

/// Remembers the last state that was shown.
#[derive(Debug, Default)]
pub struct Last(Mutex<Option<Status>>);

impl Progress for Last {
    fn show(&self, status: &Status) {
        *self.0.lock().unwrap() = Some(status.clone());
    }
}

pub struct Host {
    pub memory: MemoryStore,
    pub store: Watched,
    pub repository: Repository,
    pub writer: WriterKey,
    pub reader: ReaderKey,
    pub source: TempDir,
    pub cache: TempDir,
    pub clock: Arc<ManualClock>,
    pub files: Files,
    pub progress: Arc<Last>,
}

impl Host {
    /// A host whose clock is an hour ahead of the file system's, so that files made by a test are settled.
    pub async fn new() -> Self {
        let memory = MemoryStore::default();
        Self::with(memory.clone(), Arc::new(memory)).await
    }

    pub async fn with(memory: MemoryStore, inner: Arc<dyn Store>) -> Self {
        let store = Watched { inner, on_put: Arc::default(), puts: Arc::default() };
        let now = SystemClock::new().now();
        let clock = Arc::new(ManualClock::at(now + Duration::from_hours(1)));
        let (reader, _, recipient) = generate_reader_key();
        let spec = CreateSpec {
            recipients: vec![recipient],
            accept_single_key: true,
            writer: "host".parse().unwrap(),
            domain: "host".parse().unwrap(),
        };
        let created = create(Arc::new(store.clone()), spec, &*clock).await.unwrap();
        let source = tempfile::tempdir().unwrap();
        let files = Files { paths: vec![source.path().to_owned()], ..Files::default() };
        store.puts.lock().unwrap().clear();
        Self {
            memory,
            store,
            repository: created.repository,
            writer: created.writer_key,
            reader,
            source,
            cache: tempfile::tempdir().unwrap(),
            clock,
            files,
            progress: Arc::default(),
        }
    }

    pub fn spec(&self) -> BackupSpec {
        BackupSpec {
            source: "src".parse().unwrap(),
            service_tags: vec!["web".to_owned()],
            host: "laptop".to_owned(),
            files: self.files.clone(),
        }
    }

    pub fn options(&self) -> BackupOptions {
        BackupOptions { cache_dir: self.cache.path().to_owned(), threads: 2, level: 1, verify_upload: VerifyUpload::Sample }
    }

    pub async fn try_back_up(&self, cancel: CancellationToken) -> Result<BackupReport, BackupError> {
        let (clock, progress) = (self.clock.clone(), self.progress.clone());
        backup::run(&self.spec(), &self.repository, &self.writer, &self.options(), clock, progress, cancel).await
    }

    pub async fn back_up(&self) -> BackupReport {
        self.try_back_up(CancellationToken::new()).await.unwrap()
    }

    /// What progress showed last.
    pub fn shown(&self) -> Status {
        self.progress.0.lock().unwrap().clone().unwrap()
    }

    /// The keys of objects stored since this was asked the last time.
    pub fn take_puts(&self) -> Vec<String> {
        std::mem::take(&mut *self.store.puts.lock().unwrap()).iter().map(ToString::to_string).collect()
    }

    /// Calls `on_put` before each object is stored, on a thread that may block.
    pub fn on_put(&self, on_put: impl FnMut(&Key) + Send + 'static) {
        *self.store.on_put.lock().unwrap() = Some(Box::new(on_put));
    }

    /// A path in the source.
    pub fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.source.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.at(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }

    pub async fn open_reader(&self) -> Reader {
        let options = ReaderOptions { cache_dir: self.cache.path().join("reader"), threads: 2 };
        Reader::open(&self.repository, &self.reader, options).await.unwrap()
    }

    /// All nodes of a snapshot, by path from the source's folder.
    pub async fn nodes(&self, snapshot: &Snapshot) -> BTreeMap<String, Node> {
        let reader = self.open_reader().await;
        let mut found = BTreeMap::new();
        let mut left: Vec<(PathBuf, TreeRef)> = vec![(PathBuf::from("/"), snapshot.root.clone())];
        while let Some((folder, tree)) = left.pop() {
            for node in reader.tree(&tree).await.unwrap() {
                let path = folder.join(OsStr::from_bytes(&node.name));
                if let NodeKind::Directory { tree } = &node.kind {
                    left.push((path.clone(), tree.clone()));
                }
                if let Ok(below) = path.strip_prefix(self.source.path()) {
                    found.insert(below.to_str().unwrap().to_owned(), node);
                }
            }
        }
        found
    }

    /// Everything in a snapshot, by path from the root.
    pub async fn everything(&self, snapshot: &Snapshot) -> BTreeMap<PathBuf, (Seen, Meta)> {
        let reader = self.open_reader().await;
        let mut found = BTreeMap::new();
        let mut left: Vec<(PathBuf, TreeRef)> = vec![(PathBuf::from("/"), snapshot.root.clone())];
        while let Some((folder, tree)) = left.pop() {
            for node in reader.tree(&tree).await.unwrap() {
                let path = folder.join(OsStr::from_bytes(&node.name));
                let seen = match node.kind {
                    NodeKind::Directory { tree } => {
                        left.push((path.clone(), tree));
                        Seen::Directory
                    }
                    NodeKind::Symlink { target } => Seen::Symlink(target),
                    NodeKind::File { content } => {
                        let mut bytes = Vec::new();
                        let mut sink = |part: &[u8]| {
                            bytes.extend_from_slice(part);
                            Ok(())
                        };
                        reader.content(&content, &mut sink).await.unwrap();
                        assert_eq!(bytes.len() as u64, content.size);
                        Seen::File(bytes)
                    }
                    NodeKind::Fifo => Seen::Special("pipe"),
                    NodeKind::Socket => Seen::Special("socket"),
                    NodeKind::CharDevice(_) | NodeKind::BlockDevice(_) => Seen::Special("device"),
                };
                found.insert(path, (seen, node.meta));
            }
        }
        found
    }

    /// What is in a snapshot below the source's folder, by path from there.
    pub async fn restored(&self, snapshot: &Snapshot) -> BTreeMap<PathBuf, Seen> {
        let everything = self.everything(snapshot).await.into_iter();
        let below = everything.filter_map(|(path, (seen, _))| Some((path.strip_prefix(self.source.path()).ok()?.to_owned(), seen)));
        below.filter(|(path, _)| !path.as_os_str().is_empty()).collect()
    }

    pub async fn names(&self, snapshot: &Snapshot) -> Vec<String> {
        self.restored(snapshot).await.into_keys().map(|path| path.to_str().unwrap().to_owned()).collect()
    }
}

/// What is on the disk below `folder`, by path from there.
pub fn on_disk(folder: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.symlink_metadata().unwrap().file_type();
            let seen = if kind.is_dir() {
                left.push(path.clone());
                Seen::Directory
            } else if kind.is_symlink() {
                Seen::Symlink(std::fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec())
            } else if kind.is_fifo() {
                Seen::Special("pipe")
            } else if kind.is_socket() {
                Seen::Special("socket")
            } else if kind.is_file() {
                Seen::File(std::fs::read(&path).unwrap())
            } else {
                Seen::Special("device")
            };
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), seen);
        }
    }
    found
}

/// Random bytes, quickly: for files that must be large.
pub fn fresh(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Bytes that do not compress and never repeat, the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

//! What the tests store and read back: a small folder of files.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use base::Digest;
use base::hint::whole_story;
use repository::format::tree::{Chunks, Content, Meta, Node, NodeKind, TreeRef};
use repository::keys::{ReaderKey, WriterKey};
use repository::reader::{CancelFlag, Reader, ReaderOptions};
use repository::repository::Repository;
use repository::snapshots::SnapshotId;
use repository::writer::{NewSnapshot, SnapshotStats, Ticket, VerifyUpload, Writer, WriterOptions};
use stores::store::Store;

/// By name.
pub type Files = BTreeMap<String, Vec<u8>>;

pub fn told(error: impl std::error::Error) -> String {
    whole_story(&error)
}

pub fn id<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// Bytes that look like nothing, the same for the same seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..len.div_ceil(8)).flat_map(|_| next()).take(len).collect()
}

/// Bytes that compress well.
pub fn text(seed: u64, len: usize) -> Vec<u8> {
    let lines = (0..).map(|line| format!("{seed}-{line}: a sample was taken, measured, written down and put back in its place\n"));
    lines.flat_map(String::into_bytes).take(len).collect()
}

pub async fn open(store: Arc<dyn Store>) -> Result<Repository, String> {
    Repository::open(store).await.map_err(told)
}

pub fn new_snapshot(root: TreeRef) -> NewSnapshot {
    let taken = id("2026-11-24T05:00:00Z");
    NewSnapshot {
        source: id("files"),
        service_tags: Vec::new(),
        host: "web".to_owned(),
        paths: vec!["/srv".to_owned()],
        taken,
        finished: taken,
        complete: true,
        root,
        stats: SnapshotStats::default(),
        errors: Vec::new(),
        canary: None,
    }
}

/// One backup, from beginning to end, on the thread that calls it. The answer is an acknowledgement.
pub async fn back_up(store: Arc<dyn Store>, key: &WriterKey, cache: &Path, files: &Files) -> Result<SnapshotId, String> {
    let repository = open(store).await?;
    let options = WriterOptions { cache_dir: cache.to_owned(), threads: 0, level: 1, verify_upload: VerifyUpload::Sample };
    let writer = Writer::open(&repository, key, options).await.map_err(told)?;
    let mut nodes = Vec::new();
    for (name, bytes) in files {
        let content = writer.store_bytes(bytes).and_then(Ticket::wait).map_err(told)?;
        nodes.push(Node { name: name.clone().into_bytes(), meta: Meta::default(), kind: NodeKind::File { content } });
    }
    let root = writer.store_tree(&nodes).map_err(told)?;
    Ok(writer.commit(new_snapshot(root)).await.map_err(told)?.snapshot.id)
}

pub async fn reader(repository: &Repository, key: &ReaderKey, cache: &Path) -> Result<Reader, String> {
    Reader::open(repository, key, ReaderOptions { cache_dir: cache.to_owned(), threads: 1 }).await.map_err(told)
}

/// Every file of a folder, from one stream over all their chunks, as a restore does it.
pub async fn files_of(reader: &Reader, root: &TreeRef) -> Result<Files, String> {
    let mut contents: Vec<(String, Content)> = Vec::new();
    for node in reader.tree(root).await.map_err(told)? {
        let NodeKind::File { content } = node.kind else { return Err("only files are stored here".to_owned()) };
        contents.push((String::from_utf8(node.name).unwrap(), content));
    }
    let wanted = contents.iter().flat_map(|(_, content)| content.refs().iter().map(|chunk| chunk.id)).collect();
    let arrived: Arc<Mutex<BTreeMap<_, Vec<u8>>>> = Arc::default();
    let keep = Arc::clone(&arrived);
    let sink = Arc::new(move |id: &_, bytes: &[u8]| {
        keep.lock().unwrap().insert(*id, bytes.to_vec());
        Ok(())
    });
    let report = reader.stream(wanted, sink, CancelFlag::default()).await.map_err(told)?;
    if let Some((_, error)) = report.missing.into_iter().next() {
        return Err(told(error));
    }
    let arrived = arrived.lock().unwrap();
    let join = |content: &Content| match &content.chunks {
        Chunks::Inline(bytes) => bytes.clone(),
        Chunks::List(refs) => refs.iter().flat_map(|chunk| arrived[&chunk.id].clone()).collect(),
    };
    Ok(contents.iter().map(|(name, content)| (name.clone(), join(content))).collect())
}

/// Says what differs without printing megabytes.
pub fn same(found: &Files, wanted: &Files) -> Result<(), String> {
    let digests = |files: &Files| files.iter().map(|(name, bytes)| (name.clone(), bytes.len(), Digest::of(bytes))).collect::<Vec<_>>();
    if found == wanted { Ok(()) } else { Err(format!("it has {:?}, not {:?}", digests(found), digests(wanted))) }
}

//! What other tests store and read: a small tree of files of all sizes, a writer, a reader.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base::Digest;
use repository::format::tree::{Chunks, Content, Meta, Node, NodeKind, TreeRef};
use repository::keys::{ReaderKey, WriterKey};
use repository::reader::{CancelFlag, ReadError, Reader, ReaderOptions};
use repository::repository::Repository;
use repository::writer::{NewSnapshot, Receipt, SnapshotStats, VerifyUpload, WriteError, Writer, WriterOptions};

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

/// Bytes that compress well and never repeat as a whole.
pub fn text(seed: u64, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 80);
    for line in 0.. {
        if out.len() >= len {
            break;
        }
        let number = (seed << 32) + line;
        out.extend_from_slice(format!("{number}: a sample was taken, measured, written down and put back in its place\n").as_bytes());
    }
    out.truncate(len);
    out
}

pub type Files = BTreeMap<String, Vec<u8>>;

/// Files of every kind that the engine treats differently.
pub fn some_files() -> Files {
    let files = [
        ("0-empty", Vec::new()),
        ("1-tiny", b"not worth a chunk".to_vec()),
        ("2-small", text(1, 20_000)),
        ("3-whole", text(2, 256 << 10)),
        ("4-cut", text(3, (256 << 10) + 1)),
        ("5-large", text(4, 5 << 20)),
        ("6-noise", noise(5, 3 << 20)),
        ("7-zeros", vec![0; 2 << 20]),
    ];
    files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect()
}

pub async fn writer(repository: &Repository, key: &WriterKey, cache: &Path) -> Result<Writer, WriteError> {
    let options = WriterOptions { cache_dir: cache.to_owned(), threads: 2, level: 3, verify_upload: VerifyUpload::All };
    Writer::open(repository, key, options).await
}

pub fn new_snapshot(root: TreeRef) -> NewSnapshot {
    let taken = "2026-11-24T05:00:00Z".parse().unwrap();
    NewSnapshot {
        source: "files".parse().unwrap(),
        service_tags: vec!["lims".to_owned()],
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

/// Stores files as one directory, on a plain thread as the contract asks.
pub async fn store(writer: Writer, files: &Files) -> Result<(Writer, TreeRef), WriteError> {
    let files = files.clone();
    let stored = tokio::task::spawn_blocking(move || {
        let tickets: Vec<_> = files.iter().map(|(name, bytes)| (name, writer.store_bytes(bytes))).collect();
        let mut nodes = Vec::new();
        for (name, ticket) in tickets {
            let content = ticket.and_then(repository::writer::Ticket::wait);
            let content = match content {
                Ok(content) => content,
                Err(error) => return (writer, Err(error)),
            };
            nodes.push(Node { name: name.clone().into_bytes(), meta: Meta::default(), kind: NodeKind::File { content } });
        }
        let tree = writer.store_tree(&nodes);
        (writer, tree)
    });
    let (writer, tree) = stored.await.unwrap();
    match tree {
        Ok(tree) => Ok((writer, tree)),
        Err(error) => {
            writer.abandon().await;
            Err(error)
        }
    }
}

/// One backup from beginning to end.
pub async fn back_up(repository: &Repository, key: &WriterKey, cache: &Path, files: &Files) -> Result<Receipt, WriteError> {
    let (writer, root) = store(writer(repository, key, cache).await?, files).await?;
    writer.commit(new_snapshot(root)).await
}

pub async fn reader(repository: &Repository, key: &ReaderKey, cache: &Path) -> Result<Reader, ReadError> {
    Reader::open(repository, key, ReaderOptions { cache_dir: cache.to_owned(), threads: 2 }).await
}

/// Every file of a directory, read in order.
pub async fn files_of(reader: &Reader, root: &TreeRef) -> Result<Files, ReadError> {
    let mut files = Files::new();
    for node in reader.tree(root).await? {
        let NodeKind::File { content } = node.kind else { panic!("only files are stored here") };
        let mut bytes = Vec::new();
        let mut sink = |some: &[u8]| {
            bytes.extend_from_slice(some);
            Ok(())
        };
        reader.content(&content, &mut sink).await?;
        files.insert(String::from_utf8(node.name).unwrap(), bytes);
    }
    Ok(files)
}

/// Every file of a directory, from one stream over all their chunks, as a restore does it.
pub async fn files_streamed(reader: &Reader, root: &TreeRef) -> Result<Files, ReadError> {
    let nodes = reader.tree(root).await?;
    let contents: Vec<(String, Content)> = nodes
        .into_iter()
        .map(|node| match node.kind {
            NodeKind::File { content } => (String::from_utf8(node.name).unwrap(), content),
            _ => panic!("only files are stored here"),
        })
        .collect();
    let wanted = contents.iter().flat_map(|(_, content)| content.refs().iter().map(|chunk| chunk.id)).collect();
    let arrived: Arc<Mutex<BTreeMap<_, Vec<u8>>>> = Arc::default();
    let keep = Arc::clone(&arrived);
    let sink = Arc::new(move |id: &_, bytes: &[u8]| {
        let before = keep.lock().unwrap().insert(*id, bytes.to_vec());
        assert!(before.is_none(), "each chunk comes once");
        Ok(())
    });
    let report = reader.stream(wanted, sink, CancelFlag::default()).await?;
    if let Some((_, error)) = report.missing.into_iter().next() {
        return Err(error);
    }
    let arrived = arrived.lock().unwrap();
    assert_eq!(report.chunks, arrived.len() as u64);
    let join = |content: &Content| match &content.chunks {
        Chunks::Inline(bytes) => bytes.clone(),
        Chunks::List(refs) => refs.iter().flat_map(|chunk| arrived[&chunk.id].clone()).collect(),
    };
    Ok(contents.iter().map(|(name, content)| (name.clone(), join(content))).collect())
}

/// Compares without printing megabytes when it fails.
pub fn assert_same(found: &Files, wanted: &Files) {
    let digests = |files: &Files| files.iter().map(|(name, bytes)| (name.clone(), bytes.len(), Digest::of(bytes))).collect::<Vec<_>>();
    assert_eq!(digests(found), digests(wanted));
}

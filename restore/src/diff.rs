//! What differs between two restore points, or between a restore point and a folder on disk.
//!
//! `lifeboat diff` shows it. Two restore points of one domain share the names of what is equal, so that whole folders are passed over
//! without being read. Nothing is written anywhere.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use repository::chunk::ChunkHasher;
use repository::format::tree::{Meta, Node, NodeKind, TreeRef};
use repository::reader::{ReadError, Reader};
use repository::snapshots::Snapshot;
use rustix::fs::FileType;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::beneath::Root;
use crate::list::{Found, ListError, resolve};
use crate::parallel;
use crate::path::TreePath;
use crate::report::{Problem, Step};
use crate::tree::{Attributes, Entry, Kind, Special, Tree};
use crate::verify;

/// How something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Only the later one has it.
    Added,
    /// Only the earlier one has it.
    Removed,
    /// It is of another kind: a folder that was a file.
    Kind,
    /// Its content, or what it points to.
    Content,
    /// Nothing but owner, mode, time, attributes.
    Metadata,
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// The path, shown.
    pub path: String,
    /// How.
    pub change: Change,
    /// Whether it is a folder, in the later one where both have it.
    pub folder: bool,
    /// Bytes of the file in the earlier one.
    pub before_bytes: Option<u64>,
    /// Bytes of the file in the later one.
    pub after_bytes: Option<u64>,
}

/// One side: a restore point, what reads it, and the path in it.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What reads it.
    pub reader: &'a Reader,
    /// The restore point.
    pub snapshot: &'a Snapshot,
    /// What of it; the root for everything.
    pub path: &'a TreePath,
}

impl Side<'_> {
    async fn top(&self) -> Result<Top, ListError> {
        Ok(match resolve(self.reader, self.snapshot, self.path).await? {
            Found::Root(tree) | Found::Node(Node { kind: NodeKind::Directory { tree }, .. }) => Top::Folder(tree),
            Found::Node(node) => Top::Node(Box::new(node)),
        })
    }

    async fn nodes(&self, folder: Option<&TreeRef>) -> Result<Vec<Node>, ReadError> {
        match folder {
            Some(folder) => self.reader.tree(folder).await,
            None => Ok(Vec::new()),
        }
    }
}

enum Top {
    Folder(TreeRef),
    Node(Box<Node>),
}

/// A folder of both sides, or of one, that is still to be looked at.
type Pair = (TreePath, Option<TreeRef>, Option<TreeRef>);

/// Calls `visit` for each thing that differs, and gives back what could not be read.
pub async fn points(before: Side<'_>, after: Side<'_>, visit: &mut (dyn FnMut(Difference) + Send)) -> Result<Vec<Problem>, ListError> {
    let is_one_domain = before.snapshot.domain == after.snapshot.domain;
    let mut walk = Walk { is_one_domain, waiting: Vec::new(), visit };
    match (before.top().await?, after.top().await?) {
        (Top::Folder(a), Top::Folder(b)) => walk.folder(before.path.clone(), Some(a), Some(b)),
        (Top::Node(a), Top::Node(b)) => walk.both(after.path.clone(), *a, *b),
        (a, b) => walk.tops(after.path, a, b),
    }
    let mut problems = Vec::new();
    while let Some((at, a, b)) = walk.waiting.pop() {
        let (mut olds, mut news) = (Vec::new(), Vec::new());
        for (side, folder, nodes) in [(before, &a, &mut olds), (after, &b, &mut news)] {
            match side.nodes(folder.as_ref()).await {
                Ok(found) => *nodes = found,
                Err(error) if crate::damage::is_damage(&error) => {
                    problems.push(Problem { path: at.to_string(), step: Step::Read, what: crate::damage::explain(&error) });
                }
                Err(source) => return Err(ListError::Read { path: at, point: side.snapshot.id.short(), source }),
            }
        }
        if problems.last().is_none_or(|problem| problem.path != at.to_string()) {
            walk.merge(&at, olds, news);
        }
    }
    Ok(problems)
}

struct Walk<'v> {
    is_one_domain: bool,
    waiting: Vec<Pair>,
    visit: &'v mut (dyn FnMut(Difference) + Send),
}

impl Walk<'_> {
    fn folder(&mut self, at: TreePath, a: Option<TreeRef>, b: Option<TreeRef>) {
        if !(self.is_one_domain && a == b) {
            self.waiting.push((at, a, b));
        }
    }

    fn tops(&mut self, at: &TreePath, a: Top, b: Top) {
        let is_folder = matches!(b, Top::Folder(_));
        self.tell(at, Change::Kind, is_folder, None, None);
        if let Top::Folder(tree) = a {
            self.folder(at.clone(), Some(tree), None);
        }
        if let Top::Folder(tree) = b {
            self.folder(at.clone(), None, Some(tree));
        }
    }

    /// Both lists are in the order of their names.
    fn merge(&mut self, at: &TreePath, olds: Vec<Node>, news: Vec<Node>) {
        let (mut olds, mut news) = (olds.into_iter().peekable(), news.into_iter().peekable());
        loop {
            let order = match (olds.peek(), news.peek()) {
                (Some(a), Some(b)) => a.name.cmp(&b.name),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => return,
            };
            let old = if order.is_le() { olds.next() } else { None };
            let new = if order.is_ge() { news.next() } else { None };
            match (old, new) {
                (Some(a), Some(b)) => self.both(at.join(&a.name), a, b),
                (Some(a), None) => self.one(at.join(&a.name), a, Change::Removed),
                (None, Some(b)) => self.one(at.join(&b.name), b, Change::Added),
                (None, None) => return,
            }
        }
    }

    fn one(&mut self, path: TreePath, node: Node, change: Change) {
        let size = size_of(&node);
        let is_folder = matches!(node.kind, NodeKind::Directory { .. });
        let (before, after) = if change == Change::Removed { (size, None) } else { (None, size) };
        self.tell(&path, change, is_folder, before, after);
        if let NodeKind::Directory { tree } = node.kind {
            let (a, b) = if change == Change::Removed { (Some(tree), None) } else { (None, Some(tree)) };
            self.folder(path, a, b);
        }
    }

    fn both(&mut self, path: TreePath, a: Node, b: Node) {
        let (before, after) = (size_of(&a), size_of(&b));
        let is_folder = matches!(b.kind, NodeKind::Directory { .. });
        let change = match (&a.kind, &b.kind) {
            (NodeKind::Directory { .. }, NodeKind::Directory { .. }) => None,
            (NodeKind::File { content: x }, NodeKind::File { content: y }) if self.is_one_domain => (x != y).then_some(Change::Content),
            (NodeKind::File { content: x }, NodeKind::File { content: y }) => {
                // Another domain names the same bytes otherwise: size and time have to do.
                let same = x.size == y.size && (a.meta.mtime_s, a.meta.mtime_ns) == (b.meta.mtime_s, b.meta.mtime_ns);
                (!same).then_some(Change::Content)
            }
            (x, y) if std::mem::discriminant(x) == std::mem::discriminant(y) => (x != y).then_some(Change::Content),
            _ => Some(Change::Kind),
        };
        if let Some(change) = change.or_else(|| (!is_same_meta(&a.meta, &b.meta)).then_some(Change::Metadata)) {
            self.tell(&path, change, is_folder, before, after);
        }
        let tree = |kind| if let NodeKind::Directory { tree } = kind { Some(tree) } else { None };
        let (x, y) = (tree(a.kind), tree(b.kind));
        if x.is_some() || y.is_some() {
            self.folder(path, x, y);
        }
    }

    fn tell(&mut self, path: &TreePath, change: Change, folder: bool, before_bytes: Option<u64>, after_bytes: Option<u64>) {
        (self.visit)(Difference { path: path.to_string(), change, folder, before_bytes, after_bytes });
    }
}

fn size_of(node: &Node) -> Option<u64> {
    if let NodeKind::File { content } = &node.kind { Some(content.size) } else { None }
}

/// Whether what a restore sets is the same. Times of making and inode numbers are no difference that anyone can undo.
fn is_same_meta(a: &Meta, b: &Meta) -> bool {
    let of = |meta: &Meta| Attributes { link: None, ..meta.clone().into() };
    of(a) == of(b)
}

/// What of `tree` differs from the folder or file `place` on disk, by content and metadata. Blocks; `hasher` is the one of the domain of the restore
/// point. What is on disk and not in the tree is told, too.
pub fn disk(tree: &Tree, place: &Path, hasher: &ChunkHasher, threads: usize, cancel: &CancellationToken) -> io::Result<Vec<Difference>> {
    // A file is looked at through its folder, of which nothing else is meant.
    let is_folder = std::fs::metadata(place)?.is_dir();
    let root =
        Root::open(if is_folder { place } else { place.parent().filter(|at| !at.as_os_str().is_empty()).unwrap_or(Path::new(".")) })?;
    let found = Mutex::new(Vec::new());
    let tell = |difference: Difference| found.lock().unwrap_or_else(PoisonError::into_inner).push(difference);
    parallel::each(threads, tree.entries().len(), cancel, |i, buffer| {
        let entry = &tree.entries()[i];
        let (path, before_bytes) = (tree.path(i), if let Kind::File { size, .. } = entry.kind { Some(size) } else { None });
        let (change, after_bytes) = match compare(entry, &root, &path, hasher, buffer) {
            Ok(None) => return,
            Ok(Some(change)) => change,
            // What cannot be read cannot be said to be the same.
            Err(_) => (Change::Content, None),
        };
        let folder = entry.kind == Kind::Folder;
        tell(Difference { path: tree.source_path(i).to_string(), change, folder, before_bytes, after_bytes });
    });
    let known: HashSet<TreePath> = (0..tree.entries().len()).map(|i| tree.path(i)).collect();
    let folders = (0..tree.entries().len()).filter(|i| tree.entries()[*i].kind == Kind::Folder).map(|i| tree.path(i));
    for folder in is_folder.then(TreePath::default).into_iter().chain(folders) {
        if cancel.is_cancelled() {
            break;
        }
        added(tree, &root, &folder, &known, &tell)?;
    }
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort();
    Ok(found)
}

/// What is in a folder on disk and not in the tree, with all below it.
fn added(tree: &Tree, root: &Root, folder: &TreePath, known: &HashSet<TreePath>, tell: &dyn Fn(Difference)) -> io::Result<()> {
    let mut waiting = vec![folder.clone()];
    while let Some(at) = waiting.pop() {
        let there = match root.entries(at.as_bytes()) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            other => other?,
        };
        for listed in there {
            let path = at.join(&listed.name);
            if known.contains(&path) {
                continue;
            }
            let folder = listed.kind == FileType::Directory;
            let shown = path.names().fold(tree.base().clone(), |at, name| at.join(name)).to_string();
            let after_bytes = (listed.kind == FileType::RegularFile).then_some(listed.size_bytes);
            tell(Difference { path: shown, change: Change::Added, folder, before_bytes: None, after_bytes });
            if folder {
                waiting.push(path);
            }
        }
    }
    Ok(())
}

/// How an entry differs from what is on disk, and the bytes that are there.
fn compare(
    entry: &Entry,
    root: &Root,
    path: &TreePath,
    hasher: &ChunkHasher,
    buffer: &mut Vec<u8>,
) -> io::Result<Option<(Change, Option<u64>)>> {
    let stat = match root.stat(path.as_bytes()) {
        Ok(Some(stat)) => stat,
        Ok(None) => return Ok(Some((Change::Removed, None))),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Some((Change::Removed, None))),
        Err(error) => return Err(error),
    };
    let there = FileType::from_raw_mode(stat.st_mode);
    let size = (there == FileType::RegularFile).then(|| u64::try_from(stat.st_size).unwrap_or(0));
    let is_content_same = match (&entry.kind, there) {
        (Kind::File { size, data }, FileType::RegularFile) => {
            let file = File::from(root.open_read(path.as_bytes())?);
            verify::difference(&file, *size, data, hasher, buffer)?.is_none()
        }
        (Kind::Symlink(target), FileType::Symlink) => root.read_symlink(path.as_bytes())? == **target,
        (Kind::Folder, FileType::Directory)
        | (Kind::Special(Special::Fifo), FileType::Fifo)
        | (Kind::Special(Special::Socket), FileType::Socket) => true,
        (Kind::Special(Special::CharDevice(device)), FileType::CharacterDevice)
        | (Kind::Special(Special::BlockDevice(device)), FileType::BlockDevice) => {
            stat.st_rdev == rustix::fs::makedev(device.major, device.minor)
        }
        _ => return Ok(Some((Change::Kind, size))),
    };
    if !is_content_same {
        return Ok(Some((Change::Content, size)));
    }
    let wanted = &entry.attributes;
    let is_same = (stat.st_uid, stat.st_gid) == (wanted.uid, wanted.gid)
        && (there == FileType::Symlink || stat.st_mode & 0o7777 == wanted.mode & 0o7777)
        && (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).ok()) == (wanted.mtime_s, Some(wanted.mtime_ns));
    let mut xattrs = root.xattrs(path.as_bytes()).unwrap_or_default(); // a file system without them has none
    let mut recorded = wanted.xattrs.as_ref().map(|list| (**list).clone()).unwrap_or_default();
    xattrs.sort();
    recorded.sort();
    Ok((!is_same || xattrs != recorded).then_some((Change::Metadata, size)))
}

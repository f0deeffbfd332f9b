//! Looks into restore points: lists folders, finds names, gives out one file.
//!
//! `lifeboat ls`, `find` and `cat` call it. It writes nothing.

use base::Hint;
use jiff::Timestamp;
use repository::format::tree::{Node, NodeKind, TreeRef};
use repository::reader::{ReadError, Reader, SinkError};
use repository::snapshots::Snapshot;
use serde::Serialize;

use crate::damage;
use crate::path::{MAX_PATH, TreePath};
use crate::pattern::Pattern;
use crate::report::{Problem, Step};

/// One entry, with what the long form shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its path in the restore point. In JSON as text, with escapes where bytes are not text.
    #[serde(serialize_with = "shown")]
    pub path: TreePath,
    /// What it is.
    pub kind: ListedKind,
    /// Bytes of a file.
    pub size_bytes: Option<u64>,
    /// The 12 permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Owner's name where it was taken.
    pub user: Option<String>,
    /// Group's name where it was taken.
    pub group: Option<String>,
    /// When its content last changed; `None` where the recorded time is beyond the years 1 to 9999.
    pub changed: Option<Timestamp>,
    /// What a link points to, shown.
    pub target: Option<String>,
}

fn shown<S: serde::Serializer>(path: &TreePath, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(path)
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListedKind {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// How deep to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What is in the folder itself.
    Folder,
    /// All below it.
    All,
}

/// Why a restore point could not be looked into.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// No such path.
    #[error("{path} is not in restore point {point}")]
    NotThere {
        /// As asked.
        path: TreePath,
        /// The restore point, short.
        point: String,
    },
    /// A folder or link where a file is wanted.
    #[error("{path} is a {what} and not a file")]
    NotAFile {
        /// As asked.
        path: TreePath,
        /// What it is.
        what: &'static str,
    },
    /// It cannot be read.
    #[error("cannot read {path} of restore point {point}")]
    Read {
        /// As asked.
        path: TreePath,
        /// The restore point, short.
        point: String,
        /// Why.
        source: ReadError,
    },
}

impl Hint for ListError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotThere { path, point } => {
                let name = path.names().last().map_or_else(|| "NAME".to_owned(), crate::path::shown);
                Some(format!("look for it: lifeboat find '{name}', or lifeboat ls {point}"))
            }
            Self::NotAFile { path, what: "folder" } => {
                Some(format!("list it with lifeboat ls, or restore it: lifeboat restore POINT:{path}"))
            }
            Self::NotAFile { .. } => None,
            Self::Read { source, .. } => source.hint(),
        }
    }
}

impl Listed {
    fn new(path: TreePath, node: &Node) -> Self {
        let (kind, size_bytes, target) = match &node.kind {
            NodeKind::Directory { .. } => (ListedKind::Folder, None, None),
            NodeKind::File { content } => (ListedKind::File, Some(content.size), None),
            NodeKind::Symlink { target } => (ListedKind::Symlink, None, Some(crate::path::shown(target))),
            NodeKind::Fifo => (ListedKind::Fifo, None, None),
            NodeKind::Socket => (ListedKind::Socket, None, None),
            NodeKind::CharDevice(_) => (ListedKind::CharDevice, None, None),
            NodeKind::BlockDevice(_) => (ListedKind::BlockDevice, None, None),
        };
        let meta = &node.meta;
        let changed = i32::try_from(meta.mtime_ns).ok().and_then(|ns| Timestamp::new(meta.mtime_s, ns).ok());
        let (user, group) = (meta.user.clone(), meta.group.clone());
        Self { path, kind, size_bytes, mode: meta.mode, uid: meta.uid, gid: meta.gid, user, group, changed, target }
    }
}

/// Lists `path` of `snapshot`, in the order of names, each entry handed to `visit` when it is known. A file or link is listed
/// itself. Folders that are damaged come back as problems; the rest is listed.
pub async fn ls(
    reader: &Reader,
    snapshot: &Snapshot,
    path: &TreePath,
    depth: Depth,
    visit: &mut (dyn FnMut(Listed) + Send),
) -> Result<Vec<Problem>, ListError> {
    let path = &meant(reader, snapshot, path).await;
    let top = match resolve(reader, snapshot, path).await? {
        Found::Root(tree) | Found::Node(Node { kind: NodeKind::Directory { tree }, .. }) => tree,
        Found::Node(node) => {
            visit(Listed::new(path.clone(), &node));
            return Ok(Vec::new());
        }
    };
    walk(reader, snapshot, path, top, depth, visit).await
}

/// Hands every entry of `snapshot` that one of `patterns` matches to `visit`.
pub async fn find(
    reader: &Reader,
    snapshot: &Snapshot,
    patterns: &[Pattern],
    visit: &mut (dyn FnMut(Listed) + Send),
) -> Result<Vec<Problem>, ListError> {
    let mut matching = |listed: Listed| {
        if patterns.iter().any(|pattern| pattern.matches(&listed.path)) {
            visit(listed);
        }
    };
    walk(reader, snapshot, &TreePath::default(), snapshot.root.clone(), Depth::All, &mut matching).await
}

/// Gives the bytes of one file to `sink`, in order. An error half-way means that `sink` has got a part only.
pub async fn cat(
    reader: &Reader,
    snapshot: &Snapshot,
    path: &TreePath,
    sink: &mut (dyn FnMut(&[u8]) -> Result<(), SinkError> + Send),
) -> Result<u64, ListError> {
    let what = match resolve(reader, snapshot, path).await? {
        Found::Node(Node { kind: NodeKind::File { content }, .. }) => {
            let done = reader.content(&content, sink).await;
            return done.map(|()| content.size).map_err(|source| read(path, snapshot, source));
        }
        Found::Node(Node { kind: NodeKind::Directory { .. }, .. }) | Found::Root(_) => "folder",
        Found::Node(Node { kind: NodeKind::Symlink { .. }, .. }) => "symbolic link",
        Found::Node(_) => "pipe, socket or device",
    };
    Err(ListError::NotAFile { path: path.clone(), what })
}

#[expect(clippy::large_enum_variant, reason = "one is in memory at a time")]
pub(crate) enum Found {
    Root(TreeRef),
    Node(Node),
}

fn read(path: &TreePath, snapshot: &Snapshot, source: ReadError) -> ListError {
    ListError::Read { path: path.clone(), point: snapshot.id.short(), source }
}

/// The node at `path`. Links on the way are not followed: what they point to is another host's matter.
pub(crate) async fn resolve(reader: &Reader, snapshot: &Snapshot, path: &TreePath) -> Result<Found, ListError> {
    let mut found = Found::Root(snapshot.root.clone());
    let not_there = || ListError::NotThere { path: path.clone(), point: snapshot.id.short() };
    for name in path.names() {
        let folder = match &found {
            Found::Root(tree) | Found::Node(Node { kind: NodeKind::Directory { tree }, .. }) => tree,
            Found::Node(_) => return Err(not_there()),
        };
        let mut nodes = reader.tree(folder).await.map_err(|source| read(path, snapshot, source))?;
        let place = place_of(&nodes, name).ok_or_else(not_there)?;
        found = Found::Node(nodes.swap_remove(place));
    }
    Ok(found)
}

/// The node of a name as people type it: the name itself or, where there is none, as listings show it, with escapes.
fn place_of(nodes: &[Node], name: &[u8]) -> Option<usize> {
    let is = |name: &[u8]| nodes.iter().position(|node| node.name == name);
    is(name).or_else(|| is(&base::name::unshown(name)))
}

/// The path that is meant by one that people typed, which may have the escapes of a listing. One that is not there stays as it is.
pub(crate) async fn meant(reader: &Reader, snapshot: &Snapshot, path: &TreePath) -> TreePath {
    let (mut meant, mut tree) = (TreePath::default(), snapshot.root.clone());
    if !path.as_bytes().contains(&b'\\') {
        return path.clone();
    }
    for name in path.names() {
        let Ok(nodes) = reader.tree(&tree).await else { return path.clone() };
        let Some(node) = place_of(&nodes, name).and_then(|place| nodes.into_iter().nth(place)) else { return path.clone() };
        meant = meant.join(&node.name);
        if let NodeKind::Directory { tree: below } = node.kind {
            tree = below;
        }
    }
    meant
}

async fn walk(
    reader: &Reader,
    snapshot: &Snapshot,
    path: &TreePath,
    top: TreeRef,
    depth: Depth,
    visit: &mut (dyn FnMut(Listed) + Send),
) -> Result<Vec<Problem>, ListError> {
    let mut problems = Vec::new();
    // The last of the stack comes next, so that a folder is followed by what it holds.
    let mut stack = vec![Next::Open(path.clone(), top)];
    while let Some(next) = stack.pop() {
        let (at, folder) = match next {
            Next::Open(at, folder) => (at, folder),
            Next::Show(listed, folder) => {
                let at = listed.path.clone();
                visit(listed);
                match folder.filter(|_| depth == Depth::All) {
                    Some(folder) => (at, folder),
                    None => continue,
                }
            }
        };
        if at.as_bytes().len() > MAX_PATH {
            problems.push(Problem { path: at.to_string(), step: Step::Refuse, what: format!("a path of more than {MAX_PATH} bytes") });
            continue;
        }
        match reader.tree(&folder).await {
            Ok(nodes) => stack.extend(nodes.into_iter().rev().map(|node| {
                let listed = Listed::new(at.join(&node.name), &node);
                Next::Show(listed, if let NodeKind::Directory { tree } = node.kind { Some(tree) } else { None })
            })),
            Err(error) if damage::is_damage(&error) => {
                problems.push(Problem { path: at.to_string(), step: Step::Read, what: damage::explain(&error) });
            }
            Err(source) => return Err(read(&at, snapshot, source)),
        }
    }
    Ok(problems)
}

enum Next {
    Open(TreePath, TreeRef),
    Show(Listed, Option<TreeRef>),
}

//! The part of a restore point that is wanted, read from its trees into one flat list.
//!
//! [`gather`] asks the reader for each folder once; everything after it works on the [`Tree`]. What a hostile or damaged tree
//! holds against the rules becomes a finding and is left out. Nothing here looks at the target.

mod gather;

use repository::format::tree::{ChunkRef, Chunks, Content, Device, Hole, Meta, Node, NodeKind, TreeRef};
use repository::reader::ReadError;

use crate::owners::Owners;
use crate::path::{MAX_PATH, TreePath, check_name, shown};
use crate::pattern::Pattern;
use crate::report::{Counts, Problem, Step};

pub use gather::{gather, gather_from};

/// The most entries of one restore: about 10 GiB of memory. A few hostile trees can name each other exponentially often.
pub const MAX_ENTRIES: usize = 50_000_000;

/// What of a restore point is wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Files and folders with all below them. None means all.
    pub paths: Vec<TreePath>,
    /// Only what matches one of these, with all below it. None means all.
    pub patterns: Vec<Pattern>,
    /// Where things go below the target.
    pub layout: Layout,
    /// Which owners they get.
    pub owners: Owners,
}

/// Where things go below the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Layout {
    /// Under their whole path: `/srv/www/x` to `TARGET/srv/www/x`.
    #[default]
    Full,
    /// Without the path of this folder: below `/srv/www`, `/srv/www/x` goes to `TARGET/x`.
    Below(TreePath),
}

/// One entry, small enough for millions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The folder it is in, as a place in [`Tree::entries`]; `None` at the top. Folders stand before what they hold.
    pub parent: Option<u32>,
    /// Its name, checked.
    pub name: Box<[u8]>,
    /// Owner, mode, times, attributes.
    pub attributes: Attributes,
    /// What it is.
    pub kind: Kind,
}

/// The metadata that a restore can set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The 12 permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Time of the last change: seconds since 1970.
    pub mtime_s: i64,
    /// And nanoseconds.
    pub mtime_ns: u32,
    /// Extended attributes: name and value. Most entries have none, and then this is one word.
    pub xattrs: Option<Box<Vec<Attribute>>>,
    /// Inode flags, as chattr(1) sets them.
    pub flags: u32,
    /// Entries with equal bytes here are names of one file.
    pub link: Option<Box<[u8]>>,
}

/// An extended attribute: name and value.
pub type Attribute = (Vec<u8>, Vec<u8>);

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A folder.
    Folder,
    /// A file.
    File {
        /// Bytes.
        size: u64,
        /// Where they are.
        data: Data,
    },
    /// A symbolic link and what it points to.
    Symlink(Box<[u8]>),
    /// A pipe, socket or device.
    Special(Special),
}

/// What has a name and no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharDevice(Device),
    /// A block device.
    BlockDevice(Device),
}

/// The bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Here.
    Inline(Box<[u8]>),
    /// In these chunks, one after the other.
    Chunks(Box<[ChunkRef]>),
    /// As one of the others, with holes between.
    Sparse(Box<(Data, Box<[Hole]>)>),
}

impl Data {
    /// Its chunks; none when its bytes are here.
    pub fn chunks(&self) -> &[ChunkRef] {
        match self {
            Self::Inline(_) => &[],
            Self::Chunks(chunks) => chunks,
            Self::Sparse(sparse) => sparse.0.chunks(),
        }
    }

    /// The bytes of a file that needs no chunk.
    pub fn in_tree(&self) -> Option<&[u8]> {
        match self {
            Self::Inline(bytes) => Some(bytes),
            Self::Chunks(chunks) if chunks.is_empty() => Some(&[]),
            Self::Chunks(_) => None,
            Self::Sparse(sparse) => sparse.0.in_tree(),
        }
    }

    /// Where it has no data.
    pub fn holes(&self) -> &[Hole] {
        match self {
            Self::Sparse(sparse) => &sparse.1,
            _ => &[],
        }
    }

    fn of(content: Content) -> Self {
        let data = match content.chunks {
            Chunks::Inline(bytes) => Self::Inline(bytes.into()),
            Chunks::List(refs) => Self::Chunks(refs.into()),
        };
        if content.holes.is_empty() { data } else { Self::Sparse(Box::new((data, content.holes.into()))) }
    }
}

impl From<Meta> for Attributes {
    fn from(meta: Meta) -> Self {
        let Meta { mode, uid, gid, mtime_s, mtime_ns, xattrs, flags, link, .. } = meta;
        Self {
            mode,
            uid,
            gid,
            mtime_s,
            mtime_ns,
            xattrs: (!xattrs.is_empty()).then(|| Box::new(xattrs)),
            flags,
            link: link.map(Into::into),
        }
    }
}

/// The wanted part of a restore point.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    entries: Vec<Entry>,
    /// The folder whose path is left out below the target.
    base: TreePath,
    owners: Owners,
    /// What was refused or could not be read.
    pub findings: Vec<Problem>,
}

/// Why the trees could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// A path that was asked for is not in the restore point.
    #[error("{path} is not in restore point {point}")]
    NotThere {
        /// The path.
        path: TreePath,
        /// The restore point, short.
        point: String,
    },
    /// More than [`MAX_ENTRIES`].
    #[error("the restore point holds more than {MAX_ENTRIES} entries")]
    TooMany,
    /// The repository cannot be asked.
    #[error("cannot read the folders of restore point {point}")]
    Read {
        /// The restore point, short.
        point: String,
        /// Why.
        source: ReadError,
    },
    /// Cancelled.
    #[error("reading the restore point was interrupted")]
    Cancelled,
}

impl base::Hint for GatherError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotThere { point, .. } => Some(format!("look what is there: lifeboat ls {point}")),
            Self::TooMany => Some("restore it in parts: name a path".to_owned()),
            Self::Read { source, .. } => base::Hint::hint(source),
            Self::Cancelled => None,
        }
    }
}

impl Tree {
    /// An empty tree to which folders are added by hand, for tests and tools.
    pub fn new(base: TreePath) -> Self {
        Self { base, ..Self::default() }
    }

    #[cfg(test)]
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        Self { entries, ..Self::default() }
    }

    /// All entries; a folder stands before what it holds.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The path of entry `i` below the target.
    pub fn path(&self, i: usize) -> TreePath {
        let mut names: Vec<&[u8]> = Vec::new();
        let mut at = self.entries.get(i);
        while let Some(entry) = at {
            names.push(&entry.name);
            at = entry.parent.and_then(|p| self.entries.get(p as usize));
        }
        names.iter().rev().fold(TreePath::default(), |path, name| path.join(name))
    }

    /// The path of entry `i` in the restore point.
    pub fn source_path(&self, i: usize) -> TreePath {
        self.path(i).names().fold(self.base.clone(), |path, name| path.join(name))
    }

    /// The folder whose path is left out below the target; the root with [`Layout::Full`].
    pub fn base(&self) -> &TreePath {
        &self.base
    }

    /// Files, folders, links and bytes.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in &self.entries {
            counts.add(&entry.kind);
        }
        counts
    }

    /// Adds the nodes of one folder, and gives back its sub-folders with the places of their entries.
    ///
    /// Every rule that keeps a restore inside its target is checked here again, though the reader checks them too: a name is
    /// one plain step, no name stands twice, sizes add up.
    pub fn add(&mut self, parent: Option<u32>, at: &TreePath, nodes: Vec<Node>) -> Vec<(u32, TreeRef)> {
        let mut folders = Vec::new();
        let mut before: Option<Vec<u8>> = None;
        for node in nodes {
            let refused = check_name(&node.name).err().map(|bad| bad.to_string()).or_else(|| refuse(&node, before.as_deref(), at));
            if let Some(what) = refused {
                let path = format!("{}/{}", at, shown(&node.name)).replacen("//", "/", 1);
                self.findings.push(Problem { path, step: Step::Refuse, what });
                continue;
            }
            let Ok(place) = u32::try_from(self.entries.len()) else { break };
            before = Some(node.name.clone());
            let kind = match node.kind {
                NodeKind::Directory { tree } => {
                    folders.push((place, tree));
                    Kind::Folder
                }
                NodeKind::File { content } => Kind::File { size: content.size, data: Data::of(content) },
                NodeKind::Symlink { target } => Kind::Symlink(target.into()),
                NodeKind::Fifo => Kind::Special(Special::Fifo),
                NodeKind::Socket => Kind::Special(Special::Socket),
                NodeKind::CharDevice(device) => Kind::Special(Special::CharDevice(device)),
                NodeKind::BlockDevice(device) => Kind::Special(Special::BlockDevice(device)),
            };
            let uid = self.owners.users.of(node.meta.uid, node.meta.user.as_deref());
            let gid = self.owners.groups.of(node.meta.gid, node.meta.group.as_deref());
            let attributes = Attributes { uid, gid, ..node.meta.into() };
            self.entries.push(Entry { parent, name: node.name.into(), attributes, kind });
        }
        folders
    }

    /// Drops what no pattern matches, keeping the folders on the way to what is kept.
    fn keep_matching(&mut self, patterns: &[Pattern]) {
        let mut keep = vec![false; self.entries.len()];
        for i in 0..self.entries.len() {
            let inherited = self.entries[i].parent.is_some_and(|p| keep[p as usize]);
            keep[i] = inherited || {
                let path = self.source_path(i);
                patterns.iter().any(|pattern| pattern.matches(&path))
            };
        }
        for i in (0..self.entries.len()).rev() {
            if let (true, Some(parent)) = (keep[i], self.entries[i].parent) {
                keep[parent as usize] = true;
            }
        }
        let mut places = vec![0_u32; keep.len()];
        let mut next = 0;
        for (place, keep) in places.iter_mut().zip(&keep) {
            *place = next;
            next += u32::from(*keep);
        }
        let mut at = keep.iter();
        self.entries.retain(|_| *at.next().expect("one flag for each entry"));
        for entry in &mut self.entries {
            entry.parent = entry.parent.map(|p| places[p as usize]);
        }
    }
}

impl Counts {
    pub(crate) fn add(&mut self, kind: &Kind) {
        match kind {
            Kind::Folder => self.folders += 1,
            Kind::Symlink(_) => self.symlinks += 1,
            Kind::Special(_) => {}
            Kind::File { size, .. } => {
                self.files += 1;
                self.bytes = self.bytes.saturating_add(*size);
            }
        }
    }
}

/// Why a node with a good name is refused all the same.
fn refuse(node: &Node, before: Option<&[u8]>, at: &TreePath) -> Option<String> {
    if before.is_some_and(|before| before >= node.name.as_slice()) {
        return Some("a name that stands twice in its folder, or out of order".to_owned());
    }
    if at.as_bytes().len() + node.name.len() >= MAX_PATH {
        return Some(format!("a path of more than {MAX_PATH} bytes"));
    }
    match &node.kind {
        NodeKind::Symlink { target } if target.is_empty() || target.contains(&0) => Some("a link with no target".to_owned()),
        NodeKind::File { content } => (!content.is_consistent()).then(|| "its parts do not add up to its size".to_owned()),
        _ => None,
    }
}

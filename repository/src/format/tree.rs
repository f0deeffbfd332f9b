//! Directories: the nodes that a tree names, as CBOR.
//!
//! A tree's bytes are cut into chunks like any file's, so a tree is named by the ids of its chunks, and a directory's name
//! depends on everything below it (a Merkle tree). Equal directories have equal bytes: encoding is deterministic. A tree is a
//! sequence of nodes behind a head (RFC 8742), so that a directory of millions of entries is never in memory as a whole.

use minicbor::decode::{Decoder, Error};
use minicbor::encode::{Encoder, Write};

use super::cbor::{array, bytes, check_format, chunk_ref, put_chunk_refs, rows};
pub use super::chunk::{ChunkId, ChunkRef};
pub use super::content::{Chunks, Content, Hole, spread};
use super::error::{FormatError, Member};
use super::limits::{FORMAT, NAME_MAX, TREE_MAX, VALUE_MAX};
pub use super::meta::Meta;
use super::{content, meta};

const WHAT: &str = "tree";

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name as the file system has it: any bytes but `/` and NUL, never `.` or `..`.
    pub name: Vec<u8>,
    /// Owner, mode, times, extended attributes.
    pub meta: Meta,
    /// What it is.
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A directory.
    Directory {
        /// Where its nodes are.
        tree: TreeRef,
    },
    /// A regular file.
    File {
        /// Where its bytes are.
        content: Content,
    },
    /// A symbolic link.
    Symlink {
        /// What it points to, as it was read.
        target: Vec<u8>,
    },
    /// A named pipe.
    Fifo,
    /// A socket that a program listens on, or has left.
    Socket,
    /// A character device.
    CharDevice(Device),
    /// A block device.
    BlockDevice(Device),
}

/// The numbers of a device on Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

/// The name of a directory's nodes: the chunks of their CBOR, usually one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeRef {
    /// Never empty.
    pub chunks: Vec<ChunkRef>,
}

impl TreeRef {
    /// Bytes of the tree's CBOR.
    pub fn len(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.len)).sum()
    }

    /// Whether it names nothing, which no tree does.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

/// The CBOR of a directory. Nodes must be in ascending order of the bytes of their names, each name once.
pub fn encode(nodes: &[Node]) -> Result<Vec<u8>, FormatError> {
    let mut draft = Draft::default();
    for node in nodes {
        draft.push(node)?;
    }
    Ok(draft.take())
}

/// A directory's CBOR in the making, node by node. Whoever takes its bytes on the way gets them in order.
#[derive(Debug)]
pub struct Draft {
    bytes: Vec<u8>,
    before: Option<Vec<u8>>,
}

impl Default for Draft {
    /// A directory without nodes.
    fn default() -> Self {
        let mut bytes = Vec::with_capacity(128);
        put_head(&mut Encoder::new(&mut bytes)).expect("writing to a Vec cannot fail");
        Self { bytes, before: None }
    }
}

impl Draft {
    /// Adds the next node; its name comes behind that of the one before.
    pub fn push(&mut self, node: &Node) -> Result<(), FormatError> {
        check(node, self.before.as_deref())?;
        put(&mut Encoder::new(&mut self.bytes), node).expect("writing to a Vec cannot fail");
        let before = self.before.get_or_insert_default();
        before.clear();
        before.extend_from_slice(&node.name);
        Ok(())
    }

    /// The bytes that were not taken yet.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the first `n` of them away.
    pub fn drop_front(&mut self, n: usize) {
        self.bytes.drain(..n.min(self.bytes.len()));
    }

    fn take(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads what [`encode`] wrote.
pub fn decode(tree: &[u8]) -> Result<Vec<Node>, FormatError> {
    if tree.len() as u64 > TREE_MAX {
        return Err(FormatError::TooLarge { what: WHAT, size: tree.len() as u64, limit: TREE_MAX });
    }
    check_format(WHAT, tree)?;
    let (mut d, mut nodes) = (Decoder::new(tree), Vec::<Node>::new());
    head(&mut d).map_err(|source| FormatError::Cbor { what: WHAT, source })?;
    while d.position() < tree.len() {
        let mut unknown = None;
        let read = node(&mut d, &mut unknown);
        if let Some(member) = unknown {
            return Err(FormatError::Unknown { what: WHAT, member });
        }
        let node = read.map_err(|source| FormatError::Cbor { what: WHAT, source })?;
        check(&node, nodes.last().map(|before| before.name.as_slice()))?;
        nodes.push(node);
    }
    Ok(nodes)
}

/// Whether a name can be one step of a path, and no step out of its directory.
fn is_plain(name: &[u8]) -> bool {
    !name.is_empty() && name.len() <= NAME_MAX && name != b"." && name != b".." && !name.iter().any(|b| matches!(b, b'/' | 0))
}

/// The rules that hold for what is written and for what is read alike. `before` is the name of the node before this one.
fn check(node: &Node, before: Option<&[u8]>) -> Result<(), FormatError> {
    let wrong = |fault| Err(FormatError::Wrong { what: WHAT, fault });
    if before.is_some_and(|before| before >= node.name.as_slice()) {
        return wrong("does not list its nodes in ascending order of name, each once");
    }
    if !is_plain(&node.name) {
        return wrong("has a node whose name cannot be a file's");
    }
    if let Some(fault) = node.meta.fault() {
        return wrong(fault);
    }
    match &node.kind {
        NodeKind::Directory { tree } if tree.is_empty() => wrong("has a directory that names no tree"),
        NodeKind::Directory { .. } if node.meta.link.is_some() => wrong("has a directory with a hard link"),
        NodeKind::File { content } if !content.is_consistent() => wrong("has a file whose chunks and holes do not add up to its size"),
        NodeKind::Symlink { target } if target.is_empty() || target.len() > VALUE_MAX || target.contains(&0) => {
            wrong("has a symbolic link that points to nothing")
        }
        _ => Ok(()),
    }
}

fn put_head<W: Write>(e: &mut Encoder<W>) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.array(1)?.u32(FORMAT)?;
    Ok(())
}

fn head(d: &mut Decoder<'_>) -> Result<(), Error> {
    array(d, 1)?;
    d.u32().map(|_| ())
}

fn put<W: Write>(e: &mut Encoder<W>, node: &Node) -> Result<(), minicbor::encode::Error<W::Error>> {
    let tag = match node.kind {
        NodeKind::Directory { .. } => 0,
        NodeKind::File { .. } => 1,
        NodeKind::Symlink { .. } => 2,
        NodeKind::Fifo => 3,
        NodeKind::Socket => 4,
        NodeKind::CharDevice(_) => 5,
        NodeKind::BlockDevice(_) => 6,
    };
    e.array(4)?.bytes(&node.name)?.u8(tag)?;
    meta::put(e, &node.meta)?;
    match &node.kind {
        NodeKind::Directory { tree } => put_chunk_refs(e, &tree.chunks)?,
        NodeKind::File { content } => content::put(e, content)?,
        NodeKind::Symlink { target } => {
            e.bytes(target)?;
        }
        NodeKind::Fifo | NodeKind::Socket => {
            e.null()?;
        }
        NodeKind::CharDevice(device) | NodeKind::BlockDevice(device) => {
            e.array(2)?.u32(device.major)?.u32(device.minor)?;
        }
    }
    Ok(())
}

fn node(d: &mut Decoder<'_>, unknown: &mut Option<Member>) -> Result<Node, Error> {
    array(d, 4)?;
    let name = bytes(d, NAME_MAX)?;
    let tag = d.u32()?;
    if tag > 6 {
        *unknown = Some(Member::Kind(tag));
        return Err(Error::message("a node of an unknown kind"));
    }
    let mut member = None;
    let meta = meta::read(d, &mut member);
    *unknown = member.map(Member::Meta);
    let meta = meta?;
    let kind = match tag {
        0 => NodeKind::Directory { tree: TreeRef { chunks: rows(d, chunk_ref)? } },
        1 => NodeKind::File { content: content::read(d)? },
        2 => NodeKind::Symlink { target: bytes(d, VALUE_MAX)? },
        3 | 4 => {
            d.null()?;
            if tag == 3 { NodeKind::Fifo } else { NodeKind::Socket }
        }
        _ => {
            array(d, 2)?;
            let device = Device { major: d.u32()?, minor: d.u32()? };
            if tag == 5 { NodeKind::CharDevice(device) } else { NodeKind::BlockDevice(device) }
        }
    };
    Ok(Node { name, meta, kind })
}

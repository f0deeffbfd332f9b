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
use super::limits::{FORMAT, NAME_MAX, NODES_MAX, TREE_MAX, VALUE_MAX};
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
    let (mut pieces, mut nodes) = (Pieces::default(), Vec::new());
    pieces.push(tree, &mut nodes)?;
    pieces.end(&mut nodes)?;
    Ok(nodes)
}

/// Reads a directory of which the bytes come piece by piece, so that they are never in memory as a whole.
#[derive(Debug, Default)]
pub struct Pieces {
    /// What was not read yet: a part of a node.
    rest: Vec<u8>,
    /// Reading it again is worth the while from this many bytes on: a node can be long.
    enough: usize,
    has_head: bool,
    total: u64,
    before: Option<Vec<u8>>,
}

impl Pieces {
    /// Takes the next piece, and appends the nodes that are whole.
    pub fn push(&mut self, piece: &[u8], nodes: &mut Vec<Node>) -> Result<(), FormatError> {
        self.total = self.total.saturating_add(piece.len() as u64);
        for (size, limit) in [(self.total, TREE_MAX), ((self.rest.len() + piece.len()) as u64, NODES_MAX)] {
            if size > limit {
                return Err(FormatError::TooLarge { what: WHAT, size, limit });
            }
        }
        self.rest.extend_from_slice(piece);
        if self.rest.len() < self.enough {
            return Ok(());
        }
        let taken = self.take(nodes)?;
        self.rest.drain(..taken);
        self.enough = self.rest.len() * 2;
        Ok(())
    }

    /// Says that there are no more pieces, and appends the nodes that waited for one.
    pub fn end(mut self, nodes: &mut Vec<Node>) -> Result<(), FormatError> {
        let taken = self.take(nodes)?;
        if self.has_head && taken == self.rest.len() {
            return Ok(());
        }
        let end = Error::end_of_input();
        Err(FormatError::Cbor { what: WHAT, source: end })
    }

    /// Reads what is whole of the rest. The answer is how many bytes that is.
    fn take(&mut self, nodes: &mut Vec<Node>) -> Result<usize, FormatError> {
        let mut d = Decoder::new(&self.rest);
        let mut taken = 0;
        if !self.has_head {
            check_format(WHAT, &self.rest)?;
            head(&mut d).map_err(|source| FormatError::Cbor { what: WHAT, source })?;
            (self.has_head, taken) = (true, d.position());
        }
        while d.position() < self.rest.len() {
            let mut unknown = None;
            let read = node(&mut d, &mut unknown);
            if let Some(member) = unknown {
                return Err(FormatError::Unknown { what: WHAT, member });
            }
            let node = match read {
                Err(error) if error.is_end_of_input() => break,
                read => read.map_err(|source| FormatError::Cbor { what: WHAT, source })?,
            };
            check(&node, self.before.as_deref())?;
            self.before.get_or_insert_default().clone_from(&node.name);
            nodes.push(node);
            taken = d.position();
        }
        Ok(taken)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_comes_piece_by_piece_is_the_one_that_was_written() {
        let node = |n: u32| {
            let chunks = (0..n * 7).map(|i| ChunkRef { id: ChunkId::from_bytes([3; 32]), len: i + 1 }).collect();
            let kind = if n.is_multiple_of(2) { NodeKind::Fifo } else { NodeKind::Directory { tree: TreeRef { chunks } } };
            Node { name: format!("{n:03}").into_bytes(), meta: Meta { birth: Some((-1, n)), ..Meta::default() }, kind }
        };
        let nodes: Vec<Node> = (0..40).map(node).collect();
        let bytes = encode(&nodes).unwrap();
        assert_eq!(decode(&bytes).unwrap(), nodes);
        for size in [3, 7, 100, 5000] {
            let (mut pieces, mut read) = (Pieces::default(), Vec::new());
            bytes.chunks(size).for_each(|piece| pieces.push(piece, &mut read).unwrap());
            pieces.end(&mut read).unwrap();
            assert_eq!(read, nodes, "in pieces of {size}");
        }
        assert!(decode(&bytes[..bytes.len() - 1]).is_err() && decode(b"").is_err());
        assert!(Pieces::default().end(&mut Vec::new()).is_err());
    }
}

//! Directories: the nodes that a tree names, as CBOR.
//!
//! A tree's bytes are cut into chunks like any file's, so a tree is named by the ids of its chunks, and a directory's name
//! depends on everything below it (a Merkle tree). Equal directories have equal bytes: encoding is deterministic.

use minicbor::decode::{Decoder, Error};
use minicbor::encode::{Encoder, Write};

use super::cbor::{array, bytes, check_format, chunk_ref, put_chunk_refs, rows, whole};
pub use super::chunk::{ChunkId, ChunkRef};
use super::error::FormatError;
use super::limits::{FORMAT, INLINE_MAX, NAME_MAX, TREE_MAX, VALUE_MAX};

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
}

/// What the file system says of an entry beside its name and content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// The 12 permission bits (`st_mode & 0o7777`).
    pub mode: u32,
    /// Owner, as a number.
    pub uid: u32,
    /// Group, as a number.
    pub gid: u32,
    /// Owner's name on the host that was backed up.
    pub user: Option<String>,
    /// Group's name on the host that was backed up.
    pub group: Option<String>,
    /// Time of the last change of content: seconds since 1970, which can be negative.
    pub mtime_s: i64,
    /// … and nanoseconds, below 1,000,000,000.
    pub mtime_ns: u32,
    /// Extended attributes: name and value.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// How many.
    pub size: u64,
    /// Where they are.
    pub chunks: Chunks,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunks {
    /// Here; tiny files only.
    Inline(Vec<u8>),
    /// In these chunks, one after the other.
    List(Vec<ChunkRef>),
}

impl Content {
    /// The content of a file that has no bytes.
    pub fn empty() -> Self {
        Self { size: 0, chunks: Chunks::Inline(Vec::new()) }
    }

    /// Its chunks; none when its bytes are in the tree.
    pub fn refs(&self) -> &[ChunkRef] {
        match &self.chunks {
            Chunks::Inline(_) => &[],
            Chunks::List(refs) => refs,
        }
    }

    fn is_consistent(&self) -> bool {
        match &self.chunks {
            Chunks::Inline(bytes) => bytes.len() as u64 == self.size && bytes.len() <= INLINE_MAX,
            Chunks::List(refs) => !refs.is_empty() && refs.iter().map(|chunk| u64::from(chunk.len)).sum::<u64>() == self.size,
        }
    }
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
    check(nodes)?;
    let mut out = Vec::with_capacity(nodes.len() * 128 + 16);
    put(&mut Encoder::new(&mut out), nodes).expect("writing to a Vec cannot fail");
    Ok(out)
}

/// Reads what [`encode`] wrote.
pub fn decode(tree: &[u8]) -> Result<Vec<Node>, FormatError> {
    check_format(WHAT, tree)?;
    let nodes = whole(WHAT, tree, TREE_MAX, |d| {
        array(d, 2)?;
        d.u32()?;
        rows(d, node)
    })?;
    check(&nodes)?;
    Ok(nodes)
}

/// Whether a name can be one step of a path, and no step out of its directory.
fn is_plain(name: &[u8]) -> bool {
    !name.is_empty() && name.len() <= NAME_MAX && name != b"." && name != b".." && !name.iter().any(|b| matches!(b, b'/' | 0))
}

/// The rules that hold for what is written and for what is read alike.
fn check(nodes: &[Node]) -> Result<(), FormatError> {
    let wrong = |fault| Err(FormatError::Wrong { what: WHAT, fault });
    if nodes.windows(2).any(|pair| matches!(pair, [a, b] if a.name >= b.name)) {
        return wrong("does not list its nodes in ascending order of name, each once");
    }
    for node in nodes {
        if !is_plain(&node.name) {
            return wrong("has a node whose name cannot be a file's");
        }
        if node.meta.mode > 0o7777 || node.meta.mtime_ns >= 1_000_000_000 {
            return wrong("has a node whose mode or time cannot be");
        }
        match &node.kind {
            NodeKind::Directory { tree } if tree.is_empty() => return wrong("has a directory that names no tree"),
            NodeKind::File { content } if !content.is_consistent() => return wrong("has a file whose chunks do not add up to its size"),
            NodeKind::Symlink { target } if target.is_empty() || target.len() > VALUE_MAX || target.contains(&0) => {
                return wrong("has a symbolic link that points to nothing");
            }
            _ => {}
        }
    }
    Ok(())
}

fn put<W: Write>(e: &mut Encoder<W>, nodes: &[Node]) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.array(2)?.u32(FORMAT)?.array(nodes.len() as u64)?;
    for node in nodes {
        e.array(4)?.bytes(&node.name)?;
        match &node.kind {
            NodeKind::Directory { tree } => {
                put_meta(e.u8(0)?, &node.meta)?;
                put_chunk_refs(e, &tree.chunks)?;
            }
            NodeKind::File { content } => {
                put_meta(e.u8(1)?, &node.meta)?;
                e.array(2)?.u64(content.size)?;
                match &content.chunks {
                    Chunks::Inline(bytes) => {
                        e.bytes(bytes)?;
                    }
                    Chunks::List(refs) => put_chunk_refs(e, refs)?,
                }
            }
            NodeKind::Symlink { target } => {
                put_meta(e.u8(2)?, &node.meta)?;
                e.bytes(target)?;
            }
        }
    }
    Ok(())
}

fn put_meta<W: Write>(e: &mut Encoder<W>, meta: &Meta) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.array(8)?.u32(meta.mode)?.u32(meta.uid)?.u32(meta.gid)?;
    for name in [&meta.user, &meta.group] {
        match name {
            Some(name) => e.str(name)?,
            None => e.null()?,
        };
    }
    e.i64(meta.mtime_s)?.u32(meta.mtime_ns)?.array(meta.xattrs.len() as u64)?;
    for (name, value) in &meta.xattrs {
        e.array(2)?.bytes(name)?.bytes(value)?;
    }
    Ok(())
}

fn node(d: &mut Decoder<'_>) -> Result<Node, Error> {
    array(d, 4)?;
    let name = bytes(d, NAME_MAX)?;
    let tag = d.u8()?;
    let meta = meta(d)?;
    let kind = match tag {
        0 => NodeKind::Directory { tree: TreeRef { chunks: rows(d, chunk_ref)? } },
        1 => {
            array(d, 2)?;
            let size = d.u64()?;
            let chunks = match d.datatype()? {
                minicbor::data::Type::Bytes => Chunks::Inline(bytes(d, INLINE_MAX)?),
                _ => Chunks::List(rows(d, chunk_ref)?),
            };
            NodeKind::File { content: Content { size, chunks } }
        }
        2 => NodeKind::Symlink { target: bytes(d, VALUE_MAX)? },
        _ => return Err(Error::message("a node of an unknown kind")),
    };
    Ok(Node { name, meta, kind })
}

fn meta(d: &mut Decoder<'_>) -> Result<Meta, Error> {
    array(d, 8)?;
    Ok(Meta {
        mode: d.u32()?,
        uid: d.u32()?,
        gid: d.u32()?,
        user: name(d)?,
        group: name(d)?,
        mtime_s: d.i64()?,
        mtime_ns: d.u32()?,
        xattrs: rows(d, |d| {
            array(d, 2)?;
            Ok((bytes(d, NAME_MAX)?, bytes(d, VALUE_MAX)?))
        })?,
    })
}

fn name(d: &mut Decoder<'_>) -> Result<Option<String>, Error> {
    if d.datatype()? == minicbor::data::Type::Null {
        d.null()?;
        return Ok(None);
    }
    let name = d.str()?;
    if name.len() > NAME_MAX { Err(Error::message("a name that is too long")) } else { Ok(Some(name.to_owned())) }
}

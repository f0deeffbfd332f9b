//! What a chunk is called and how long it is.

use std::fmt;

/// The name of a chunk: HMAC-SHA-256 under the domain's `K_id` of a byte for its kind and its plaintext.
///
/// Without the key nobody can tell whether a known file is among the chunks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId([u8; 32]);

impl ChunkId {
    /// An id that was computed elsewhere.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkId({self})")
    }
}

/// A chunk, as files and trees name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkRef {
    /// Its id.
    pub id: ChunkId,
    /// Bytes of its plaintext.
    pub len: u32,
}

/// What the chunks of a pack are. Trees have packs of their own, so that data can lie in cold storage and trees never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Bytes of files.
    Data,
    /// Nodes of directories.
    Tree,
}

impl Kind {
    /// As it is stored, and the first byte that an id is computed over.
    pub const fn tag(self) -> u8 {
        match self {
            Self::Data => 0,
            Self::Tree => 1,
        }
    }

    /// What [`Self::tag`] gave.
    pub const fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            0 => Some(Self::Data),
            1 => Some(Self::Tree),
            _ => None,
        }
    }
}

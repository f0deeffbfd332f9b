//! Remembers what the last backup of a source saw, so that unchanged files are not read again.
//!
//! `walk` reads the old cache ([`old::Old`]), `assemble` writes the new one ([`new::New`]). The cache is only ever a hint: lost,
//! damaged or stale it costs reading, never data, since every reference it gives is checked against the repository's index.
//!
//! ```text
//! file    := magic (8) identity (32) block* trailer
//! block   := row* checksum (8)                 one folder, rows ascending by name
//! trailer := body  body length (u32)  checksum (8)  magic (8)
//! body    := owners (32)  entries (u64)  bytes (u64)  row of the root
//! ```
//! Blocks stand in post-order: a folder's block comes after those of the folders in it, so that everything below a folder is one
//! range of bytes. Rows name such a range by its distance, so an unchanged folder is taken over by copying its bytes.

pub(crate) mod new;
pub(crate) mod old;
pub(crate) mod row;

use base::Digest;

/// The first and last bytes of a cache. The last of them is the version; another version is another file, and not read.
const MAGIC: [u8; 8] = *b"lbseen\x00\x02";
/// Bytes of a checksum: the first of a SHA-256.
const CHECKSUM: usize = 8;
/// Bytes before the first block.
const HEADER: usize = 40;
/// Bytes after a trailer's body.
const TAIL: usize = 4 + CHECKSUM + 8;
/// The longest trailer that is believed.
const MAX_TRAILER: u32 = 1 << 20;

/// Where everything below a folder, and last its own block, stands in a cache file. In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Just after the block.
    pub end: u64,
    /// Length of the block with its checksum.
    pub block: u64,
    /// Length of the whole range.
    pub range: u64,
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    *Digest::of(bytes).as_bytes().first_chunk().expect("a digest is longer than a checksum")
}

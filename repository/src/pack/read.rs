//! Opens packs: parts of them through the index, or a whole one on its own.
//!
//! The reader and `check` call it. It does no I/O: bytes come in, plaintext comes out, and every chunk's id is computed anew.

use std::fmt;
use std::ops::Range;

use base::Digest;
use zstd::bulk::Decompressor;

pub use super::squeeze::FrameError;
use super::squeeze::unsqueeze;
use crate::chunk::ChunkHasher;
use crate::format::FormatError;
use crate::format::chunk::{ChunkId, ChunkRef, Kind};
use crate::format::pack::{self, Frame, Header, TAIL_LEN, Table};
use crate::keys::EpochIdentity;
use crate::seal::header::{self, HeaderError, PayloadKey};
use crate::seal::stream::{BLOCK, Opener, StreamError, plaintext_len, sealed_range};

/// A pack, or a part of one, that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The age header is damaged, or no key at hand opens it.
    #[error("its header does not open")]
    Header(#[from] HeaderError),
    /// No key of the epoch is at hand.
    #[error("the key of epoch {0} is not at hand")]
    NoEpoch(u32),
    /// The payload does not open.
    #[error("its payload does not open")]
    Stream(#[from] StreamError),
    /// A length that no age file has.
    #[error("it has {0} bytes, which no pack has")]
    Length(u64),
    /// Header frame, table or tail make no sense.
    #[error("its table makes no sense")]
    Format(#[from] FormatError),
    /// A frame does not decode.
    #[error("one of its frames does not decode")]
    Frame(#[from] FrameError),
    /// A chunk whose bytes have another id.
    #[error("chunk {0} has other bytes than its id says")]
    Chunk(ChunkId),
    /// The bytes have another SHA-256 than the name says.
    #[error("its SHA-256 is {found}")]
    Digest {
        /// What was found.
        found: Digest,
    },
    /// The table of the pack and the index tell different things.
    #[error("its table and the index differ")]
    Differs,
}

/// Opens any frames of one pack.
#[derive(Debug)]
pub struct PackOpener {
    opener: Opener,
    header_len: u64,
    payload_len: u64,
}

impl PackOpener {
    /// From the copy of the header that the index has. `length` are the bytes of the whole object.
    pub fn new(header: &[u8], length: u64, identity: &EpochIdentity) -> Result<Self, PackError> {
        let (key, header_len) = open_header(header, identity)?;
        Self::with_key(&key, header_len, length)
    }

    fn with_key(key: &PayloadKey, header_len: usize, length: u64) -> Result<Self, PackError> {
        let header_len = header_len as u64;
        let payload_len = length.checked_sub(header_len).filter(|len| plaintext_len(*len).is_some()).ok_or(PackError::Length(length))?;
        Ok(Self { opener: Opener::new(key, payload_len), header_len, payload_len })
    }

    /// The bytes of the object that hold the plaintext bytes `plain`.
    pub fn object_range(&self, plain: &Range<u64>) -> Range<u64> {
        let sealed = sealed_range(plain, self.payload_len);
        self.header_len + sealed.start..self.header_len + sealed.end
    }

    /// Opens `part`, the bytes of the object at [`Self::object_range`] of `plain`, into `out`. Returns where in `out` the
    /// bytes of `plain` lie.
    pub fn open(&self, plain: &Range<u64>, part: &[u8], out: &mut Vec<u8>) -> Result<Range<usize>, PackError> {
        let sealed = sealed_range(plain, self.payload_len);
        self.opener.open(&sealed, part, out)?;
        let skip = usize::try_from(plain.start % BLOCK as u64).map_err(|_| PackError::Length(plain.start))?;
        let len = usize::try_from(plain.end - plain.start).map_err(|_| PackError::Length(plain.end))?;
        if skip + len > out.len() { Err(PackError::Length(part.len() as u64)) } else { Ok(skip..skip + len) }
    }
}

fn open_header(header: &[u8], identity: &EpochIdentity) -> Result<(PayloadKey, usize), PackError> {
    Ok(header::open(header, &mut std::iter::once(identity.as_age() as &dyn age::Identity))?)
}

/// Decodes frames, with buffers that are used again.
pub struct FrameReader {
    decompressor: Decompressor<'static>,
    raw: Vec<u8>,
}

impl fmt::Debug for FrameReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrameReader")
    }
}

impl FrameReader {
    /// Sets up zstd.
    pub fn new() -> Result<Self, PackError> {
        Ok(Self { decompressor: Decompressor::new().map_err(FrameError::Zstd)?, raw: Vec::new() })
    }

    /// Decodes `frame`, which holds `raw_len` bytes.
    pub fn decode(&mut self, frame: &[u8], raw_len: usize) -> Result<&[u8], PackError> {
        unsqueeze(&mut self.decompressor, frame, raw_len, &mut self.raw)?;
        Ok(&self.raw)
    }
}

/// The part of a decoded frame at `offset` that is the chunk, when it has the right id.
pub fn chunk_of<'b>(raw: &'b [u8], offset: usize, chunk: &ChunkRef, kind: Kind, hasher: &ChunkHasher) -> Result<&'b [u8], PackError> {
    let bytes = raw.get(offset..offset.saturating_add(chunk.len as usize)).ok_or(PackError::Chunk(chunk.id))?;
    if hasher.id_of(kind, bytes) == chunk.id { Ok(bytes) } else { Err(PackError::Chunk(chunk.id)) }
}

/// A whole pack that was opened without any index.
#[derive(Debug)]
pub struct Opened {
    /// Its header frame.
    pub header: Header,
    /// Its table.
    pub table: Table,
    /// Where the first zstd frame begins in [`Self::plaintext`].
    pub data_start: usize,
    /// All of it.
    pub plaintext: Vec<u8>,
    /// Bytes of age header and nonce at the beginning of the object.
    pub header_len: usize,
}

impl Opened {
    /// Its frames, each with its bytes as they are stored.
    pub fn frames(&self) -> impl Iterator<Item = (&Frame, &[u8])> {
        let mut at = self.data_start;
        self.table.frames.iter().map(move |frame| {
            let from = at;
            at += frame.stored_len as usize;
            (frame, self.plaintext.get(from..at).unwrap_or_default())
        })
    }
}

/// Opens a whole pack and reads its table: what makes the index anew from packs alone.
pub fn open_whole(object: &[u8], identity: &EpochIdentity) -> Result<Opened, PackError> {
    let (key, header_len) = open_header(object, identity)?;
    let length = object.len() as u64;
    let opener = PackOpener::with_key(&key, header_len, length)?;
    let payload = object.get(header_len..).unwrap_or_default();
    let len = plaintext_len(payload.len() as u64).ok_or(PackError::Length(length))?;
    let mut plaintext = Vec::new();
    opener.opener.open(&(0..opener.payload_len), payload, &mut plaintext)?;
    let (header, data_start) = pack::parse_header(&plaintext)?;
    let tail = plaintext.len().checked_sub(TAIL_LEN).and_then(|at| plaintext.get(at..)).ok_or(PackError::Length(length))?;
    let place = pack::parse_tail(tail, len)?;
    let (from, to) = (usize::try_from(place.start), usize::try_from(place.end));
    let table = from.ok().zip(to.ok()).and_then(|(from, to)| plaintext.get(from..to)).ok_or(PackError::Length(length))?;
    let table = pack::parse_table(table, data_start as u64, place.start)?;
    if table.kind != header.kind {
        return Err(PackError::Differs);
    }
    Ok(Opened { header, table, data_start, plaintext, header_len })
}

/// Decodes every frame of a whole pack and computes every id anew. Tells how many chunks there are.
pub fn verify_chunks(opened: &Opened, hasher: &ChunkHasher) -> Result<u64, PackError> {
    let (mut reader, mut n) = (FrameReader::new()?, 0);
    for (frame, stored) in opened.frames() {
        let raw_len = usize::try_from(frame.raw_len()).map_err(|_| PackError::Length(frame.raw_len()))?;
        let raw = reader.decode(stored, raw_len)?;
        let mut offset = 0;
        for chunk in &frame.chunks {
            chunk_of(raw, offset, chunk, opened.table.kind, hasher)?;
            offset += chunk.len as usize;
            n += 1;
        }
    }
    Ok(n)
}

//! The inside of a pack, before it is sealed: zstd frames between skippable frames (RFC 8878, 3.1.2) that `zstd -d` steps over.
//!
//! ```text
//! skippable 0: header   skippable-free zstd frames …   skippable 1: table   skippable 2: padding   skippable 3: tail
//! ```
//! The tail has a fixed length and says where the table is; the table says which chunks lie in which frame, so that the index
//! can be made anew from packs alone, and a person with stock tools can walk the trees.

use base::id::DomainId;
use minicbor::decode::{Decoder, Error};
use minicbor::encode::{Encoder, Write};

use super::cbor::{array, check_format, chunk_ref, put_chunk_refs, rows, whole};
use super::chunk::{ChunkRef, Kind};
use super::error::FormatError;
use super::limits::{FORMAT, FRAME_MAX, FRAMES_MAX, HEADER_MAX, PACK_MAX, TABLE_MAX};

const HEADER_MAGIC: u32 = 0x184D_2A50;
const TABLE_MAGIC: u32 = 0x184D_2A51;
const PADDING_MAGIC: u32 = 0x184D_2A52;
const TAIL_MAGIC: u32 = 0x184D_2A53;
const TAIL_MARK: &[u8; 8] = b"lifeboat";
/// Bytes before the content of a skippable frame: its magic number and its length.
pub const SKIPPABLE_HEAD: usize = 8;
/// Bytes of the tail, with its head: mark, start of the table, length of the table frame.
pub const TAIL_LEN: usize = SKIPPABLE_HEAD + 8 + 8 + 8;

/// What a pack holds, at its very beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What its chunks are.
    pub kind: Kind,
    /// Whose ids they have.
    pub domain: DomainId,
}

/// A zstd frame and the chunks that its plaintext consists of, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Bytes of the frame as it lies in the pack.
    pub stored_len: u32,
    /// Its chunks in order. Their lengths add up to the length of what the frame decodes to.
    pub chunks: Vec<ChunkRef>,
}

impl Frame {
    /// Bytes that the frame decodes to.
    pub fn raw_len(&self) -> u64 {
        self.chunks.iter().map(|chunk| u64::from(chunk.len)).sum()
    }
}

/// The frames of a pack, in order. The first one begins where the header frame ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What its chunks are.
    pub kind: Kind,
    /// All frames.
    pub frames: Vec<Frame>,
}

/// The header frame.
pub fn header(header: &Header) -> Vec<u8> {
    let mut content = Vec::new();
    let mut e = Encoder::new(&mut content);
    let written = e.array(3).and_then(|e| e.u32(FORMAT)?.u8(header.kind.tag())?.str(header.domain.as_str())).map(drop);
    written.expect("writing to a Vec cannot fail");
    skippable(HEADER_MAGIC, &content)
}

/// Reads the header frame at the beginning of `plaintext`; also tells its length, which is where the first zstd frame begins.
pub fn parse_header(plaintext: &[u8]) -> Result<(Header, usize), FormatError> {
    const WHAT: &str = "pack header";
    let content = content(WHAT, HEADER_MAGIC, plaintext, HEADER_MAX)?;
    check_format(WHAT, content)?;
    let header = whole(WHAT, content, HEADER_MAX as u64, |d| {
        array(d, 3)?;
        d.u32()?;
        let kind = kind(d)?;
        let domain = d.str()?.parse().map_err(|_| Error::message("a domain that is no name"))?;
        Ok(Header { kind, domain })
    })?;
    Ok((header, SKIPPABLE_HEAD + content.len()))
}

/// What follows the last zstd frame, which ends at `table_start`: table, padding and tail, up to the end of the pack.
pub fn ending(table: &Table, table_start: u64) -> Vec<u8> {
    let mut content = Vec::new();
    put_table(&mut Encoder::new(&mut content), table).expect("writing to a Vec cannot fail");
    let mut out = skippable(TABLE_MAGIC, &content);
    let table_len = out.len() as u64;
    let unpadded = table_start + table_len + (SKIPPABLE_HEAD + TAIL_LEN) as u64;
    let padding = usize::try_from(padded(unpadded) - unpadded).expect("padding is a small part of a pack");
    out.extend_from_slice(&skippable(PADDING_MAGIC, &vec![0; padding]));
    let mut tail = TAIL_MARK.to_vec();
    tail.extend_from_slice(&table_start.to_le_bytes());
    tail.extend_from_slice(&table_len.to_le_bytes());
    out.extend_from_slice(&skippable(TAIL_MAGIC, &tail));
    out
}

/// Where the table frame lies, from the last [`TAIL_LEN`] bytes of a pack's plaintext of `plaintext_len` bytes.
pub fn parse_tail(tail: &[u8], plaintext_len: u64) -> Result<std::ops::Range<u64>, FormatError> {
    const WHAT: &str = "pack tail";
    let wrong = || FormatError::Wrong { what: WHAT, fault: "does not say where the table is" };
    let content = content(WHAT, TAIL_MAGIC, tail, TAIL_LEN)?;
    let (mark, numbers) = content.split_first_chunk::<8>().ok_or_else(wrong)?;
    let (start, rest) = numbers.split_first_chunk::<8>().ok_or_else(wrong)?;
    let len: [u8; 8] = rest.try_into().map_err(|_| wrong())?;
    let (start, len) = (u64::from_le_bytes(*start), u64::from_le_bytes(len));
    let end = start.checked_add(len).ok_or_else(wrong)?;
    let room = plaintext_len.saturating_sub((TAIL_LEN + SKIPPABLE_HEAD) as u64);
    if mark != TAIL_MARK || len > TABLE_MAX as u64 || end > room {
        return Err(wrong());
    }
    Ok(start..end)
}

/// Reads a table frame that begins at `table_start`; its frames must fill the pack from `data_start` to there.
pub fn parse_table(frame: &[u8], data_start: u64, table_start: u64) -> Result<Table, FormatError> {
    const WHAT: &str = "pack table";
    let content = content(WHAT, TABLE_MAGIC, frame, TABLE_MAX)?;
    check_format(WHAT, content)?;
    let table = whole(WHAT, content, TABLE_MAX as u64, |d| {
        array(d, 3)?;
        d.u32()?;
        Ok(Table { kind: kind(d)?, frames: rows(d, frame_row)? })
    })?;
    let stored: u64 = table.frames.iter().map(|frame| u64::from(frame.stored_len)).sum();
    if data_start.checked_add(stored) != Some(table_start) {
        return Err(FormatError::Wrong { what: WHAT, fault: "does not fill the pack with its frames" });
    }
    check_frames(WHAT, &table.frames)?;
    Ok(table)
}

/// The rules for frames, wherever they are listed.
pub(super) fn check_frames(what: &'static str, frames: &[Frame]) -> Result<(), FormatError> {
    if frames.len() > FRAMES_MAX {
        return Err(FormatError::TooLarge { what, size: frames.len() as u64, limit: FRAMES_MAX as u64 });
    }
    if frames.iter().any(|frame| frame.chunks.is_empty() || frame.raw_len() > FRAME_MAX as u64 || u64::from(frame.stored_len) > PACK_MAX) {
        return Err(FormatError::Wrong { what, fault: "has a frame that is empty or too long" });
    }
    Ok(())
}

/// `[stored_len, [[id, len], …]]`
pub(super) fn frame_row(d: &mut Decoder<'_>) -> Result<Frame, Error> {
    array(d, 2)?;
    Ok(Frame { stored_len: d.u32()?, chunks: rows(d, chunk_ref)? })
}

/// What [`frame_row`] reads, for all frames.
pub(super) fn put_frames<W: Write>(e: &mut Encoder<W>, frames: &[Frame]) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.array(frames.len() as u64)?;
    for frame in frames {
        e.array(2)?.u32(frame.stored_len)?;
        put_chunk_refs(e, &frame.chunks)?;
    }
    Ok(())
}

pub(super) fn kind(d: &mut Decoder<'_>) -> Result<Kind, Error> {
    Kind::from_tag(d.u8()?).ok_or_else(|| Error::message("a kind that is neither data nor tree"))
}

fn put_table<W: Write>(e: &mut Encoder<W>, table: &Table) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.array(3)?.u32(FORMAT)?.u8(table.kind.tag())?;
    put_frames(e, &table.frames)
}

fn skippable(magic: u32, content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).expect("header, table, padding and tail are far smaller than 4 GiB");
    let mut frame = Vec::with_capacity(SKIPPABLE_HEAD + content.len());
    frame.extend_from_slice(&magic.to_le_bytes());
    frame.extend_from_slice(&len.to_le_bytes());
    frame.extend_from_slice(content);
    frame
}

/// The content of the skippable frame that `bytes` begin with.
fn content<'b>(what: &'static str, magic: u32, bytes: &'b [u8], limit: usize) -> Result<&'b [u8], FormatError> {
    let wrong = |fault| FormatError::Wrong { what, fault };
    let (found, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| wrong("is cut short"))?;
    let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(|| wrong("is cut short"))?;
    if u32::from_le_bytes(*found) != magic {
        return Err(wrong("does not begin as it should"));
    }
    let len = u32::from_le_bytes(*len) as usize;
    if len > limit {
        return Err(FormatError::TooLarge { what, size: len as u64, limit: limit as u64 });
    }
    rest.get(..len).ok_or_else(|| wrong("is cut short"))
}

/// The length that `len` bytes are padded to: a whole number of 128ths of the next lower power of two, as Padmé does with finer
/// steps (Nikitin et al., PETS 2019). A length then tells at most seven bits and its magnitude, for less than 0.8 %.
fn padded(len: u64) -> u64 {
    let step = (1_u64 << (len.max(1).ilog2().saturating_sub(7))).max(1024);
    len.next_multiple_of(step)
}

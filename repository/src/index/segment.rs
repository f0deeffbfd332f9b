//! A segment: sorted rows, packs and frames in one block of bytes, the same in memory and in a file.
//!
//! ```text
//! head 64: mark 8, then seven u64: rows, packs, frames, bytes of headers, bytes of sources, two reserved
//! rows   44 each, ascending: id 32, pack 4, frame 2, offset 3, length 3
//! packs  72 each: SHA-256 32, length 8, header at 8, first frame 8, epoch 4, data start 4, frames 4, header length 2, kind 1, 0
//! frames  8 each: end 4 (counted from data start), decoded length 4
//! headers, sources (a line for each index object: key, length, instant), SHA-256 of everything before
//! ```
//! Numbers are little-endian. It is local and may change at any time: another mark, and the cache is made anew.

use std::fmt;
use std::ops::Deref;

use base::Digest;

use super::{FramePlace, PackInfo, Place};
use crate::format::chunk::{ChunkId, Kind};

pub(super) const MARK: &[u8; 8] = b"LBROWS\x00\x02";
pub(super) const HEAD: usize = 64;
pub(super) const ROW: usize = 44;
pub(super) const PACK: usize = 72;
pub(super) const FRAME: usize = 8;
pub(super) const SUM: usize = 32;

/// Bytes in memory or in a mapped file.
pub(super) enum Bytes {
    Owned(Vec<u8>),
    Mapped(memmap2::Mmap),
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

/// Where the parts of a segment lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    n_rows: usize,
    n_packs: usize,
    packs_at: usize,
    frames_at: usize,
    headers_at: usize,
    sources_at: usize,
    sum_at: usize,
}

impl Layout {
    /// From the head; `None` when the parts do not add up to the whole.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..HEAD)?.strip_prefix(MARK)?;
        let mut numbers = head.as_chunks::<8>().0.iter().map(|number| usize::try_from(u64::from_le_bytes(*number)).ok());
        let mut next = || numbers.next().flatten();
        let (n_rows, n_packs, n_frames, headers, sources) = (next()?, next()?, next()?, next()?, next()?);
        let packs_at = n_rows.checked_mul(ROW)?.checked_add(HEAD)?;
        let frames_at = n_packs.checked_mul(PACK)?.checked_add(packs_at)?;
        let headers_at = n_frames.checked_mul(FRAME)?.checked_add(frames_at)?;
        let sources_at = headers_at.checked_add(headers)?;
        let sum_at = sources_at.checked_add(sources)?;
        u32::try_from(n_packs).ok()?;
        (sum_at.checked_add(SUM)? == bytes.len()).then_some(Self { n_rows, n_packs, packs_at, frames_at, headers_at, sources_at, sum_at })
    }
}

/// One sorted block of rows.
pub(super) struct Segment {
    bytes: Bytes,
    layout: Layout,
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("rows", &self.layout.n_rows).field("packs", &self.layout.n_packs).finish_non_exhaustive()
    }
}

impl Segment {
    /// Takes bytes whose checksum somebody has compared. `None` when they are no segment.
    pub(super) fn new(bytes: Bytes) -> Option<Self> {
        let layout = Layout::parse(&bytes)?;
        Some(Self { bytes, layout })
    }

    pub(super) fn n_rows(&self) -> u64 {
        self.layout.n_rows as u64
    }

    pub(super) fn n_packs(&self) -> u32 {
        u32::try_from(self.layout.n_packs).unwrap_or(u32::MAX)
    }

    /// The index objects that were joined here, each as `load` remembers it.
    pub(super) fn sources(&self) -> impl Iterator<Item = &str> {
        let text = self.bytes.get(self.layout.sources_at..self.layout.sum_at).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default().lines()
    }

    fn row(&self, at: usize) -> Option<&[u8; ROW]> {
        let from = at.checked_mul(ROW)?.checked_add(HEAD)?;
        if at < self.layout.n_rows { self.bytes.get(from..)?.first_chunk() } else { None }
    }

    fn id_at(&self, at: usize) -> Option<&[u8; 32]> {
        self.row(at)?.first_chunk()
    }

    /// Where the chunk is; the first of its places.
    pub(super) fn find(&self, id: &ChunkId) -> Option<Place> {
        place(self.row(self.first_row(id)?)?)
    }

    /// All places of a chunk: two processes that stored it at once have put it into two packs.
    pub(super) fn places(&self, id: ChunkId) -> impl Iterator<Item = Place> + '_ {
        let first = self.first_row(&id).unwrap_or(self.layout.n_rows);
        let row = move |at| self.row(at).filter(|row| row.first_chunk() == Some(id.as_bytes()));
        (first..self.layout.n_rows).map_while(move |at| row(at).and_then(place))
    }

    /// The first row of the chunk. Ids are evenly spread, so it is close to where the first bytes of the id say; from there the
    /// search widens.
    fn first_row(&self, id: &ChunkId) -> Option<usize> {
        let (n, wanted) = (self.layout.n_rows, id.as_bytes());
        let first = u64::from_be_bytes(*wanted.first_chunk()?);
        let guess = usize::try_from((u128::from(first) * n as u128) >> 64).ok()?.min(n.checked_sub(1)?);
        let (mut low, mut high, mut step) = (guess, guess, 4);
        // Afterwards every row before `low` is below `wanted`, and every row from `high` on is not.
        while low > 0 && self.id_at(low - 1)? >= wanted {
            high = low - 1;
            low = low.saturating_sub(step);
            step *= 4;
        }
        step = 4;
        while high < n && self.id_at(high)? < wanted {
            low = high + 1;
            high = (high + step).min(n);
            step *= 4;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.id_at(middle)? < wanted { low = middle + 1 } else { high = middle }
        }
        (self.id_at(low)? == wanted).then_some(low)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (ChunkId, Place)> + '_ {
        let rows = self.bytes.get(HEAD..self.layout.packs_at).unwrap_or_default().as_chunks::<ROW>().0;
        rows.iter().filter_map(|row| Some((ChunkId::from_bytes(*row.first_chunk()?), place(row)?)))
    }

    fn pack_row(&self, number: u32) -> Option<&[u8; PACK]> {
        if number >= self.n_packs() {
            return None;
        }
        self.bytes.get(self.layout.packs_at + number as usize * PACK..self.layout.frames_at)?.first_chunk()
    }

    pub(super) fn digest(&self, number: u32) -> Option<Digest> {
        Some(Digest::from_bytes(*self.pack_row(number)?.first_chunk()?))
    }

    pub(super) fn pack(&self, number: u32) -> Option<PackInfo> {
        let mut fields = Fields(self.pack_row(number)?);
        let digest = Digest::from_bytes(fields.take()?);
        let length = u64::from_le_bytes(fields.take()?);
        let header_at = usize::try_from(u64::from_le_bytes(fields.take()?)).ok()?;
        let _first_frame: [u8; 8] = fields.take()?;
        let epoch = u32::from_le_bytes(fields.take()?);
        let data_start = u32::from_le_bytes(fields.take()?);
        let n_frames = u32::from_le_bytes(fields.take()?);
        let header_len = u16::from_le_bytes(fields.take()?) as usize;
        let [tag, _] = fields.take()?;
        let headers = self.bytes.get(self.layout.headers_at..self.layout.sources_at)?;
        let header = headers.get(header_at..header_at.checked_add(header_len)?)?.to_vec();
        Some(PackInfo { digest, length, header, epoch, kind: Kind::from_tag(tag)?, data_start, n_frames })
    }

    pub(super) fn frame(&self, number: u32, frame: u32) -> Option<FramePlace> {
        let mut fields = Fields(self.pack_row(number)?.get(48..)?);
        let first = usize::try_from(u64::from_le_bytes(fields.take()?)).ok()?;
        let _epoch: [u8; 4] = fields.take()?;
        let data_start = u64::from(u32::from_le_bytes(fields.take()?));
        if frame >= u32::from_le_bytes(fields.take()?) {
            return None;
        }
        let frames = self.bytes.get(self.layout.frames_at..self.layout.headers_at)?.as_chunks::<FRAME>().0;
        let at = first.checked_add(frame as usize)?;
        let mut this = Fields(frames.get(at)?);
        let (end, raw_len) = (u32::from_le_bytes(this.take()?), u32::from_le_bytes(this.take()?));
        let start = match frame {
            0 => 0,
            _ => u32::from_le_bytes(Fields(frames.get(at - 1)?).take()?),
        };
        (start <= end).then_some(FramePlace { start: data_start + u64::from(start), end: data_start + u64::from(end), raw_len })
    }
}

struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }
}

fn place(row: &[u8; ROW]) -> Option<Place> {
    let mut fields = Fields(row.get(32..)?);
    let pack = u32::from_le_bytes(fields.take()?);
    let frame = u16::from_le_bytes(fields.take()?);
    let mut three = || fields.take().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]));
    Some(Place { pack, frame, offset: three()?, len: three()? })
}

/// Writes a row as [`Segment::rows`] reads it.
pub(super) fn put_row(out: &mut Vec<u8>, id: &ChunkId, place: &Place) {
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(&place.pack.to_le_bytes());
    out.extend_from_slice(&place.frame.to_le_bytes());
    for number in [place.offset, place.len] {
        let [a, b, c, _] = number.to_le_bytes();
        out.extend_from_slice(&[a, b, c]);
    }
}

//! A segment: sorted rows, and the packs and frames that they name, in checked blocks.
//!
//! ```text
//! block 0: mark 8, then seven u64: rows, packs, bytes of details, bytes of sources, three reserved
//! rows     44 each, 93 a block, ascending: id 32, pack 4, frame 2, offset 3, length 3
//! filter   one byte and a quarter a row; fences: the first 8 bytes of each block of rows
//! packs    64 each, ascending: SHA-256 32, length 8, details at 8, epoch 4, data start 4, frames 4, header length 2, kind 1, 0
//! details  for each pack its header, and its frames of 8: end 4 (counted from data start), decoded length 4
//! sources  a line for each index object
//! ```
//! Each part begins in a block of its own. Numbers are little-endian. It is local and may change at any time: another mark, and
//! the cache is made anew. In memory are the filter, the fences and the names of packs: about 1.6 bytes a row.

use std::fmt;
use std::io;

use base::Digest;

use super::blocks::{Blocks, Cursor, ROOM};
use super::cache::Home;
use super::filter::Filter;
use super::{FramePlace, PackInfo, Place};
use crate::format::chunk::{ChunkId, Kind};

pub(super) const MARK: &[u8; 8] = b"LBROWS\x00\x03";
pub(super) const ROW: usize = 44;
pub(super) const PACK: usize = 64;
pub(super) const FRAME: usize = 8;
/// Rows of a block; they fill it.
pub(super) const ROWS: u64 = (ROOM / ROW) as u64;
/// The most that the names of index objects may take.
const SOURCES_MAX: u64 = 1 << 30;

/// Where the parts of a segment lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub n_rows: u64,
    pub n_packs: u64,
    pub details: u64,
    pub sources: u64,
    pub filter_at: u64,
    pub fences_at: u64,
    pub packs_at: u64,
    pub details_at: u64,
    pub sources_at: u64,
    pub end: u64,
}

impl Layout {
    /// `None` when the parts would not fit in any file.
    pub(super) fn new(n_rows: u64, n_packs: u64, details: u64, sources: u64) -> Option<Self> {
        let room = ROOM as u64;
        let after = |at: u64, len: u64| at.checked_add(len)?.checked_next_multiple_of(room);
        u32::try_from(n_packs).ok()?;
        let blocks = n_rows.div_ceil(ROWS);
        let filter_at = after(room, n_rows.checked_mul(ROW as u64)?)?;
        let fences_at = after(filter_at, Filter::size(n_rows))?;
        let packs_at = after(fences_at, blocks * 8)?;
        let details_at = after(packs_at, n_packs * PACK as u64)?;
        let sources_at = after(details_at, details)?;
        let end = after(sources_at, sources)?;
        Some(Self { n_rows, n_packs, details, sources, filter_at, fences_at, packs_at, details_at, sources_at, end })
    }

    pub(super) fn head(&self) -> Vec<u8> {
        let numbers = [self.n_rows, self.n_packs, self.details, self.sources];
        [MARK.to_vec(), numbers.iter().flat_map(|number| number.to_le_bytes()).collect()].concat()
    }

    fn parse(blocks: &Blocks) -> io::Result<Self> {
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "this is no segment of an index");
        let mut head = [0; 8 + 32];
        blocks.cursor(0, ROOM as u64).fill(&mut head)?;
        let rest = head.strip_prefix(MARK).ok_or_else(wrong)?;
        let mut numbers = rest.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number));
        let mut next = || numbers.next().ok_or_else(wrong);
        let layout = Self::new(next()?, next()?, next()?, next()?).ok_or_else(wrong)?;
        if layout.end == blocks.len()? && layout.sources <= SOURCES_MAX { Ok(layout) } else { Err(wrong()) }
    }
}

/// A row: a chunk and one place of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub id: ChunkId,
    pub place: Place,
}

impl Row {
    fn parse(row: &[u8; ROW]) -> Option<Self> {
        let mut fields = Fields(row);
        let id = ChunkId::from_bytes(fields.take()?);
        let pack = u32::from_le_bytes(fields.take()?);
        let frame = u16::from_le_bytes(fields.take()?);
        let mut three = || fields.take().map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]));
        Some(Self { id, place: Place { pack, frame, offset: three()?, len: three()? } })
    }

    pub(super) fn bytes(&self) -> [u8; ROW] {
        let mut out = [0; ROW];
        let (offset, len) = (self.place.offset.to_le_bytes(), self.place.len.to_le_bytes());
        let parts: [&[u8]; 5] = [
            self.id.as_bytes(),
            &self.place.pack.to_le_bytes(),
            &self.place.frame.to_le_bytes(),
            offset.get(..3).unwrap_or_default(),
            len.get(..3).unwrap_or_default(),
        ];
        for (byte, from) in out.iter_mut().zip(parts.into_iter().flatten()) {
            *byte = *from;
        }
        out
    }
}

/// One sorted block of rows.
pub(super) struct Segment {
    blocks: Blocks,
    layout: Layout,
    home: Home,
    fences: Vec<u64>,
    digests: Vec<Digest>,
    sources: Vec<String>,
    filter: Option<Filter>,
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("rows", &self.layout.n_rows).field("packs", &self.layout.n_packs).finish_non_exhaustive()
    }
}

impl Segment {
    /// Reads the head and the parts that stay in memory, but for the filter: see [`Self::ready`].
    pub(super) fn open(blocks: Blocks, home: Home) -> io::Result<Self> {
        let layout = Layout::parse(&blocks)?;
        let n = |count: u64| usize::try_from(count).map_err(io::Error::other);
        let mut sources = vec![0; n(layout.sources)?];
        blocks.cursor(layout.sources_at, layout.end).fill(&mut sources)?;
        let sources = String::from_utf8(sources).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "names that are no text"))?;
        let n_fences = layout.n_rows.div_ceil(ROWS);
        let mut fences = Vec::with_capacity(n(n_fences)?);
        let mut cursor = blocks.cursor(layout.fences_at, layout.fences_at + n_fences * 8);
        while let Some(fence) = cursor.next()? {
            fences.push(u64::from_be_bytes(fence));
        }
        let mut digests = Vec::with_capacity(n(layout.n_packs)?);
        let mut cursor = blocks.cursor(layout.packs_at, layout.packs_at + layout.n_packs * PACK as u64);
        while let Some(pack) = cursor.next::<PACK>()? {
            digests.push(Digest::from_bytes(*pack.first_chunk().expect("a row of a pack begins with 32 bytes")));
        }
        let sources = sources.lines().map(str::to_owned).collect();
        Ok(Self { blocks, layout, home, fences, digests, sources, filter: None })
    }

    /// Reads the filter. Segments that are about to be joined do without.
    pub(super) fn ready(&mut self) -> io::Result<()> {
        if self.filter.is_none() {
            let mut bytes = vec![0; usize::try_from(Filter::size(self.layout.n_rows)).map_err(io::Error::other)?];
            self.blocks.cursor(self.layout.filter_at, self.layout.fences_at).fill(&mut bytes)?;
            self.filter = Some(Filter::from_bytes(bytes));
        }
        Ok(())
    }

    /// Compares every byte with its checksum.
    pub(super) fn check(&self) -> io::Result<()> {
        self.blocks.check()
    }

    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    pub(super) fn home_mut(&mut self) -> &mut Home {
        &mut self.home
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    pub(super) fn n_packs(&self) -> u32 {
        u32::try_from(self.layout.n_packs).unwrap_or(u32::MAX)
    }

    /// The index objects that were joined here, each as `load` remembers it.
    pub(super) fn sources(&self) -> &[String] {
        &self.sources
    }

    /// What was read, or nothing when the file is no longer what was written. A chunk that is then unknown is stored again.
    fn known<T: Default>(&self, read: io::Result<T>) -> T {
        read.unwrap_or_else(|error| {
            if self.blocks.break_once() {
                tracing::warn!(%error, "the index cache was changed while it was in use; what it knew is unknown, and the next run makes it anew");
                self.home.remove();
            }
            T::default()
        })
    }

    /// Where the chunk is; the first of its places.
    pub(super) fn find(&self, id: &ChunkId) -> Option<Place> {
        if self.filter.as_ref().is_some_and(|filter| !filter.may_have(id)) {
            return None;
        }
        let mut first = None;
        self.known(self.visit(id, |place| {
            first = Some(place);
            false
        }));
        first
    }

    /// All places of a chunk: two processes that stored it at once have put it into two packs.
    pub(super) fn places(&self, id: &ChunkId) -> Vec<Place> {
        let mut all = Vec::new();
        if self.filter.as_ref().is_none_or(|filter| filter.may_have(id)) {
            self.known(self.visit(id, |place| {
                all.push(place);
                true
            }));
        }
        all
    }

    /// Shows the places of a chunk one by one until `seen` wants no more.
    fn visit(&self, id: &ChunkId, mut seen: impl FnMut(Place) -> bool) -> io::Result<()> {
        let wanted = id.as_bytes();
        let key = u64::from_be_bytes(*wanted.first_chunk().expect("an id has 32 bytes"));
        // Ids that begin alike may go on from the block before the first one that begins with them.
        let from = self.fences.partition_point(|fence| *fence < key).saturating_sub(1);
        let mut block = [0; ROOM + 4];
        for number in from..self.fences.len() {
            if self.fences.get(number).is_none_or(|fence| *fence > key) {
                break;
            }
            self.blocks.block(1 + number as u64, &mut block)?;
            let n = (self.layout.n_rows - number as u64 * ROWS).min(ROWS);
            let rows = block.as_chunks::<ROW>().0.get(..n as usize).unwrap_or_default();
            let begin = rows.partition_point(|row| row.first_chunk::<32>().is_some_and(|row| row < wanted));
            for row in rows.get(begin..).unwrap_or_default() {
                match Row::parse(row) {
                    Some(row) if row.id == *id => {
                        if !seen(row.place) {
                            return Ok(());
                        }
                    }
                    _ => return Ok(()),
                }
            }
        }
        Ok(())
    }

    /// All rows in order.
    pub(super) fn rows(&self) -> Rows<'_> {
        Rows(self.blocks.cursor(ROOM as u64, ROOM as u64 + self.layout.n_rows * ROW as u64))
    }

    /// All packs in order, each with its frames as they lie here.
    pub(super) fn packs(&self) -> Packs<'_> {
        let layout = &self.layout;
        Packs {
            rows: self.blocks.cursor(layout.packs_at, layout.packs_at + layout.n_packs * PACK as u64),
            details: self.blocks.cursor(layout.details_at, layout.details_at + layout.details),
        }
    }

    pub(super) fn digest(&self, number: u32) -> Option<Digest> {
        self.digests.get(number as usize).copied()
    }

    /// The numbers of packs with this name: one, or more where index objects list it twice.
    pub(super) fn named(&self, digest: &Digest) -> std::ops::Range<u32> {
        let first = self.digests.partition_point(|other| other < digest);
        let same = self.digests.get(first..).unwrap_or_default().partition_point(|other| other == digest);
        let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        number(first)..number(first + same)
    }

    fn row_of(&self, number: u32) -> io::Result<Option<PackRow>> {
        if u64::from(number) >= self.layout.n_packs {
            return Ok(None);
        }
        let mut row = [0; PACK];
        self.blocks.read(self.layout.packs_at + u64::from(number) * PACK as u64, &mut row)?;
        Ok(PackRow::parse(&row))
    }

    pub(super) fn pack(&self, number: u32) -> Option<PackInfo> {
        self.known(self.row_of(number).and_then(|row| {
            let Some(row) = row else { return Ok(None) };
            let mut header = vec![0; usize::from(row.header_len)];
            self.blocks.read(self.layout.details_at + row.details_at, &mut header)?;
            Ok(Some(row.info(header)))
        }))
    }

    pub(super) fn frame(&self, number: u32, frame: u32) -> Option<FramePlace> {
        self.known(self.row_of(number).and_then(|row| {
            let Some(row) = row.filter(|row| frame < row.n_frames) else { return Ok(None) };
            let at = self.layout.details_at + row.details_at + u64::from(row.header_len) + u64::from(frame) * FRAME as u64;
            let mut ends = [0; FRAME];
            self.blocks.read(at, &mut ends)?;
            let (end, raw_len) = frame_numbers(ends);
            let start = if frame == 0 {
                0
            } else {
                self.blocks.read(at - FRAME as u64, &mut ends)?;
                frame_numbers(ends).0
            };
            let data_start = u64::from(row.data_start);
            Ok((start <= end).then_some(FramePlace { start: data_start + u64::from(start), end: data_start + u64::from(end), raw_len }))
        }))
    }
}

fn frame_numbers(row: [u8; FRAME]) -> (u32, u32) {
    let row = u64::from_le_bytes(row);
    let low = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    (low(row), low(row >> 32))
}

/// Rows from front to back.
pub(super) struct Rows<'s>(Cursor<'s>);

impl Rows<'_> {
    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        Ok(self.0.next::<ROW>()?.and_then(|row| Row::parse(&row)))
    }
}

/// Packs from front to back.
pub(super) struct Packs<'s> {
    rows: Cursor<'s>,
    details: Cursor<'s>,
}

impl Packs<'_> {
    /// The next pack: its row, and its header and frames.
    pub(super) fn next(&mut self) -> io::Result<Option<(PackRow, Vec<u8>)>> {
        let Some(row) = self.rows.next::<PACK>()?.and_then(|row| PackRow::parse(&row)) else { return Ok(None) };
        let len = u64::from(row.header_len) + u64::from(row.n_frames) * FRAME as u64;
        if len > self.details.left() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a segment that does not add up"));
        }
        let mut details = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        self.details.fill(&mut details)?;
        Ok(Some((row, details)))
    }
}

/// A pack, as its row tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PackRow {
    pub digest: Digest,
    pub length: u64,
    /// Where its header and frames begin among the details.
    pub details_at: u64,
    pub epoch: u32,
    pub data_start: u32,
    pub n_frames: u32,
    pub header_len: u16,
    pub kind: Kind,
}

impl PackRow {
    fn parse(row: &[u8; PACK]) -> Option<Self> {
        let mut fields = Fields(row);
        Some(Self {
            digest: Digest::from_bytes(fields.take()?),
            length: u64::from_le_bytes(fields.take()?),
            details_at: u64::from_le_bytes(fields.take()?),
            epoch: u32::from_le_bytes(fields.take()?),
            data_start: u32::from_le_bytes(fields.take()?),
            n_frames: u32::from_le_bytes(fields.take()?),
            header_len: u16::from_le_bytes(fields.take()?),
            kind: Kind::from_tag(fields.take::<2>()?[0])?,
        })
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = self.digest.as_bytes().to_vec();
        for number in [self.length, self.details_at] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.epoch, self.data_start, self.n_frames] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.header_len.to_le_bytes());
        out.extend_from_slice(&[self.kind.tag(), 0]);
        out
    }

    fn info(self, header: Vec<u8>) -> PackInfo {
        let Self { digest, length, epoch, data_start, n_frames, kind, .. } = self;
        PackInfo { digest, length, header, epoch, kind, data_start, n_frames }
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

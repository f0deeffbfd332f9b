//! Writes segments: of the packs that index objects list, or of several segments that become one.
//!
//! Rows and packs go out as they come, in order, so that a large segment never lies in memory as a whole: what grows with it are
//! the filter, the fences and, while segments are joined, a number for each pack. The same index objects give the same bytes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use super::Place;
use super::blocks::{BlockWriter, Sink};
use super::filter::Filter;
use super::segment::{Layout, PackRow, ROWS, Row, Segment};
use crate::format::index::PackEntry;

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Writes the rows, and then what they left behind: filter and fences.
struct RowWriter<'w> {
    out: BlockWriter<'w>,
    filter: Filter,
    fences: Vec<u64>,
    n: u64,
}

impl<'w> RowWriter<'w> {
    fn new(out: &'w mut dyn Sink, n_rows: u64) -> io::Result<Self> {
        Ok(Self { out: BlockWriter::new(out)?, filter: Filter::new(n_rows), fences: Vec::new(), n: 0 })
    }

    fn put(&mut self, row: &Row) -> io::Result<()> {
        if self.n.is_multiple_of(ROWS) {
            self.fences.push(u64::from_be_bytes(*row.id.as_bytes().first_chunk().expect("an id has 32 bytes")));
        }
        self.filter.insert(&row.id);
        self.n += 1;
        self.out.put(&row.bytes())
    }

    /// Ends the rows; gives the writer for the packs.
    fn finish(mut self) -> io::Result<BlockWriter<'w>> {
        self.out.align()?;
        self.out.put(self.filter.bytes())?;
        self.out.align()?;
        for fence in &self.fences {
            self.out.put(&fence.to_be_bytes())?;
        }
        self.out.align()?;
        Ok(self.out)
    }
}

/// Ends a segment behind its details.
fn finish(mut out: BlockWriter<'_>, layout: Layout, sources: &[u8]) -> io::Result<()> {
    out.align()?;
    out.put(sources)?;
    out.align()?;
    if out.at() != layout.end {
        return Err(wrong("a segment that does not add up"));
    }
    out.finish(&layout.head())
}

/// A line for each source, in order.
fn lines<'s>(sources: impl Iterator<Item = &'s String>) -> Vec<u8> {
    let mut sources: Vec<&String> = sources.collect();
    sources.sort_unstable();
    sources.into_iter().flat_map(|source| [source.as_bytes(), b"\n"].concat()).collect()
}

fn pack_row(entry: &PackEntry, details_at: u64) -> PackRow {
    PackRow {
        digest: entry.digest,
        length: entry.length,
        details_at,
        epoch: entry.epoch,
        data_start: entry.data_start,
        n_frames: u32::try_from(entry.frames.len()).expect("the parser has checked the number of frames"),
        header_len: u16::try_from(entry.header.len()).expect("a header has at most 4 KiB, which the parser has checked"),
        kind: entry.kind,
    }
}

/// Header and frames of a pack.
fn details(entry: &PackEntry) -> Vec<u8> {
    let (mut out, mut end) = (entry.header.clone(), 0);
    for frame in &entry.frames {
        end += u64::from(frame.stored_len);
        for number in [end, frame.raw_len()] {
            let number = u32::try_from(number).expect("packs and frames are far below 4 GiB, which the parser has checked");
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
    out
}

/// Writes a segment of the packs that index objects list.
pub(super) fn from_packs(out: &mut dyn Sink, entries: &mut [PackEntry], sources: &[String]) -> io::Result<()> {
    entries.sort_by_key(|entry| entry.digest);
    let n_rows = entries.iter().flat_map(|entry| &entry.frames).map(|frame| frame.chunks.len()).sum();
    let mut rows: Vec<Row> = Vec::with_capacity(n_rows);
    for (pack, entry) in (0..).zip(&*entries) {
        for (frame, chunks) in (0..).zip(&entry.frames) {
            let mut offset = 0;
            for chunk in &chunks.chunks {
                rows.push(Row { id: chunk.id, place: Place { pack, frame, offset, len: chunk.len } });
                offset += chunk.len;
            }
        }
    }
    rows.sort_unstable();
    let mut writer = RowWriter::new(out, n_rows as u64)?;
    for row in &rows {
        writer.put(row)?;
    }
    drop(rows);
    let mut out = writer.finish()?;
    let mut at = 0;
    for entry in &*entries {
        let row = pack_row(entry, at);
        out.put(&row.bytes())?;
        at += details(entry).len() as u64;
    }
    out.align()?;
    for entry in &*entries {
        out.put(&details(entry))?;
    }
    let sources = lines(sources.iter());
    let layout = Layout::new(n_rows as u64, entries.len() as u64, at, sources.len() as u64);
    finish(out, layout.ok_or_else(|| wrong("too many packs"))?, &sources)
}

/// Writes one segment that holds what several hold. They are read once for their rows and twice for their packs, from front to back.
pub(super) fn merge(out: &mut dyn Sink, parts: &[Segment]) -> io::Result<()> {
    let numbers = renumbered(parts)?;
    let mut n_rows = 0;
    let mut heap = BinaryHeap::new();
    let mut streams: Vec<_> = parts.iter().map(Segment::rows).collect();
    let renumber = |part: usize, mut row: Row| {
        let number = numbers.get(part).and_then(|of| of.get(row.place.pack as usize));
        row.place.pack = *number.ok_or_else(|| wrong("a row of a pack that is not there"))?;
        io::Result::Ok(Reverse((row, part)))
    };
    for (part, stream) in streams.iter_mut().enumerate() {
        if let Some(row) = stream.next()? {
            heap.push(renumber(part, row)?);
        }
        n_rows += parts.get(part).map_or(0, |part| part.layout().n_rows);
    }
    let mut writer = RowWriter::new(out, n_rows)?;
    while let Some(mut first) = heap.peek_mut() {
        let Reverse((row, part)) = *first;
        writer.put(&row)?;
        match streams.get_mut(part).map_or(Ok(None), super::segment::Rows::next)? {
            Some(row) => *first = renumber(part, row)?,
            None => drop(std::collections::binary_heap::PeekMut::pop(first)),
        }
    }
    let mut out = writer.finish()?;
    let (mut at, mut n_packs) = (0, 0);
    in_order(parts, |_, row, details| {
        out.put(&PackRow { details_at: at, ..row }.bytes())?;
        n_packs += 1;
        at += details.len() as u64;
        Ok(())
    })?;
    out.align()?;
    in_order(parts, |_, _, details| out.put(&details))?;
    let sources = lines(parts.iter().flat_map(Segment::sources));
    let layout = Layout::new(n_rows, n_packs, at, sources.len() as u64);
    finish(out, layout.ok_or_else(|| wrong("too many packs"))?, &sources)
}

/// Which number each pack of each part gets.
fn renumbered(parts: &[Segment]) -> io::Result<Vec<Vec<u32>>> {
    let total: u64 = parts.iter().map(|part| part.layout().n_packs).sum();
    u32::try_from(total).map_err(|_| wrong("too many packs"))?;
    let mut numbers: Vec<Vec<u32>> = parts.iter().map(|part| Vec::with_capacity(part.n_packs() as usize)).collect();
    let mut next = 0;
    // Names are in memory; one heap entry a part keeps their order.
    let first = |part: usize, at: u32| parts.get(part)?.digest(at).map(|digest| Reverse((digest, part, at)));
    let mut heap: BinaryHeap<_> = (0..parts.len()).filter_map(|part| first(part, 0)).collect();
    while let Some(Reverse((_, part, at))) = heap.pop() {
        if let Some(of) = numbers.get_mut(part) {
            of.push(next);
        }
        next += 1;
        heap.extend(first(part, at + 1));
    }
    Ok(numbers)
}

/// Shows the packs of all parts in the order of their names.
fn in_order(parts: &[Segment], mut show: impl FnMut(usize, PackRow, Vec<u8>) -> io::Result<()>) -> io::Result<()> {
    let mut streams: Vec<_> = parts.iter().map(Segment::packs).collect();
    let mut waiting: Vec<_> = streams.iter_mut().map(super::segment::Packs::next).collect::<io::Result<_>>()?;
    let first =
        |waiting: &[Option<(PackRow, Vec<u8>)>], part: usize| waiting.get(part)?.as_ref().map(|(row, _)| Reverse((row.digest, part)));
    let mut heap: BinaryHeap<_> = (0..parts.len()).filter_map(|part| first(&waiting, part)).collect();
    while let Some(Reverse((_, part))) = heap.pop() {
        if let (Some(slot), Some(stream)) = (waiting.get_mut(part), streams.get_mut(part))
            && let Some((row, details)) = std::mem::replace(slot, stream.next()?)
        {
            show(part, row, details)?;
            heap.extend(first(&waiting, part));
        }
    }
    Ok(())
}

//! The bytes of a file: where they are, and where it has none.
//!
//! A sparse file's holes are told apart from its data, so that they cost nothing to store and nothing to restore. Its data, one
//! extent after the other, is cut like the bytes of any file: a chunk may reach over a hole.

use std::ops::Range;

use minicbor::decode::{Decoder, Error};
use minicbor::encode::{Encoder, Write};

use super::cbor::{array, bytes, chunk_ref, put_chunk_refs, rows};
use super::chunk::ChunkRef;
use super::limits::{FILE_MAX, INLINE_MAX};

/// The bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// How many, with those of its holes.
    pub size: u64,
    /// Where its data is.
    pub chunks: Chunks,
    /// Where it has none and reads as zeros: ascending, apart from each other, within `size`.
    pub holes: Vec<Hole>,
}

/// Where the data of a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunks {
    /// Here; tiny files only.
    Inline(Vec<u8>),
    /// In these chunks, one after the other.
    List(Vec<ChunkRef>),
}

/// A part of a file that takes no room on its disk and reads as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hole {
    /// Its first byte, counted in the file.
    pub start: u64,
    /// Its length in bytes, never 0.
    pub len: u64,
}

impl Hole {
    /// The byte behind it. A hole that was read from a tree ends within [`FILE_MAX`].
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }
}

impl Content {
    /// The content of a file that has no bytes.
    pub fn empty() -> Self {
        Self::solid(0, Chunks::Inline(Vec::new()))
    }

    /// A content without holes.
    pub fn solid(size: u64, chunks: Chunks) -> Self {
        Self { size, chunks, holes: Vec::new() }
    }

    /// The same data with `holes` between, as a sparse file of `size` bytes has it.
    #[must_use]
    pub fn with_holes(self, size: u64, holes: Vec<Hole>) -> Self {
        Self { size, chunks: self.chunks, holes }
    }

    /// Its chunks; none when its bytes are in the tree.
    pub fn refs(&self) -> &[ChunkRef] {
        match &self.chunks {
            Chunks::Inline(_) => &[],
            Chunks::List(refs) => refs,
        }
    }

    /// Bytes of its data: all but those of its holes.
    pub fn data_len(&self) -> u64 {
        self.size.saturating_sub(self.holes.iter().fold(0, |sum, hole| hole.len.saturating_add(sum)))
    }

    /// Whether holes and data make up exactly its size. All sums are checked: the numbers may come from anybody.
    pub fn is_consistent(&self) -> bool {
        let (mut at, mut hollow) = (0, 0);
        for (n, hole) in self.holes.iter().enumerate() {
            let apart = n == 0 || hole.start > at;
            let Some(end) = hole.start.checked_add(hole.len).filter(|end| *end <= self.size && hole.len > 0 && apart) else { return false };
            (at, hollow) = (end, hollow + hole.len);
        }
        let data = self.size - hollow;
        self.size <= FILE_MAX
            && match &self.chunks {
                Chunks::Inline(bytes) => bytes.len() as u64 == data && bytes.len() <= INLINE_MAX,
                Chunks::List(refs) => {
                    let sum = refs.iter().try_fold(0_u64, |sum, chunk| sum.checked_add(u64::from(chunk.len)));
                    !refs.is_empty() && sum == Some(data)
                }
            }
    }
}

/// Where bytes `from` to `from + len` of a file's data stand in the file: for each piece between two of its ascending `holes` the
/// place in the file, and the range of the `len` bytes that goes there.
pub fn spread(holes: &[Hole], from: u64, len: usize) -> Vec<(u64, Range<usize>)> {
    let mut pieces = Vec::with_capacity(1);
    let (mut hollow, mut at) = (0_u64, 0_usize);
    for hole in holes {
        // The data before this hole ends at this count of data bytes.
        let border = hole.start.saturating_sub(hollow);
        let here = from.saturating_add(at as u64);
        if border > here {
            let part = usize::try_from(border - here).unwrap_or(usize::MAX).min(len - at);
            pieces.push((here.saturating_add(hollow), at..at + part));
            at += part;
        }
        if at == len {
            return pieces;
        }
        hollow = hollow.saturating_add(hole.len);
    }
    if at < len {
        pieces.push((from.saturating_add(at as u64).saturating_add(hollow), at..len));
    }
    pieces
}

pub(super) fn put<W: Write>(e: &mut Encoder<W>, content: &Content) -> Result<(), minicbor::encode::Error<W::Error>> {
    e.array(3)?.u64(content.size)?;
    match &content.chunks {
        Chunks::Inline(bytes) => {
            e.bytes(bytes)?;
        }
        Chunks::List(refs) => put_chunk_refs(e, refs)?,
    }
    e.array(content.holes.len() as u64)?;
    for hole in &content.holes {
        e.array(2)?.u64(hole.start)?.u64(hole.len)?;
    }
    Ok(())
}

pub(super) fn read(d: &mut Decoder<'_>) -> Result<Content, Error> {
    array(d, 3)?;
    let size = d.u64()?;
    let chunks = match d.datatype()? {
        minicbor::data::Type::Bytes => Chunks::Inline(bytes(d, INLINE_MAX)?),
        _ => Chunks::List(rows(d, chunk_ref)?),
    };
    let holes = rows(d, |d| {
        array(d, 2)?;
        Ok(Hole { start: d.u64()?, len: d.u64()? })
    })?;
    Ok(Content { size, chunks, holes })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hole(start: u64, len: u64) -> Hole {
        Hole { start, len }
    }

    #[test]
    fn holes_that_overlap_touch_lie_outside_or_hold_nothing_are_no_content() {
        let of = |size, holes: &[Hole], data: &[u8]| Content { size, chunks: Chunks::Inline(data.to_vec()), holes: holes.to_vec() };
        for good in [of(10, &[hole(0, 10)], b""), of(10, &[hole(0, 4), hole(6, 4)], b"ab"), of(FILE_MAX, &[hole(1, FILE_MAX - 1)], b"a")] {
            assert!(good.is_consistent(), "{good:?}");
        }
        for bad in [
            of(10, &[hole(0, 11)], b""),
            of(10, &[hole(0, 4), hole(4, 4)], b"ab"),
            of(10, &[hole(4, 4), hole(0, 2)], b"abcd"),
            of(10, &[hole(2, 0)], b"0123456789"),
            of(10, &[hole(0, 9)], b""),
            of(10, &[hole(u64::MAX, 2)], b"01234567"),
            of(FILE_MAX + 1, &[hole(0, FILE_MAX + 1)], b""),
            Content { size: 10, chunks: Chunks::List(Vec::new()), holes: vec![hole(0, 10)] },
        ] {
            assert!(!bad.is_consistent(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_byte_of_the_data_has_its_place_between_the_holes(
            parts in proptest::collection::vec((1_u64..5, 1_u64..5), 0..6), first: bool, cut in 0_usize..12, len in 1_usize..9,
        ) {
            // The file as a list: Some(n) is the nth byte of its data, None lies in a hole.
            let (mut file, mut holes, mut n) = (Vec::new(), Vec::new(), 0_u64);
            for (data, empty) in parts {
                if first || !file.is_empty() {
                    holes.push(hole(file.len() as u64, empty));
                    file.extend((0..empty).map(|_| None));
                }
                file.extend((n..n + data).map(Some));
                n += data;
            }
            let all = usize::try_from(n).unwrap();
            let (from, to) = (cut.min(all), (cut + len).min(all));
            let pieces = spread(&holes, from as u64, to - from);
            let mut placed = 0;
            for (at, range) in pieces {
                prop_assert_eq!(range.start, placed);
                placed = range.end;
                for byte in range.clone() {
                    let place = usize::try_from(at).unwrap() + (byte - range.start);
                    prop_assert_eq!(file[place], Some((from + byte) as u64));
                }
            }
            prop_assert_eq!(placed, to - from);
        }
    }
}

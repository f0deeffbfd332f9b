//! Makes a segment: from the packs that index objects list, or from two segments that become one.
//!
//! Rows go out as they come, in order, so that a large segment is merged into a file and never lies in memory as a whole.

use std::io::{self, Write};

use base::digest::Digester;

use super::Place;
use super::segment::{Bytes, HEAD, MARK, PACK, Segment, put_row};
use crate::format::chunk::ChunkId;
use crate::format::index::PackEntry;

/// Packs, frames and headers of a segment in the making; small beside the rows.
#[derive(Default)]
struct Parts {
    packs: Vec<u8>,
    frames: Vec<u8>,
    headers: Vec<u8>,
    n_frames: u64,
}

impl Parts {
    fn n_packs(&self) -> u64 {
        (self.packs.len() / PACK) as u64
    }

    fn begin_pack(&mut self, info: &super::PackInfo) {
        self.packs.extend_from_slice(info.digest.as_bytes());
        for number in [info.length, self.headers.len() as u64, self.n_frames] {
            self.packs.extend_from_slice(&number.to_le_bytes());
        }
        for number in [info.epoch, info.data_start, info.n_frames] {
            self.packs.extend_from_slice(&number.to_le_bytes());
        }
        let header_len = u16::try_from(info.header.len()).expect("a header has at most 4 KiB, which the parser has checked");
        self.packs.extend_from_slice(&header_len.to_le_bytes());
        self.packs.extend_from_slice(&[info.kind.tag(), 0]);
        self.headers.extend_from_slice(&info.header);
    }

    fn frame(&mut self, end: u64, raw_len: u64) {
        for number in [end, raw_len] {
            let number = u32::try_from(number).expect("packs and frames are far below 4 GiB, which the parser has checked");
            self.frames.extend_from_slice(&number.to_le_bytes());
        }
        self.n_frames += 1;
    }

    fn add(&mut self, entry: &PackEntry) {
        self.begin_pack(&super::PackInfo {
            digest: entry.digest,
            length: entry.length,
            header: entry.header.clone(),
            epoch: entry.epoch,
            kind: entry.kind,
            data_start: entry.data_start,
            n_frames: u32::try_from(entry.frames.len()).expect("the parser has checked the number of frames"),
        });
        let mut end = 0;
        for frame in &entry.frames {
            end += u64::from(frame.stored_len);
            self.frame(end, frame.raw_len());
        }
    }

    fn copy(&mut self, segment: &Segment) -> Option<()> {
        for number in 0..segment.n_packs() {
            let info = segment.pack(number)?;
            self.begin_pack(&info);
            for frame in 0..info.n_frames {
                let place = segment.frame(number, frame)?;
                self.frame(place.end - u64::from(info.data_start), u64::from(place.raw_len));
            }
        }
        Some(())
    }
}

/// A segment of the packs that `entries` list, in memory.
pub(super) fn from_packs(entries: &[PackEntry], sources: &[String]) -> Segment {
    let mut parts = Parts::default();
    let mut rows: Vec<(ChunkId, Place)> = Vec::new();
    for (pack, entry) in (0..).zip(entries) {
        parts.add(entry);
        for (frame, chunks) in (0..).zip(&entry.frames) {
            let mut offset = 0;
            for chunk in &chunks.chunks {
                rows.push((chunk.id, Place { pack, frame, offset, len: chunk.len }));
                offset += chunk.len;
            }
        }
    }
    rows.sort_unstable();
    let mut out = Vec::new();
    let n_rows = rows.len() as u64;
    write(&mut out, &parts, n_rows, rows.into_iter(), sources).expect("writing to a Vec cannot fail");
    Segment::new(Bytes::Owned(out)).expect("what was just written is a segment")
}

/// Writes one segment that holds what two hold. The first may be large: it is read once, from front to back.
pub(super) fn merge(out: &mut dyn Write, old: &Segment, new: &Segment) -> io::Result<()> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a segment that does not add up");
    let mut parts = Parts::default();
    parts.copy(old).ok_or_else(damaged)?;
    parts.copy(new).ok_or_else(damaged)?;
    let base = old.n_packs();
    base.checked_add(new.n_packs()).ok_or_else(damaged)?;
    let mut later = new.rows().map(|(id, place)| (id, Place { pack: place.pack + base, ..place })).peekable();
    let mut earlier = old.rows().peekable();
    let rows = std::iter::from_fn(|| match (earlier.peek(), later.peek()) {
        (Some(a), Some(b)) if b.0 < a.0 => later.next(),
        (Some(_), _) => earlier.next(),
        (None, _) => later.next(),
    });
    let sources: Vec<String> = old.sources().chain(new.sources()).map(str::to_owned).collect();
    write(out, &parts, old.n_rows() + new.n_rows(), rows, &sources)
}

fn write(
    out: &mut dyn Write,
    parts: &Parts,
    n_rows: u64,
    rows: impl Iterator<Item = (ChunkId, Place)>,
    sources: &[String],
) -> io::Result<()> {
    let mut digester = Digester::default();
    let mut put = |bytes: &[u8]| {
        digester.update(bytes);
        out.write_all(bytes)
    };
    // A line each: of no source not even an empty one, which would be the name of an object that no store lists.
    let sources = sources.iter().flat_map(|source| [source.as_bytes(), b"\n"].concat()).collect::<Vec<u8>>();
    let mut head = MARK.to_vec();
    for number in [n_rows, parts.n_packs(), parts.n_frames, parts.headers.len() as u64, sources.len() as u64] {
        head.extend_from_slice(&number.to_le_bytes());
    }
    head.resize(HEAD, 0);
    put(&head)?;
    let mut some = Vec::new();
    for (id, place) in rows {
        put_row(&mut some, &id, &place);
        if some.len() >= 64 << 10 {
            put(&some)?;
            some.clear();
        }
    }
    for part in [&some, &parts.packs, &parts.frames, &parts.headers, &sources] {
        put(part)?;
    }
    let sum = digester.finish();
    out.write_all(sum.as_bytes())
}

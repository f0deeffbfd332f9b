//! One entry of a folder, as the cache keeps it. Pure: bytes to rows and back, for `old` and `new`.
//!
//! Numbers are little-endian. `row := kind (u8) flags (u8) name length (u16) stat (48) name more payload`; the lists in it
//! carry a u32 count, their strings a u32 length. Between name and payload stands what `flags` tells of.

use repository::format::chunk::{ChunkId, ChunkRef};
use repository::format::tree::{Chunks, Content, Hole, TreeRef};

use super::Place;
use crate::attributes::{Attributes, Link, Xattrs};
use crate::stat::Stat;

const FILE: u8 = 0;
const FILE_INLINE: u8 = 1;
const DIRECTORY: u8 = 2;
const SYMLINK: u8 = 3;
const SPECIAL: u8 = 4;
// What a row has beside the rest, in this order.
const TRUSTED: u8 = 1;
const XATTRS: u8 = 2;
const FLAGS: u8 = 4;
const BIRTH: u8 = 8;
const LINK: u8 = 16;
const HOLES: u8 = 32;
const MOUNTED: u8 = 64;
/// Bytes of a chunk reference.
const CHUNK: usize = 36;
/// Bytes of a hole.
const HOLE: usize = 16;

/// An entry as it was last seen. Lists stay bytes until somebody wants them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub name: &'a [u8],
    pub stat: Stat,
    /// Its times were settled when it was seen, so that equal ones mean that it is unchanged.
    pub trusted: bool,
    /// Another file system was mounted on the folder.
    pub mounted: bool,
    xattrs: &'a [u8],
    flags: u32,
    birth: Option<(i64, u32)>,
    link: Option<Link>,
    holes: &'a [u8],
    pub payload: Payload<'a>,
}

/// What the snapshot has for the entry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Payload<'a> {
    File(&'a [u8]),
    FileInline(&'a [u8]),
    Directory {
        place: Place,
        tree: &'a [u8],
    },
    Symlink {
        target: &'a [u8],
    },
    /// The numbers of a device; 0 for what is none.
    Special {
        device: (u32, u32),
    },
}

impl Row<'_> {
    /// The attributes it had.
    pub fn attributes(&self) -> Option<Attributes> {
        let mut bytes = Cursor(self.xattrs);
        let mut xattrs = Xattrs::new();
        while !bytes.0.is_empty() {
            xattrs.push((bytes.string()?.to_vec(), bytes.string()?.to_vec()));
        }
        Some(Attributes { xattrs, flags: self.flags, birth: self.birth, link: self.link })
    }

    /// The content it had, if it was a file.
    pub fn content(&self) -> Option<Content> {
        let chunks = match self.payload {
            Payload::FileInline(bytes) => Chunks::Inline(bytes.to_vec()),
            Payload::File(list) => Chunks::List(chunks(list).collect()),
            _ => return None,
        };
        let data = match &chunks {
            Chunks::Inline(bytes) => bytes.len() as u64,
            Chunks::List(refs) => refs.iter().map(|chunk| u64::from(chunk.len)).sum(),
        };
        let holes: Vec<Hole> = self.holes.as_chunks::<HOLE>().0.iter().filter_map(|bytes| hole(bytes)).collect();
        let size = holes.iter().fold(data, |sum, hole| sum.saturating_add(hole.len));
        Some(Content::solid(data, chunks).with_holes(size, holes))
    }

    /// Its tree and where what lies below it stands, if it was a folder.
    pub fn directory(&self) -> Option<(TreeRef, Place)> {
        match self.payload {
            Payload::Directory { place, tree } => Some((TreeRef { chunks: chunks(tree).collect() }, place)),
            _ => None,
        }
    }

    /// The chunks that it needs of the repository.
    pub fn chunks(&self) -> impl Iterator<Item = ChunkRef> {
        match self.payload {
            Payload::File(list) | Payload::Directory { tree: list, .. } => chunks(list),
            _ => chunks(&[]),
        }
    }
}

fn hole(bytes: &[u8]) -> Option<Hole> {
    let mut cursor = Cursor(bytes);
    Some(Hole { start: cursor.u64()?, len: cursor.u64()? })
}

fn chunks(list: &[u8]) -> impl Iterator<Item = ChunkRef> {
    list.as_chunks::<CHUNK>().0.iter().map(|bytes| {
        let (id, len) = bytes.split_first_chunk::<32>().expect("36 is more than 32");
        let len = u32::from_le_bytes(*len.first_chunk().expect("36 less 32 is 4"));
        ChunkRef { id: ChunkId::from_bytes(*id), len }
    })
}

/// The row at the front of `bytes`, and how long it is. `block_start` is where the block of `bytes` begins in its file, from which the
/// places of folders are counted back.
pub(crate) fn read(bytes: &[u8], block_start: u64) -> Option<(Row<'_>, usize)> {
    let mut cursor = Cursor(bytes);
    let [kind, flags] = cursor.array()?;
    let name_len = u16::from_le_bytes(cursor.array()?);
    let stat = Stat {
        mode: cursor.u32()?,
        uid: cursor.u32()?,
        gid: cursor.u32()?,
        mtime_ns: cursor.u32()?,
        ctime_ns: cursor.u32()?,
        size: cursor.u64()?,
        mtime_s: i64::from_le_bytes(cursor.array()?),
        ctime_s: i64::from_le_bytes(cursor.array()?),
        ino: cursor.u64()?,
        ..Stat::default()
    };
    let name = cursor.take(usize::from(name_len))?;
    let has = |what: u8| flags & what != 0;
    let xattrs = if has(XATTRS) { cursor.string()? } else { &[] };
    let inode_flags = if has(FLAGS) { cursor.u32()? } else { 0 };
    let birth = if has(BIRTH) { Some((i64::from_le_bytes(cursor.array()?), cursor.u32()?)) } else { None };
    let link = if has(LINK) { Some(cursor.array()?) } else { None };
    let holes = if has(HOLES) { cursor.list(HOLE)? } else { &[] };
    let payload = match kind {
        FILE => Payload::File(cursor.list(CHUNK)?),
        FILE_INLINE => Payload::FileInline(cursor.string()?),
        SYMLINK => Payload::Symlink { target: cursor.string()? },
        SPECIAL => Payload::Special { device: (cursor.u32()?, cursor.u32()?) },
        DIRECTORY => {
            let (back, block, range) = (cursor.u64()?, cursor.u64()?, cursor.u64()?);
            let place = Place { end: block_start.checked_sub(back)?, block, range };
            Payload::Directory { place, tree: cursor.list(CHUNK)? }
        }
        _ => return None,
    };
    let row = Row { name, stat, trusted: has(TRUSTED), mounted: has(MOUNTED), xattrs, flags: inode_flags, birth, link, holes, payload };
    Some((row, bytes.len() - cursor.0.len()))
}

/// What a new row is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewRow<'a> {
    pub name: &'a [u8],
    pub stat: &'a Stat,
    pub trusted: bool,
    pub mounted: bool,
    pub attributes: &'a Attributes,
    pub payload: NewPayload<'a>,
}

/// … and what the snapshot has for it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NewPayload<'a> {
    File(&'a Content),
    Directory { place: Place, tree: &'a TreeRef },
    Symlink { target: &'a [u8] },
    Special,
}

/// Appends a row. For a folder the answer is where in `out` its distance stands: it is written as the folder's end, to be turned
/// into a distance by [`set_distance`] when the place of the block is known.
pub(crate) fn write(out: &mut Vec<u8>, row: &NewRow<'_>) -> Option<usize> {
    let kind = match row.payload {
        NewPayload::File(content) => match content.chunks {
            Chunks::Inline(_) => FILE_INLINE,
            Chunks::List(_) => FILE,
        },
        NewPayload::Directory { .. } => DIRECTORY,
        NewPayload::Symlink { .. } => SYMLINK,
        NewPayload::Special => SPECIAL,
    };
    out.extend([kind, flags_of(row)]);
    out.extend(u16::try_from(row.name.len()).expect("a file name has at most 255 bytes").to_le_bytes());
    let stat = row.stat;
    for number in [stat.mode, stat.uid, stat.gid, stat.mtime_ns, stat.ctime_ns] {
        out.extend(number.to_le_bytes());
    }
    out.extend(stat.size.to_le_bytes());
    out.extend(stat.mtime_s.to_le_bytes());
    out.extend(stat.ctime_s.to_le_bytes());
    out.extend(stat.ino.to_le_bytes());
    out.extend(row.name);
    put_more(out, row);
    match row.payload {
        NewPayload::File(Content { chunks: Chunks::Inline(bytes), .. }) => put_string(out, bytes),
        NewPayload::File(Content { chunks: Chunks::List(chunks), .. }) => put_chunks(out, chunks),
        NewPayload::Symlink { target } => put_string(out, target),
        NewPayload::Special => {
            out.extend(stat.device.0.to_le_bytes());
            out.extend(stat.device.1.to_le_bytes());
        }
        NewPayload::Directory { place, tree } => {
            let at = out.len();
            for number in [place.end, place.block, place.range] {
                out.extend(number.to_le_bytes());
            }
            put_chunks(out, &tree.chunks);
            return Some(at);
        }
    }
    None
}

fn holes_of<'a>(row: &NewRow<'a>) -> &'a [Hole] {
    match row.payload {
        NewPayload::File(content) => &content.holes,
        _ => &[],
    }
}

fn flags_of(row: &NewRow<'_>) -> u8 {
    let Attributes { xattrs, flags, birth, link } = row.attributes;
    let all = [
        (TRUSTED, row.trusted),
        (XATTRS, !xattrs.is_empty()),
        (FLAGS, *flags != 0),
        (BIRTH, birth.is_some()),
        (LINK, link.is_some()),
        (HOLES, !holes_of(row).is_empty()),
        (MOUNTED, row.mounted),
    ];
    all.iter().fold(0, |sum, (flag, has)| if *has { sum | flag } else { sum })
}

fn put_more(out: &mut Vec<u8>, row: &NewRow<'_>) {
    let Attributes { xattrs, flags, birth, link } = row.attributes;
    if !xattrs.is_empty() {
        put_length(out, xattrs.iter().map(|(name, value)| 8 + name.len() + value.len()).sum());
        for (name, value) in xattrs {
            put_string(out, name);
            put_string(out, value);
        }
    }
    if *flags != 0 {
        out.extend(flags.to_le_bytes());
    }
    if let Some((s, ns)) = birth {
        out.extend(s.to_le_bytes());
        out.extend(ns.to_le_bytes());
    }
    out.extend(link.iter().flatten());
    let holes = holes_of(row);
    if !holes.is_empty() {
        out.extend((holes.len() as u64).to_le_bytes());
        for hole in holes {
            out.extend(hole.start.to_le_bytes());
            out.extend(hole.len.to_le_bytes());
        }
    }
}

/// Turns the end that [`write`] left at `at` into its distance from `start`.
pub(crate) fn set_distance(rows: &mut [u8], at: usize, start: u64) {
    let field = rows.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<8>()).expect("write() left eight bytes here");
    *field = (start - u64::from_le_bytes(*field)).to_le_bytes();
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend(u32::try_from(length).expect("names, targets and attributes are limited by the kernel").to_le_bytes());
}

fn put_string(out: &mut Vec<u8>, string: &[u8]) {
    put_length(out, string.len());
    out.extend(string);
}

fn put_chunks(out: &mut Vec<u8>, chunks: &[ChunkRef]) {
    out.extend((chunks.len() as u64).to_le_bytes());
    for chunk in chunks {
        out.extend(chunk.id.as_bytes());
        out.extend(chunk.len.to_le_bytes());
    }
}

/// Bytes that are taken from the front, within their length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(front)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// A count, and as many rows of `width` bytes.
    fn list(&mut self, width: usize) -> Option<&'a [u8]> {
        let count = usize::try_from(self.u64()?).ok()?;
        self.take(count.checked_mul(width)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(n: u8) -> ChunkRef {
        ChunkRef { id: ChunkId::from_bytes([n; 32]), len: u32::from(n) * 1000 }
    }

    #[test]
    fn what_is_written_is_read() {
        let stat = Stat { mode: 0o100_644, size: 3000, mtime_s: -5, mtime_ns: 7, ctime_s: 9, ino: u64::MAX, ..Stat::default() };
        let xattrs = vec![(b"user.a".to_vec(), vec![0, 255]), (b"user.b".to_vec(), Vec::new())];
        let all = Attributes { xattrs, flags: 0x40, birth: Some((-7, 999_999_999)), link: Some([9; 16]) };
        let none = Attributes::default();
        let content = Content::solid(3000, Chunks::List(vec![chunk(1), chunk(2)]));
        let holes = vec![Hole { start: 0, len: 1 << 40 }, Hole { start: (1 << 40) + 3, len: 5 }];
        let sparse = Content::solid(3, Chunks::Inline(b"abc".to_vec())).with_holes((1 << 40) + 8, holes);
        let inline = Content::solid(3, Chunks::Inline(b"abc".to_vec()));
        let tree = TreeRef { chunks: vec![chunk(3)] };
        let place = Place { end: 500, block: 70, range: 90 };
        let device = Stat { device: (8, 1 << 19), ..stat };
        let mut bytes = Vec::new();
        let mut put = |name: &[u8], stat: &Stat, trusted, attributes: &Attributes, payload| {
            write(&mut bytes, &NewRow { name, stat, trusted, mounted: trusted, attributes, payload })
        };
        assert_eq!(put(b"\xff\n-file", &stat, true, &all, NewPayload::File(&content)), None);
        assert_eq!(put(b"tiny", &stat, false, &none, NewPayload::File(&inline)), None);
        let at = put(b"dir", &stat, true, &none, NewPayload::Directory { place, tree: &tree }).unwrap();
        assert_eq!(put(b"link", &stat, true, &none, NewPayload::Symlink { target: b"to" }), None);
        assert_eq!(put(b"hollow", &stat, true, &all, NewPayload::File(&sparse)), None);
        assert_eq!(put(b"device", &device, true, &none, NewPayload::Special), None);
        set_distance(&mut bytes, at, 800);

        let (file, n) = read(&bytes, 800).unwrap();
        assert_eq!((file.name, file.stat, file.trusted), (b"\xff\n-file".as_slice(), stat, true));
        assert_eq!((file.attributes(), file.content()), (Some(all.clone()), Some(content)));
        assert_eq!(file.chunks().collect::<Vec<_>>(), [chunk(1), chunk(2)]);
        let rest = &bytes[n..];
        let (tiny, n) = read(rest, 800).unwrap();
        assert_eq!((tiny.trusted, tiny.content(), tiny.attributes()), (false, Some(inline), Some(none)));
        let rest = &rest[n..];
        let (dir, n) = read(rest, 800).unwrap();
        assert_eq!((dir.directory(), dir.mounted, tiny.mounted), (Some((tree, place)), true, false));
        let rest = &rest[n..];
        let (link, n) = read(rest, 800).unwrap();
        assert!(matches!(link.payload, Payload::Symlink { target: b"to" }));
        let rest = &rest[n..];
        let (hollow, n) = read(rest, 800).unwrap();
        assert_eq!((hollow.attributes(), hollow.content()), (Some(all), Some(sparse)));
        let (device, n_device) = read(&rest[n..], 800).unwrap();
        assert!(matches!(device.payload, Payload::Special { device } if device == (8, 1 << 19)));
        assert_eq!(n + n_device, rest.len());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some((row, length)) = read(&bytes, 1000) {
                prop_assert!(length <= bytes.len());
                let _ = (row.content(), row.attributes(), row.directory());
            }
        }
    }
}

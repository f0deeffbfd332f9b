//! The cache that the last run left, for `walk` to compare with. Reading never fails a backup: what is not as it should be is not
//! there.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use base::Digest;

use super::row::{self, Cursor, Row};
use super::{CHECKSUM, HEADER, MAGIC, MAX_TRAILER, Place, TAIL, checksum};
use crate::eta::Totals;

/// An opened cache with a good trailer. Each block is checked when it is read.
#[derive(Debug)]
pub(crate) struct Old {
    file: File,
    /// Where the trailer begins.
    end: u64,
    /// Digest of the names of owners that the trees were stored with.
    pub owners: Digest,
    /// What the last run came to.
    pub totals: Totals,
    root: Vec<u8>,
}

impl Old {
    /// The cache at `path`, if there is one, it is whole, and it is of `identity`.
    pub fn open(path: &Path, identity: &Digest) -> Option<Self> {
        let file = File::open(path).ok()?;
        let size = file.metadata().ok()?.len();
        let old = Self::parse(file, size, identity);
        if old.is_none() {
            tracing::warn!(path = %path.display(), "the cache of unchanged files is damaged or of another version; every file is read");
        }
        old
    }

    fn parse(file: File, size: u64, identity: &Digest) -> Option<Self> {
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0).ok()?;
        let mut tail = [0; TAIL];
        file.read_exact_at(&mut tail, size.checked_sub(TAIL as u64)?).ok()?;
        let mut tail = Cursor(&tail);
        let length = u32::from_le_bytes(tail.array()?);
        let (sum, magic) = (tail.array::<CHECKSUM>()?, tail.array()?);
        let end = size.checked_sub(TAIL as u64 + u64::from(length))?;
        if !header.starts_with(&MAGIC)
            || !header.ends_with(identity.as_bytes())
            || magic != MAGIC
            || length > MAX_TRAILER
            || end < HEADER as u64
        {
            return None;
        }
        let mut body = vec![0; usize::try_from(length).ok()?];
        file.read_exact_at(&mut body, end).ok()?;
        if checksum(&body) != sum {
            return None;
        }
        let mut cursor = Cursor(&body);
        let owners = Digest::from_bytes(cursor.array()?);
        let totals = Totals { entries: cursor.u64()?, bytes: cursor.u64()? };
        let root = cursor.0.to_vec();
        row::read(&root, end)?.0.directory()?;
        Some(Self { file, end, owners, totals, root })
    }

    /// The row of the root folder.
    pub fn root(&self) -> Option<Row<'_>> {
        row::read(&self.root, self.end).map(|(row, _)| row)
    }

    /// Reads the block of a folder, into a buffer that is used again; `None` when it is damaged. That is not an empty block: an
    /// empty folder with a damaged block must not pass for unchanged.
    pub fn block(&self, place: &Place, mut buffer: Vec<u8>) -> Option<Block> {
        let start = self.read_block(place, &mut buffer)?;
        Some(Block { bytes: buffer, start })
    }

    fn read_block(&self, place: &Place, buffer: &mut Vec<u8>) -> Option<u64> {
        let start = place.end.checked_sub(place.block)?;
        if place.end > self.end || start < HEADER as u64 || place.range < place.block {
            return None;
        }
        buffer.resize(usize::try_from(place.block).ok()?, 0); // what it held before is read over, so only its growth is filled
        self.file.read_exact_at(buffer, start).ok()?;
        let (rows, sum) = buffer.split_last_chunk::<CHECKSUM>()?;
        if checksum(rows) != *sum {
            return None;
        }
        let rows = rows.len();
        buffer.truncate(rows);
        Some(start)
    }

    /// Copies the range of a folder to the end of `out`.
    pub fn copy(&self, place: &Place, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let start = place.end.checked_sub(place.range).filter(|start| *start >= HEADER as u64 && place.end <= self.end);
        let Some(mut at) = start else { return Err(std::io::ErrorKind::InvalidData.into()) };
        let mut buffer = vec![0; 256 << 10];
        while at < place.end {
            let wanted = usize::try_from(place.end - at).unwrap_or(usize::MAX).min(buffer.len());
            let part = buffer.get_mut(..wanted).expect("it is no longer than the buffer");
            self.file.read_exact_at(part, at)?;
            out.write_all(part)?;
            at += wanted as u64;
        }
        Ok(())
    }
}

/// The rows of one folder.
#[derive(Debug)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    start: u64,
}

impl Block {
    /// The row that begins at `at`, and where the next one does.
    pub fn row(&self, at: usize) -> Option<(Row<'_>, usize)> {
        let (row, length) = row::read(self.bytes.get(at..)?, self.start)?;
        Some((row, at + length))
    }

    /// Gives the buffer back.
    pub fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }
}

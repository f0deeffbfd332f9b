//! A local file of checked blocks: 4092 bytes and their CRC-32 each, read with `pread` and never mapped.
//!
//! Every read compares the checksum of the blocks that it touches, so that a file which others cut, change or damage while it
//! is open gives an error, never a wrong answer and never a signal. Addresses count the bytes of content alone.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Bytes of a block as it lies in the file.
const BLOCK: usize = 4096;
/// Bytes of content in a block.
pub(super) const ROOM: usize = BLOCK - 4;
/// Blocks that a [`Cursor`] reads at once.
const AHEAD: u64 = 16;
/// Blocks that are kept for reads which come back to the same place.
const KEPT: usize = 16;

/// Where the blocks lie.
pub(super) enum Backing {
    File(File),
    /// When no file can be written.
    Memory(Vec<u8>),
}

/// Blocks that can be read.
pub(super) struct Blocks {
    backing: Backing,
    kept: Mutex<Vec<(u64, Vec<u8>)>>,
    broken: AtomicBool,
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A number below a few blocks, or a count of bytes at hand.
fn small(number: u64) -> usize {
    usize::try_from(number).expect("it is less than the bytes that are in memory")
}

/// Seeded with the number, so that a block in another one's place is noticed, too.
fn sum(number: u64, content: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(content);
    hasher.finalize().to_le_bytes()
}

impl Blocks {
    pub(super) fn new(backing: Backing) -> Self {
        Self { backing, kept: Mutex::default(), broken: AtomicBool::new(false) }
    }

    /// Bytes of content, when the file has whole blocks.
    pub(super) fn len(&self) -> io::Result<u64> {
        let bytes = match &self.backing {
            Backing::File(file) => file.metadata()?.len(),
            Backing::Memory(bytes) => bytes.len() as u64,
        };
        if bytes % BLOCK as u64 == 0 { Ok(bytes / BLOCK as u64 * ROOM as u64) } else { Err(damaged("the file is cut short")) }
    }

    /// Notes that a read failed. `true` the first time.
    pub(super) fn break_once(&self) -> bool {
        !self.broken.swap(true, Ordering::Relaxed)
    }

    /// Whole blocks from `number` on, as many as fit `out`, compared with their checksums.
    fn raw(&self, number: u64, out: &mut [u8]) -> io::Result<()> {
        let at = number.checked_mul(BLOCK as u64).ok_or_else(|| damaged("an address beyond all files"))?;
        match &self.backing {
            Backing::File(file) => file.read_exact_at(out, at)?,
            Backing::Memory(bytes) => {
                let from = usize::try_from(at).ok().and_then(|at| bytes.get(at..)?.get(..out.len()));
                out.copy_from_slice(from.ok_or_else(|| damaged("an address beyond the end"))?);
            }
        }
        for (n, block) in (number..).zip(out.as_chunks::<BLOCK>().0) {
            let (content, stored) = block.split_at(ROOM);
            if sum(n, content) != stored {
                return Err(damaged("a block has another checksum than it was written with"));
            }
        }
        Ok(())
    }

    /// The content of one block.
    pub(super) fn block(&self, number: u64, out: &mut [u8; BLOCK]) -> io::Result<()> {
        self.raw(number, out)
    }

    /// Fills `out` from address `at`. For small reads that tend to come back to the same blocks.
    pub(super) fn read(&self, mut at: u64, mut out: &mut [u8]) -> io::Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.resize_with(KEPT, || (u64::MAX, Vec::new()));
        while !out.is_empty() {
            let (number, skip) = (at / ROOM as u64, small(at % ROOM as u64));
            let slot = kept.get_mut(small(number % KEPT as u64)).ok_or_else(|| damaged("no slot"))?;
            if slot.0 != number {
                slot.0 = u64::MAX;
                slot.1.resize(BLOCK, 0);
                self.raw(number, &mut slot.1)?;
                slot.0 = number;
            }
            let len = out.len().min(ROOM - skip);
            let (now, later) = out.split_at_mut(len);
            now.copy_from_slice(slot.1.get(skip..skip + len).unwrap_or_default());
            (out, at) = (later, at + len as u64);
        }
        Ok(())
    }

    /// Reads on from address `at` up to `end`.
    pub(super) fn cursor(&self, at: u64, end: u64) -> Cursor<'_> {
        Cursor { blocks: self, at, end, first: 0, buffer: Vec::new() }
    }

    /// Compares all checksums.
    pub(super) fn check(&self) -> io::Result<()> {
        let n = self.len()? / ROOM as u64;
        let mut buffer = vec![0; BLOCK * small(AHEAD)];
        let mut at = 0;
        while at < n {
            let some = (n - at).min(AHEAD);
            self.raw(at, buffer.get_mut(..small(some) * BLOCK).unwrap_or_default())?;
            at += some;
        }
        Ok(())
    }
}

/// Reads from front to back.
pub(super) struct Cursor<'b> {
    blocks: &'b Blocks,
    at: u64,
    end: u64,
    /// Number of the first block in the buffer.
    first: u64,
    buffer: Vec<u8>,
}

impl Cursor<'_> {
    /// Bytes that are left.
    pub(super) fn left(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    /// Fills `out` with the next bytes.
    pub(super) fn fill(&mut self, mut out: &mut [u8]) -> io::Result<()> {
        if (out.len() as u64) > self.left() {
            return Err(damaged("a part is shorter than it says"));
        }
        while !out.is_empty() {
            let (number, skip) = (self.at / ROOM as u64, small(self.at % ROOM as u64));
            if number < self.first || number >= self.first + (self.buffer.len() / BLOCK) as u64 {
                let last = (self.end - 1) / ROOM as u64;
                let some = small((last - number + 1).min(AHEAD));
                self.buffer.resize(some * BLOCK, 0);
                self.first = number;
                self.blocks.raw(number, &mut self.buffer).inspect_err(|_| self.buffer.clear())?;
            }
            let from = small(number - self.first) * BLOCK + skip;
            let len = out.len().min(ROOM - skip);
            let (now, later) = out.split_at_mut(len);
            now.copy_from_slice(self.buffer.get(from..from + len).unwrap_or_default());
            (out, self.at) = (later, self.at + len as u64);
        }
        Ok(())
    }

    /// The next `N` bytes; `None` at the end.
    pub(super) fn next<const N: usize>(&mut self) -> io::Result<Option<[u8; N]>> {
        if self.left() == 0 {
            return Ok(None);
        }
        let mut out = [0; N];
        self.fill(&mut out)?;
        Ok(Some(out))
    }
}

/// Where blocks can be written.
pub(super) trait Sink: Write + Seek {}
impl<T: Write + Seek> Sink for T {}

/// Writes blocks from front to back; the first one, which tells of the others, last.
pub(super) struct BlockWriter<'w> {
    out: &'w mut dyn Sink,
    buffer: Vec<u8>,
    content: Vec<u8>,
    number: u64,
}

impl<'w> BlockWriter<'w> {
    /// Leaves room for the first block.
    pub(super) fn new(out: &'w mut dyn Sink) -> io::Result<Self> {
        out.write_all(&[0; BLOCK])?;
        Ok(Self { out, buffer: Vec::with_capacity(64 * BLOCK), content: Vec::with_capacity(ROOM), number: 1 })
    }

    /// The address of what is written next.
    pub(super) fn at(&self) -> u64 {
        self.number * ROOM as u64 + self.content.len() as u64
    }

    pub(super) fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(ROOM - self.content.len()));
            self.content.extend_from_slice(now);
            if self.content.len() == ROOM {
                self.close_block()?;
            }
            bytes = later;
        }
        Ok(())
    }

    /// Goes on at the beginning of a block.
    pub(super) fn align(&mut self) -> io::Result<()> {
        if self.content.is_empty() {
            return Ok(());
        }
        self.content.resize(ROOM, 0);
        self.close_block()
    }

    fn close_block(&mut self) -> io::Result<()> {
        self.buffer.extend_from_slice(&self.content);
        self.buffer.extend_from_slice(&sum(self.number, &self.content));
        self.content.clear();
        self.number += 1;
        if self.buffer.len() >= 64 * BLOCK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Ends the last block and writes the first.
    pub(super) fn finish(mut self, head: &[u8]) -> io::Result<()> {
        self.align()?;
        self.flush()?;
        let mut first = head.to_vec();
        first.resize(ROOM, 0);
        let sum = sum(0, &first);
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&first)?;
        self.out.write_all(&sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Vec<u8> {
        let mut out = io::Cursor::new(Vec::new());
        let mut writer = BlockWriter::new(&mut out).unwrap();
        for n in 0..3000_u32 {
            writer.put(&n.to_le_bytes()).unwrap();
        }
        writer.finish(b"head").unwrap();
        out.into_inner()
    }

    #[test]
    fn what_was_written_is_read_in_order_and_at_any_place() {
        let blocks = Blocks::new(Backing::Memory(written()));
        let mut cursor = blocks.cursor(ROOM as u64, ROOM as u64 + 12_000);
        for n in 0..3000_u32 {
            assert_eq!(cursor.next::<4>().unwrap(), Some(n.to_le_bytes()));
        }
        assert_eq!(cursor.next::<4>().unwrap(), None);
        for n in [0_u32, 1022, 1023, 1024, 2999] {
            let mut out = [0; 4];
            blocks.read(ROOM as u64 + u64::from(n) * 4, &mut out).unwrap();
            assert_eq!(u32::from_le_bytes(out), n);
        }
        blocks.check().unwrap();
    }

    #[test]
    fn a_changed_byte_a_swapped_block_and_a_missing_end_are_noticed() {
        let good = written();
        for at in [0, 5, BLOCK - 1, BLOCK, 2 * BLOCK + 17, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(Blocks::new(Backing::Memory(bad)).check().is_err(), "byte {at}");
        }
        let mut swapped = good.clone();
        swapped.copy_within(BLOCK..2 * BLOCK, 2 * BLOCK);
        assert!(Blocks::new(Backing::Memory(swapped)).check().is_err());
        assert!(Blocks::new(Backing::Memory(good[..good.len() - 1].to_vec())).check().is_err());
        let short = Blocks::new(Backing::Memory(good[..2 * BLOCK].to_vec()));
        assert!(short.cursor(ROOM as u64, ROOM as u64 + 12_000).fill(&mut vec![0; 12_000]).is_err());
    }
}

//! Where a file has data and where it has none (lseek(2), `SEEK_HOLE`), and reading the one without the other.
//!
//! `read` uses it for every file: a hole costs neither reading nor storage.

use std::io::{self, Read};
use std::os::fd::OwnedFd;

use repository::format::tree::Hole;
use rustix::fs::SeekFrom;
use rustix::io::Errno;

use crate::shared::{Shared, add};

/// A smaller file is not asked for holes: it would save less than a block.
const SMALLEST: u64 = 4096;
/// Holes that are told apart. What lies behind the last of them is read as data, so that a file that is all holes costs little memory.
const MAX_HOLES: usize = 1 << 16;

/// The holes of an open file of this size; none where the file system does not tell.
pub(crate) fn holes(fd: &OwnedFd, size: u64) -> Vec<Hole> {
    let mut holes = Vec::new();
    if size < SMALLEST {
        return holes;
    }
    let mut at = match rustix::fs::seek(fd, SeekFrom::Hole(0)) {
        Ok(first) if first < size => first,
        _ => return holes,
    };
    while at < size && holes.len() < MAX_HOLES {
        let data = match rustix::fs::seek(fd, SeekFrom::Data(at)) {
            Ok(data) => data.min(size),
            Err(Errno::NXIO) => size, // nothing but a hole up to the end
            Err(_) => break,
        };
        if data > at {
            holes.push(Hole { start: at, len: data - at });
        }
        at = match rustix::fs::seek(fd, SeekFrom::Hole(data)) {
            Ok(next) if next > data => next,
            _ => break,
        };
    }
    holes
}

/// An open file up to a limit, without its holes. It counts what it reads, and ends with an error when the run is to stop.
pub(crate) struct Source<'a> {
    fd: &'a OwnedFd,
    shared: &'a Shared,
    /// Those that lie before the limit and behind `at`.
    holes: &'a [Hole],
    at: u64,
    end: u64,
    /// It has no size, as files of the kernel have none: it is read from front to back.
    streams: bool,
}

impl<'a> Source<'a> {
    pub fn new(fd: &'a OwnedFd, shared: &'a Shared, holes: &'a [Hole], size: u64) -> Self {
        Self { fd, shared, holes, at: 0, end: size, streams: false }
    }

    /// What has no size, up to a limit.
    pub fn stream(fd: &'a OwnedFd, shared: &'a Shared, limit: u64) -> Self {
        Self { streams: true, ..Self::new(fd, shared, &[], limit) }
    }

    /// How far in the file it came, over data and holes.
    pub fn reached(&mut self) -> u64 {
        self.pass_holes();
        self.at
    }

    fn pass_holes(&mut self) {
        while let Some((hole, rest)) = self.holes.split_first().filter(|(hole, _)| hole.start <= self.at) {
            (self.at, self.holes) = (hole.end(), rest);
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.shared.stop.is_ordered() {
            return Err(io::Error::other("the run was told to stop"));
        }
        self.pass_holes();
        let next = self.holes.first().map_or(self.end, |hole| hole.start);
        let wanted = usize::try_from(next.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buffer.len());
        let part = buffer.get_mut(..wanted).expect("it is no longer than the buffer");
        if part.is_empty() {
            return Ok(0);
        }
        let n = loop {
            let answer = if self.streams { rustix::io::read(self.fd, &mut *part) } else { rustix::io::pread(self.fd, &mut *part, self.at) };
            match answer {
                Err(Errno::INTR) => {}
                answer => break answer?,
            }
        };
        self.at += n as u64;
        add(&self.shared.counts.bytes_read, n as u64);
        Ok(n)
    }
}

//! Compares files on disk with what a restore point recorded of them.
//!
//! [`crate::apply`] reads back every file that it wrote with it; [`compare`] looks at a restored folder later and on its own, and no
//! command offers that yet. It reads only, in parallel, with one buffer of a chunk's size a thread.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use repository::chunk::ChunkHasher;
use repository::format::tree::spread;
use rustix::fs::SeekFrom;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::beneath::Root;
use crate::parallel;
use crate::progress::Progress;
use crate::report::{Problem, Step};
use crate::tree::{Data, Kind, Tree};

/// Bytes that are compared with zeros at once.
const BLOCK: usize = 256 << 10;

/// The outcome of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// Files that were read from the first to the last byte.
    pub files: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// What differs, by path.
    pub mismatches: Vec<Problem>,
    /// Whether the comparison was stopped before its end.
    pub cancelled: bool,
}

/// How a file differs from its record; `None` when it does not.
pub(crate) fn difference(file: &File, size: u64, data: &Data, hasher: &ChunkHasher, buffer: &mut Vec<u8>) -> io::Result<Option<String>> {
    let there = file.metadata()?.len();
    if there != size {
        return Ok(Some(format!("it has {there} bytes, recorded are {size}")));
    }
    for hole in data.holes() {
        if let Some(at) = not_zero(file, hole.start, hole.end(), buffer)? {
            return Ok(Some(format!("it has data at byte {at}, where a hole was recorded")));
        }
    }
    if let Some(bytes) = data.in_tree() {
        buffer.resize(bytes.len(), 0);
        read_data(file, data, 0, buffer)?;
        return Ok((buffer.as_slice() != bytes).then(|| "its content differs from what was recorded".to_owned()));
    }
    let mut offset = 0;
    for chunk in data.chunks() {
        buffer.resize(chunk.len as usize, 0);
        read_data(file, data, offset, buffer)?;
        if hasher.id(buffer) != chunk.id {
            return Ok(Some(format!("its content differs from what was recorded, from byte {offset} of its data on")));
        }
        offset += u64::from(chunk.len);
    }
    Ok(None)
}

/// Reads a part of a file's data, over the holes between.
pub(crate) fn read_data(file: &File, data: &Data, from: u64, buffer: &mut [u8]) -> io::Result<()> {
    spread(data.holes(), from, buffer.len()).into_iter().try_for_each(|(at, range)| file.read_exact_at(&mut buffer[range], at))
}

/// The first byte between `from` and `to` that is not zero. Where the file has a hole nothing is read, whatever its length.
fn not_zero(file: &File, mut from: u64, to: u64, buffer: &mut Vec<u8>) -> io::Result<Option<u64>> {
    while from < to {
        from = match rustix::fs::seek(file, SeekFrom::Data(from)) {
            Ok(data) if data < to => data,
            Ok(_) | Err(rustix::io::Errno::NXIO) => return Ok(None), // nothing but a hole up to the end
            Err(errno) => return Err(errno.into()),
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(from))?.min(to);
        while from < end {
            buffer.resize(usize::try_from(end - from).unwrap_or(BLOCK).min(BLOCK), 0);
            file.read_exact_at(buffer, from)?;
            if let Some(at) = buffer.iter().position(|byte| *byte != 0) {
                return Ok(Some(from + at as u64));
            }
            from += buffer.len() as u64;
        }
    }
    Ok(None)
}

/// Compares all files, folders and links of `tree` with what is below `target`. Blocks; `hasher` is the one of the restore
/// point's domain.
pub fn compare(
    target: &Path,
    tree: &Tree,
    hasher: &ChunkHasher,
    threads: usize,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> io::Result<VerifyReport> {
    let root = Root::open(target)?;
    let (files, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let mismatches = Mutex::new(Vec::new());
    parallel::each(threads, tree.entries().len(), cancel, |i, buffer| {
        let entry = &tree.entries()[i];
        let path = tree.path(i);
        let found = match &entry.kind {
            Kind::File { size, data } => {
                let found = root.open_read(path.as_bytes()).and_then(|fd| difference(&File::from(fd), *size, data, hasher, buffer));
                files.fetch_add(1, Ordering::Relaxed);
                bytes.fetch_add(*size, Ordering::Relaxed);
                progress.advance(1, *size);
                found
            }
            Kind::Symlink(target) => {
                root.read_symlink(path.as_bytes()).map(|there| (there != **target).then(|| "it points elsewhere".to_owned()))
            }
            Kind::Folder => root.open_folder(path.as_bytes()).map(|_| None),
            Kind::Special(_) => root.stat(path.as_bytes()).map(|there| there.is_none().then(|| "it is not there".to_owned())),
        };
        let what = match found {
            Ok(None) => return,
            Ok(Some(what)) => what,
            Err(error) => format!("it cannot be read back: {error}"),
        };
        let problem = Problem { path: tree.source_path(i).to_string(), step: Step::Compare, what };
        mismatches.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
    });
    let mut mismatches = mismatches.into_inner().unwrap_or_else(PoisonError::into_inner);
    mismatches.sort();
    Ok(VerifyReport { files: files.into_inner(), bytes: bytes.into_inner(), mismatches, cancelled: cancel.is_cancelled() })
}

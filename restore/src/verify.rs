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
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::beneath::Root;
use crate::parallel;
use crate::progress::Progress;
use crate::report::{Problem, Step};
use crate::tree::{Data, Kind, Tree};

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
    match data {
        Data::Inline(bytes) => {
            buffer.resize(bytes.len(), 0);
            file.read_exact_at(buffer, 0)?;
            Ok((buffer.as_slice() != &**bytes).then(|| "its content differs from what was recorded".to_owned()))
        }
        Data::Chunks(chunks) => {
            let mut offset = 0;
            for chunk in chunks {
                buffer.resize(chunk.len as usize, 0);
                file.read_exact_at(buffer, offset)?;
                if hasher.id(buffer) != chunk.id {
                    return Ok(Some(format!("its content differs from what was recorded, from byte {offset} on")));
                }
                offset += u64::from(chunk.len);
            }
            Ok(None)
        }
    }
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

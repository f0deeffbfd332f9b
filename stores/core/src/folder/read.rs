//! Reads objects of a folder.
//!
//! Whoever can write to the folder may have put anything there: links, pipes and devices are no objects, and opening them
//! must neither follow nor wait.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};

use crate::error::{Attempt, StoreError};
use crate::key::Key;
use crate::store::{Head, MAX_GET_BYTES, TooLong};

use super::{Place, clock, failure};

pub(super) fn get(place: &Place, key: &Key, attempt: &Attempt) -> Result<Bytes, StoreError> {
    let of_io = |error| failure::of_object(error, key, attempt);
    let (file, metadata) = open(&place.path_of(key)).map_err(of_io)?;
    let size = metadata.len();
    let mut body = buffer(size, attempt)?;
    file.take(size).read_to_end(&mut body).map_err(of_io)?;
    Ok(body.into())
}

pub(super) fn get_range(place: &Place, key: &Key, range: Range<u64>, attempt: &Attempt) -> Result<Bytes, StoreError> {
    let of_io = |error| failure::of_object(error, key, attempt);
    let (file, metadata) = open(&place.path_of(key)).map_err(of_io)?;
    let len = match range.end.checked_sub(range.start) {
        Some(len) if range.end <= metadata.len() => len,
        _ => return Err(StoreError::OutOfRange { key: key.clone(), range }),
    };
    let mut body = buffer(len, attempt)?;
    body.resize(body.capacity(), 0);
    match file.read_exact_at(&mut body, range.start) {
        Ok(()) => Ok(body.into()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(StoreError::OutOfRange { key: key.clone(), range }),
        Err(error) => Err(of_io(error)),
    }
}

pub(super) fn head(place: &Place, key: &Key, attempt: &Attempt) -> Result<Head, StoreError> {
    let (_, metadata) = open(&place.path_of(key)).map_err(|error| failure::of_object(error, key, attempt))?;
    Ok(Head { size: metadata.len(), modified: modified(&metadata), digest: None, date: clock::now(&place.root) })
}

/// When the file was written; `None` for an instant that no calendar holds.
pub(super) fn modified(metadata: &Metadata) -> Option<Timestamp> {
    Timestamp::new(metadata.mtime(), i32::try_from(metadata.mtime_nsec()).ok()?).ok()
}

/// Opens a regular file, or says that there is none.
fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        // What a link, a socket or a device without driver answer.
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => return Err(io::ErrorKind::NotFound.into()),
        Err(errno) => return Err(errno.into()),
    };
    let metadata = file.metadata()?;
    if metadata.is_file() { Ok((file, metadata)) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// An empty buffer of exactly `len` bytes.
fn buffer(len: u64, attempt: &Attempt) -> Result<Vec<u8>, StoreError> {
    match usize::try_from(len) {
        Ok(capacity) if len <= MAX_GET_BYTES => Ok(Vec::with_capacity(capacity)),
        _ => Err(StoreError::Unsupported { attempt: attempt.clone(), source: Some(Arc::new(TooLong { size: len })) }),
    }
}

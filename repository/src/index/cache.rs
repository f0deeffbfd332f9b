//! The local copy of a domain's index. It is only ever a hint: when its checksum does not fit it is made anew, and
//! deleting it is always safe.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use base::digest::Digester;
use base::id::DomainId;

use super::build;
use super::segment::{Bytes, SUM, Segment};

/// The file of one domain of one repository below `cache_dir`.
pub(super) fn path(cache_dir: &Path, repository: &str, domain: &DomainId) -> PathBuf {
    cache_dir.join(format!("index-{repository}-{domain}.rows"))
}

/// Opens the cache. `None` when there is none, or when it is not what was once written there.
pub(super) fn open(path: &Path) -> Option<Segment> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "the index cache cannot be opened; the index is read anew");
            }
            return None;
        }
    };
    match is_whole(&file) {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!(path = %path.display(), "the index cache is damaged; the index is read anew");
            return None;
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the index cache cannot be read; the index is read anew");
            return None;
        }
    }
    Segment::new(Bytes::Mapped(map(&file).ok()?))
}

#[expect(unsafe_code, reason = "mapping a file is unsafe because others may change it; this one is only ever replaced by rename")]
fn map(file: &File) -> io::Result<memmap2::Mmap> {
    // SAFETY: the file is private to this user (0600), written once under another name and moved here, never changed in place.
    unsafe { memmap2::Mmap::map(file) }
}

/// Compares the checksum at the end. Reads rather than maps, so that the pages do not count as this process's memory.
fn is_whole(mut file: &File) -> io::Result<bool> {
    let Some(mut left) = file.metadata()?.len().checked_sub(SUM as u64) else { return Ok(false) };
    let (mut digester, mut buffer) = (Digester::default(), vec![0; 256 << 10]);
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let some = buffer.get_mut(..want).unwrap_or_default();
        file.read_exact(some)?;
        digester.update(some);
        left -= want as u64;
    }
    let mut sum = [0; SUM];
    file.read_exact(&mut sum)?;
    Ok(*digester.finish().as_bytes() == sum)
}

/// Joins what the cache had with what is new, in a new file at `path`, and opens that.
pub(super) fn replace(path: &Path, old: Option<&Segment>, new: &Segment) -> io::Result<Segment> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let file = tempfile::Builder::new().prefix("index-").suffix(".part").tempfile_in(folder)?;
    let mut out = BufWriter::with_capacity(256 << 10, file);
    let nothing = build::from_packs(&[], &[]);
    build::merge(&mut out, old.unwrap_or(&nothing), new)?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    // No fsync: a file that a crash left half written fails its checksum.
    let file = file.persist(path).map_err(|error| error.error)?;
    Segment::new(Bytes::Mapped(map(&file)?)).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the cache does not read back"))
}

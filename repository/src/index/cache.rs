//! The local copy of a domain's index: a folder of segments, each named by the index objects that it joins.
//!
//! It is only ever a hint. Files are written under a name of their own, kept open, and moved to their place when they are whole;
//! deleting, cutting or changing them at any moment costs time and nothing else: who has one open reads on, and a block that is not
//! what was written makes its chunks unknown. Two processes that share the folder write the same bytes under the same names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use base::Digest;
use base::id::DomainId;
use tempfile::{NamedTempFile, TempPath};

use super::blocks::{Backing, Blocks, Sink};
use super::segment::Segment;

/// Files up to so many bytes are compared with their checksums when they are opened, whoever opens them: it takes milliseconds.
const CHECKED_UP_TO: u64 = 64 << 20;
const ENDING: &str = "rows";
const PART: &str = "part";

/// Where the file of a segment is.
#[derive(Debug)]
pub(super) enum Home {
    /// In memory, because nothing can be written.
    Memory,
    /// Under a name that goes when the segment goes.
    Part(TempPath),
    /// Where the next run finds it.
    Kept(PathBuf),
}

impl Home {
    /// Takes a kept file away; who has it open reads on.
    pub(super) fn remove(&self) {
        if let Self::Kept(path) = self {
            // Another process may have done so already.
            let _ = fs::remove_file(path);
        }
    }
}

/// The folder of one domain of one repository.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(cache_dir: &Path, repository: &str, domain: &DomainId) -> Self {
        Self(cache_dir.join("index").join(repository).join(domain.as_str()))
    }

    /// A folder at a place of the caller's choice.
    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Opens all segments whose index objects are all `listed`, the largest first, none twice. Others are taken away: they tell of
    /// objects that are gone, or what a larger one tells, too.
    pub(super) fn open(&self, listed: &BTreeSet<String>, check: bool) -> Vec<Segment> {
        let mut found = Vec::new();
        for path in self.files() {
            if path.extension().is_some_and(|ending| ending == PART) {
                take_away_if_left_behind(&path);
            } else if path.extension().is_some_and(|ending| ending == ENDING) {
                match open(&path, check) {
                    Ok(segment) => found.push(segment),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => {
                        tracing::warn!(path = %path.display(), %error, "the index cache is damaged; its part of the index is read anew");
                        Home::Kept(path).remove();
                    }
                }
            }
        }
        found.sort_by_key(|segment| (std::cmp::Reverse(segment.layout().n_rows), name_of(segment.sources())));
        let mut taken: BTreeSet<String> = BTreeSet::new();
        found.retain(|segment| {
            let fits = segment.sources().iter().all(|source| listed.contains(source) && !taken.contains(source));
            if fits {
                taken.extend(segment.sources().iter().cloned());
            } else {
                segment.home().remove();
            }
            fits
        });
        found
    }

    /// Takes all segments away.
    pub(super) fn clear(&self) {
        for path in self.files().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == ENDING)) {
            Home::Kept(path).remove();
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Vec::new() };
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    }

    /// A new segment that `write` writes: in a file, or in memory when there can be none.
    pub(super) fn make(&self, mut write: impl FnMut(&mut dyn Sink) -> io::Result<()>) -> io::Result<Segment> {
        let in_file = self.part().and_then(|part| {
            let mut file = part.as_file();
            write(&mut file)?;
            let (file, path) = part.into_parts();
            Segment::open(Blocks::new(Backing::File(file)), Home::Part(path))
        });
        in_file.or_else(|error| {
            let mut bytes = io::Cursor::new(Vec::new());
            write(&mut bytes)?;
            tracing::warn!(path = %self.0.display(), %error, "the index cache cannot be written; the index is held in memory and read anew next time");
            Segment::open(Blocks::new(Backing::Memory(bytes.into_inner())), Home::Memory)
        })
    }

    /// A file that is locked as long as its writer lives.
    fn part(&self) -> io::Result<NamedTempFile> {
        fs::create_dir_all(&self.0)?;
        let part = tempfile::Builder::new().suffix(&format!(".{PART}")).tempfile_in(&self.0)?;
        part.as_file().lock()?;
        Ok(part)
    }

    /// Moves the file of a segment to where the next run finds it. No fsync: a block that a crash left half written has another
    /// checksum.
    pub(super) fn keep(&self, segment: &mut Segment) -> io::Result<()> {
        let path = self.0.join(format!("{}.{ENDING}", name_of(segment.sources())));
        if let Home::Part(part) = std::mem::replace(segment.home_mut(), Home::Memory) {
            part.persist(&path).map_err(|error| error.error)?;
            *segment.home_mut() = Home::Kept(path);
        }
        Ok(())
    }
}

/// The name of a segment: 32 digits of the digest of its sources.
fn name_of(sources: &[String]) -> String {
    Digest::of(sources.join("\n").as_bytes()).to_string().get(..32).unwrap_or_default().to_owned()
}

fn open(path: &Path, check: bool) -> io::Result<Segment> {
    let segment = Segment::open(Blocks::new(Backing::File(File::open(path)?)), Home::Kept(path.to_owned()))?;
    if check || segment.layout().end <= CHECKED_UP_TO {
        segment.check()?;
    }
    Ok(segment)
}

/// A part that nobody has locked is what a process that was killed left behind.
fn take_away_if_left_behind(path: &Path) {
    if File::open(path).is_ok_and(|file| file.try_lock().is_ok()) {
        let _ = fs::remove_file(path);
    }
}

//! The clock of a folder: the one that stamps its files. On a mounted file system that can be another machine's.
//!
//! The time is read from a file without a name, of which nothing is left. Whoever may not write into the folder gets no time:
//! only those who write need one.

use std::fs::File;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};

use super::{UNFINISHED, read};

/// Now, by the clock of the file system.
pub(super) fn now(root: &Path) -> Option<Timestamp> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let made = |folder: &Path| rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR).ok();
    // Not every file system has files without a name (NFS has none): one with a name does as well, and is removed at once.
    let file = made(&root.join(UNFINISHED)).or_else(|| made(root)).map(File::from);
    let metadata = match file {
        Some(file) => file.metadata().ok()?,
        None => named(root)?,
    };
    read::modified(&metadata)
}

fn named(root: &Path) -> Option<std::fs::Metadata> {
    let folder = root.join(UNFINISHED);
    // A repository that was brought here by other means has none yet, and a backup with nothing new makes none.
    let _ = std::fs::create_dir(&folder);
    let path = folder.join(format!("clock-{}", std::process::id()));
    let file = File::options().write(true).create(true).truncate(true).open(&path).ok()?;
    let metadata = file.metadata().ok();
    let _ = std::fs::remove_file(&path); // what stays behind is swept with the other temporary files
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_unnamed_files_tells_the_time_too_and_nothing_is_left() {
        let place = tempfile::tempdir().unwrap();
        assert!(named(place.path()).is_some(), "the folder for unfinished files is not there yet");
        assert!(named(place.path()).is_some());
        assert_eq!(std::fs::read_dir(place.path().join(UNFINISHED)).unwrap().count(), 0);
        assert!(named(&place.path().join("gone")).is_none(), "no folder is made where no repository is");
    }
}

//! A folder for a drill: made fresh, for its owner alone, and wiped with proof.
//!
//! It keeps nobody in: a program that a check runs has the network and the files of its user. Reports say so
//! ([`ISOLATION`]) until there is a sandbox.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// What reports say of the isolation of a scratch folder.
pub const ISOLATION: &str = "none";

/// How the names of scratch folders begin.
pub const PREFIX: &str = "lifeboat-drill-";

/// A scratch folder. Dropping it without [`Scratch::wipe`] removes it as far as that goes, without proof.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
}

/// What the wiping of a scratch folder left to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wiped {
    /// Whether nothing of it is left.
    pub done: bool,
    /// What was removed and how it was made sure of, or why not.
    pub proof: String,
}

impl Scratch {
    /// Makes a folder below `root`, which is made too where it is missing.
    pub fn make(root: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(root)?;
        let folder = tempfile::Builder::new().prefix(PREFIX).permissions(std::fs::Permissions::from_mode(0o700)).tempdir_in(root)?;
        Ok(Self { folder })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Removes it with all that is in it, and looks whether it is gone. Blocks.
    pub fn wipe(self) -> Wiped {
        let path: PathBuf = self.folder.keep();
        let (mut entries, mut failed) = (0, open_up(&path));
        match count(&path) {
            Ok(n) => entries = n,
            Err(error) => failed = failed.and(Err(error)),
        }
        let removed = failed.and(std::fs::remove_dir_all(&path));
        // The proof is the file system's answer afterwards, not the success of the call.
        match (path.symlink_metadata(), removed) {
            (Err(error), _) if error.kind() == io::ErrorKind::NotFound => {
                Wiped { done: true, proof: format!("{entries} entries removed; {} does not exist any more", path.display()) }
            }
            (_, Err(error)) => Wiped { done: false, proof: format!("{} could not be removed: {error}", path.display()) },
            (_, Ok(())) => Wiped { done: false, proof: format!("{} is still there", path.display()) },
        }
    }
}

/// Lets the owner into every folder, since restored modes may keep even him out.
fn open_up(folder: &Path) -> io::Result<()> {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

fn count(folder: &Path) -> io::Result<u64> {
    let mut n = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        n += 1;
        if entry.file_type()?.is_dir() {
            n += count(&entry.path())?;
        }
    }
    Ok(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_is_private_and_gone_after_the_wipe() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::make(&root.path().join("not/yet")).unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::create_dir(path.join("closed")).unwrap();
        std::fs::write(path.join("closed/file"), "x").unwrap();
        std::os::unix::fs::symlink(root.path(), path.join("link")).unwrap();
        std::fs::set_permissions(path.join("closed"), std::fs::Permissions::from_mode(0o000)).unwrap();
        let wiped = scratch.wipe();
        assert!(wiped.done && wiped.proof.starts_with("3 entries removed"), "{wiped:?}");
        assert!(!path.exists() && root.path().exists());
    }
}

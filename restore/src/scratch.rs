//! A folder for a drill: made fresh, for its owner alone, and wiped with proof.
//!
//! It keeps nobody in: a program that a check runs has the network and the files of its user. Reports say so
//! ([`ISOLATION`]) until there is a sandbox.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::beneath::Root;
use crate::path::TreePath;

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
        let counted = Root::open(&path).and_then(|root| open_up(&root, &TreePath::default()));
        let removed = std::fs::remove_dir_all(&path);
        // The proof is the file system's answer afterwards, not the success of the calls.
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let n = counted.map_or_else(|_| String::new(), |n| format!("{n} entries removed; "));
                Wiped { done: true, proof: format!("{n}{} does not exist any more", path.display()) }
            }
            _ => {
                let why = removed.err().map_or_else(String::new, |error| format!(": {error}"));
                Wiped { done: false, proof: format!("{} is still there{why}", path.display()) }
            }
        }
    }
}

/// Lets the owner into every folder, since restored modes may keep even him out, and counts what is there.
fn open_up(root: &Root, at: &TreePath) -> io::Result<u64> {
    let mut n = 0;
    for entry in root.entries(at.as_bytes())? {
        n += 1;
        if entry.kind == FileType::Directory {
            let path = at.join(&entry.name);
            root.open_up(path.as_bytes())?;
            n += open_up(root, &path)?;
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

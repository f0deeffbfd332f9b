//! A folder for a drill: made fresh, for its owner alone, and wiped with proof.
//!
//! What a drill that was killed left behind is data in clear: the next one removes it.
//!
//! It keeps nobody in: a program that a check runs has the network and the files of its user. Reports say so
//! ([`ISOLATION`]) until there is a sandbox.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
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
    /// The folder itself, locked (flock(2)) until it is wiped. The lock goes with the process: one without is nobody's any more.
    _lock: OwnedFd,
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
    /// Makes a folder below `root`, which is made too where it is missing, after removing those of drills that were killed. Blocks.
    pub fn make(root: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(root)?;
        // One at a time: a folder that another drill has made and not locked yet must not pass for a left one.
        let gate = open(root)?;
        rustix::fs::flock(&gate, FlockOperation::LockExclusive)?;
        sweep(root)?;
        let folder = tempfile::Builder::new().prefix(PREFIX).permissions(std::fs::Permissions::from_mode(0o700)).tempdir_in(root)?;
        let lock = open(folder.path())?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Removes it with all that is in it, and looks whether it is gone. Blocks.
    pub fn wipe(self) -> Wiped {
        let Self { folder, _lock } = self;
        wipe(&folder.keep())
    }
}

/// Opens a folder to lock it; a link in its place is none.
fn open(folder: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(folder, flags, Mode::empty())?)
}

/// Removes the scratch folders of this user that no process holds any more. One that cannot be removed is told, and stops no drill.
fn sweep(root: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let Ok(folder) = open(&entry.path()) else { continue };
        let is_ours = rustix::fs::fstat(&folder).is_ok_and(|stat| stat.st_uid == rustix::process::geteuid().as_raw());
        if is_ours && rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let wiped = wipe(&entry.path());
            tracing::warn!(done = wiped.done, proof = wiped.proof, "a drill that was killed had left its scratch folder");
        }
    }
    Ok(())
}

fn wipe(path: &Path) -> Wiped {
    let counted = Root::open(path).and_then(|root| open_up(&root, &TreePath::default()));
    let removed = std::fs::remove_dir_all(path);
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

    #[test]
    fn what_a_killed_drill_left_is_removed_and_what_a_running_one_has_is_not() {
        let root = tempfile::tempdir().unwrap();
        let running = Scratch::make(root.path()).unwrap();
        let left = root.path().join(format!("{PREFIX}left"));
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("secret"), "in clear").unwrap();
        std::fs::create_dir(root.path().join("another")).unwrap();
        let next = Scratch::make(root.path()).unwrap();
        assert!(!left.exists() && running.path().exists() && next.path().exists() && root.path().join("another").exists());
        assert!(running.wipe().done && next.wipe().done);
    }
}

//! Looks at the folder that a restore would write to: what is there, what is in the way, how much room there is.
//!
//! It changes nothing. [`crate::plan`] decides on what it found.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, StatVfsMountFlags};

use crate::beneath::Root;
use crate::marker::{self, Marker};
use crate::path::TreePath;
use crate::tree::{Kind, Tree};

/// What a restore must know of its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetFacts {
    /// The folder, as given.
    pub path: PathBuf,
    /// What it is at the moment.
    pub state: TargetState,
    /// Bytes that may be written on its file system, where the system tells.
    pub free_bytes: Option<u64>,
    /// Whether its file system is mounted read-only.
    pub read_only: bool,
    /// What is there at places that the restore would write to.
    pub existing: BTreeMap<TreePath, Existing>,
}

/// What the target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetState {
    /// Nothing yet.
    Missing,
    /// Something that is no folder.
    NotAFolder,
    /// A folder.
    Folder {
        /// Whether nothing is in it.
        empty: bool,
        /// The marker of a restore that did not end.
        marker: Option<Marker>,
    },
}

/// Something that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// A folder.
    Folder,
    /// A file of so many bytes.
    File(u64),
    /// A symbolic link.
    Symlink,
    /// A device, pipe or socket.
    Other,
}

/// Why the target could not be looked at.
#[derive(Debug, thiserror::Error)]
#[error("cannot look at {}", path.display())]
pub struct LookError {
    path: PathBuf,
    source: io::Error,
}

impl base::Hint for LookError {
    fn hint(&self) -> Option<String> {
        Some(match self.source.kind() {
            io::ErrorKind::PermissionDenied => "choose a target that you may enter, or run as a user that may".to_owned(),
            _ => "choose another target: --to FOLDER".to_owned(),
        })
    }
}

/// Looks at `path` and, where it is a folder with something in it, at every place that `tree` would write to. Blocks.
pub fn look(path: &Path, tree: &Tree) -> Result<TargetFacts, LookError> {
    let wrong = |source| LookError { path: path.to_owned(), source };
    let (free_bytes, read_only) = room(path);
    let mut facts = TargetFacts { path: path.to_owned(), state: TargetState::Missing, free_bytes, read_only, existing: BTreeMap::new() };
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => {
            facts.state = TargetState::NotAFolder;
            return Ok(facts);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => return Ok(facts),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            facts.state = TargetState::NotAFolder;
            return Ok(facts);
        }
        Err(error) => return Err(wrong(error)),
    }
    let root = Root::open(path).map_err(wrong)?;
    let empty = std::fs::read_dir(path).map_err(wrong)?.next().is_none();
    facts.state = TargetState::Folder { empty, marker: Marker::read(&root) };
    if !empty {
        facts.existing = existing(&root, tree).map_err(wrong)?;
    }
    Ok(facts)
}

/// Looks at each place of `tree`; below a folder that is not there nothing is asked for.
fn existing(root: &Root, tree: &Tree) -> io::Result<BTreeMap<TreePath, Existing>> {
    let mut found = BTreeMap::new();
    let mut enter = vec![false; tree.entries().len()];
    for (i, entry) in tree.entries().iter().enumerate() {
        if entry.parent.is_some_and(|p| !enter[p as usize]) {
            continue;
        }
        let path = tree.path(i);
        let Some(stat) = root.stat(path.as_bytes())? else { continue };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Existing::Folder,
            FileType::RegularFile => Existing::File(u64::try_from(stat.st_size).unwrap_or(0)),
            FileType::Symlink => Existing::Symlink,
            _ => Existing::Other,
        };
        enter[i] = kind == Existing::Folder && entry.kind == Kind::Folder;
        found.insert(path, kind);
    }
    Ok(found)
}

/// Free bytes and read-only flag of the file system that `path` is or would be on.
fn room(path: &Path) -> (Option<u64>, bool) {
    for ancestor in path.ancestors() {
        let ancestor = if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor };
        if let Ok(facts) = rustix::fs::statvfs(ancestor) {
            let free = facts.f_bavail.saturating_mul(facts.f_frsize);
            return (Some(free), facts.f_flag.contains(StatVfsMountFlags::RDONLY));
        }
    }
    (None, false)
}

/// Whether an entry of the restore point would take the place of the marker.
pub(crate) fn is_marker(path: &TreePath) -> bool {
    path.as_bytes() == marker::NAME
}

//! Looks at the folder that a restore would write to: what is there, what is in the way, how much room there is.
//!
//! It changes nothing. [`crate::plan`] decides on what it found.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, StatVfsMountFlags};

use crate::aside::Unfinished;
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
    /// What a restore in place needs to know beside; empty for others.
    pub place: Place,
}

/// What a restore in place must know of where it restores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Folders that take an aside folder: the target, the one folder that is restored to it, and where file systems are mounted.
    pub anchors: Vec<TreePath>,
    /// What is in folders of the restore point and not in the restore point itself, where that is asked for.
    pub extras: Vec<TreePath>,
    /// A restore of the same snapshot that did not end.
    pub unfinished: Option<Unfinished>,
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
    /// A file.
    File {
        /// Its bytes.
        size: u64,
        /// When it was changed: seconds since 1970, and nanoseconds.
        mtime: (i64, u32),
    },
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
    let place = Place { anchors: vec![TreePath::default()], ..Place::default() };
    let mut facts =
        TargetFacts { path: path.to_owned(), state: TargetState::Missing, free_bytes, read_only, existing: BTreeMap::new(), place };
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
        let mut mounts = Vec::new();
        facts.existing = existing(&root, tree, &mut mounts).map_err(wrong)?;
        facts.place.anchors = anchors(tree, &facts.existing, mounts);
    }
    Ok(facts)
}

/// Looks at `path` as [`look`] does, for a restore in place of `snapshot`; with `exact` also at what the restore point does not have.
pub fn look_in_place(path: &Path, tree: &Tree, snapshot: &str, exact: bool) -> Result<TargetFacts, LookError> {
    let mut facts = look(path, tree)?;
    if !matches!(facts.state, TargetState::Folder { .. }) {
        return Ok(facts);
    }
    let wrong = |source| LookError { path: path.to_owned(), source };
    let root = Root::open(path).map_err(wrong)?;
    facts.place.unfinished = crate::aside::unfinished(&root, &facts.place.anchors, snapshot);
    if exact {
        facts.place.extras = extras(&root, tree, &facts).map_err(wrong)?;
    }
    Ok(facts)
}

/// The folders that take an aside folder, the outer ones first.
fn anchors(tree: &Tree, existing: &BTreeMap<TreePath, Existing>, mounts: Vec<TreePath>) -> Vec<TreePath> {
    let mut anchors = vec![TreePath::default()];
    let mut tops = (0..tree.entries().len()).filter(|i| tree.entries()[*i].parent.is_none());
    if let (Some(only), None) = (tops.next(), tops.next()) {
        let path = tree.path(only);
        let is_folder = tree.entries()[only].kind == Kind::Folder && existing.get(&path) == Some(&Existing::Folder);
        anchors.extend(is_folder.then_some(path));
    }
    anchors.extend(mounts);
    anchors.sort();
    anchors.dedup();
    anchors
}

/// What is in the folders of `tree` and not in `tree`. Mounted file systems and our own aside folders do not count.
fn extras(root: &Root, tree: &Tree, facts: &TargetFacts) -> io::Result<Vec<TreePath>> {
    let mut folders: Vec<TreePath> = Vec::new();
    let mut known = std::collections::HashSet::new();
    let is_all = tree.base().is_root() && tree.entries().iter().filter(|entry| entry.parent.is_none()).count() > 1;
    folders.extend(is_all.then(TreePath::default));
    for (i, entry) in tree.entries().iter().enumerate() {
        let path = tree.path(i);
        if entry.kind == Kind::Folder && facts.existing.get(&path) == Some(&Existing::Folder) {
            folders.push(path.clone());
        }
        known.insert(path);
    }
    let mut found = Vec::new();
    for folder in folders {
        let device = rustix::fs::fstat(root.open_folder(folder.as_bytes())?)?.st_dev;
        for listed in root.entries(folder.as_bytes())? {
            let path = folder.join(&listed.name);
            let ours = listed.name.starts_with(crate::aside::PREFIX.as_bytes()) || is_marker(&path);
            if !ours && !known.contains(&path) && root.stat(path.as_bytes())?.is_some_and(|stat| stat.st_dev == device) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Looks at each place of `tree`; below a folder that is not there nothing is asked for.
fn existing(root: &Root, tree: &Tree, mounts: &mut Vec<TreePath>) -> io::Result<BTreeMap<TreePath, Existing>> {
    let mut found = BTreeMap::new();
    let top = rustix::fs::fstat(root.open_folder(b"")?)?.st_dev;
    let mut enter = vec![false; tree.entries().len()];
    let mut devices = vec![top; tree.entries().len()];
    for (i, entry) in tree.entries().iter().enumerate() {
        if entry.parent.is_some_and(|p| !enter[p as usize]) {
            continue;
        }
        let path = tree.path(i);
        let Some(stat) = root.stat(path.as_bytes())? else { continue };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Existing::Folder,
            FileType::RegularFile => Existing::File {
                size: u64::try_from(stat.st_size).unwrap_or(0),
                mtime: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            },
            FileType::Symlink => Existing::Symlink,
            _ => Existing::Other,
        };
        enter[i] = kind == Existing::Folder && entry.kind == Kind::Folder;
        devices[i] = stat.st_dev;
        if enter[i] && devices[i] != entry.parent.map_or(top, |p| devices[p as usize]) {
            mounts.push(path.clone());
        }
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

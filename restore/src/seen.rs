//! What the checks of a drill look at: restored data on disk, or data that was streamed and only hashed.
//!
//! [`crate::check`] asks it for files and small contents; [`crate::drill`] tampers with it for the negative control.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use plans::plan::Tamper;
use rustix::fs::FileType;

use crate::beneath::Root;
use crate::check::Wanted;
use crate::path::TreePath;
use crate::tree::{Kind, Tree};

/// The most bytes of one file that a check looks into.
pub const MAX_LOOK: u64 = 64 * 1024;

/// What tampering appends.
const APPENDED: &[u8] = b"\nthis line was added by the negative control of a drill\n";

/// Restored data.
#[derive(Debug)]
pub enum Seen {
    /// In a scratch folder.
    Scratch {
        /// The folder that stands for "/".
        folder: PathBuf,
        /// The restored root in it, see [`restored_root`].
        root: TreePath,
    },
    /// Read to the last byte and not kept: names and sizes, and the contents that were asked for beforehand.
    Streamed {
        /// What was streamed.
        trees: Vec<Tree>,
        /// As in a scratch folder.
        root: TreePath,
        /// Contents by path.
        captured: BTreeMap<TreePath, Vec<u8>>,
    },
}

/// The ways to tamper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tampering {
    /// The files are removed.
    Remove,
    /// They are cut to no bytes.
    Truncate,
    /// A line is added to them.
    Append,
}

/// The folder that relative paths of checks start from: the deepest one that holds all backed-up paths of all restore points.
/// A single backed-up folder is its own root.
pub fn restored_root<'a>(paths: impl IntoIterator<Item = &'a str>) -> TreePath {
    let mut common: Option<Vec<Vec<u8>>> = None;
    for path in paths {
        let names: Vec<Vec<u8>> = TreePath::from_shown(path).unwrap_or_default().names().map(<[u8]>::to_vec).collect();
        common = Some(match common {
            None => names,
            Some(before) => before.into_iter().zip(names).take_while(|(a, b)| a == b).map(|(a, _)| a).collect(),
        });
    }
    common.unwrap_or_default().iter().fold(TreePath::default(), |path, name| path.join(name))
}

impl Seen {
    /// The restored root.
    pub fn root(&self) -> &TreePath {
        match self {
            Self::Scratch { root, .. } | Self::Streamed { root, .. } => root,
        }
    }

    /// The restored root as a folder on disk, where there is one.
    pub fn folder(&self) -> Option<PathBuf> {
        match self {
            Self::Scratch { folder, root } => Some(below(folder, root)),
            Self::Streamed { .. } => None,
        }
    }

    /// Calls `visit` with path and size of each regular file. Links are neither files nor followed.
    pub fn files(&self, visit: &mut dyn FnMut(&TreePath, u64)) -> io::Result<()> {
        match self {
            Self::Scratch { folder, .. } => walk(&Root::open(folder)?, &TreePath::default(), visit),
            Self::Streamed { trees, .. } => {
                for tree in trees {
                    for (i, entry) in tree.entries().iter().enumerate() {
                        if let Kind::File { size, .. } = entry.kind {
                            visit(&tree.source_path(i), size);
                        }
                    }
                }
                Ok(())
            }
        }
    }

    /// The first [`MAX_LOOK`] bytes of a file; `None` where there is no such file.
    pub fn look(&self, path: &TreePath) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Scratch { folder, .. } => {
                let fd = match Root::open(folder)?.open_read(path.as_bytes()) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    other => other?,
                };
                let mut bytes = Vec::new();
                File::from(fd).take(MAX_LOOK).read_to_end(&mut bytes)?;
                Ok(Some(bytes))
            }
            Self::Streamed { captured, .. } => Ok(captured.get(path).cloned()),
        }
    }

    /// Tampers with the files that `tamper` names, and tells how many there were. Data that was not kept cannot be tampered with.
    pub fn tamper(&self, tamper: &Tamper) -> io::Result<u64> {
        let Self::Scratch { folder, root } = self else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "a drill in stream mode keeps no data"));
        };
        let (text, how) = match tamper {
            Tamper::RemoveFile(text) => (text, Tampering::Remove),
            Tamper::TruncateFile(text) => (text, Tampering::Truncate),
            Tamper::Append(text) => (text, Tampering::Append),
            Tamper::Sql(_) => return Err(io::Error::new(io::ErrorKind::Unsupported, "this version tampers with files alone")),
        };
        let wanted = Wanted::parse(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let mut hit = Vec::new();
        self.files(&mut |path, _| {
            if wanted.matches(root, path) {
                hit.push(path.clone());
            }
        })?;
        // Several sources share a root far above each of them: a name alone is then looked for wherever it is, such as that of a canary.
        if hit.is_empty() && !text.contains('/') {
            let wanted = Wanted::parse(&format!("**/{text}")).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            self.files(&mut |path, _| {
                if wanted.matches(root, path) {
                    hit.push(path.clone());
                }
            })?;
        }
        let beneath = Root::open(folder)?;
        for path in &hit {
            tamper_file(&beneath, path, how)?;
        }
        Ok(hit.len() as u64)
    }
}

fn tamper_file(root: &Root, path: &TreePath, how: Tampering) -> io::Result<()> {
    if how == Tampering::Remove {
        return root.remove(path.as_bytes());
    }
    // Restored files may be read-only, even for their owner.
    let read = File::from(root.open_read(path.as_bytes())?);
    let mut mode = read.metadata()?.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o600);
    read.set_permissions(mode)?;
    let mut file = File::from(root.open_write(path.as_bytes())?);
    match how {
        Tampering::Truncate => file.set_len(0),
        Tampering::Append | Tampering::Remove => {
            io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
            file.write_all(APPENDED)
        }
    }
}

/// The place of `path` below a folder on disk.
pub(crate) fn below(folder: &Path, path: &TreePath) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    path.names().fold(folder.to_owned(), |at, name| at.join(std::ffi::OsStr::from_bytes(name)))
}

fn walk(root: &Root, at: &TreePath, visit: &mut dyn FnMut(&TreePath, u64)) -> io::Result<()> {
    for entry in root.entries(at.as_bytes())? {
        let path = at.join(&entry.name);
        match entry.kind {
            FileType::Directory => walk(root, &path, visit)?,
            FileType::RegularFile => visit(&path, entry.size_bytes),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_restored_root_is_the_deepest_folder_that_holds_all_paths() {
        for (paths, root) in [
            (&["/srv/www"][..], "/srv/www"),
            (&["/srv/www", "/srv/db"], "/srv"),
            (&["/srv/www", "/srv/www2"], "/srv"),
            (&["/srv", "/etc"], "/"),
            (&["/srv/www", "/srv/www/sub"], "/srv/www"),
            (&["/srv/back\\x5cslash", "/srv/back\\x5cslash/sub"], "/srv/back\\x5cslash"),
            (&[], "/"),
        ] {
            assert_eq!(restored_root(paths.iter().copied()).to_string(), root, "{paths:?}");
        }
    }
}

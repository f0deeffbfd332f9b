//! Turns the paths of a source into the places where the walk begins, and the folders above them.
//!
//! `run` asks it before anything is read. A snapshot's root tree holds the first components of all paths, so that several paths
//! live in one tree; the folders above a path hold nothing but the way to it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};

use crate::exclude::Excludes;
use crate::run::BackupError;
use crate::spec::Files;
use crate::stat::{Kind, Stat};
use crate::trouble::{MISSING, Trouble, UNREADABLE};

/// One path of the source that exists.
#[derive(Debug)]
pub(crate) struct Root {
    pub path: PathBuf,
    pub stat: Stat,
    /// Open, if it is a folder.
    pub folder: Option<Arc<OwnedFd>>,
    /// Another file system than that of the folder above is mounted on it.
    pub is_mounted: bool,
    pub excludes: Excludes,
}

/// What stands at a place of the tree above and including the roots.
#[derive(Debug)]
pub(crate) enum Place {
    /// A folder that is not itself backed up.
    Above(Above),
    /// `Roots::list[index]`.
    Root(usize),
}

/// A folder above a path of the source. Its own times would change with things that are not backed up, so it has the time of
/// what is below it.
#[derive(Debug, Default)]
pub(crate) struct Above {
    pub stat: Stat,
    pub entries: BTreeMap<Vec<u8>, Place>,
}

/// A folder that must not be backed up: it is ours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnFolder {
    pub place: (u64, u64),
    pub what: &'static str,
}

/// Where the walk begins.
#[derive(Debug)]
pub(crate) struct Roots {
    pub list: Vec<Root>,
    pub top: Place,
    /// Paths of the source that lie below another one, by device and inode. They keep their own rules and file system.
    pub inner: Vec<((u64, u64), usize)>,
    pub own: Vec<OwnFolder>,
}

/// Finds the roots. A path that is missing or unreadable is an error of the run when it is the only one, and an error in its
/// report when others are left.
pub(crate) fn resolve(files: &Files, own: Vec<OwnFolder>, source: &base::id::SourceId, trouble: &Trouble) -> Result<Roots, BackupError> {
    let mut paths = files.paths.iter().map(|path| plain(path)).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    paths.dedup();
    let (mut list, mut first_error) = (Vec::new(), None);
    for path in &paths {
        let excludes = Excludes::new(&files.exclude, path, &paths)?;
        match look(path) {
            Ok((stat, folder)) => {
                if let Some(own) = own.iter().find(|own| own.place == stat.place()) {
                    return Err(BackupError::Own { path: path.clone(), what: own.what });
                }
                let is_mounted = folder.as_ref().is_some_and(|folder| {
                    rustix::fs::statat(folder, "..", AtFlags::empty()).is_ok_and(|above| Stat::from(above).dev != stat.dev)
                });
                list.push(Root { path: path.clone(), stat, folder, is_mounted, excludes });
            }
            Err(error) => {
                let kind = if is_missing(&error) { MISSING } else { UNREADABLE };
                trouble.error(path.as_os_str().as_bytes(), kind, &error);
                first_error.get_or_insert((path.clone(), error));
            }
        }
    }
    if list.is_empty() {
        return Err(match first_error {
            None => BackupError::NoPath { source_id: source.clone() },
            Some((path, error)) if is_missing(&error) => BackupError::Missing { path },
            Some((path, source)) => BackupError::Unreadable { path, source },
        });
    }
    let (mut top, mut inner) = (Place::Above(Above::default()), Vec::new());
    for (index, root) in list.iter().enumerate() {
        if !insert(&mut top, root, index) {
            inner.push((root.stat.place(), index));
        }
    }
    Ok(Roots { list, top, inner, own })
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The path without what does not matter: doubled slashes, `.`, a slash at its end.
fn plain(path: &Path) -> Result<PathBuf, BackupError> {
    let refused = BackupError::NotAbsolute { path: path.to_owned() };
    if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return Err(refused);
    }
    Ok(path.components().collect())
}

/// Follows `path` and opens it if it is a folder. The way to it, and the last step as well, may be links: a person chose it.
fn look(path: &Path) -> io::Result<(Stat, Option<Arc<OwnedFd>>)> {
    let stat = Stat::from(rustix::fs::stat(path)?);
    match stat.kind() {
        Kind::File => Ok((stat, None)),
        Kind::Directory => {
            let folder = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
            Ok((Stat::from(rustix::fs::fstat(&folder)?), Some(Arc::new(folder))))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a folder nor a file")),
    }
}

/// Puts a root at its place. Roots come in ascending order, so that one above another comes first; the answer is whether it stands
/// for itself, rather than below another one.
fn insert(mut at: &mut Place, root: &Root, index: usize) -> bool {
    let mut way = PathBuf::from("/");
    let mut names = root.path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    let Some(mut name) = names.next() else {
        *at = Place::Root(index);
        return true;
    };
    loop {
        let above = match at {
            Place::Root(_) => return false,
            Place::Above(above) => above,
        };
        let newest = (above.stat.mtime_s, above.stat.mtime_ns).max((root.stat.mtime_s, root.stat.mtime_ns));
        (above.stat.mtime_s, above.stat.mtime_ns) = newest;
        way.push(name);
        let next = names.next();
        let fresh = || if next.is_none() { Place::Root(index) } else { Place::Above(Above { stat: above_stat(&way), ..Above::default() }) };
        at = above.entries.entry(name.as_bytes().to_vec()).or_insert_with(fresh);
        match next {
            None => return matches!(at, Place::Root(own) if *own == index),
            Some(next) => name = next,
        }
    }
}

/// Mode and owner of a folder above; plain ones where it cannot be asked, since it was passed on the way here.
fn above_stat(path: &Path) -> Stat {
    let stat = rustix::fs::stat(path).map_or(Stat { mode: 0o040_755, ..Stat::default() }, Stat::from);
    Stat { mode: stat.mode, uid: stat.uid, gid: stat.gid, ..Stat::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[PathBuf]) -> Result<(Roots, Trouble), BackupError> {
        let trouble = Trouble::default();
        let files = Files { paths: paths.to_vec(), ..Files::default() };
        resolve(&files, Vec::new(), &"src".parse().unwrap(), &trouble).map(|roots| (roots, trouble))
    }

    #[test]
    fn a_path_below_another_is_no_place_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("a/b"));
        std::fs::create_dir_all(&b).unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let (roots, _) = found(&[b.clone(), a.clone(), a.join("."), folder.path().join("file")]).unwrap();
        assert_eq!(roots.list.iter().map(|root| root.path.clone()).collect::<Vec<_>>(), [a, b, folder.path().join("file")]);
        assert_eq!(roots.inner.iter().map(|(_, index)| *index).collect::<Vec<_>>(), [1]);
        assert!(roots.list[2].folder.is_none());
    }

    #[test]
    fn one_missing_path_of_several_is_told_and_the_only_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent");
        let (roots, trouble) = found(&[folder.path().to_owned(), absent.clone()]).unwrap();
        assert_eq!((roots.list.len(), trouble.take().errors[0].kind.as_str()), (1, MISSING));
        assert!(matches!(found(std::slice::from_ref(&absent)), Err(BackupError::Missing { path }) if path == absent));
        assert!(matches!(found(&[]), Err(BackupError::NoPath { .. })));
        for bad in ["relative", "/a/../b", ""] {
            assert!(matches!(found(&[bad.into()]), Err(BackupError::NotAbsolute { .. })), "{bad}");
        }
    }
}

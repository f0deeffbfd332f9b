//! Access to files below one folder, and to nothing else.
//!
//! [`crate::apply`], [`crate::verify`] and [`crate::target`] do all their file work through [`Root`]. The kernel resolves every
//! path with `RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS` (openat2(2), Linux 5.6), so that neither ".." nor a link that someone
//! plants while the restore runs can lead it elsewhere. It never follows a symbolic link below the root.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, RenameFlags, ResolveFlags, Stat, Timestamps, Uid};

/// Paths of more bytes are resolved in pieces; the kernel takes less than 4096 at once (`PATH_MAX`).
const PIECE: usize = 3072;

/// A folder that stays open.
#[derive(Debug)]
pub struct Root {
    fd: OwnedFd,
    path: PathBuf,
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: Vec<u8>,
    /// What it is, itself and not what it links to.
    pub kind: FileType,
    /// Bytes of a file.
    pub size_bytes: u64,
}

/// The folder that holds an entry, opened, and the entry's own name.
struct Place<'r, 'p> {
    parent: Parent<'r>,
    name: &'p [u8],
}

enum Parent<'r> {
    Root(BorrowedFd<'r>),
    Opened(OwnedFd),
}

impl Parent<'_> {
    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(fd) => *fd,
            Self::Opened(fd) => fd.as_fd(),
        }
    }
}

impl Root {
    /// Opens the folder `path`. Links in `path` itself are followed: the user named it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let fd = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn resolve(fd: impl AsFd, path: &[u8], flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let mut flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        if !flags.contains(OFlags::PATH) {
            flags |= OFlags::NOCTTY; // openat2 refuses it together with O_PATH
        }
        loop {
            match rustix::fs::openat2(fd.as_fd(), path, flags, mode, how) {
                // EAGAIN: something below was renamed at that moment and the kernel could not be sure (openat2(2)).
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }

    /// Opens `path`, which may be longer than the kernel takes at once.
    fn open_at(&self, path: &[u8], flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        if path.is_empty() {
            return Self::resolve(&self.fd, b".", flags, mode);
        }
        let (mut at, mut rest): (Option<OwnedFd>, &[u8]) = (None, path);
        while let Some(cut) = cut_at(rest) {
            let here = at.as_ref().map_or(self.fd.as_fd(), AsFd::as_fd);
            let next = Self::resolve(here, &rest[..cut], OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
            (at, rest) = (Some(next), &rest[cut + 1..]);
        }
        Self::resolve(at.as_ref().map_or(self.fd.as_fd(), AsFd::as_fd), rest, flags, mode)
    }

    fn place<'p>(&self, path: &'p [u8]) -> io::Result<Place<'_, 'p>> {
        let (parent, name) = match path.iter().rposition(|b| *b == b'/') {
            None => (Parent::Root(self.fd.as_fd()), path),
            Some(at) => (Parent::Opened(self.open_at(&path[..at], OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?), &path[at + 1..]),
        };
        // Names were checked when the tree was read; this is the last line of defence for calls that take a bare name.
        crate::path::check_name(name).map_err(|bad| io::Error::new(io::ErrorKind::InvalidInput, bad))?;
        Ok(Place { parent, name })
    }

    /// Makes a new file, readable by its owner alone until its metadata is set. Something of that name is an error.
    pub fn create_file(&self, path: &[u8]) -> io::Result<OwnedFd> {
        self.open_at(path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR)
    }

    /// Opens a file that is there, for writing.
    pub fn open_write(&self, path: &[u8]) -> io::Result<OwnedFd> {
        self.open_at(path, OFlags::WRONLY, Mode::empty())
    }

    /// Opens a file that is there, for reading. Never waits on a pipe or device in its place.
    pub fn open_read(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let fd = self.open_at(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
        match FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode) {
            FileType::RegularFile => Ok(fd),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
        }
    }

    /// Opens a folder.
    pub fn open_folder(&self, path: &[u8]) -> io::Result<OwnedFd> {
        self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
    }

    /// Makes a folder, for its owner alone until its metadata is set.
    pub fn make_folder(&self, path: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        Ok(rustix::fs::mkdirat(place.parent.fd(), place.name, Mode::RWXU)?)
    }

    /// What is at `path`, itself and not what it links to; `None` where nothing is.
    pub fn stat(&self, path: &[u8]) -> io::Result<Option<Stat>> {
        if path.is_empty() {
            return Ok(Some(rustix::fs::fstat(&self.fd)?));
        }
        let found = self.place(path).and_then(|place| Ok(rustix::fs::statat(place.parent.fd(), place.name, AtFlags::SYMLINK_NOFOLLOW)?));
        match found {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is in a folder, without "." and "..", in no order.
    pub fn entries(&self, path: &[u8]) -> io::Result<Vec<Listed>> {
        let fd = self.open_folder(path)?;
        let mut found = Vec::new();
        for entry in rustix::fs::Dir::read_from(&fd)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if matches!(name.as_slice(), b"." | b"..") {
                continue;
            }
            match rustix::fs::statat(&fd, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => {
                    let size_bytes = u64::try_from(stat.st_size).unwrap_or(0);
                    found.push(Listed { name, kind: FileType::from_raw_mode(stat.st_mode), size_bytes });
                }
                Err(rustix::io::Errno::NOENT) => {} // removed at this moment
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// Lets the owner into a folder, whatever mode it has.
    pub fn open_up(&self, path: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        Ok(rustix::fs::chmodat(place.parent.fd(), place.name, Mode::RWXU, AtFlags::empty())?)
    }

    /// Makes a symbolic link with the content `target`, which is never looked at.
    pub fn make_symlink(&self, target: &[u8], path: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        Ok(rustix::fs::symlinkat(target, place.parent.fd(), place.name)?)
    }

    /// The content of a symbolic link.
    pub fn read_symlink(&self, path: &[u8]) -> io::Result<Vec<u8>> {
        let place = self.place(path)?;
        Ok(rustix::fs::readlinkat(place.parent.fd(), place.name, Vec::new())?.into_bytes())
    }

    /// Sets owner and times of a symbolic link itself.
    pub fn set_symlink_meta(&self, path: &[u8], owner: Option<(u32, u32)>, times: &Timestamps) -> io::Result<()> {
        let place = self.place(path)?;
        if let Some((uid, gid)) = owner {
            let (uid, gid) = (Uid::from_raw_unchecked(uid), Gid::from_raw_unchecked(gid));
            rustix::fs::chownat(place.parent.fd(), place.name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(rustix::fs::utimensat(place.parent.fd(), place.name, times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Sets an extended attribute of a symbolic link itself. procfs leads to it, since no call takes a folder and a name.
    pub fn set_symlink_xattr(&self, path: &[u8], name: &[u8], value: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        let link = [format!("/proc/self/fd/{}/", place.parent.fd().as_raw_fd()).as_bytes(), place.name].concat();
        Ok(rustix::fs::lsetxattr(link.as_slice(), name, value, rustix::fs::XattrFlags::empty())?)
    }

    /// Gives the file `from` another name. A link in its place would be given the name itself: it is not followed.
    pub fn link(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        let (from, to) = (self.place(from)?, self.place(to)?);
        Ok(rustix::fs::linkat(from.parent.fd(), from.name, to.parent.fd(), to.name, AtFlags::empty())?)
    }

    /// Makes a pipe, socket or device, for its owner alone until its metadata is set.
    pub fn make_special(&self, path: &[u8], kind: FileType, device: Option<(u32, u32)>) -> io::Result<()> {
        let place = self.place(path)?;
        let device = device.map_or(0, |(major, minor)| rustix::fs::makedev(major, minor));
        Ok(rustix::fs::mknodat(place.parent.fd(), place.name, kind, Mode::RUSR | Mode::WUSR, device)?)
    }

    /// Opens `path` as a place, which does nothing to a pipe or device.
    pub fn open_place(&self, path: &[u8]) -> io::Result<OwnedFd> {
        self.open_at(path, OFlags::PATH, Mode::empty())
    }

    /// Renames `from` to `to` in the same folder, over what is there.
    pub fn rename_in_place(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        let (from, to) = (self.place(from)?, self.place(to)?);
        Ok(rustix::fs::renameat(to.parent.fd(), from.name, to.parent.fd(), to.name)?)
    }

    /// Renames `from` to `to`, in any folder of the same file system, where nothing has that name yet.
    pub fn rename_new(&self, from: &[u8], to: &[u8]) -> io::Result<()> {
        let (from, to) = (self.place(from)?, self.place(to)?);
        Ok(rustix::fs::renameat_with(from.parent.fd(), from.name, to.parent.fd(), to.name, RenameFlags::NOREPLACE)?)
    }

    /// Makes a folder, for its owner alone, unless one is there.
    pub fn ensure_folder(&self, path: &[u8]) -> io::Result<()> {
        match self.make_folder(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.open_folder(path).map(drop),
            other => other,
        }
    }

    /// Removes a folder that is empty.
    pub fn remove_folder(&self, path: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        Ok(rustix::fs::unlinkat(place.parent.fd(), place.name, AtFlags::REMOVEDIR)?)
    }

    /// Refuses a folder that belongs to somebody else, or that others may write to.
    pub fn own(&self, path: &[u8]) -> io::Result<()> {
        let stat = rustix::fs::fstat(self.open_folder(path)?)?;
        if stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o022 == 0 {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to somebody else, or others may write to it"))
    }

    /// All extended attributes of what is at `path`, itself and not what it links to.
    pub fn xattrs(&self, path: &[u8]) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        // Through procfs, since no call takes a folder and a name.
        let (place, fd);
        let at = if path.is_empty() {
            format!("/proc/self/fd/{}", self.fd.as_raw_fd()).into_bytes()
        } else if self.stat(path)?.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink) {
            place = self.place(path)?;
            [format!("/proc/self/fd/{}/", place.parent.fd().as_raw_fd()).as_bytes(), place.name].concat()
        } else {
            fd = self.open_place(path)?;
            let at = format!("/proc/self/fd/{}", fd.as_raw_fd()).into_bytes();
            return xattrs_at(&at, false);
        };
        xattrs_at(&at, !path.is_empty())
    }

    /// Waits until all that was written to the file system of the folder is on its disk (syncfs(2)). A write that failed behind our
    /// back since the folder was opened is an error here, from Linux 5.8 on.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.fd)?)
    }

    /// Removes a file or link.
    pub fn remove(&self, path: &[u8]) -> io::Result<()> {
        let place = self.place(path)?;
        Ok(rustix::fs::unlinkat(place.parent.fd(), place.name, AtFlags::empty())?)
    }
}

/// The most bytes of a list of names, and of one value: the limits of Linux.
const MAX_XATTR: usize = 64 << 10;

/// All extended attributes of an open file or folder.
pub(crate) fn xattrs_of(fd: BorrowedFd<'_>) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    xattrs_at(format!("/proc/self/fd/{}", fd.as_raw_fd()).as_bytes(), false)
}

fn xattrs_at(at: &[u8], is_link: bool) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut buffer = vec![0_u8; MAX_XATTR];
    let n = if is_link { rustix::fs::llistxattr(at, &mut buffer[..]) } else { rustix::fs::listxattr(at, &mut buffer[..]) }?;
    let names: Vec<Vec<u8>> = buffer[..n].split(|b| *b == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let value = if is_link {
            rustix::fs::lgetxattr(at, name.as_slice(), &mut buffer[..])
        } else {
            rustix::fs::getxattr(at, name.as_slice(), &mut buffer[..])
        };
        match value {
            Ok(n) => found.push((name, buffer[..n].to_vec())),
            Err(rustix::io::Errno::NODATA) => {} // removed at this moment
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// Where to cut a path that is too long for one call: at the last "/" within a piece.
fn cut_at(path: &[u8]) -> Option<usize> {
    let head = path.get(..PIECE)?;
    head.iter().rposition(|b| *b == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        std::fs::write(folder.path().join("outside"), "kept").unwrap();
        std::os::unix::fs::symlink("..", folder.path().join("in/up")).unwrap();
        std::os::unix::fs::symlink("../outside", folder.path().join("in/link")).unwrap();
        let root = Root::open(&folder.path().join("in")).unwrap();
        (folder, root)
    }

    #[test]
    fn nothing_outside_the_root_can_be_opened_made_or_removed() {
        let (folder, root) = root();
        for path in [&b"../outside"[..], b"/etc/passwd", b"up/outside", b"link", b"a/../../outside"] {
            assert!(root.open_read(path).is_err());
            assert!(root.open_write(path).is_err());
            assert!(root.create_file(path).is_err());
        }
        assert!(root.make_folder(b"up/new").is_err());
        assert!(root.make_folder(b"..").is_err());
        assert!(root.make_symlink(b"x", b"up/new").is_err());
        assert!(root.remove(b"up/outside").is_err());
        assert_eq!(std::fs::read(folder.path().join("outside")).unwrap(), b"kept");
        // The same calls inside do work, so that the refusals above mean something.
        root.make_folder(b"a").unwrap();
        root.make_folder(b"a/b").unwrap();
        root.make_symlink(b"x", b"a/b/link").unwrap();
        drop(root.create_file(b"a/b/file").unwrap());
        root.open_read(b"a/b/file").unwrap();
        root.remove(b"a/b/link").unwrap();
        assert!(!folder.path().join("new").exists());
    }

    #[test]
    fn a_path_longer_than_the_kernel_takes_is_reached() {
        let (_folder, root) = root();
        let mut path = Vec::new();
        for depth in 0..40 {
            if depth > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(&[b'd'; 200]);
            root.make_folder(&path).unwrap();
        }
        path.extend_from_slice(b"/file");
        assert!(path.len() > 8000);
        drop(root.create_file(&path).unwrap());
        assert!(root.open_read(&path).is_ok());
        assert_eq!(root.stat(&path).unwrap().unwrap().st_size, 0);
        // std cannot remove such a deep folder by one path; the names are taken away from the top.
    }
}

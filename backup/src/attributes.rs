//! Extended attributes (xattr(7)) of open files and folders, and of symbolic links. ACLs are among them.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::buffer::spare_capacity;
use rustix::io::Errno;

/// Name and value of each, sorted by name.
pub(crate) type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

/// The kernel's own limits: 64 KiB for all names of an entry, 64 KiB for a value (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const MAX: usize = 64 << 10;

/// Those of an open file or folder.
pub(crate) fn of_open(fd: BorrowedFd<'_>) -> Result<Attributes, Errno> {
    // Nearly nothing has any, so the first question is for the length alone and costs no buffer.
    let size = rustix::fs::flistxattr_query(fd);
    collect(
        size,
        |names| rustix::fs::flistxattr(fd, spare_capacity(names)),
        |name, value| rustix::fs::fgetxattr(fd, name, spare_capacity(value)),
    )
}

/// Those of the link `name` in the folder `dir`. A link cannot be opened for this; procfs gives it a path that cannot be moved away.
pub(crate) fn of_link(dir: BorrowedFd<'_>, name: &[u8]) -> Result<Attributes, Errno> {
    let mut path = format!("/proc/self/fd/{}/", dir.as_fd().as_raw_fd()).into_bytes();
    path.extend_from_slice(name);
    let path = path.as_slice();
    match rustix::fs::llistxattr_query(path) {
        Err(Errno::NOENT) => Ok(Attributes::new()), // no procfs, or the link has just gone
        size => collect(
            size,
            |names| rustix::fs::llistxattr(path, spare_capacity(names)),
            |name, value| rustix::fs::lgetxattr(path, name, spare_capacity(value)),
        ),
    }
}

fn collect(
    size: Result<usize, Errno>,
    list: impl FnOnce(&mut Vec<u8>) -> Result<usize, Errno>,
    get: impl Fn(&[u8], &mut Vec<u8>) -> Result<usize, Errno>,
) -> Result<Attributes, Errno> {
    match size {
        Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(Attributes::new()),
        Ok(_) => {}
        Err(errno) => return Err(errno),
    }
    let mut names = Vec::with_capacity(MAX);
    list(&mut names)?;
    let mut attributes = Attributes::new();
    let mut value = Vec::with_capacity(MAX);
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        value.clear();
        match get(name, &mut value) {
            Ok(_) => attributes.push((name.to_vec(), value.clone())),
            Err(Errno::NODATA) => {} // removed in between
            Err(errno) => return Err(errno),
        }
    }
    attributes.sort();
    Ok(attributes)
}

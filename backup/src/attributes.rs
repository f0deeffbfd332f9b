//! What the file system says of an entry beside stat(2): extended attributes (xattr(7)), of which ACLs are some, inode flags, when it was
//! made, and which other names are the same file.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use base::Digest;
use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, IFlags, StatxFlags};
use rustix::io::Errno;

use crate::stat::Stat;

/// Name and value of each, sorted by name.
pub(crate) type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// The name of a group of hard links.
pub(crate) type Link = [u8; 16];

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub xattrs: Xattrs,
    /// Those of chattr(1) that a person sets.
    pub flags: u32,
    /// Seconds and nanoseconds, where the file system tells.
    pub birth: Option<(i64, u32)>,
    /// Set for what has several names.
    pub link: Option<Link>,
}

/// Flags that a person sets. The others tell how a file system keeps a file, and would mean something else on the next one.
const SETTABLE: IFlags = IFlags::APPEND
    .union(IFlags::IMMUTABLE)
    .union(IFlags::NODUMP)
    .union(IFlags::NOATIME)
    .union(IFlags::NOCOW)
    .union(IFlags::COMPRESSED)
    .union(IFlags::DIRSYNC)
    .union(IFlags::SYNC)
    .union(IFlags::JOURNALING)
    .union(IFlags::TOPDIR)
    .union(IFlags::NOTAIL)
    .union(IFlags::UNRM)
    .union(IFlags::SECURE_REMOVAL);

/// The kernel's own limits: 64 KiB for all names of an entry, 64 KiB for a value (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const MAX: usize = 64 << 10;

/// Those of an open file or folder.
pub(crate) fn of_open(fd: BorrowedFd<'_>, stat: &Stat) -> Result<Attributes, Errno> {
    // Nearly nothing has any, so the first question is for the length alone and costs no buffer.
    let size = rustix::fs::flistxattr_query(fd);
    let xattrs = collect(
        size,
        |names| rustix::fs::flistxattr(fd, spare_capacity(names)),
        |name, value| rustix::fs::fgetxattr(fd, name, spare_capacity(value)),
    )?;
    // A file system without flags refuses the question, each in its own words.
    let flags = rustix::fs::ioctl_getflags(fd).map_or(0, |flags| (flags & SETTABLE).bits());
    let birth = birth_of(fd, b"", AtFlags::EMPTY_PATH);
    Ok(Attributes { xattrs, flags, birth, link: link_of(stat, birth) })
}

/// Those of what is not opened, `name` in the folder `dir`: a symbolic link cannot be, and a pipe or device would act. procfs gives it a
/// path that cannot be moved away. Flags cannot be asked for in this way.
pub(crate) fn of_name(dir: BorrowedFd<'_>, name: &[u8], stat: &Stat) -> Result<Attributes, Errno> {
    let mut path = format!("/proc/self/fd/{}/", dir.as_fd().as_raw_fd()).into_bytes();
    path.extend_from_slice(name);
    let path = path.as_slice();
    let xattrs = match rustix::fs::llistxattr_query(path) {
        Err(Errno::NOENT) => Xattrs::new(), // no procfs, or it has just gone
        size => collect(
            size,
            |names| rustix::fs::llistxattr(path, spare_capacity(names)),
            |name, value| rustix::fs::lgetxattr(path, name, spare_capacity(value)),
        )?,
    };
    let birth = birth_of(dir, name, AtFlags::SYMLINK_NOFOLLOW);
    Ok(Attributes { xattrs, flags: 0, birth, link: link_of(stat, birth) })
}

/// When it was made. A file system or kernel that does not tell is no trouble.
fn birth_of(dir: BorrowedFd<'_>, name: &[u8], flags: AtFlags) -> Option<(i64, u32)> {
    let told = rustix::fs::statx(dir, name, flags, StatxFlags::BTIME).ok()?;
    let has_it = told.stx_mask & StatxFlags::BTIME.bits() != 0 && told.stx_btime.tv_nsec < 1_000_000_000;
    has_it.then_some((told.stx_btime.tv_sec, told.stx_btime.tv_nsec))
}

/// What all names of one file have in common. Device numbers are given anew at each boot: two files that a snapshot has from two
/// boots are told apart by when they were made.
fn link_of(stat: &Stat, birth: Option<(i64, u32)>) -> Option<Link> {
    if !stat.is_linked() {
        return None;
    }
    let (s, ns) = birth.unwrap_or_default();
    let all = [stat.dev.to_le_bytes(), stat.ino.to_le_bytes(), s.to_le_bytes(), u64::from(ns).to_le_bytes()].concat();
    Digest::of(&all).as_bytes().first_chunk().copied()
}

fn collect(
    size: Result<usize, Errno>,
    list: impl FnOnce(&mut Vec<u8>) -> Result<usize, Errno>,
    get: impl Fn(&[u8], &mut Vec<u8>) -> Result<usize, Errno>,
) -> Result<Xattrs, Errno> {
    match size {
        Ok(0) | Err(Errno::OPNOTSUPP) => return Ok(Xattrs::new()),
        Ok(_) => {}
        Err(errno) => return Err(errno),
    }
    let mut names = Vec::with_capacity(MAX);
    list(&mut names)?;
    let mut attributes = Xattrs::new();
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

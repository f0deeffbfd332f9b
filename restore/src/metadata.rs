//! Sets owner, mode, extended attributes and times of what was restored.
//!
//! [`crate::apply`] calls it when the content is there. What cannot be set is told, and never stops a restore.

use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::fs::{Gid, IFlags, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags};

use crate::beneath::Root;
use crate::path::shown;
use crate::tree::{Attribute, Attributes};

/// Bits that give a program its owner's rights: setuid and setgid.
const SPECIAL: u32 = 0o6000;

/// What of the recorded metadata is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setter {
    /// Owners are set, which only root may do.
    pub owners: bool,
    /// Setuid, setgid and `security.*`, `trusted.*` attributes are set.
    pub special: bool,
    /// What is there already gets what is recorded and nothing else: further extended attributes go. What is equal is not touched.
    pub exact: bool,
}

/// Hears of each thing that could not be set, and why.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(String, String);

impl Setter {
    /// Sets what can be set on an open file or folder. Times come last: everything before would change them.
    pub fn set(self, fd: BorrowedFd<'_>, wanted: &Attributes, tell: Tell<'_>) {
        if self.exact && make_exact(fd, wanted, tell) {
            return;
        }
        let mut has_owner = true;
        if self.owners {
            let (uid, gid) = (Uid::from_raw_unchecked(wanted.uid), Gid::from_raw_unchecked(wanted.gid));
            let done = rustix::fs::fchown(fd, Some(uid), Some(gid));
            has_owner = done.is_ok();
            note("owner", done, tell);
        } else if rustix::fs::fstat(fd).is_ok_and(|there| (there.st_uid, there.st_gid) != (wanted.uid, wanted.gid)) {
            tell("owner".to_owned(), OWNER.to_owned());
        }
        for (name, value) in wanted.xattrs.iter().flat_map(|list| list.iter()) {
            let what = format!("xattr {}", shown(name));
            if is_guarded(name) && !self.special {
                tell(what, GUARDED.to_owned());
            } else {
                note(&what, rustix::fs::fsetxattr(fd, name.as_slice(), value, XattrFlags::empty()), tell);
            }
        }
        let dropped = if self.special && has_owner { 0 } else { wanted.mode & SPECIAL };
        if dropped != 0 {
            // Under the owner that restores it, root most likely, the program would have rights that it never had.
            let why = if self.special { "not set, since its owner could not be" } else { "set only when asked for" };
            tell("mode".to_owned(), format!("setuid and setgid are {why}"));
        }
        note("mode", rustix::fs::fchmod(fd, Mode::from_raw_mode(wanted.mode & 0o7777 & !dropped)), tell);
        note("time", times(wanted).and_then(|times| rustix::fs::futimens(fd, &times)), tell);
    }

    /// Sets owner, mode and time of a pipe, socket or device, which is not opened for it.
    pub fn set_special(self, root: &Root, path: &[u8], wanted: &Attributes, tell: Tell<'_>) {
        // The owner first: a change of owner takes setuid and setgid away.
        let owner = self.owners.then_some((wanted.uid, wanted.gid));
        let done = times(wanted).map_err(std::io::Error::from).and_then(|times| root.set_symlink_meta(path, owner, &times));
        if let Err(error) = &done {
            tell("owner or time".to_owned(), error.to_string());
        }
        let dropped = if self.special && done.is_ok() { 0 } else { SPECIAL };
        let opened = root.open_place(path).and_then(|fd| {
            // Through procfs, since fchmod(2) takes no place; what the descriptor holds cannot be moved away.
            let place = format!("/proc/self/fd/{}", fd.as_raw_fd());
            for (name, value) in wanted.xattrs.iter().flat_map(|list| list.iter()) {
                let what = format!("xattr {}", shown(name));
                if is_guarded(name) && !self.special {
                    tell(what, GUARDED.to_owned());
                } else {
                    note(&what, rustix::fs::setxattr(place.as_str(), name.as_slice(), value, XattrFlags::empty()), tell);
                }
            }
            Ok(rustix::fs::chmod(place.as_str(), Mode::from_raw_mode(wanted.mode & 0o7777 & !dropped))?)
        });
        if let Err(error) = opened {
            tell("mode".to_owned(), error.to_string());
        }
    }

    /// Sets inode flags (chattr(1)). Those that keep even the owner from writing or removing are set only when asked for.
    pub fn set_flags(self, fd: BorrowedFd<'_>, wanted: u32, tell: Tell<'_>) {
        let lasting = IFlags::IMMUTABLE | IFlags::APPEND;
        let mut wanted = IFlags::from_bits_truncate(wanted) & settable();
        if wanted.intersects(lasting) && !self.special {
            tell("flags".to_owned(), "immutable and append-only are set only when asked for".to_owned());
            wanted -= lasting;
        }
        let done = rustix::fs::ioctl_getflags(fd).and_then(|there| {
            let flags = (there - settable()) | wanted;
            if flags == there { Ok(()) } else { rustix::fs::ioctl_setflags(fd, flags) }
        });
        note("flags", done, tell);
    }

    /// Sets what a symbolic link has: owner, extended attributes and time.
    pub fn set_symlink(self, root: &Root, path: &[u8], wanted: &Attributes, tell: Tell<'_>) {
        for (name, value) in wanted.xattrs.iter().flat_map(|list| list.iter()) {
            let what = format!("xattr {}", shown(name));
            if is_guarded(name) && !self.special {
                tell(what, GUARDED.to_owned());
            } else if let Err(error) = root.set_symlink_xattr(path, name, value) {
                tell(what, error.to_string());
            }
        }
        let owner = self.owners.then_some((wanted.uid, wanted.gid));
        let done = times(wanted).map_err(std::io::Error::from).and_then(|times| root.set_symlink_meta(path, owner, &times));
        if let Err(error) = done {
            tell("owner or time".to_owned(), error.to_string());
        }
    }
}

/// Removes extended attributes that are not recorded, and tells whether all that is recorded is as it should be.
fn make_exact(fd: BorrowedFd<'_>, wanted: &Attributes, tell: Tell<'_>) -> bool {
    let there = crate::beneath::xattrs_of(fd).unwrap_or_default(); // a file system without them has none
    let recorded: &[Attribute] = wanted.xattrs.as_ref().map_or(&[], |list| list.as_slice());
    for (name, _) in there.iter().filter(|(name, _)| !is_guarded(name) && !recorded.iter().any(|(known, _)| known == name)) {
        note(&format!("xattr {}", shown(name)), rustix::fs::fremovexattr(fd, name.as_slice()), tell);
    }
    let Ok(stat) = rustix::fs::fstat(fd) else { return false };
    let is_same = (stat.st_uid, stat.st_gid, stat.st_mode & 0o7777) == (wanted.uid, wanted.gid, wanted.mode & 0o7777)
        && (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).ok()) == (wanted.mtime_s, Some(wanted.mtime_ns));
    is_same && recorded.iter().all(|wanted| there.contains(wanted))
}

/// Flags that a person sets; the others tell of how a file system keeps a file.
fn settable() -> IFlags {
    IFlags::APPEND
        | IFlags::IMMUTABLE
        | IFlags::NODUMP
        | IFlags::NOATIME
        | IFlags::NOCOW
        | IFlags::COMPRESSED
        | IFlags::DIRSYNC
        | IFlags::SYNC
        | IFlags::JOURNALING
        | IFlags::TOPDIR
        | IFlags::NOTAIL
        | IFlags::UNRM
        | IFlags::SECURE_REMOVAL
}

/// Why an owner is not set.
const OWNER: &str = "only root may give files to others";

/// Why an attribute is not set.
const GUARDED: &str = "attributes that give rights are set only when asked for";

fn is_guarded(name: &[u8]) -> bool {
    [&b"security."[..], b"trusted."].iter().any(|prefix| name.starts_with(prefix))
}

fn note(what: &str, done: rustix::io::Result<()>, tell: Tell<'_>) {
    if let Err(error) = done {
        tell(what.to_owned(), std::io::Error::from(error).to_string());
    }
}

/// The recorded time of change; the time of access stays. A nanosecond count out of range would mean "now" to the kernel.
fn times(wanted: &Attributes) -> rustix::io::Result<Timestamps> {
    if wanted.mtime_ns >= 1_000_000_000 {
        return Err(rustix::io::Errno::INVAL);
    }
    Ok(Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: wanted.mtime_s, tv_nsec: i64::from(wanted.mtime_ns) },
    })
}

//! Sets owner, mode, extended attributes and times of what was restored.
//!
//! [`crate::apply`] calls it when the content is there. What cannot be set is told, and never stops a restore.

use std::os::fd::BorrowedFd;

use rustix::fs::{Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags};

use crate::beneath::Root;
use crate::path::shown;
use crate::tree::Attributes;

/// Bits that give a program its owner's rights: setuid and setgid.
const SPECIAL: u32 = 0o6000;

/// What of the recorded metadata is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setter {
    /// Owners are set, which only root may do.
    pub owners: bool,
    /// Setuid, setgid and `security.*`, `trusted.*` attributes are set.
    pub special: bool,
}

/// Hears of each thing that could not be set, and why.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(String, String);

impl Setter {
    /// Sets what can be set on an open file or folder. Times come last: everything before would change them.
    pub fn set(self, fd: BorrowedFd<'_>, wanted: &Attributes, tell: Tell<'_>) {
        let mut has_owner = true;
        if self.owners {
            let (uid, gid) = (Uid::from_raw_unchecked(wanted.uid), Gid::from_raw_unchecked(wanted.gid));
            let done = rustix::fs::fchown(fd, Some(uid), Some(gid));
            has_owner = done.is_ok();
            note("owner", done, tell);
        }
        for (name, value) in wanted.xattrs.iter().flat_map(|list| list.iter()) {
            let what = format!("xattr {}", shown(name));
            let guarded = [&b"security."[..], b"trusted."].iter().any(|prefix| name.starts_with(prefix));
            if guarded && !self.special {
                tell(what, "attributes that give rights are set only when asked for".to_owned());
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

    /// Sets what a symbolic link has: owner and time. Its extended attributes are told as not set.
    pub fn set_symlink(self, root: &Root, path: &[u8], wanted: &Attributes, tell: Tell<'_>) {
        let owner = self.owners.then_some((wanted.uid, wanted.gid));
        let done = times(wanted).map_err(std::io::Error::from).and_then(|times| root.set_symlink_meta(path, owner, &times));
        if let Err(error) = done {
            tell("owner or time".to_owned(), error.to_string());
        }
        for (name, _) in wanted.xattrs.iter().flat_map(|list| list.iter()) {
            tell(format!("xattr {}", shown(name)), "attributes of symbolic links are not restored".to_owned());
        }
    }
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

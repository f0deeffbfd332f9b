//! Writes a small file with a nonce and the time into the source before it is read, so that a drill can tell that what it restored
//! is what this backup saw, and how old it is.
//!
//! The file is one line: `lifeboat-canary <nonce> <RFC 3339 instant>`. `run` keeps both in the snapshot.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use jiff::Timestamp;
use repository::format::snapshot::Canary;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

/// Writes `relative` below `root`, in place of the last one. Folders on the way must exist, and none of them may be a link.
pub(crate) fn write(root: &Path, relative: &Path, now: Timestamp) -> io::Result<Canary> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    let nonce = hex::encode(nonce);
    let (folder, name) = open_parent(root, relative)?;
    let temporary = format!(".lifeboat-{nonce}.tmp");
    let result = replace(&folder, &temporary, name, &format!("lifeboat-canary {nonce} {now}\n"));
    if result.is_err() {
        let _ = rustix::fs::unlinkat(&folder, temporary.as_str(), AtFlags::empty()); // the first error is the one to tell
    }
    result?;
    Ok(Canary { path: base::name::shown(root.join(relative).as_os_str().as_bytes()), nonce, at: now })
}

fn replace(folder: &OwnedFd, temporary: &str, name: &[u8], line: &str) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(folder, temporary, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        // Whatever is there and is not a plain file was not put there by us, and is not ours to replace.
        Ok(stat) if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile => {
            return Err(Errno::EXIST.into());
        }
        Ok(_) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    Ok(rustix::fs::renameat_with(folder, temporary, folder, name, RenameFlags::empty())?)
}

fn open_parent<'a>(root: &Path, relative: &'a Path) -> io::Result<(OwnedFd, &'a [u8])> {
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, "a canary is a relative path without \"..\"");
    let mut names = Vec::new();
    for component in relative.components() {
        match component {
            Component::Normal(name) => names.push(name.as_bytes()),
            Component::CurDir => {}
            _ => return Err(refused()),
        }
    }
    let name = names.pop().ok_or_else(refused)?;
    let mut folder = rustix::fs::open(root, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    for name in names {
        folder = crate::directory::open(folder.as_fd(), name, false)?;
    }
    Ok((folder, name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn a_canary_is_replaced_whole_and_readable_by_its_owner_alone() {
        let root = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        for _ in 0..2 {
            let canary = write(root.path(), Path::new("canary"), now).unwrap();
            let path = root.path().join("canary");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("lifeboat-canary {} 2026-01-02T03:04:05Z\n", canary.nonce));
            assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
            assert_eq!(canary.path, path.to_str().unwrap());
        }
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_canary_never_leaves_its_source_or_replaces_what_is_no_plain_file() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), root.path().join("way-out")).unwrap();
        symlink(outside.path().join("x"), root.path().join("link")).unwrap();
        std::fs::create_dir(root.path().join("folder")).unwrap();
        for bad in ["../x", "/etc/x", "", ".", "way-out/x", "link", "folder", "absent/x"] {
            assert!(write(root.path(), Path::new(bad), Timestamp::UNIX_EPOCH).is_err(), "{bad}");
        }
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 3);
    }
}

//! Writes and deletes objects of a folder, so that a crash at any moment leaves each object whole or absent.
//!
//! Order: temporary file, fsync, rename that refuses to replace, fsync of the folder. A failed fsync is final: the file is
//! removed, and nobody tries the same file again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use base::Digest;
use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use crate::error::{Attempt, StoreError};
use crate::key::Key;
use crate::store::Put;

use super::{Place, UNFINISHED, failure};

/// A temporary file that is older than this belongs to nobody: no put of one object takes so long.
const LEFTOVER_AGE: Duration = Duration::from_hours(24);
/// Folders that are remembered as durable; beyond it they are made durable anew, which only costs time.
const MAX_REMEMBERED: usize = 65_536;

/// The steps that a disk may refuse. Tests put failing ones in their place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disk {
    pub(super) sync: fn(&File) -> io::Result<()>,
    pub(super) rename_new: fn(&Path, &Path) -> Result<(), Errno>,
}

impl Disk {
    pub(super) const REAL: Self = Self { sync: File::sync_all, rename_new };
}

fn rename_new(from: &Path, to: &Path) -> Result<(), Errno> {
    rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
}

pub(super) fn put_new(place: &Place, key: &Key, body: &[u8], digest: Digest, attempt: &Attempt) -> Result<Put, StoreError> {
    if Digest::of(body) != digest {
        return Err(StoreError::Corrupt { attempt: attempt.clone(), source: None });
    }
    let target = place.path_of(key);
    if target.symlink_metadata().is_ok() {
        return Err(StoreError::Exists { key: key.clone() });
    }
    let of_step = |error: io::Error| match error.kind() {
        // The root was looked at just now; it is a part of the key that is an object, which `Key` forbids its users.
        io::ErrorKind::NotADirectory => StoreError::Other { attempt: attempt.clone(), source: Some(Arc::new(error)) },
        _ => failure::of_place(error, attempt.clone()),
    };
    let folder = target.parent().unwrap_or(&place.root);
    make_durable_folder(place, folder).map_err(of_step)?;
    let unfinished = write_unfinished(place, body).map_err(of_step)?;
    if let Err(error) = move_to(place.disk, &unfinished, &target) {
        remove(&unfinished);
        return Err(match error.kind() {
            io::ErrorKind::AlreadyExists => StoreError::Exists { key: key.clone() },
            _ => of_step(error),
        });
    }
    if let Err(error) = sync_folder(folder, place.disk) {
        // The name may or may not survive a crash; an object that was not acknowledged must not look stored.
        remove(&target);
        return Err(of_step(error));
    }
    Ok(Put { date: target.symlink_metadata().ok().and_then(|metadata| changed(&metadata)) })
}

pub(super) fn delete(place: &Place, key: &Key, attempt: &Attempt) -> Result<(), StoreError> {
    let target = place.path_of(key);
    match fs::remove_file(&target) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory => return Ok(()),
        Err(error) => return Err(failure::of_place(error, attempt.clone())),
    }
    let folder = target.parent().unwrap_or(&place.root);
    sync_folder(folder, place.disk).map_err(|error| failure::of_place(error, attempt.clone()))
}

/// Makes the root and what is missing above it.
pub(super) fn make_root(root: &Path, disk: Disk) -> io::Result<()> {
    let missing: Vec<&Path> = root.ancestors().take_while(|path| path.symlink_metadata().is_err()).collect();
    for path in missing.into_iter().rev() {
        make_folder(path)?;
        if let Some(above) = path.parent() {
            sync_folder(above, disk)?;
        }
    }
    Ok(())
}

/// Makes the folders between the root and `folder`, and their names durable. A folder that another process has just made
/// may still be lost in a crash, with our object in it: so each is made durable once, whoever made it.
fn make_durable_folder(place: &Place, folder: &Path) -> io::Result<()> {
    let known = |path: &Path| place.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(path);
    let below: Vec<&Path> = folder.ancestors().take_while(|path| *path != place.root).collect();
    for path in below.into_iter().rev() {
        let made = make_folder(path)?;
        if !made && known(path) {
            continue;
        }
        sync_folder(path.parent().unwrap_or(&place.root), place.disk)?;
        let mut durable = place.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.len() >= MAX_REMEMBERED {
            durable.clear();
        }
        durable.insert(path.to_owned());
    }
    Ok(())
}

/// Makes a folder, and says whether it was missing.
fn make_folder(path: &Path) -> io::Result<bool> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes `body` to a new temporary file and makes it durable.
fn write_unfinished(place: &Place, body: &[u8]) -> io::Result<PathBuf> {
    let folder = place.root.join(UNFINISHED);
    make_folder(&folder)?;
    let path = folder.join(random_name()?);
    // 0644 less the umask: whoever shares the folder on purpose may read it, and what is in it is encrypted.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path)?;
    let written = file.write_all(body).and_then(|()| (place.disk.sync)(&file));
    if let Err(error) = written {
        drop(file);
        remove(&path);
        return Err(error);
    }
    if !place.swept.swap(true, Ordering::Relaxed) {
        sweep(&folder, &file);
    }
    Ok(path)
}

/// 32 hexadecimal digits that no other process chooses.
fn random_name() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}

/// Removes temporary files that crashed processes have left. Their age is measured by the clock of the file system: the
/// time of a file that was written just now.
fn sweep(folder: &Path, fresh: &File) {
    let Some(now) = fresh.metadata().and_then(|metadata| metadata.modified()).ok() else { return };
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|then| now.duration_since(then).ok());
        if age.is_some_and(|age| age > LEFTOVER_AGE) {
            tracing::info!(file = %entry.path().display(), "removed a temporary file that a crash had left");
            remove(&entry.path());
        }
    }
}

/// Gives a temporary file its name, or says that the name is taken.
pub(super) fn move_to(disk: Disk, from: &Path, to: &Path) -> io::Result<()> {
    match (disk.rename_new)(from, to) {
        Ok(()) => Ok(()),
        // Kernels before 3.15 and some file systems (NFS, older FUSE) know no such flag. A second name for the same file
        // is refused by all of them when the name is taken.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            fs::hard_link(from, to)?;
            remove(from);
            Ok(())
        }
        Err(errno) => Err(errno.into()),
    }
}

fn sync_folder(folder: &Path, disk: Disk) -> io::Result<()> {
    match (disk.sync)(&File::open(folder)?) {
        // Some network file systems (SMB) cannot sync a folder and say so; they have no step between to lose.
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::INVAL | Errno::NOTSUP)) => Ok(()),
        result => result,
    }
}

/// Removes a file that nobody was told is stored.
fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(file = %path.display(), %error, "could not remove a file that was not acknowledged");
    }
}

/// When the file got its name: the clock of the file system, as near to the answer as it tells.
fn changed(metadata: &fs::Metadata) -> Option<Timestamp> {
    Timestamp::new(metadata.ctime(), i32::try_from(metadata.ctime_nsec()).ok()?).ok()
}

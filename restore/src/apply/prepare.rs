//! The first part of a restore: folders are made, what is there already is compared, tiny files are written.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use repository::format::tree::spread;
use rustix::fs::FileType;

use super::job::{Job, State};
use crate::parallel;
use crate::plan::Action;
use crate::progress::Stage;
use crate::report::Step;
use crate::tree::{Data, Kind, Special};
use crate::verify;

/// Runs the part. Blocks.
pub(super) fn run(job: &Job) {
    let counts = job.plan.preview().total;
    job.progress.begin(Stage::Restore, counts.files, counts.bytes);
    // Folders first and alone: each needs the one it is in.
    for i in 0..job.plan.tree.entries().len() {
        if job.cancel.is_cancelled() {
            return;
        }
        if job.entry(i).kind == Kind::Folder {
            folder(job, i);
        }
    }
    parallel::each(job.options.threads, job.plan.tree.entries().len(), &job.cancel, |i, buffer| match &job.entry(i).kind {
        Kind::Folder => {}
        _ if matches!(job.action(i), Action::Keep | Action::Skip) || !parent_is_there(job, i) || job.twin(i).is_some() => {}
        Kind::File { size, data } => {
            if job.action(i) == Action::Compare && is_equal(job, i, *size, data, buffer) {
                job.set_state(i, State::Left);
                job.progress.advance(1, *size);
            } else if let Some(bytes) = data.in_tree() {
                match create(job, i).and_then(|file| write_data(&file, *size, data, 0, bytes)) {
                    Ok(()) => job.set_state(i, State::Begun),
                    Err(error) => job.fail_io(i, "write it", error),
                }
                job.progress.advance(1, *size);
            } else if matches!(job.action(i), Action::Compare | Action::Replace) {
                // What cannot be read or taken over is fetched.
                if let Err(error) = reuse(job, i, *size, data, buffer) {
                    tracing::debug!(%error, "nothing of the file that is there is used");
                }
            }
        }
        Kind::Symlink(target) => symlink(job, i, target),
        Kind::Special(what) => special(job, i, *what),
    });
}

/// Whether the folder of an entry could be made. If not, its problem says enough.
pub(super) fn parent_is_there(job: &Job, i: usize) -> bool {
    job.entry(i).parent.is_none_or(|p| job.state(p as usize) != State::Failed)
}

/// Writes a part of a file's data. What lies in a hole is never written; the file gets its length where the end is one.
pub(super) fn write_data(file: &File, size: u64, data: &Data, from: u64, bytes: &[u8]) -> io::Result<()> {
    if !data.holes().is_empty() && from == 0 {
        file.set_len(size)?;
    }
    spread(data.holes(), from, bytes.len()).into_iter().try_for_each(|(at, range)| file.write_all_at(&bytes[range], at))
}

/// Makes a pipe, socket or device. Nobody opens it: a pipe would wait, a device would act.
fn special(job: &Job, i: usize, what: Special) {
    let path = job.path(i);
    let (kind, device) = match what {
        Special::Fifo => (FileType::Fifo, None),
        Special::Socket => (FileType::Socket, None),
        Special::CharDevice(device) => (FileType::CharacterDevice, Some(device)),
        Special::BlockDevice(device) => (FileType::BlockDevice, Some(device)),
    };
    if device.is_some() && !job.options.special_bits {
        job.gap(i, "device".to_owned(), "devices are made only when asked for".to_owned());
        return job.set_state(i, State::Left);
    }
    if job.action(i) == Action::Compare {
        let there = job.root.stat(path.as_bytes()).ok().flatten();
        let number = device.map_or(0, |device| rustix::fs::makedev(device.major, device.minor));
        let is_same = there.is_some_and(|there| FileType::from_raw_mode(there.st_mode) == kind && there.st_rdev == number);
        if is_same {
            return job.set_state(i, State::Left);
        } else if job.aside.is_none() {
            return job.fail(i, Step::Write, "a pipe, socket or device of another kind is there".to_owned());
        }
    }
    match job.root.make_special(job.write_path(i).as_bytes(), kind, device.map(|device| (device.major, device.minor))) {
        Ok(()) => job.set_state(i, State::Begun),
        Err(error) => job.fail_io(i, "make it", error),
    }
}

/// Makes the file that takes an entry's content.
pub(super) fn create(job: &Job, i: usize) -> io::Result<File> {
    let path = job.write_path(i);
    match job.root.create_file(path.as_bytes()) {
        // What an interrupted run left beside the file it could not yet replace.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && job.replaces(i) => {
            job.root.remove(path.as_bytes())?;
            job.root.create_file(path.as_bytes())
        }
        other => other,
    }
    .map(File::from)
}

fn folder(job: &Job, i: usize) {
    if matches!(job.action(i), Action::Keep | Action::Skip) {
        return;
    }
    if !parent_is_there(job, i) {
        job.set_state(i, State::Failed);
        return;
    }
    let path = job.path(i);
    let made = match job.action(i) {
        Action::Create => job.root.make_folder(path.as_bytes()),
        Action::Displace => job.take(&path).and_then(|()| job.root.make_folder(path.as_bytes())),
        // A folder that an interrupted run gave its final mode may refuse its owner; until the end it is open to us.
        Action::Adopt => job.root.open_folder(path.as_bytes()).and_then(|fd| {
            let folder = File::from(fd);
            let mode = folder.metadata()?.permissions().mode();
            if mode & 0o700 == 0o700 { Ok(()) } else { folder.set_permissions(std::fs::Permissions::from_mode(mode | 0o700)) }
        }),
        _ => job.root.open_folder(path.as_bytes()).map(drop),
    };
    match made {
        Ok(()) => job.set_state(i, State::Begun),
        Err(error) => job.fail_io(i, "make the folder", error),
    }
}

fn is_equal(job: &Job, i: usize, size: u64, data: &Data, buffer: &mut Vec<u8>) -> bool {
    let path = job.path(i);
    let Ok(fd) = job.root.open_read(path.as_bytes()) else { return false };
    let equal = verify::difference(&File::from(fd), size, data, &job.hasher, buffer).is_ok_and(|found| found.is_none());
    if equal {
        job.compared.0.fetch_add(1, Ordering::Relaxed);
        job.compared.1.fetch_add(size, Ordering::Relaxed);
    }
    equal
}

/// Begins a new file with those chunks that the old one has at the same places; only the others are fetched.
fn reuse(job: &Job, i: usize, size: u64, data: &Data, buffer: &mut Vec<u8>) -> io::Result<()> {
    let old = File::from(job.root.open_read(job.path(i).as_bytes())?);
    let length = old.metadata()?.len();
    let (mut new, mut offset, mut there) = (None, 0, Vec::with_capacity(data.chunks().len()));
    for chunk in data.chunks() {
        buffer.resize(chunk.len as usize, 0);
        let is_there =
            length >= chunk.len.into() && verify::read_data(&old, data, offset, buffer).is_ok() && job.hasher.id(buffer) == chunk.id;
        if is_there {
            let file = if let Some(file) = new.take() {
                file
            } else {
                let file = create(job, i)?;
                file.set_len(size)?;
                job.set_state(i, State::Begun);
                file
            };
            let written = spread(data.holes(), offset, buffer.len()).into_iter().try_for_each(|(at, range)| {
                let piece = &buffer[range];
                if piece.iter().all(|b| *b == 0) { Ok(()) } else { file.write_all_at(piece, at) }
            });
            new = Some(file);
            if let Err(error) = written {
                job.fail_io(i, "write it", error);
                return Ok(());
            }
            job.reused.fetch_add(u64::from(chunk.len), Ordering::Relaxed);
            job.progress.advance(u64::from(offset == 0), u64::from(chunk.len));
        }
        there.push(is_there);
        offset += u64::from(chunk.len);
    }
    if new.is_some() {
        job.parts.lock().unwrap_or_else(PoisonError::into_inner).insert(i, there);
    }
    Ok(())
}

fn symlink(job: &Job, i: usize, target: &[u8]) {
    let (path, write_path) = (job.path(i), job.write_path(i));
    if job.action(i) == Action::Compare && job.root.read_symlink(path.as_bytes()).is_ok_and(|there| there == target) {
        job.set_state(i, State::Left);
        return;
    }
    let made = match job.root.make_symlink(target, write_path.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && job.replaces(i) => {
            job.root.remove(write_path.as_bytes()).and_then(|()| job.root.make_symlink(target, write_path.as_bytes()))
        }
        other => other,
    };
    match made {
        Ok(()) => job.set_state(i, State::Begun),
        Err(error) => job.fail_io(i, "make the link", error),
    }
}

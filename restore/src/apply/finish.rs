//! The last part of a restore: every file is read back and compared, gets its metadata and its name; folders follow.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::sync::atomic::Ordering;

use super::job::{Job, State};
use super::prepare::parent_is_there;
use crate::parallel;
use crate::path::TreePath;
use crate::plan::Action;
use crate::progress::Stage;
use crate::report::Step;
use crate::tree::{Data, Kind, Special};
use crate::verify;

/// Runs the part. Blocks.
pub(super) fn run(job: &Job) {
    let counts = job.plan.preview().total;
    job.progress.begin(Stage::Compare, counts.files, counts.bytes);
    parallel::each(job.options.threads, job.plan.tree.entries().len(), &job.cancel, |i, buffer| match &job.entry(i).kind {
        Kind::File { size, .. } if job.twin(i).is_some() => job.progress.advance(1, *size),
        _ if job.twin(i).is_some() => {}
        Kind::File { size, data } => {
            file(job, i, *size, data, buffer);
            job.progress.advance(1, *size);
        }
        Kind::Symlink(_) => symlink(job, i),
        Kind::Special(_) => special(job, i),
        Kind::Folder => {}
    });
    for (i, of) in job.twins() {
        link(job, i, of);
    }
    extras(job);
    // From the leaves up, after everything in them: making an entry changes the time of its folder.
    for i in (0..job.plan.tree.entries().len()).rev() {
        if job.cancel.is_cancelled() {
            return;
        }
        if job.entry(i).kind == Kind::Folder && job.state(i) == State::Begun {
            folder(job, i);
        }
    }
    // An immutable file can be neither linked nor renamed, and an immutable folder takes nothing in: flags come last.
    for i in (0..job.plan.tree.entries().len()).rev() {
        flags(job, i);
    }
}

/// Gives a file that is complete another name.
fn link(job: &Job, i: usize, of: usize) {
    if !parent_is_there(job, i) {
        return untouched(job, i, job.state(i));
    }
    let what = "it is another name of a file that could not be restored";
    match job.state(of) {
        State::Done | State::Left => {}
        State::Damaged => return job.fail(i, Step::Read, what.to_owned()),
        _ => return job.fail(i, Step::Write, what.to_owned()),
    }
    let (path, first) = (job.path(i), job.path(of));
    if job.aside.is_some() && is_one_file(job, &first, &path) {
        return job.set_state(i, State::Left);
    }
    match job.take(&path).and_then(|()| job.root.link(first.as_bytes(), path.as_bytes())) {
        Ok(()) => job.set_state(i, State::Done),
        Err(error) => job.fail_io(i, "link it", error),
    }
}

/// Whether two names that are there are names of one file.
fn is_one_file(job: &Job, a: &TreePath, b: &TreePath) -> bool {
    let stat = |path: &TreePath| job.root.stat(path.as_bytes()).ok().flatten().map(|stat| (stat.st_dev, stat.st_ino));
    stat(a).is_some_and(|there| stat(b) == Some(there))
}

/// In place and where it is asked for: what the restore point does not have is moved aside. Then nothing unfinished is left.
fn extras(job: &Job) {
    for path in &job.plan.place.extras {
        if let Err(error) = job.take(path) {
            job.fail_path(path.to_string(), format!("it cannot be moved aside: {error}"));
        }
    }
    if let Some(Err(error)) = job.aside.as_ref().map(|aside| aside.tidy(&job.root)) {
        tracing::warn!(%error, "unfinished files could not be removed");
    }
}

fn special(job: &Job, i: usize) {
    let (path, state) = (job.path(i), job.state(i));
    let is_device = matches!(job.entry(i).kind, Kind::Special(Special::CharDevice(_) | Special::BlockDevice(_)));
    if !matches!(state, State::Begun | State::Left) || (is_device && !job.options.special_bits) {
        return untouched(job, i, state);
    }
    let written = if state == State::Left { path.clone() } else { job.write_path(i) };
    let attributes = &job.entry(i).attributes;
    job.setter.set_special(&job.root, written.as_bytes(), attributes, &mut |what, why| job.gap(i, what, why));
    if state == State::Begun {
        named(job, i, &written, &path);
    }
}

fn flags(job: &Job, i: usize) {
    let entry = job.entry(i);
    if entry.attributes.flags == 0 || job.twin(i).is_some() || !matches!(job.state(i), State::Done | State::Left | State::Begun) {
        return;
    }
    let path = job.path(i);
    let opened = match entry.kind {
        Kind::Folder if matches!(job.action(i), Action::Create | Action::Adopt | Action::Displace) => job.root.open_folder(path.as_bytes()),
        Kind::File { .. } => job.root.open_read(path.as_bytes()),
        _ => return,
    };
    match opened {
        Ok(fd) => job.setter.set_flags(fd.as_fd(), entry.attributes.flags, &mut |what, why| job.gap(i, what, why)),
        Err(error) => job.gap(i, "flags".to_owned(), error.to_string()),
    }
}

fn file(job: &Job, i: usize, size: u64, data: &Data, buffer: &mut Vec<u8>) {
    let state = job.state(i);
    if !matches!(state, State::Begun | State::Left | State::Damaged) {
        return untouched(job, i, state);
    }
    let (path, written) = (job.path(i), if state == State::Left { job.path(i) } else { job.write_path(i) });
    let file = match job.root.open_read(written.as_bytes()) {
        Ok(fd) => File::from(fd),
        // A damaged file of which not a single chunk could be had was never made; its problem is noted.
        Err(_) if state == State::Damaged => return,
        Err(error) => return job.fail(i, Step::Compare, format!("it cannot be read back: {error}")),
    };
    if state == State::Begun {
        match verify::difference(&file, size, data, &job.hasher, buffer) {
            Ok(None) => {
                job.compared.0.fetch_add(1, Ordering::Relaxed);
                job.compared.1.fetch_add(size, Ordering::Relaxed);
            }
            Ok(Some(what)) => return job.fail(i, Step::Compare, what),
            Err(error) => return job.fail(i, Step::Compare, format!("it cannot be read back: {error}")),
        }
    }
    if state == State::Damaged && job.replaces(i) {
        // The old file is worth more than a new one with holes.
        let _ = job.root.remove(written.as_bytes()); // a rest that stays is overwritten by the next attempt
        return;
    }
    let entry = job.entry(i);
    job.setter.set(file.as_fd(), &entry.attributes, &mut |what, why| job.gap(i, what, why));
    if state == State::Begun {
        named(job, i, &written, &path);
    }
}

fn symlink(job: &Job, i: usize) {
    let (path, state) = (job.path(i), job.state(i));
    if !matches!(state, State::Begun | State::Left) {
        return untouched(job, i, state);
    }
    let written = if state == State::Left { path.clone() } else { job.write_path(i) };
    let attributes = &job.entry(i).attributes;
    job.setter.set_symlink(&job.root, written.as_bytes(), attributes, &mut |what, why| job.gap(i, what, why));
    if state == State::Begun {
        named(job, i, &written, &path);
    }
}

/// An entry that nothing was done to, though the plan wants it: nothing may be missing without a word.
fn untouched(job: &Job, i: usize, state: State) {
    if state == State::Waiting && !matches!(job.action(i), Action::Keep | Action::Skip) {
        let what = if parent_is_there(job, i) { "it was not written" } else { "its folder could not be made" };
        job.fail(i, Step::Write, what.to_owned());
    }
}

/// Gives what was written its name, over what had it before.
fn named(job: &Job, i: usize, written: &TreePath, path: &TreePath) {
    let renamed = match job.aside {
        _ if written == path => Ok(()),
        // Whoever makes a file there in between keeps it: it is an error, and what was moved aside stays there.
        Some(_) => job.take(path).and_then(|()| job.root.rename_new(written.as_bytes(), path.as_bytes())),
        None => job.root.rename_in_place(written.as_bytes(), path.as_bytes()),
    };
    match renamed {
        Ok(()) => job.set_state(i, State::Done),
        Err(error) => job.fail_io(i, "replace what is there", error),
    }
}

fn folder(job: &Job, i: usize) {
    if matches!(job.action(i), Action::Create | Action::Adopt | Action::Displace) {
        match job.root.open_folder(job.path(i).as_bytes()) {
            Ok(fd) => job.setter.set(fd.as_fd(), &job.entry(i).attributes, &mut |what, why| job.gap(i, what, why)),
            Err(error) => return job.fail(i, Step::Compare, format!("the folder cannot be opened: {error}")),
        }
    }
    if matches!(job.action(i), Action::Create | Action::Displace) {
        job.set_state(i, State::Done);
    }
}

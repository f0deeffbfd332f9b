//! Puts back what an in-place restore moved aside.
//!
//! `lifeboat undo` calls it with the aside folders that the restore named. What the restore had put there is moved beside what it
//! replaced, and nothing is deleted. It may be stopped anywhere and run again: what is done already is seen by where things are.

use std::fs::File;
use std::io::{self, BufReader};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::aside::{FINISHED, Line, PREFIX, UNDONE, Was, lines, move_below, was};
use crate::beneath::Root;
use crate::metadata::Setter;
use crate::path::TreePath;
use crate::report::{Gap, Problem, Step};
use crate::tree::Attributes;

/// What came of an undo.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoReport {
    /// Version of this shape.
    pub v: u32,
    /// The aside folder.
    pub folder: PathBuf,
    /// The restore point that had been restored.
    pub snapshot: String,
    /// Whether that restore had come to its end.
    pub was_finished: bool,
    /// Things that are where they were before.
    pub put_back: u64,
    /// Things that the restore had put there, and that are in the aside folder now.
    pub taken_out: u64,
    /// Folders that the restore had made, and that were empty again.
    pub folders_removed: u64,
    /// What could not be put back, by path.
    pub problems: Vec<Problem>,
    /// Metadata that could not be set back.
    pub gaps: Vec<Gap>,
}

/// Why nothing could be undone.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// Not one of the folders that a restore makes.
    #[error("{} is no folder of an in-place restore", folder.display())]
    NotOurs {
        /// As given.
        folder: PathBuf,
    },
    /// It was undone before.
    #[error("the restore of {} was undone already", folder.display())]
    Done {
        /// As given.
        folder: PathBuf,
    },
    /// It cannot be read or written.
    #[error("cannot {what} {}", folder.display())]
    Folder {
        /// As given.
        folder: PathBuf,
        /// "open", "read the journal of".
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// Cancelled.
    #[error("the undo of {} was interrupted", folder.display())]
    Cancelled {
        /// As given.
        folder: PathBuf,
    },
}

impl base::Hint for UndoError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotOurs { .. } => format!("give the folder that the restore named; its name begins with {PREFIX}"),
            Self::Done { .. } => "what the restore had put there is in its folders \"restored\"; nothing is left to be done".to_owned(),
            Self::Folder { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "run it as the user that restored, and let nobody else write to the folder".to_owned()
            }
            Self::Folder { .. } => "see to the cause, then run it again: it goes on where it stopped".to_owned(),
            Self::Cancelled { .. } => "run it again: it goes on where it stopped".to_owned(),
        })
    }
}

/// The aside folder of an in-place restore, opened and found to be ours.
#[derive(Debug)]
pub struct Undo {
    folder: PathBuf,
    name: TreePath,
    root: Root,
    attempts: Vec<u32>,
    snapshot: String,
    is_finished: bool,
}

impl Undo {
    /// Opens `folder` and looks whether it can be undone. Changes nothing. Blocks.
    pub fn open(folder: &Path) -> Result<Self, UndoError> {
        let not_ours = || UndoError::NotOurs { folder: folder.to_owned() };
        let wrong = |source| UndoError::Folder { folder: folder.to_owned(), what: "open", source };
        let whole = std::path::absolute(folder).map_err(wrong)?;
        let name = whole.file_name().filter(|name| name.to_string_lossy().starts_with(PREFIX)).ok_or_else(not_ours)?;
        let name = TreePath::default().join(std::os::unix::ffi::OsStrExt::as_bytes(name));
        let root = Root::open(whole.parent().ok_or_else(not_ours)?).map_err(wrong)?;
        // Whoever else can write a journal could have owners and modes set by whoever undoes.
        root.own(name.as_bytes()).map_err(wrong)?;
        let there = root.entries(name.as_bytes()).map_err(wrong)?;
        let has = |wanted: &[u8]| there.iter().any(|listed| listed.name == wanted);
        if has(UNDONE) {
            return Err(UndoError::Done { folder: folder.to_owned() });
        }
        let mut attempts: Vec<u32> = there.iter().filter_map(|listed| std::str::from_utf8(&listed.name).ok()?.parse().ok()).collect();
        attempts.sort_unstable();
        if attempts.is_empty() {
            return Err(not_ours());
        }
        let is_finished = has(FINISHED);
        let mut undo = Self { folder: folder.to_owned(), name, root, attempts, snapshot: String::new(), is_finished };
        undo.snapshot = undo.attempts.iter().find_map(|attempt| undo.begun(*attempt)).unwrap_or_default();
        Ok(undo)
    }

    /// The restore point that had been restored; empty when that restore was stopped before it wrote its name.
    pub fn snapshot(&self) -> &str {
        &self.snapshot
    }

    fn at(&self, attempt: u32) -> TreePath {
        self.name.join(attempt.to_string().as_bytes())
    }

    fn begun(&self, attempt: u32) -> Option<String> {
        let journal = self.at(attempt).join(b"journal");
        let file = BufReader::new(File::from(self.root.open_read(journal.as_bytes()).ok()?));
        match lines(file).next() {
            Some(Ok(Line::Begin { snapshot, .. })) => Some(snapshot),
            _ => None,
        }
    }

    /// Puts everything back. Blocks.
    pub fn run(self, cancel: &CancellationToken) -> Result<UndoReport, UndoError> {
        let Self { folder, name, root, attempts, snapshot, is_finished } = self;
        let wrong = |what| {
            let folder = folder.clone();
            move |source| UndoError::Folder { folder, what, source }
        };
        let report = UndoReport { v: 1, folder: folder.clone(), snapshot, was_finished: is_finished, ..UndoReport::default() };
        let mut work = Work { root, at: TreePath::default(), report, folders: Vec::new(), cancel: cancel.clone() };
        // The last attempt first: it may have moved what an earlier one had put there.
        for attempt in attempts.iter().rev() {
            work.at = name.join(attempt.to_string().as_bytes());
            work.attempt().map_err(wrong("read the journal of"))?;
            if cancel.is_cancelled() {
                return Err(UndoError::Cancelled { folder });
            }
        }
        work.report.problems.sort();
        if work.report.problems.is_empty() {
            work.root.create_file(name.join(UNDONE).as_bytes()).map_err(wrong("write to"))?;
        }
        Ok(work.report)
    }
}

/// One undo while it runs.
struct Work {
    root: Root,
    /// The folder of the attempt.
    at: TreePath,
    report: UndoReport,
    /// Folders that were made, and folders that stayed with their metadata: for the end, the inner ones first.
    folders: Vec<(TreePath, Option<Was>)>,
    cancel: CancellationToken,
}

impl Work {
    fn attempt(&mut self) -> io::Result<()> {
        let journal = self.at.join(b"journal");
        if !self.is_complete(&journal)? {
            return Ok(()); // it was stopped before it touched anything
        }
        self.folders.clear();
        for line in lines(self.open(&journal)?) {
            if self.cancel.is_cancelled() {
                return Ok(());
            }
            match line? {
                Line::Make { path, folder: true } => self.folders.push((path_of(&path)?, None)),
                Line::Make { path, folder: false } => self.take_out(&path_of(&path)?),
                Line::Move { path } => self.put_back(&path_of(&path)?),
                Line::Before { path, was } if was.folder => self.folders.push((path_of(&path)?, Some(was))),
                Line::Begin { .. } | Line::Before { .. } | Line::End => {}
            }
        }
        for (path, was) in std::mem::take(&mut self.folders).into_iter().rev() {
            match was {
                None => self.remove_folder(&path),
                Some(was) => self.set_back(&path, &was),
            }
        }
        // The metadata of files that stayed: now everything is where it was.
        for line in lines(self.open(&journal)?) {
            match line? {
                Line::Before { path, was } if !was.folder => self.set_back(&path_of(&path)?, &was),
                _ => {}
            }
        }
        Ok(())
    }

    fn open(&self, journal: &TreePath) -> io::Result<BufReader<File>> {
        Ok(BufReader::new(File::from(self.root.open_read(journal.as_bytes())?)))
    }

    /// Whether the last line is there. Without it nothing was touched.
    fn is_complete(&self, journal: &TreePath) -> io::Result<bool> {
        let mut last = None;
        let file = match self.open(journal) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        for line in lines(file) {
            match line {
                Ok(line) => last = Some(line),
                Err(error) if is_data(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(last == Some(Line::End))
    }

    /// What the restore put where nothing was.
    fn take_out(&mut self, path: &TreePath) {
        match move_below(&self.root, path, &self.at.join(b"restored"), path) {
            Ok(()) => self.report.taken_out += 1,
            // Never made, taken out before, or gone along with the folder that it was in.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => self.problem(path, format!("what the restore had put there cannot be moved away: {error}")),
        }
    }

    /// What was moved aside goes back, after what has its place.
    fn put_back(&mut self, path: &TreePath) {
        let old = path.names().fold(self.at.join(b"old"), |at, name| at.join(name));
        match self.root.stat(old.as_bytes()) {
            Ok(Some(_)) => {}
            Ok(None) => return, // it was never moved, or is back
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return,
            Err(error) => return self.problem(path, format!("{old} cannot be looked at: {error}")),
        }
        if self.root.stat(path.as_bytes()).is_ok_and(|there| there.is_some()) {
            self.take_out(path);
        }
        match self.root.rename_new(old.as_bytes(), path.as_bytes()) {
            Ok(()) => self.report.put_back += 1,
            Err(error) => self.problem(path, format!("it cannot be put back from {old}: {error}")),
        }
    }

    fn remove_folder(&mut self, path: &TreePath) {
        match self.root.remove_folder(path.as_bytes()) {
            Ok(()) => self.report.folders_removed += 1,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                let what = "the restore made this folder, and it holds what came later: it stays".to_owned();
                self.report.gaps.push(Gap { path: path.to_string(), what: "folder".to_owned(), why: what });
            }
            Err(error) => self.problem(path, format!("the folder that the restore made cannot be removed: {error}")),
        }
    }

    /// Gives something that stayed in its place the metadata that it had, if it is still the same thing.
    fn set_back(&mut self, path: &TreePath, before: &Was) {
        let there = match was(&self.root, path) {
            Ok(Some(there)) if (there.device, there.inode) == (before.device, before.inode) => there,
            Ok(_) => return, // another file is there by now: its owner and mode are not ours to set
            Err(error) => return self.gap(path, "metadata", error.to_string()),
        };
        if there == *before {
            return;
        }
        let opened = if before.folder { self.root.open_folder(path.as_bytes()) } else { self.root.open_read(path.as_bytes()) };
        let fd = match opened {
            Ok(fd) => fd,
            Err(error) => return self.gap(path, "metadata", error.to_string()),
        };
        let unshown = |text: &str| base::name::unshown(text.as_bytes());
        let xattrs: Vec<_> = before.xattrs.iter().map(|(name, value)| (unshown(name), unshown(value))).collect();
        let attributes = Attributes {
            mode: before.mode,
            uid: before.uid,
            gid: before.gid,
            mtime_s: before.mtime_s,
            mtime_ns: before.mtime_ns,
            xattrs: (!xattrs.is_empty()).then(|| Box::new(xattrs)),
            ..Attributes::default()
        };
        // Whoever owned it in between may have changed what it does: rights that it had then do not come back by themselves.
        let special = (there.uid, there.gid) == (before.uid, before.gid);
        let setter = Setter { owners: rustix::process::geteuid().is_root(), special, exact: true };
        let mut gaps = Vec::new();
        setter.set(fd.as_fd(), &attributes, &mut |what, why| gaps.push((what, why)));
        for (what, why) in gaps {
            self.gap(path, &what, why);
        }
    }

    fn gap(&mut self, path: &TreePath, what: &str, why: String) {
        self.report.gaps.push(Gap { path: path.to_string(), what: what.to_owned(), why });
    }

    fn problem(&mut self, path: &TreePath, what: String) {
        self.report.problems.push(Problem { path: path.to_string(), step: Step::Write, what });
    }
}

fn path_of(text: &str) -> io::Result<TreePath> {
    TreePath::from_shown(text).map_err(|bad| io::Error::new(io::ErrorKind::InvalidData, bad))
}

/// Whether an error is one of the text of a journal.
fn is_data(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

//! Where an in-place restore puts what it takes away, and the journal that lets an undo put it back.
//!
//! [`crate::apply`] writes the whole journal, and waits for the disk, before it touches anything; [`crate::undo`] reads it. What is
//! taken away is only ever renamed, within its file system, into a folder beside it. Nothing here removes what it did not make.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Write as _};

use jiff::Timestamp;
use rustix::fs::FileType;
use serde::{Deserialize, Serialize};

use crate::beneath::Root;
use crate::path::{TreePath, shown};
use crate::plan::{Action, RestorePlan};
use crate::tree::Kind;

/// How the names of these folders begin.
pub const PREFIX: &str = ".lifeboat-aside-";

/// In it: empty files that say how far things are.
pub(crate) const FINISHED: &[u8] = b"finished";
/// See [`FINISHED`].
pub(crate) const UNDONE: &[u8] = b"undone";

/// One line of the journal. Paths are below the folder that holds the aside folder, and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Line {
    /// The first line.
    Begin {
        /// Version of this shape: 1.
        v: u32,
        /// The restore point, 64 hexadecimal digits.
        snapshot: String,
        /// When this attempt began.
        at: Timestamp,
        /// For whoever finds the file.
        note: String,
    },
    /// Something comes to a place where nothing is.
    Make {
        /// Where.
        path: String,
        /// Whether it is a folder.
        folder: bool,
    },
    /// What is there may be moved away.
    Move {
        /// Where.
        path: String,
    },
    /// The metadata of something that stays where it is.
    Before {
        /// Where.
        path: String,
        /// What it had.
        was: Was,
    },
    /// The last line. Nothing is touched before it is on the disk.
    End,
}

/// Metadata as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Was {
    pub folder: bool,
    pub device: u64,
    pub inode: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub mtime_s: i64,
    pub mtime_ns: u32,
    /// Names and values, both shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xattrs: Vec<(String, String)>,
}

/// An in-place restore that did not end, found below a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The name of its aside folders.
    pub name: String,
    /// The last attempt.
    pub attempt: u32,
}

/// The aside folders of one attempt.
#[derive(Debug)]
pub(crate) struct Aside {
    name: String,
    attempt: u32,
    /// Folders that have an aside folder in them; the deepest one that holds a path is the one for it.
    anchors: BTreeSet<TreePath>,
    used: BTreeSet<TreePath>,
}

impl Aside {
    /// Makes the aside folders and writes their journals: all that `plan` may do. Blocks.
    pub fn begin(root: &Root, plan: &RestorePlan, now: Timestamp) -> io::Result<Self> {
        let (name, attempt) = match &plan.place.unfinished {
            Some(there) => (there.name.clone(), there.attempt + 1),
            None => (free_name(root, plan, now)?, 1),
        };
        let mut aside = Self { name, attempt, anchors: plan.place.anchors.iter().cloned().collect(), used: BTreeSet::new() };
        let mut journals = Journals { aside: &aside, root, now, snapshot: &plan.preview().point.snapshot, open: BTreeMap::new() };
        for (i, action) in plan.actions.iter().enumerate() {
            let (path, folder) = (plan.tree.path(i), plan.tree.entries()[i].kind == Kind::Folder);
            // Before the first line of a journal makes its folder: that changes the time of the folder it is in.
            let was = if matches!(action, Action::Adopt | Action::Compare) { was(root, &path)? } else { None };
            if let Some(was) = was {
                journals.line(&path, |path| Line::Before { path, was })?;
            }
            match action {
                Action::Create => journals.line(&path, |path| Line::Make { path, folder })?,
                Action::Displace | Action::Replace | Action::Compare => journals.line(&path, |path| Line::Move { path })?,
                Action::Adopt | Action::Enter | Action::Keep | Action::Skip => {}
            }
        }
        for path in &plan.place.extras {
            journals.line(path, |path| Line::Move { path })?;
        }
        aside.used = journals.end()?;
        Ok(aside)
    }

    /// The aside folders, as paths below the target.
    pub fn folders(&self) -> impl Iterator<Item = TreePath> {
        self.used.iter().map(|anchor| self.folder(anchor))
    }

    fn folder(&self, anchor: &TreePath) -> TreePath {
        anchor.join(self.name.as_bytes())
    }

    fn place(&self, anchor: &TreePath, what: &str) -> TreePath {
        self.folder(anchor).join(self.attempt.to_string().as_bytes()).join(what.as_bytes())
    }

    fn anchor(&self, path: &TreePath) -> &TreePath {
        // The target itself is always one, so the search ends.
        self.anchors
            .iter()
            .rev()
            .find(|anchor| path != *anchor && path.is_within(anchor))
            .unwrap_or_else(|| self.anchors.first().expect("the target itself is an anchor"))
    }

    /// Where entry `i` is written until it is complete.
    pub fn new_place(&self, i: usize, path: &TreePath) -> TreePath {
        self.place(self.anchor(path), "new").join(format!("{i:x}").as_bytes())
    }

    /// Moves what is at `path` away.
    pub fn take(&self, root: &Root, path: &TreePath) -> io::Result<()> {
        let anchor = self.anchor(path);
        move_below(root, path, &self.place(anchor, "old"), &path.below(anchor))
    }

    /// Removes what this attempt, and those before it, left unfinished.
    pub fn tidy(&self, root: &Root) -> io::Result<()> {
        for anchor in &self.used {
            for attempt in 1..=self.attempt {
                let place = self.folder(anchor).join(attempt.to_string().as_bytes()).join(b"new");
                let there = match root.entries(place.as_bytes()) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    other => other?,
                };
                for listed in there {
                    root.remove(place.join(&listed.name).as_bytes())?;
                }
                root.remove_folder(place.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Says that the restore is complete.
    pub fn finish(&self, root: &Root) -> io::Result<()> {
        self.folders().try_for_each(|folder| root.create_file(folder.join(FINISHED).as_bytes()).map(drop))
    }
}

/// A name that none of the folders has yet.
fn free_name(root: &Root, plan: &RestorePlan, now: Timestamp) -> io::Result<String> {
    let snapshot = plan.preview().point.snapshot.get(..8).unwrap_or("x");
    let first = format!("{PREFIX}{snapshot}-{}", now.strftime("%Y%m%dT%H%M%SZ"));
    let mut name = first.clone();
    for n in 2.. {
        let mut is_taken = false;
        for anchor in &plan.place.anchors {
            is_taken |= root.stat(anchor.join(name.as_bytes()).as_bytes())?.is_some();
        }
        if !is_taken {
            break;
        }
        name = format!("{first}-{n}");
    }
    Ok(name)
}

/// Renames `path` to `below` joined with `rest`, and makes the folders on the way. Something that has that name already stays.
pub(crate) fn move_below(root: &Root, path: &TreePath, below: &TreePath, rest: &TreePath) -> io::Result<()> {
    let to = rest.names().fold(below.clone(), |to, name| to.join(name));
    match root.rename_new(path.as_bytes(), to.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && root.stat(path.as_bytes())?.is_some() => {
            let mut at = below.clone();
            root.ensure_folder(at.as_bytes())?;
            let names: Vec<&[u8]> = rest.names().collect();
            for name in names.iter().take(names.len().saturating_sub(1)) {
                at = at.join(name);
                root.ensure_folder(at.as_bytes())?;
            }
            root.rename_new(path.as_bytes(), to.as_bytes())
        }
        other => other,
    }
}

/// The metadata of what is at `path`; `None` where nothing is.
pub(crate) fn was(root: &Root, path: &TreePath) -> io::Result<Option<Was>> {
    let Some(stat) = root.stat(path.as_bytes())? else { return Ok(None) };
    let xattrs = root.xattrs(path.as_bytes()).unwrap_or_default(); // a file system without them has none
    Ok(Some(Was {
        folder: FileType::from_raw_mode(stat.st_mode) == FileType::Directory,
        device: stat.st_dev,
        inode: stat.st_ino,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        mtime_s: stat.st_mtime,
        mtime_ns: u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
        xattrs: xattrs.iter().map(|(name, value)| (shown(name), shown(value))).collect(),
    }))
}

/// The journals of one attempt while they are written; one in each folder that needs it.
struct Journals<'a> {
    aside: &'a Aside,
    root: &'a Root,
    now: Timestamp,
    snapshot: &'a str,
    open: BTreeMap<TreePath, io::BufWriter<std::fs::File>>,
}

impl Journals<'_> {
    fn line(&mut self, path: &TreePath, line: impl FnOnce(String) -> Line) -> io::Result<()> {
        // A folder that holds an aside folder stands in its own journal.
        let anchor = if self.aside.anchors.contains(path) { path } else { self.aside.anchor(path) }.clone();
        let text = shown(path.below(&anchor).as_bytes());
        if !self.open.contains_key(&anchor) {
            let journal = self.make(&anchor)?;
            self.open.insert(anchor.clone(), journal);
        }
        let journal = self.open.get_mut(&anchor).expect("it was just put in");
        write_line(journal, &line(text))
    }

    fn make(&self, anchor: &TreePath) -> io::Result<io::BufWriter<std::fs::File>> {
        let (root, aside) = (self.root, self.aside);
        root.ensure_folder(aside.folder(anchor).as_bytes())?;
        root.own(aside.folder(anchor).as_bytes())?;
        let attempt = aside.folder(anchor).join(aside.attempt.to_string().as_bytes());
        root.make_folder(attempt.as_bytes())?;
        root.make_folder(attempt.join(b"new").as_bytes())?;
        let mut journal = io::BufWriter::new(std::fs::File::from(root.create_file(attempt.join(b"journal").as_bytes())?));
        let note = "What a restore in place took away is below \"old\". lifeboat undo FOLDER puts it back.".to_owned();
        write_line(&mut journal, &Line::Begin { v: 1, snapshot: self.snapshot.to_owned(), at: self.now, note })?;
        Ok(journal)
    }

    /// Ends all journals and waits until they are on the disk.
    fn end(self) -> io::Result<BTreeSet<TreePath>> {
        let mut used = BTreeSet::new();
        for (anchor, mut journal) in self.open {
            write_line(&mut journal, &Line::End)?;
            journal.flush()?;
            journal.get_ref().sync_all()?;
            let folder = self.aside.folder(&anchor);
            for folder in [folder.join(self.aside.attempt.to_string().as_bytes()), folder, anchor.clone()] {
                rustix::fs::fsync(self.root.open_folder(folder.as_bytes())?)?;
            }
            used.insert(anchor);
        }
        Ok(used)
    }
}

fn write_line(journal: &mut impl io::Write, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *journal, line).map_err(io::Error::other)?;
    journal.write_all(b"\n")
}

/// Reads a journal line by line. The last line may be cut off; then nothing was done by it.
pub(crate) fn lines(journal: impl BufRead) -> impl Iterator<Item = io::Result<Line>> {
    journal.split(b'\n').map(|line| serde_json::from_slice(&line?).map_err(io::Error::from))
}

/// The newest in-place restore of `snapshot` that began at one of `anchors` and did not end.
pub(crate) fn unfinished(root: &Root, anchors: &[TreePath], snapshot: &str) -> Option<Unfinished> {
    let mut found: Vec<Unfinished> = Vec::new();
    for anchor in anchors {
        for listed in root.entries(anchor.as_bytes()).ok()? {
            let Ok(name) = String::from_utf8(listed.name) else { continue };
            let folder = anchor.join(name.as_bytes());
            if name.starts_with(PREFIX)
                && let Some(attempt) = last_attempt(root, &folder, snapshot)
            {
                found.push(Unfinished { name, attempt });
            }
        }
    }
    found.into_iter().max_by(|a, b| (&a.name, a.attempt).cmp(&(&b.name, b.attempt)))
}

fn last_attempt(root: &Root, folder: &TreePath, snapshot: &str) -> Option<u32> {
    root.own(folder.as_bytes()).ok()?;
    let there = root.entries(folder.as_bytes()).ok()?;
    if there.iter().any(|listed| listed.name == FINISHED || listed.name == UNDONE) {
        return None;
    }
    let attempts = there.iter().filter_map(|listed| std::str::from_utf8(&listed.name).ok()?.parse::<u32>().ok());
    let attempt = attempts.max()?;
    let journal = folder.join(attempt.to_string().as_bytes()).join(b"journal");
    let file = std::fs::File::from(root.open_read(journal.as_bytes()).ok()?);
    match lines(io::BufReader::new(file)).next() {
        Some(Ok(Line::Begin { v: 1, snapshot: there, .. })) => (there == snapshot).then_some(attempt),
        // It was stopped before it could do anything.
        None => Some(attempt),
        _ => None,
    }
}

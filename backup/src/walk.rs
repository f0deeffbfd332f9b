//! Walks a source depth first, names ascending by bytes, and tells `assemble` of every folder that is not as it was.
//!
//! `pipeline` runs it on a thread of its own. In memory are only the entries of the folders between a root and the place where the
//! walk is. A folder is told of as soon as something in it, or below it, differs from the cache of the last run: an unchanged source
//! costs a listing and a `stat` for each entry, opens no file and tells nothing but that its root is unchanged.

mod emit;
mod level;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use repository::format::tree::{Content, TreeRef};
use rustix::io::Errno;

use crate::attributes::{self, Attributes};
use crate::directory::{self, LIST_BUFFER};
use crate::read::{Job, Outcome};
use crate::roots::{Above, Place, Roots};
use crate::shared::{Shared, add};
use crate::spec::Files;
use crate::stat::{Kind, Special, Stat};
use crate::trouble::{ATTRIBUTES, MISSING, UNMOUNTED, UNREADABLE};
use crate::unchanged::{self, old::Old};
use level::{Entry, Level};

/// Folders on the way that are held open. Deeper ones give their descriptor up and are opened again from below.
const OPEN_LEVELS: usize = 64;

/// What the walk tells. Folders come between [`Event::Enter`] and [`Event::Leave`], what is in them in ascending order of name.
#[derive(Debug)]
pub(crate) enum Event {
    /// A folder that is not as it was begins.
    Enter,
    /// An entry of the innermost folder.
    Entry(Box<Told>),
    /// The innermost folder ends. This is what it is itself; the root has no name.
    Leave(Box<Folder>),
    /// Nothing in the whole source has changed: this is its root.
    Unchanged(TreeRef),
}

/// The innermost folder, itself.
#[derive(Debug)]
pub(crate) struct Folder {
    pub name: Box<[u8]>,
    pub stat: Stat,
    pub attributes: Attributes,
    /// Its attributes could be read, so that the next run may trust them.
    pub whole: bool,
    /// Another file system is mounted on it, or should be.
    pub mounted: bool,
}

/// An entry that is not an entered folder.
#[derive(Debug)]
pub(crate) struct Told {
    pub name: Box<[u8]>,
    pub stat: Stat,
    pub attributes: Attributes,
    /// As for a [`Folder`]. For a file that is read, the reader tells.
    pub whole: bool,
    /// As for a [`Folder`].
    pub mounted: bool,
    pub what: What,
}

/// What it is.
#[derive(Debug)]
pub(crate) enum What {
    /// A file that has not changed.
    File(Content),
    /// A file that a reader has been told to read. With it, what it held the last time.
    Read {
        outcome: Receiver<Outcome>,
        before: Option<Content>,
    },
    Symlink(Vec<u8>),
    /// A pipe, socket or device.
    Special(Special),
    /// A folder in which nothing has changed.
    Directory(TreeRef, unchanged::Place),
}

/// The walk ends early: it was told to stop, or nobody listens any more.
#[derive(Debug)]
pub(crate) struct Stopped;

pub(crate) struct Walk<'a> {
    shared: &'a Shared,
    roots: &'a Roots,
    files: &'a Files,
    old: Option<&'a Old>,
    /// Trees of the last run may be handed on as they are. Not so when an owner's name has changed.
    trust_trees: bool,
    jobs: Sender<Job>,
    events: Sender<Event>,
    levels: Vec<Level<'a>>,
    /// The innermost folder's path, without a slash at its end.
    path: Vec<u8>,
    buffer: Vec<MaybeUninit<u8>>,
    /// Buffers of cache blocks, to be used again.
    blocks: Vec<Vec<u8>>,
    /// The roots below other ones that the walk has come to.
    came_to: RefCell<BTreeSet<usize>>,
}

impl<'a> Walk<'a> {
    pub fn new(
        shared: &'a Shared,
        roots: &'a Roots,
        files: &'a Files,
        old: Option<&'a Old>,
        jobs: Sender<Job>,
        events: Sender<Event>,
    ) -> Self {
        let trust_trees = old.is_some_and(|old| old.owners == shared.owners.digest());
        let buffer = vec![MaybeUninit::uninit(); LIST_BUFFER];
        Self {
            shared,
            roots,
            files,
            old,
            trust_trees,
            jobs,
            events,
            levels: Vec::new(),
            path: Vec::new(),
            buffer,
            blocks: Vec::new(),
            came_to: RefCell::default(),
        }
    }

    /// Walks to the end.
    pub fn run(mut self) -> Result<(), Stopped> {
        self.enter_top()?;
        while let Some(level) = self.levels.last() {
            if self.shared.stop.is_ordered() {
                return Err(Stopped);
            }
            match level.entries.get(level.next) {
                None => self.leave()?,
                Some(entry) if entry.stat.kind() == Kind::Directory => self.enter()?,
                Some(_) => {
                    self.tell_next()?;
                    self.advance();
                }
            }
        }
        self.report_passed_over();
        Ok(())
    }

    /// Notes the paths of the source that lie below another one and were not come to: a rule leaves out a folder on the way, the way
    /// goes over a link, or it leads to a file system that is not entered. The snapshot lacks what was asked for.
    fn report_passed_over(&self) {
        let came_to = self.came_to.borrow();
        let passed_over = self.roots.inner.iter().filter(|(_, index)| !came_to.contains(index));
        for root in passed_over.filter_map(|(_, index)| self.roots.list.get(*index)) {
            let why = "the way to it from the path above it is left out or a link; give it a source of its own";
            self.shared.trouble.error(root.path.as_os_str().as_bytes(), MISSING, why);
        }
    }

    fn enter_top(&mut self) -> Result<(), Stopped> {
        let mut level = match &self.roots.top {
            Place::Above(above) => self.level_above(above),
            Place::Root(index) => match self.level_of_root(*index) {
                Ok(level) => level,
                Err(errno) => {
                    self.shared.trouble.error(b"/", UNREADABLE, std::io::Error::from(errno));
                    return Err(Stopped); // there is nothing else to walk
                }
            },
        };
        let was = self.old.and_then(Old::root).and_then(|row| row.directory()).filter(|(tree, _)| self.knows(tree.chunks.iter().copied()));
        level.block = was.and_then(|(_, place)| self.read_block(&place));
        self.settle(level)
    }

    /// Goes into the folder that is next in the innermost one.
    fn enter(&mut self) -> Result<(), Stopped> {
        let (name, entry) = self.next_entry();
        let (name, entry) = (name.to_vec(), *entry);
        let length = self.path.len();
        self.path.push(b'/');
        self.path.extend_from_slice(&name);
        self.shared.counts.set_current(&self.path);
        let opened = self.open_level(&name, &entry);
        let mut level = match opened {
            Ok(level) => level,
            Err(errno) => {
                self.report(errno);
                self.path.truncate(length);
                self.tell_open()?;
                self.advance();
                return Ok(());
            }
        };
        level.parent_path = length;
        level.mounted = self.is_mounted(&entry, &level);
        let was = self.row_of(&entry).and_then(|row| row.directory()).filter(|(tree, _)| self.knows(tree.chunks.iter().copied()));
        level.block = was.and_then(|(_, place)| self.read_block(&place));
        if !entry.same {
            let attributes = self.attributes_of(&level, &entry.stat);
            level.has_all_attributes = attributes.is_some();
            level.attributes = attributes.unwrap_or_default();
        }
        self.settle(level)
    }

    /// Whether another file system is mounted on the folder that the walk goes into, or should be. When one was there at the last backup
    /// and the folder is empty now, it is not a folder that was emptied but a disk that is not mounted: a restore point without a word
    /// of it would pass for a good one. It is told until the file system is back, or something is put into the folder, or it is removed.
    fn is_mounted(&self, entry: &Entry, level: &Level<'_>) -> bool {
        let parent = self.levels.last().expect("the walk is in a folder");
        let root = parent.above.and_then(|_| self.roots.list.get(level.root));
        let mounted = match root {
            Some(root) => level.above.is_none() && root.is_mounted,
            None => parent.place.0 != entry.stat.dev,
        };
        let was = self.row_of(entry).is_some_and(|row| row.mounted);
        let is_wanted = root.is_some() || !self.files.one_file_system;
        let missing = was && !mounted && is_wanted && level.entries.is_empty();
        if missing {
            let why = "a file system was mounted here at the last backup, and now the folder is empty: mount it, or remove the folder";
            self.shared.trouble.error(&self.path, UNMOUNTED, why);
        }
        mounted || missing
    }

    /// Compares a folder with its block and makes it the innermost one.
    fn settle(&mut self, mut level: Level<'a>) -> Result<(), Stopped> {
        let unchanged = self.compare(&mut level) && self.trust_trees;
        self.levels.push(level);
        let shallow = self.levels.len().checked_sub(OPEN_LEVELS);
        if let Some(level) = shallow.and_then(|index| self.levels.get_mut(index)) {
            level.folder = None;
        }
        if unchanged { Ok(()) } else { self.tell_open() }
    }

    /// Ends the innermost folder.
    fn leave(&mut self) -> Result<(), Stopped> {
        let Some(level) = self.levels.pop() else { return Ok(()) };
        let is_source = level.above.is_none();
        if is_source {
            add(&self.shared.counts.directories, 1);
        }
        self.path.truncate(level.parent_path);
        self.reopen_innermost(&level);
        self.tell_folder(&level)?;
        self.blocks.extend(level.block.map(unchanged::old::Block::into_buffer));
        self.advance();
        Ok(())
    }

    fn open_level(&mut self, name: &[u8], entry: &Entry) -> Result<Level<'a>, Errno> {
        let parent = self.levels.last().expect("the walk is in a folder");
        if let Some(above) = parent.above {
            return match above.entries.get(name) {
                Some(Place::Above(above)) => Ok(self.level_above(above)),
                Some(Place::Root(index)) => self.level_of_root(*index),
                None => Err(Errno::NOENT),
            };
        }
        let (root, root_path) = (parent.root, parent.root_path);
        let fd = parent.folder.as_ref().ok_or(Errno::STALE)?; // moved away while the walk was far below
        let folder = directory::open(fd.as_fd(), name, self.shared.keeps_atime(entry.stat.uid))?;
        if let Some(inner) = self.inner(&entry.stat) {
            return self.level_of_folder(Arc::new(folder), &entry.stat, inner, self.path.len());
        }
        let (above, here) = (parent.place.0, entry.stat.dev);
        let left_empty = if self.files.one_file_system && self.roots.list.get(root).is_some_and(|root| root.stat.dev != here) {
            Some("another file system is mounted here")
        } else if above != here && directory::is_of_the_kernel(folder.as_fd()) {
            Some("a file system of the kernel is mounted here, which holds no data")
        } else {
            None
        };
        if let Some(why) = left_empty {
            self.shared.trouble.note(&self.path, why);
            return Ok(Level { folder: Some(Arc::new(folder)), root, root_path, place: entry.stat.place(), ..Level::default() });
        }
        self.level_of_folder(Arc::new(folder), &entry.stat, root, root_path)
    }

    fn level_of_root(&mut self, index: usize) -> Result<Level<'a>, Errno> {
        let root = self.roots.list.get(index).ok_or(Errno::NOENT)?;
        let folder = root.folder.clone().ok_or(Errno::NOTDIR)?;
        self.level_of_folder(folder, &root.stat, index, self.path.len())
    }

    fn level_of_folder(&mut self, folder: Arc<OwnedFd>, stat: &Stat, root: usize, root_path: usize) -> Result<Level<'a>, Errno> {
        let mut level = Level { folder: Some(folder), place: stat.place(), root, root_path, ..Level::default() };
        self.list(&mut level)?;
        Ok(level)
    }

    fn level_above(&self, above: &'a Above) -> Level<'a> {
        let mut level = Level { above: Some(above), ..Level::default() };
        for (name, place) in &above.entries {
            let stat = match place {
                Place::Above(above) => above.stat,
                Place::Root(index) => self.roots.list.get(*index).map(|root| root.stat).unwrap_or_default(),
            };
            level.push(name, stat);
        }
        level
    }

    /// Whether an entry is a root that lies below another one; it is then backed up whatever the rules of that one say.
    fn is_inner_root(&self, name: &[u8], stat: &Stat) -> bool {
        if self.roots.inner.is_empty() {
            return false;
        }
        // A hard link elsewhere is the same file and another place.
        let is_at = |index: &usize, path: &[u8]| self.roots.list.get(*index).is_some_and(|root| root.path.as_os_str().as_bytes() == path);
        let found = self.inner(stat);
        let index = found.filter(|index| stat.kind() == Kind::Directory || is_at(index, &self.path_of(name)));
        self.came_to.borrow_mut().extend(index);
        index.is_some()
    }

    /// The root that stands at this folder although it lies below another one.
    fn inner(&self, stat: &Stat) -> Option<usize> {
        self.roots.inner.iter().find(|(place, _)| *place == stat.place()).map(|(_, index)| *index)
    }

    fn attributes_of(&self, level: &Level<'_>, stat: &Stat) -> Option<Attributes> {
        let Some(folder) = &level.folder else { return Some(Attributes::default()) };
        let read = attributes::of_open(folder.as_fd(), stat);
        read.inspect_err(|errno| self.shared.trouble.error(&self.path, ATTRIBUTES, std::io::Error::from(*errno))).ok()
    }

    /// A folder far below may have made the innermost one give its descriptor up. It is found again by the way up, and only if it
    /// is still the same one; otherwise what is left in it cannot be read.
    fn reopen_innermost(&mut self, child: &Level<'_>) {
        let Some(level) = self.levels.last_mut().filter(|level| level.folder.is_none() && level.above.is_none()) else { return };
        let Some(child) = &child.folder else { return };
        if let Ok(folder) = directory::open(child.as_fd(), b"..", false) {
            let same = rustix::fs::fstat(&folder).is_ok_and(|stat| Stat::from(stat).place() == level.place);
            level.folder = same.then(|| Arc::new(folder));
        }
    }

    /// Notes that the folder at `self.path` could not be opened or listed.
    fn report(&self, errno: Errno) {
        let is_root = self.levels.last().is_some_and(|parent| parent.above.is_some());
        match errno {
            // It was there a moment ago; without it the snapshot is not what was asked for.
            Errno::NOENT if is_root => self.shared.trouble.error(&self.path, MISSING, std::io::Error::from(errno)),
            Errno::NOENT => self.shared.trouble.vanished(&self.path),
            _ => self.shared.trouble.error(&self.path, UNREADABLE, std::io::Error::from(errno)),
        }
    }

    fn read_block(&mut self, place: &unchanged::Place) -> Option<unchanged::old::Block> {
        self.old?.block(place, self.blocks.pop().unwrap_or_default())
    }

    /// Whether the repository's index still has all of these.
    fn knows(&self, mut chunks: impl Iterator<Item = repository::format::tree::ChunkRef>) -> bool {
        chunks.all(|chunk| self.shared.writer.has(&chunk.id))
    }

    fn next_entry(&self) -> (&[u8], &Entry) {
        let level = self.levels.last().expect("the walk is in a folder");
        let entry = level.entries.get(level.next).expect("the folder has a next entry");
        (level.name(entry), entry)
    }

    fn advance(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.next += 1;
        }
    }

    fn row_of(&self, entry: &Entry) -> Option<unchanged::row::Row<'_>> {
        self.levels.last()?.row(entry)
    }

    /// The path of an entry of the innermost folder.
    fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.path.len() + 1 + name.len());
        path.extend_from_slice(&self.path);
        path.push(b'/');
        path.extend_from_slice(name);
        path
    }

    /// Where a root that is a file stands, if the innermost folder is one above the roots.
    fn file_root(&self, name: &[u8]) -> Option<&'a [u8]> {
        match self.levels.last()?.above?.entries.get(name)? {
            Place::Root(index) => self.roots.list.get(*index).map(|root| root.path.as_os_str().as_bytes()),
            Place::Above(_) => None,
        }
    }
}

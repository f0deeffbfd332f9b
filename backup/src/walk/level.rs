//! One folder on the way of the walk: its entries, filtered by the rules of its root and compared with the cache.

use std::ops::Range;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;

use super::Walk;
use crate::attributes::Attributes;
use crate::roots::Above;
use crate::shared::add;
use crate::stat::{Kind, Stat};
use crate::trouble::UNREADABLE;
use crate::unchanged::old::Block;
use crate::unchanged::row::{Payload, Row};
use crate::{directory, exclude};

/// A folder that the walk is in, or on the way to where it is.
#[derive(Debug, Default)]
pub(super) struct Level<'a> {
    /// Open; none for a folder above the roots, or while the walk is far below.
    pub folder: Option<Arc<OwnedFd>>,
    pub place: (u64, u64),
    /// Set for a folder above the roots.
    pub above: Option<&'a Above>,
    /// Whose rules hold here, and the length of that root's path.
    pub root: usize,
    pub root_path: usize,
    /// Length of the path of the folder that this one is in.
    pub parent_path: usize,
    pub names: Vec<u8>,
    pub entries: Vec<Entry>,
    /// The entry that the walk has come to.
    pub next: usize,
    /// Another file system is mounted on it, or should be.
    pub mounted: bool,
    /// What was in it the last time.
    pub block: Option<Block>,
    /// `assemble` has been told that it begins, and of all entries before `next`.
    pub is_told: bool,
    /// Its own, where they were not already in the row that stands for it.
    pub attributes: Attributes,
    /// Whether these could be read.
    pub has_all_attributes: bool,
    /// Its path for messages of readers, made when the first one needs it.
    pub path: Option<Arc<[u8]>>,
}

/// An entry of a folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    name: (u32, u32),
    pub stat: Stat,
    /// Where its row begins in the folder's block.
    row: Option<u32>,
    /// It is itself as the row has it, and the repository still has what the row names.
    pub same: bool,
}

impl Level<'_> {
    pub fn name(&self, entry: &Entry) -> &[u8] {
        self.names.get(entry.name.0 as usize..entry.name.1 as usize).expect("names are only ever added")
    }

    pub fn row(&self, entry: &Entry) -> Option<Row<'_>> {
        self.block.as_ref()?.row(entry.row? as usize).map(|(row, _)| row)
    }

    pub fn push(&mut self, name: &[u8], stat: Stat) {
        let place = self.names.len()..self.names.len() + name.len();
        self.names.extend_from_slice(name);
        self.add(place, stat);
    }

    fn add(&mut self, name: Range<usize>, stat: Stat) {
        let place = |at| u32::try_from(at).expect("a folder's names are shorter than 4 GiB: the listing checks it");
        self.entries.push(Entry { name: (place(name.start), place(name.end)), stat, row: None, same: false });
    }
}

impl Walk<'_> {
    /// Fills a folder with the entries that are to be backed up.
    pub(super) fn list(&mut self, level: &mut Level<'_>) -> Result<(), Errno> {
        let Some(folder) = level.folder.clone() else { return Ok(()) };
        let mut places = Vec::new();
        directory::list(folder.as_fd(), &mut self.buffer, &mut level.names, &mut places)?;
        if u32::try_from(level.names.len()).is_err() {
            return Err(Errno::OVERFLOW);
        }
        let name = |place: &Range<usize>| level.names.get(place.clone()).unwrap_or_default();
        let has_tag = self.files.exclude_caches && places.binary_search_by(|place| name(place).cmp(exclude::TAG)).is_ok();
        if has_tag && exclude::is_cache(folder.as_fd()) {
            let before = places.len();
            places.retain(|place| name(place) == exclude::TAG);
            self.shared.trouble.excluded(before - places.len());
        }
        level.entries.reserve(places.len());
        for place in places {
            let name = level.names.get(place.clone()).unwrap_or_default();
            match directory::stat(folder.as_fd(), name) {
                Ok(stat) if self.takes(level, name, &stat) => level.add(place, stat),
                Ok(_) => {}
                Err(Errno::NOENT) => self.shared.trouble.vanished(&self.path_of(name)),
                Err(errno) => self.shared.trouble.error(&self.path_of(name), UNREADABLE, std::io::Error::from(errno)),
            }
        }
        Ok(())
    }

    /// Whether an entry is backed up.
    fn takes(&self, level: &Level<'_>, name: &[u8], stat: &Stat) -> bool {
        let is_directory = match stat.kind() {
            Kind::Unknown => {
                self.shared.trouble.error(&self.path_of(name), UNREADABLE, "it is of a kind that this version does not know");
                return false;
            }
            kind => kind == Kind::Directory,
        };
        if is_directory && let Some(own) = self.roots.own.iter().find(|own| own.place == stat.place()) {
            self.shared.trouble.note(&self.path_of(name), format_args!("it is {}", own.what));
            return false;
        }
        if self.is_inner_root(name, stat) {
            return true;
        }
        let Some(root) = self.roots.list.get(level.root).filter(|root| root.excludes.has_patterns()) else { return true };
        let path = self.path_of(name);
        let left_out = root.excludes.leaves_out(path.get(level.root_path + 1..).unwrap_or_default(), is_directory);
        if left_out {
            self.shared.trouble.excluded(1);
        }
        !left_out
    }

    /// Merges a folder's entries with the rows of its block, both ascending by name. The answer is whether the two are the same.
    pub(super) fn compare(&self, level: &mut Level<'_>) -> bool {
        let Some(block) = &level.block else { return false };
        let mut at = 0;
        let mut row = block.row(at);
        let mut same = true;
        let mut entries = std::mem::take(&mut level.entries);
        for entry in &mut entries {
            let name = level.names.get(entry.name.0 as usize..entry.name.1 as usize).unwrap_or_default();
            while let Some((_, next)) = row.filter(|(row, _)| row.name < name) {
                same = false; // it is gone
                at = next;
                row = block.row(at);
            }
            if let Some((known, next)) = row.filter(|(row, _)| row.name == name) {
                entry.row = u32::try_from(at).ok();
                entry.same = entry.row.is_some() && self.is_same(entry, &known);
                at = next;
                row = block.row(at);
            }
            same &= entry.same;
        }
        level.entries = entries;
        same && row.is_none()
    }

    fn is_same(&self, entry: &Entry, row: &Row<'_>) -> bool {
        let counts = &self.shared.counts;
        if !row.trusted || !entry.stat.same_as(&row.stat) || !self.knows(row.chunks()) {
            return false;
        }
        match (entry.stat.kind(), row.payload) {
            (Kind::File, Payload::File(_) | Payload::FileInline(_)) => {
                add(&counts.files, 1);
                add(&counts.files_unchanged, 1);
                add(&counts.bytes, entry.stat.size);
                add(&counts.bytes_unchanged, entry.stat.size);
            }
            (Kind::Symlink, Payload::Symlink { .. }) => add(&counts.symlinks, 1),
            (Kind::Special(_), Payload::Special { device }) if device == entry.stat.device => add(&counts.special, 1),
            (Kind::Directory, Payload::Directory { .. }) => {}
            _ => return false,
        }
        true
    }
}

//! What the walk tells `assemble` and the readers. A folder is told of late: only when something in it has changed.

use std::os::fd::AsFd as _;
use std::sync::Arc;

use rustix::io::Errno;

use super::level::{Entry, Level};
use super::{Event, Folder, Stopped, Told, Walk, What};
use crate::attributes::{self, Attributes};
use crate::read::{Job, Place};
use crate::shared::add;
use crate::stat::Kind;
use crate::trouble::{ATTRIBUTES, UNREADABLE};
use crate::unchanged::row::Payload;

impl<'a> Walk<'a> {
    /// Makes sure that all folders from the top to the innermost one are told of: something in the innermost one has changed, and
    /// so has each folder above it.
    pub(super) fn tell_open(&mut self) -> Result<(), Stopped> {
        let first = self.levels.iter().position(|level| !level.is_told).unwrap_or(self.levels.len());
        for level in self.levels.iter_mut().skip(first) {
            level.is_told = true;
        }
        for level in self.levels.iter().skip(first) {
            self.send(Event::Enter)?;
            for entry in level.entries.iter().take(level.next) {
                self.send(told_again(level, entry).ok_or(Stopped)?)?;
            }
        }
        Ok(())
    }

    /// Tells of the file or link that is next in the innermost folder.
    pub(super) fn tell_next(&mut self) -> Result<(), Stopped> {
        let level = self.levels.last().expect("the walk is in a folder");
        let Some(entry) = level.entries.get(level.next).copied().filter(|_| level.is_told) else { return Ok(()) };
        let name = level.name(&entry);
        if entry.same {
            return self.send(told_again(level, &entry).ok_or(Stopped)?);
        }
        if !matches!(entry.stat.kind(), Kind::File) {
            let told = self.read_closed(level, &entry);
            return told.map_or(Ok(()), |told| self.send(Event::Entry(Box::new(told))));
        }
        let before = level.row(&entry).and_then(|row| row.content());
        let name: Box<[u8]> = name.into();
        self.tell_file(name, &entry, before)
    }

    fn tell_file(&mut self, name: Box<[u8]>, entry: &Entry, before: Option<repository::format::tree::Content>) -> Result<(), Stopped> {
        let place = if let Some(path) = self.file_root(&name) {
            Place::Root(path.into())
        } else if let Some((folder, path)) = self.folder_of_innermost() {
            Place::Folder { folder, path, name: name.clone() }
        } else {
            // The folder was moved away while the walk was far below it.
            self.shared.trouble.error(&self.path_of(&name), UNREADABLE, std::io::Error::from(Errno::STALE));
            return Ok(());
        };
        let (sender, outcome) = crossbeam_channel::bounded(1);
        let keep_atime = self.shared.keeps_atime(entry.stat.uid);
        // The reader is told first: `assemble` waits only for what a reader has been told already.
        self.jobs.send(Job { place, stat: entry.stat, keep_atime, outcome: sender }).map_err(|_| Stopped)?;
        let what = What::Read { outcome, before };
        self.send(Event::Entry(Box::new(Told {
            name,
            stat: entry.stat,
            attributes: Attributes::default(),
            whole: true,
            mounted: false,
            what,
        })))
    }

    fn folder_of_innermost(&mut self) -> Option<(Arc<std::os::fd::OwnedFd>, Arc<[u8]>)> {
        let level = self.levels.last_mut()?;
        let folder = Arc::clone(level.folder.as_ref()?);
        let path = level.path.get_or_insert_with(|| self.path.as_slice().into());
        Some((folder, Arc::clone(path)))
    }

    /// A link, pipe, socket or device: what is told of it without opening it.
    fn read_closed(&self, level: &Level<'_>, entry: &Entry) -> Option<Told> {
        let name = level.name(entry);
        let folder = level.folder.as_ref().ok_or(Errno::STALE);
        let read = folder.and_then(|folder| {
            let what = match entry.stat.kind() {
                Kind::Special(special) => What::Special(special),
                _ => What::Symlink(rustix::fs::readlinkat(folder.as_fd(), name, Vec::new())?.into_bytes()),
            };
            let attributes = attributes::of_name(folder.as_fd(), name, &entry.stat).inspect_err(|errno| {
                self.shared.trouble.error(&self.path_of(name), ATTRIBUTES, std::io::Error::from(*errno));
            });
            Ok((what, attributes))
        });
        match read {
            Ok((what, attributes)) => {
                let counts = &self.shared.counts;
                add(if matches!(what, What::Special(_)) { &counts.special } else { &counts.symlinks }, 1);
                let whole = attributes.is_ok();
                let attributes = attributes.unwrap_or_default();
                Some(Told { name: name.into(), stat: entry.stat, attributes, whole, mounted: false, what })
            }
            Err(Errno::NOENT) => {
                self.shared.trouble.vanished(&self.path_of(name));
                None
            }
            Err(errno) => {
                self.shared.trouble.error(&self.path_of(name), UNREADABLE, std::io::Error::from(errno));
                None
            }
        }
    }

    /// Tells how a folder that the walk has just left came out.
    pub(super) fn tell_folder(&mut self, child: &Level<'a>) -> Result<(), Stopped> {
        let Some(parent) = self.levels.last() else { return self.tell_top(child) };
        let entry = parent.entries.get(parent.next).expect("the walk came from this entry");
        let name = parent.name(entry);
        let row = parent.row(entry);
        let (attributes, whole) = match row {
            Some(row) if entry.same => (row.attributes().ok_or(Stopped)?, true),
            _ => (child.attributes.clone(), child.has_all_attributes),
        };
        if child.is_told {
            return self.send(Event::Leave(Box::new(Folder {
                name: name.into(),
                stat: entry.stat,
                attributes,
                whole,
                mounted: child.mounted,
            })));
        }
        if !parent.is_told {
            return Ok(()); // unchanged in an unchanged one, so far
        }
        let (tree, place) = row.and_then(|row| row.directory()).expect("an unchanged folder has a row");
        let what = What::Directory(tree, place);
        self.send(Event::Entry(Box::new(Told { name: name.into(), stat: entry.stat, attributes, whole, mounted: child.mounted, what })))
    }

    fn tell_top(&self, top: &Level<'a>) -> Result<(), Stopped> {
        if top.is_told {
            return self.send(Event::Leave(Box::new(Folder {
                name: Box::default(),
                stat: crate::stat::Stat::default(),
                attributes: Attributes::default(),
                whole: true,
                mounted: false,
            })));
        }
        let root = self.old.and_then(|old| old.root()?.directory());
        let (tree, _) = root.expect("an unchanged source has a cache with a root");
        self.send(Event::Unchanged(tree))
    }

    fn send(&self, event: Event) -> Result<(), Stopped> {
        self.events.send(event).map_err(|_| Stopped)
    }
}

/// Tells of an unchanged entry from its row. `None` when the row cannot be read, which the checksum of its block rules out.
fn told_again(level: &Level<'_>, entry: &Entry) -> Option<Event> {
    let row = level.row(entry)?;
    let what = match row.payload {
        Payload::File(_) | Payload::FileInline(_) => What::File(row.content()?),
        Payload::Symlink { target } => What::Symlink(target.to_vec()),
        Payload::Special { .. } => match entry.stat.kind() {
            Kind::Special(special) => What::Special(special),
            _ => return None,
        },
        Payload::Directory { .. } => {
            let (tree, place) = row.directory()?;
            What::Directory(tree, place)
        }
    };
    let told =
        Told { name: level.name(entry).into(), stat: entry.stat, attributes: row.attributes()?, whole: true, mounted: row.mounted, what };
    Some(Event::Entry(Box::new(told)))
}

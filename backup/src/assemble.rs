//! Puts folders together from what the walk tells and what the readers have read, and writes the cache for the next run.
//!
//! `pipeline` runs it beside the walk and the readers. Trees are stored from the bottom up: a folder's tree names those in it.

use std::path::Path;

use base::Digest;
use crossbeam_channel::Receiver;
use repository::format::tree::{Content, Device, Meta, Node, NodeKind, TreeRef};
use repository::writer::{TreeDraft, WriteError};

use crate::attributes::Attributes;
use crate::read::{Outcome, Stored};
use crate::shared::{Shared, add};
use crate::stat::{Special, Stat};
use crate::unchanged::Place;
use crate::unchanged::new::{Finished, New, Rows};
use crate::unchanged::old::Old;
use crate::unchanged::row::{NewPayload, NewRow};
use crate::walk::{Event, Folder, Told, What};

/// What came of a source.
#[derive(Debug)]
pub(crate) struct Assembled {
    pub root: TreeRef,
    /// The cache for the next run. None when nothing has changed, or when it could not be written.
    pub cache: Option<Finished>,
}

/// Why nothing came of it.
#[derive(Debug)]
pub(crate) enum Unfinished {
    /// The walk ended before the root did: it was told to stop.
    Stopped,
    Write(WriteError),
}

impl From<WriteError> for Unfinished {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

/// A folder in the making.
#[derive(Debug, Default)]
struct Frame {
    /// Its tree. What is certain of it is stored on the way, so that a folder of any size takes little memory here.
    draft: TreeDraft,
    rows: Rows,
    /// Where its range of the new cache begins.
    began: u64,
}

/// Takes in all that the walk tells.
pub(crate) fn run(shared: &Shared, old: Option<&Old>, cache: (&Path, &Digest), events: &Receiver<Event>) -> Result<Assembled, Unfinished> {
    let mut assembly = Assembly { shared, old, cache: None, frames: Vec::new() };
    for event in events {
        match event {
            Event::Enter => {
                if assembly.frames.is_empty() {
                    assembly.cache = note(New::create(cache.0, cache.1));
                }
                let began = assembly.cache.as_ref().map_or(0, New::position);
                assembly.frames.push(Frame { began, ..Frame::default() });
            }
            Event::Entry(told) => assembly.entry(*told)?,
            Event::Leave(folder) => {
                if let Some(done) = assembly.leave(&folder)? {
                    return Ok(done);
                }
            }
            Event::Unchanged(root) => return Ok(Assembled { root, cache: None }),
        }
    }
    Err(Unfinished::Stopped)
}

struct Assembly<'a> {
    shared: &'a Shared,
    old: Option<&'a Old>,
    cache: Option<New>,
    frames: Vec<Frame>,
}

impl Assembly<'_> {
    fn entry(&mut self, told: Told) -> Result<(), Unfinished> {
        let Told { name, stat, attributes, whole, mounted, what } = told;
        let name = name.into_vec();
        match what {
            What::File(content) => self.add_file(name, &stat, attributes, content, whole)?,
            What::Symlink(target) => {
                let payload = NewPayload::Symlink { target: &target };
                let trusted = whole && self.trusts(&stat);
                self.add_row(&NewRow { name: &name, stat: &stat, trusted, mounted, attributes: &attributes, payload });
                self.add_node(name, &stat, attributes, NodeKind::Symlink { target })?;
            }
            What::Special(special) => {
                let trusted = whole && self.trusts(&stat);
                let payload = NewPayload::Special;
                self.add_row(&NewRow { name: &name, stat: &stat, trusted, mounted, attributes: &attributes, payload });
                let device = Device { major: stat.device.0, minor: stat.device.1 };
                let kind = match special {
                    Special::Fifo => NodeKind::Fifo,
                    Special::Socket => NodeKind::Socket,
                    Special::CharDevice => NodeKind::CharDevice(device),
                    Special::BlockDevice => NodeKind::BlockDevice(device),
                };
                self.add_node(name, &stat, attributes, kind)?;
            }
            What::Directory(tree, place) => {
                let taken = match (&mut self.cache, self.old) {
                    (Some(cache), Some(old)) => Some(cache.copy(old, &place)),
                    _ => None,
                };
                let place = self.keep(taken);
                self.add_directory(name, &stat, (attributes, whole, mounted), tree, place)?;
            }
            What::Read { outcome, before } => match outcome.recv() {
                Err(_) => return Err(Unfinished::Stopped),
                Ok(Outcome::Failed(error)) => return Err(error.into()),
                Ok(Outcome::LeftOut) => {}
                Ok(Outcome::Stored(stored)) => {
                    let Stored { stat, attributes, pending, whole } = *stored;
                    let content = pending.content()?;
                    self.count(&content, before.as_ref());
                    self.add_file(name, &stat, attributes, content, whole)?;
                }
            },
        }
        Ok(())
    }

    /// Ends the innermost folder. The answer is the whole, if it was the root.
    fn leave(&mut self, folder: &Folder) -> Result<Option<Assembled>, Unfinished> {
        let Some(Frame { draft, rows, began }) = self.frames.pop() else { return Err(Unfinished::Stopped) };
        let tree = self.shared.writer.end_tree(draft)?;
        let written = self.cache.as_mut().map(|cache| cache.block(rows, began));
        let place = self.keep(written);
        if self.frames.is_empty() {
            return Ok(Some(self.finish(tree, place)));
        }
        self.add_directory(folder.name.to_vec(), &folder.stat, (folder.attributes.clone(), folder.whole, folder.mounted), tree, place)?;
        Ok(None)
    }

    fn finish(&mut self, root: TreeRef, place: Option<Place>) -> Assembled {
        let cache = self.cache.take().zip(place).and_then(|(cache, place)| {
            let payload = NewPayload::Directory { place, tree: &root };
            let row =
                NewRow { name: b"", stat: &Stat::default(), trusted: true, mounted: false, attributes: &Attributes::default(), payload };
            note(cache.finish(&row, &self.shared.owners.digest(), self.shared.counts.totals()))
        });
        Assembled { root, cache }
    }

    fn count(&self, content: &Content, before: Option<&Content>) {
        let counts = &self.shared.counts;
        add(&counts.files, 1);
        add(&counts.bytes, content.size);
        let kind = match before {
            None => &counts.files_new,
            Some(before) if before == content => &counts.files_unchanged,
            Some(_) => &counts.files_changed,
        };
        add(kind, 1);
    }

    fn add_file(&mut self, name: Vec<u8>, stat: &Stat, attributes: Attributes, content: Content, whole: bool) -> Result<(), WriteError> {
        let trusted = whole && self.trusts(stat);
        let payload = NewPayload::File(&content);
        self.add_row(&NewRow { name: &name, stat, trusted, mounted: false, attributes: &attributes, payload });
        self.add_node(name, stat, attributes, NodeKind::File { content })
    }

    fn add_directory(
        &mut self,
        name: Vec<u8>,
        stat: &Stat,
        (attributes, whole, mounted): (Attributes, bool, bool),
        tree: TreeRef,
        place: Option<Place>,
    ) -> Result<(), WriteError> {
        if let Some(place) = place {
            let payload = NewPayload::Directory { place, tree: &tree };
            let trusted = whole && self.trusts(stat);
            self.add_row(&NewRow { name: &name, stat, trusted, mounted, attributes: &attributes, payload });
        }
        self.add_node(name, stat, attributes, NodeKind::Directory { tree })
    }

    fn add_row(&mut self, row: &NewRow<'_>) {
        if let (Some(_), Some(frame)) = (&self.cache, self.frames.last_mut()) {
            frame.rows.push(row);
        }
    }

    fn add_node(&mut self, name: Vec<u8>, stat: &Stat, attributes: Attributes, kind: NodeKind) -> Result<(), WriteError> {
        let owners = &self.shared.owners;
        let meta = Meta {
            mode: stat.permissions(),
            uid: stat.uid,
            gid: stat.gid,
            user: owners.user(stat.uid).map(str::to_owned),
            group: owners.group(stat.gid).map(str::to_owned),
            mtime_s: stat.mtime_s,
            mtime_ns: stat.mtime_ns,
            xattrs: attributes.xattrs,
            flags: attributes.flags,
            birth: attributes.birth,
            link: attributes.link.map(|link| link.to_vec()),
        };
        match self.frames.last_mut() {
            Some(frame) => self.shared.writer.add_node(&mut frame.draft, &Node { name, meta, kind }),
            None => Ok(()),
        }
    }

    fn trusts(&self, stat: &Stat) -> bool {
        !stat.is_racy(self.shared.started)
    }

    /// A cache that cannot be written (a full disk) is given up. The backup goes on: the next one only reads more.
    fn keep(&mut self, written: Option<std::io::Result<Place>>) -> Option<Place> {
        let place = note(written?);
        if place.is_none() {
            self.cache = None;
        }
        place
    }
}

fn note<T>(result: std::io::Result<T>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!(%error, "cannot write the cache of unchanged files; the next backup reads every file")).ok()
}

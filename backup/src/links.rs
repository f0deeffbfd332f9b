//! Remembers files with several names while a source is read, so that each is read once and all its names get the same.
//!
//! `read` asks it before it opens such a file. A group is forgotten when its last name was seen. Names may lie outside the source, so
//! there is a limit to what is remembered: beyond it a file is read for each of its names, and stored once all the same.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use repository::format::tree::Content;
use repository::writer::WriteError;

use crate::attributes::Attributes;
use crate::read::Taken;
use crate::shared::Stop;
use crate::stat::Stat;

/// Bytes of memory for what is remembered.
const ROOM: u64 = 64 << 20;
/// Bytes that a group takes beside the names of its chunks.
const GROUP: u64 = 512;
/// Bytes of content that cost a byte of memory: an id of 36 bytes for each 128 KiB or so.
const CONTENT: u64 = 3 << 10;
/// How often whoever waits for a reader looks whether the run is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// A file that was read under one of its names.
#[derive(Debug)]
pub(crate) struct Linked {
    pub stat: Stat,
    pub attributes: Attributes,
    pub whole: bool,
    content: Mutex<Known>,
}

/// `assemble` comes to the names in another order than the readers: whichever comes first waits for the content.
#[derive(Debug)]
enum Known {
    Waiting(Option<Taken>),
    Ready(Content),
}

impl Linked {
    pub fn new(stat: Stat, attributes: Attributes, whole: bool, taken: Taken) -> Self {
        Self { stat, attributes, whole, content: Mutex::new(Known::Waiting(Some(taken))) }
    }

    /// Waits until its chunks have names.
    pub fn content(&self) -> Result<Content, WriteError> {
        let mut known = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = match &mut *known {
            Known::Ready(content) => return Ok(content.clone()),
            Known::Waiting(taken) => taken.take().ok_or(WriteError::Stopped)?, // it failed before, and the run with it
        };
        let content = taken.content()?;
        *known = Known::Ready(content.clone());
        Ok(content)
    }
}

/// The groups, by device and inode.
#[derive(Debug)]
pub(crate) struct Links {
    groups: Mutex<Groups>,
    changed: Condvar,
}

#[derive(Debug)]
struct Groups {
    by_place: HashMap<(u64, u64), Group>,
    room: u64,
}

#[derive(Debug)]
struct Group {
    /// None while a reader is in it.
    linked: Option<Arc<Linked>>,
    names_left: u32,
    cost: u64,
}

/// What a reader is to do with a name.
#[derive(Debug)]
pub(crate) enum Claim<'a> {
    /// Read the file, and tell what it came to.
    Read(Reading<'a>),
    /// Read it for this name alone: there is no room to remember it.
    ReadAlone,
    /// Take what another name came to.
    Take(Arc<Linked>),
}

/// The right to read a file for all its names. When it is dropped without [`Reading::done`], the next name is read.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    links: &'a Links,
    place: (u64, u64),
    linked: Option<Arc<Linked>>,
}

impl Reading<'_> {
    pub fn done(mut self, linked: &Arc<Linked>) {
        self.linked = Some(Arc::clone(linked));
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut groups = self.links.lock();
        match (self.linked.take(), groups.by_place.get_mut(&self.place)) {
            (Some(linked), Some(group)) if group.names_left > 0 => group.linked = Some(linked),
            _ => groups.forget(self.place),
        }
        drop(groups);
        self.links.changed.notify_all();
    }
}

impl Default for Links {
    fn default() -> Self {
        Self { groups: Mutex::new(Groups { by_place: HashMap::new(), room: ROOM }), changed: Condvar::new() }
    }
}

impl Groups {
    fn forget(&mut self, place: (u64, u64)) {
        if let Some(group) = self.by_place.remove(&place) {
            self.room += group.cost;
        }
    }
}

impl Links {
    /// Decides about a name of the file that `stat` is of. Waits while another reader is in it.
    pub fn claim(&self, stat: &Stat, stop: &Stop) -> Claim<'_> {
        let place = stat.place();
        let mut groups = self.lock();
        loop {
            let cost = GROUP + stat.size / CONTENT;
            let room = groups.room;
            match groups.by_place.entry(place) {
                Entry::Vacant(_) if cost > room => return Claim::ReadAlone,
                Entry::Vacant(free) => {
                    free.insert(Group { linked: None, names_left: stat.n_names.saturating_sub(1), cost });
                    groups.room -= cost;
                    return Claim::Read(Reading { links: self, place, linked: None });
                }
                Entry::Occupied(mut known) => match &known.get().linked {
                    None if stop.is_ordered() => return Claim::ReadAlone,
                    None => {}
                    // It was written to since: what is taken now would be older than what the walk saw.
                    Some(linked) if !stat.same_as(&linked.stat) => {
                        groups.forget(place);
                        continue;
                    }
                    Some(linked) => {
                        let linked = Arc::clone(linked);
                        known.get_mut().names_left -= 1;
                        if known.get().names_left == 0 {
                            groups.forget(place);
                        }
                        return Claim::Take(linked);
                    }
                },
            }
            groups = self.changed.wait_timeout(groups, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

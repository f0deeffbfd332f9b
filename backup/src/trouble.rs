//! Collects what went otherwise than planned while a source was read. All threads of a run share one.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use base::name::shown;
use repository::format::snapshot::PathError;

use crate::report::MAX_NAMED;

/// Could not be opened, listed or read: the snapshot lacks it.
pub(crate) const UNREADABLE: &str = "unreadable";
/// A path of the source that is not there, or that the walk did not come to.
pub(crate) const MISSING: &str = "missing";
/// A file system that was mounted is not.
pub(crate) const UNMOUNTED: &str = "not mounted";
/// Its data is stored, its extended attributes are not.
pub(crate) const ATTRIBUTES: &str = "attributes unreadable";
/// The canary could not be written.
pub(crate) const CANARY: &str = "canary not written";
/// Written to while it was read, and again while it was read once more: what is stored may be half old and half new.
pub(crate) const CHANGED: &str = "changed while read";
/// Stored up to the size that it had when it was opened.
pub(crate) const GREW: &str = "grew while read";
/// Listed, and gone when it was to be read.
pub(crate) const VANISHED: &str = "vanished";
/// Left out on purpose.
pub(crate) const SKIPPED: &str = "skipped";
/// A program ended well and had something to say.
pub(crate) const SAID: &str = "said";

/// The collection.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    lists: Mutex<Lists>,
    n_errors: AtomicU64,
    n_changed: AtomicU64,
    n_grown: AtomicU64,
    vanished: AtomicU64,
    excluded: AtomicU64,
}

#[derive(Debug, Default)]
struct Lists {
    errors: Vec<PathError>,
    changed: Vec<PathError>,
    vanished: Vec<PathError>,
    notes: Vec<PathError>,
}

/// What there was, when the run has ended.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub errors: Vec<PathError>,
    pub changed: Vec<PathError>,
    pub gone: Vec<PathError>,
    pub notes: Vec<PathError>,
    pub n_errors: u64,
    pub n_changed: u64,
    pub n_grown: u64,
    pub vanished: u64,
    pub excluded: u64,
}

impl Trouble {
    /// Something that should be in the snapshot is not.
    pub fn error(&self, path: &[u8], kind: &str, detail: impl Display) {
        self.n_errors.fetch_add(1, Ordering::Relaxed);
        self.add(|lists| &mut lists.errors, path, kind, detail);
    }

    /// A file was stored, but was written to each time it was read.
    pub fn changed(&self, path: &[u8], detail: impl Display) {
        self.n_changed.fetch_add(1, Ordering::Relaxed);
        self.add(|lists| &mut lists.changed, path, CHANGED, detail);
    }

    /// A file was stored up to the length that it had when its reading began.
    pub fn grew(&self, path: &[u8], detail: impl Display) {
        self.n_grown.fetch_add(1, Ordering::Relaxed);
        self.add(|lists| &mut lists.changed, path, GREW, detail);
    }

    /// Something was left out, as it should be.
    pub fn note(&self, path: &[u8], detail: impl Display) {
        self.add(|lists| &mut lists.notes, path, SKIPPED, detail);
    }

    /// Something that is worth a word and is wrong with nothing.
    pub fn say(&self, path: &[u8], kind: &str, detail: impl Display) {
        self.add(|lists| &mut lists.notes, path, kind, detail);
    }

    /// An entry was listed and is gone.
    pub fn vanished(&self, path: &[u8]) {
        self.vanished.fetch_add(1, Ordering::Relaxed);
        self.add(|lists| &mut lists.vanished, path, VANISHED, "it was listed, and gone when it was to be read");
    }

    /// Rules left entries out.
    pub fn excluded(&self, entries: usize) {
        self.excluded.fetch_add(entries as u64, Ordering::Relaxed);
    }

    pub fn n_errors(&self) -> u64 {
        self.n_errors.load(Ordering::Relaxed)
    }

    /// All of it, once no thread adds any more.
    pub fn take(&self) -> Findings {
        let lists = std::mem::take(&mut *self.lists.lock().unwrap_or_else(PoisonError::into_inner));
        Findings {
            errors: lists.errors,
            changed: lists.changed,
            gone: lists.vanished,
            notes: lists.notes,
            n_errors: self.n_errors(),
            n_changed: self.n_changed.load(Ordering::Relaxed),
            n_grown: self.n_grown.load(Ordering::Relaxed),
            vanished: self.vanished.load(Ordering::Relaxed),
            excluded: self.excluded.load(Ordering::Relaxed),
        }
    }

    fn add(&self, list: impl FnOnce(&mut Lists) -> &mut Vec<PathError>, path: &[u8], kind: &str, detail: impl Display) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = list(&mut lists);
        if list.len() < MAX_NAMED {
            list.push(PathError { path: shown(path), kind: kind.to_owned(), detail: detail.to_string() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_errors_are_counted_and_some_are_named() {
        let trouble = Trouble::default();
        for _ in 0..MAX_NAMED + 5 {
            trouble.error(b"/x", UNREADABLE, "permission denied");
        }
        let findings = trouble.take();
        assert_eq!((findings.n_errors, findings.errors.len()), (MAX_NAMED as u64 + 5, MAX_NAMED));
    }
}

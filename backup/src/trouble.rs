//! Collects what went otherwise than planned while a source was read. All threads of a run share one.

use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use repository::format::snapshot::PathError;

use crate::report::MAX_NAMED;

/// Could not be opened, listed or read: the snapshot lacks it.
pub(crate) const UNREADABLE: &str = "unreadable";
/// A path of the source that is not there, or that the walk did not come to.
pub(crate) const MISSING: &str = "missing";
/// Its data is stored, its extended attributes are not.
pub(crate) const ATTRIBUTES: &str = "attributes unreadable";
/// The canary could not be written.
pub(crate) const CANARY: &str = "canary not written";
/// Stored as it was read, twice different.
pub(crate) const CHANGED: &str = "changed while read";
/// Stored up to the size that it had when it was opened.
pub(crate) const GREW: &str = "grew while read";
/// Left out on purpose.
pub(crate) const SKIPPED: &str = "skipped";

/// The collection.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    lists: Mutex<Lists>,
    n_errors: AtomicU64,
    vanished: AtomicU64,
    excluded: AtomicU64,
}

#[derive(Debug, Default)]
struct Lists {
    errors: Vec<PathError>,
    changed: Vec<PathError>,
    notes: Vec<PathError>,
}

/// What there was, when the run has ended.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub errors: Vec<PathError>,
    pub changed: Vec<PathError>,
    pub notes: Vec<PathError>,
    pub n_errors: u64,
    pub vanished: u64,
    pub excluded: u64,
}

impl Trouble {
    /// Something that should be in the snapshot is not.
    pub fn error(&self, path: &[u8], kind: &str, detail: impl Display) {
        self.n_errors.fetch_add(1, Ordering::Relaxed);
        self.add(|lists| &mut lists.errors, path, kind, detail);
    }

    /// Something was stored, but moved while it was read.
    pub fn changed(&self, path: &[u8], kind: &str, detail: impl Display) {
        self.add(|lists| &mut lists.changed, path, kind, detail);
    }

    /// Something was left out, as it should be.
    pub fn note(&self, path: &[u8], detail: impl Display) {
        self.add(|lists| &mut lists.notes, path, SKIPPED, detail);
    }

    /// An entry was listed and is gone.
    pub fn vanished(&self) {
        self.vanished.fetch_add(1, Ordering::Relaxed);
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
            notes: lists.notes,
            n_errors: self.n_errors(),
            vanished: self.vanished.load(Ordering::Relaxed),
            excluded: self.excluded.load(Ordering::Relaxed),
        }
    }

    fn add(&self, list: impl FnOnce(&mut Lists) -> &mut Vec<PathError>, path: &[u8], kind: &str, detail: impl Display) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = list(&mut lists);
        if list.len() < MAX_NAMED {
            list.push(PathError { path: text_of(path), kind: kind.to_owned(), detail: detail.to_string() });
        }
    }
}

/// A path as text on one line: control characters and bytes that are not UTF-8 are escaped, like `\n` and `\xff`.
pub(crate) fn text_of(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for part in path.utf8_chunks() {
        for c in part.valid().chars() {
            if c.is_control() || c == '\\' {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        for byte in part.invalid() {
            let _ = write!(text, "\\x{byte:02x}"); // writing to a String cannot fail
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_on_one_line_and_can_be_told_apart() {
        assert_eq!(text_of("/srv/ünï".as_bytes()), "/srv/ünï");
        assert_eq!(text_of(b"/a\nb\xff\x1b[1m\\n"), "/a\\nb\\xff\\u{1b}[1m\\\\n");
    }

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

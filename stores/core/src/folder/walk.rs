//! Lists the objects of a folder, a page at a time.
//!
//! The walk is in the order of the segments of the keys, and the cursor is the last key of a page. A page therefore opens
//! only the folders on the way to its entries, and nothing is kept between pages. What is not the name of an object
//! (temporary files, `lost+found`, links) is not in the list.

use std::fs;
use std::io;
use std::path::Path;

use crate::key::{self, Key, Prefix};
use crate::store::{Cursor, Entry, Page};

/// Entries in one page.
const PAGE_LEN: usize = 4096;

pub(super) fn page(root: &Path, prefix: &Prefix, after: Option<&Cursor>) -> io::Result<Page> {
    let (folder, rest) = prefix.folder_and_rest();
    // A cursor that is no key, or outside the prefix, is not one of ours: the list begins anew.
    let after = after.and_then(|cursor| cursor.0.parse::<Key>().ok()).filter(|key| key.starts_with(prefix));
    let after: Vec<&str> = match &after {
        Some(key) => key.segments().skip(if folder.is_empty() { 0 } else { folder.split('/').count() }).collect(),
        None => Vec::new(),
    };
    let mut found = Vec::new();
    visit(root, folder, rest, &after, &mut found)?;
    let more = found.len() > PAGE_LEN;
    found.truncate(PAGE_LEN);
    let next = found.last().filter(|_| more).map(|entry| Cursor(entry.key.as_str().to_owned()));
    Ok(Page { entries: found, next })
}

/// Adds the objects below `folder` whose next segment begins with `start` and that come behind `after` (segments below
/// `folder`; none means all), until the page is full and one more shows that others follow.
fn visit(root: &Path, folder: &str, start: &str, after: &[&str], found: &mut Vec<Entry>) -> io::Result<()> {
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        // A folder that nobody has written to yet, or a key that is an object itself.
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    let first = after.first().copied().unwrap_or("");
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && name.starts_with(start)
            && name.as_str() >= first
            && key::is_segment(&name)
        {
            names.push((name, entry));
        }
    }
    names.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    for (name, entry) in names {
        if found.len() > PAGE_LEN {
            break;
        }
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let Ok(key) = path.parse::<Key>() else { continue };
        let behind = if name == first { after.get(1..).unwrap_or_default() } else { &[] };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => visit(root, &path, "", behind, found)?,
            Ok(kind) if kind.is_file() && !(name == first && after.len() == 1) => match entry.metadata() {
                Ok(metadata) => found.push(Entry { key, size: metadata.len(), modified: super::read::modified(&metadata) }),
                Err(error) if gone(&error) => {}
                Err(error) => return Err(error),
            },
            Ok(_) => {}
            Err(error) if gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

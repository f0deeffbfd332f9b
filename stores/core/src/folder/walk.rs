//! Lists the objects of a folder, a page at a time.
//!
//! The walk is in the order of the segments of the keys, and the cursor is the last key of a page. A page therefore opens
//! only the folders on the way to its entries, and nothing is kept between pages. What is not the name of an object
//! (temporary files, `lost+found`, links) is not in the list.

use std::fs;
use std::io;
use std::path::Path;

use super::clock;
use crate::key::{self, Key, Prefix};
use crate::store::{Cursor, Entry, Page};

/// Entries in one page.
pub(super) const PAGE_LEN: usize = 4096;

/// At most `len` entries behind the cursor.
pub(super) fn page(root: &Path, prefix: &Prefix, after: Option<&Cursor>, len: usize) -> io::Result<Page> {
    let (folder, rest) = prefix.folder_and_rest();
    // A cursor that is no key, or outside the prefix, is not one of ours: the list begins anew.
    let after = after.and_then(|cursor| cursor.0.parse::<Key>().ok()).filter(|key| key.starts_with(prefix));
    let after: Vec<&str> = match &after {
        Some(key) => key.segments().skip(if folder.is_empty() { 0 } else { folder.split('/').count() }).collect(),
        None => Vec::new(),
    };
    let mut found = Vec::new();
    visit(root, folder, rest, &after, len, &mut found)?;
    let more = found.len() > len;
    found.truncate(len);
    let next = found.last().filter(|_| more).map(|entry| Cursor(entry.key.as_str().to_owned()));
    Ok(Page { entries: found, next, date: clock::now(root) })
}

/// Adds the objects below `folder` whose next segment begins with `start` and that come behind `after` (segments below
/// `folder`; none means all), until the page is full and one more shows that others follow.
fn visit(root: &Path, folder: &str, start: &str, after: &[&str], len: usize, found: &mut Vec<Entry>) -> io::Result<()> {
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
        if found.len() > len {
            break;
        }
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        let Ok(key) = path.parse::<Key>() else { continue };
        let behind = if name == first { after.get(1..).unwrap_or_default() } else { &[] };
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => visit(root, &path, "", behind, len, found)?,
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever the tree, the prefix and the length of a page: every object once, and no other.
        #[test]
        fn pages_of_any_length_show_every_object_once(
            names in prop::collection::btree_set("[ab.-]{1,2}(/[ab.-]{1,2}){0,2}", 0..20),
            prefix in "[ab-]{0,2}(/[ab]{0,1}){0,1}",
            len in 1_usize..5,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut stored = BTreeSet::new();
            for name in names {
                let Ok(key) = name.parse::<Key>() else { continue };
                let path = folder.path().join(&name);
                // A key that is a folder of another one cannot be stored.
                if fs::create_dir_all(path.parent().unwrap()).is_ok() && !path.exists() {
                    fs::write(path, "").unwrap();
                    stored.insert(key);
                }
            }
            let Ok(prefix) = prefix.parse::<Prefix>() else { return Ok(()) };
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let page = page(folder.path(), &prefix, after.as_ref(), len).unwrap();
                prop_assert!(page.entries.len() <= len);
                listed.extend(page.entries.into_iter().map(|entry| entry.key));
                prop_assert!(listed.len() <= stored.len(), "{listed:?} of {stored:?}");
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let wanted: Vec<&Key> = stored.iter().filter(|key| key.starts_with(&prefix)).collect();
            listed.sort();
            prop_assert_eq!(listed.iter().collect::<Vec<_>>(), wanted);
        }
    }
}

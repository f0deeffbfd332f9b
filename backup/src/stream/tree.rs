//! The folders of a snapshot whose files were no files: made from the names that their source gave them.

use std::collections::{BTreeMap, btree_map};

use repository::format::tree::{Meta, Node, NodeKind, TreeRef};
use repository::writer::WriteError;

use crate::shared::{Shared, add};

/// A folder in the making.
#[derive(Debug, Default)]
pub(super) struct Folder {
    entries: BTreeMap<Vec<u8>, Entry>,
}

#[derive(Debug)]
enum Entry {
    File(Box<Node>),
    Folder(Folder),
}

impl Folder {
    /// Puts a file at a path of names, unless something else is there: then it says false.
    #[must_use]
    pub fn put(&mut self, path: &[&[u8]], file: Node) -> bool {
        match path {
            [] => false,
            [name] => match self.entries.entry(name.to_vec()) {
                btree_map::Entry::Occupied(_) => false,
                btree_map::Entry::Vacant(place) => {
                    place.insert(Entry::File(Box::new(file)));
                    true
                }
            },
            [name, rest @ ..] => match self.entries.entry(name.to_vec()).or_insert_with(|| Entry::Folder(Self::default())) {
                Entry::Folder(folder) => folder.put(rest, file),
                Entry::File(_) => false,
            },
        }
    }

    /// The paths of all files, from the root.
    pub fn files(&self) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        for (name, entry) in &self.entries {
            let here = [b"/", name.as_slice()].concat();
            match entry {
                Entry::File(_) => found.push(here),
                Entry::Folder(folder) => found.extend(folder.files().into_iter().map(|below| [here.as_slice(), &below].concat())),
            }
        }
        found
    }

    /// Stores it with all below it; folders get `meta`.
    pub fn store(self, shared: &Shared, meta: &Meta) -> Result<TreeRef, WriteError> {
        let mut nodes = Vec::with_capacity(self.entries.len());
        for (name, entry) in self.entries {
            nodes.push(match entry {
                Entry::File(node) => *node,
                Entry::Folder(folder) => {
                    add(&shared.counts.directories, 1);
                    Node { name, meta: meta.clone(), kind: NodeKind::Directory { tree: folder.store(shared, meta)? } }
                }
            });
        }
        shared.writer.store_tree(&nodes)
    }
}

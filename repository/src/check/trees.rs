//! Walks the trees of restore points and compares what they need with the packs that each restore point names. Needs a reader.
//!
//! What a prune may delete follows from these pack sets alone, so a set that lacks a pack would lose data later, and nobody who has no key
//! could see it before. Every tree is fetched once, however many restore points share it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use base::Digest;
use base::hint::whole_story;
use base::id::DomainId;

use super::report::CheckReport;
use super::sample::Budget;
use crate::finding::Finding;
use crate::format::tree::{ChunkRef, NodeKind, TreeRef};
use crate::reader::{ReadError, Reader};
use crate::snapshots::Snapshot;

/// The most folders that one finding names.
const PATHS_MAX: usize = 100;

/// What one tree needs, its own chunks among it.
#[derive(Debug, Default)]
struct Needs {
    /// For each chunk the packs that have it, by their numbers, each such choice once. An empty one: no pack has the chunk.
    choices: BTreeSet<Vec<u32>>,
    /// Folders in it, with their names.
    folders: Vec<(Vec<u8>, TreeRef)>,
}

/// Trees that were read, and the numbers of packs.
#[derive(Default)]
struct Walk {
    trees: HashMap<TreeRef, Arc<Needs>>,
    numbers: HashMap<(DomainId, Digest), u32>,
}

/// Walks as many of the live restore points as the budget says.
pub(super) async fn look(reader: &Reader, budget: &Budget, report: &mut CheckReport) {
    let listing = match reader.snapshots().await {
        Ok(listing) => listing,
        Err(error) => {
            report.unread.push(Finding::new("snapshots/", whole_story(&error)));
            return;
        }
    };
    report.listed.extend(listing.snapshots.iter().map(|snapshot| *snapshot.id.digest()));
    let mut found = Vec::new();
    let mut walk = Walk::default();
    let (drawn, _) = budget.draw(listing.snapshots, super::Level::Contents, |snapshot| *snapshot.id.digest());
    for snapshot in drawn {
        match walk.snapshot(reader, &snapshot).await {
            Ok(None) => report.covered.push(*snapshot.id.digest()),
            Ok(Some(finding)) => found.push(finding),
            Err(finding) => report.unread.push(finding),
        }
        report.walked += 1;
    }
    report.trees += walk.trees.len() as u64;
    report.findings.extend(found);
}

impl Walk {
    /// What is wrong with a restore point's set of packs; an error where a tree could not be read.
    async fn snapshot(&mut self, reader: &Reader, snapshot: &Snapshot) -> Result<Option<Finding>, Finding> {
        let set: HashSet<u32> = snapshot.packs.iter().map(|pack| self.number(&snapshot.domain, *pack)).collect();
        let (mut seen, mut lacking) = (HashSet::new(), BTreeSet::new());
        let mut left = vec![(String::from("/"), snapshot.root.clone())];
        while let Some((path, tree)) = left.pop() {
            if !seen.insert(tree.clone()) {
                continue;
            }
            let needs = match self.tree(reader, &tree).await {
                Ok(needs) => needs,
                Err(error @ ReadError::Store { .. }) => {
                    return Err(Finding::new(snapshot.key(), format!("{path}: {}", whole_story(&error))));
                }
                Err(error) => {
                    let finding = Finding::new(snapshot.key(), format!("the folder {path} cannot be read: {}", whole_story(&error)));
                    return Ok(Some(Finding { snapshots: vec![snapshot.id], ..finding }));
                }
            };
            if needs.choices.iter().any(|packs| !packs.iter().any(|pack| set.contains(pack))) {
                lacking.insert(path.clone());
            }
            let below = |name: &[u8]| format!("{path}{}/", String::from_utf8_lossy(name));
            left.extend(needs.folders.iter().map(|(name, tree)| (below(name), tree.clone())));
        }
        let what = format!("its trees need packs that it does not name, in {} folders: a prune may not go by it", lacking.len());
        Ok((!lacking.is_empty()).then(|| Finding {
            snapshots: vec![snapshot.id],
            paths: lacking.into_iter().take(PATHS_MAX).collect(),
            ..Finding::new(snapshot.key(), what)
        }))
    }

    async fn tree(&mut self, reader: &Reader, tree: &TreeRef) -> Result<Arc<Needs>, ReadError> {
        if let Some(known) = self.trees.get(tree) {
            return Ok(Arc::clone(known));
        }
        let mut needs = Needs::default();
        self.take(reader, &tree.chunks, &mut needs);
        for node in reader.tree(tree).await? {
            match node.kind {
                NodeKind::Directory { tree } => needs.folders.push((node.name, tree)),
                NodeKind::File { content } => self.take(reader, content.refs(), &mut needs),
                _ => {}
            }
        }
        let needs = Arc::new(needs);
        self.trees.insert(tree.clone(), Arc::clone(&needs));
        Ok(needs)
    }

    fn take(&mut self, reader: &Reader, chunks: &[ChunkRef], needs: &mut Needs) {
        for chunk in chunks {
            let mut packs: Vec<u32> = reader.packs_of(chunk.id).map(|(domain, pack)| self.number(domain, pack)).collect();
            packs.sort_unstable();
            needs.choices.insert(packs);
        }
    }

    fn number(&mut self, domain: &DomainId, pack: Digest) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        *self.numbers.entry((domain.clone(), pack)).or_insert(next)
    }
}

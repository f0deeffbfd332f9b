//! Finds the paths that damaged packs take away. Needs a reader; it looks only at snapshots that name such a pack.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use base::Digest;
use base::id::DomainId;
use stores::key::Prefix;
use stores::store::list_all;

use super::report::CheckReport;
use super::statements::index_packs;
use crate::finding::Finding;
use crate::format::names::{self, numbered};
use crate::format::tree::{ChunkId, NodeKind, TreeRef};
use crate::reader::Reader;
use crate::repository::Repository;
use crate::snapshots::{Snapshot, SnapshotId};

/// The most paths that one finding names.
const PATHS_MAX: usize = 100;

/// Chunks that no sound pack has, each with the key of a damaged pack that should have it.
type Lost = BTreeMap<ChunkId, String>;

/// Adds paths to the findings about packs. What cannot be found out is left out: it is a finding of its own already.
pub(super) async fn name_paths(repository: &Repository, reader: &Reader, report: &mut CheckReport) {
    let bad: BTreeSet<String> = report.findings.iter().map(|finding| finding.object.clone()).collect();
    let needed = report.findings.iter().filter(|finding| !finding.snapshots.is_empty());
    let needed: BTreeSet<String> = needed.map(|finding| finding.object.clone()).collect();
    let affected: BTreeSet<SnapshotId> = report.findings.iter().flat_map(|finding| finding.snapshots.iter().copied()).collect();
    if needed.is_empty() {
        return;
    }
    let lost = lost_chunks(repository, reader, &needed, &bad).await;
    let Ok(listing) = reader.snapshots().await else { return };
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for snapshot in listing.snapshots.iter().filter(|snapshot| affected.contains(&snapshot.id)) {
        walk(reader, snapshot, &lost, &mut seen, &mut named).await;
    }
    for finding in &mut report.findings {
        add_paths(finding, named.get(&finding.object));
    }
}

fn add_paths(finding: &mut Finding, paths: Option<&BTreeSet<String>>) {
    let Some(paths) = paths else { return };
    finding.paths = paths.iter().take(PATHS_MAX).cloned().collect();
    if paths.len() > PATHS_MAX {
        finding.paths.push(format!("… and {} more", paths.len() - PATHS_MAX));
    }
}

/// The chunks of the packs in `needed`, but for those that a pack which is not in `bad` has as well. The reader looks for them
/// there, too. What is kept grows with the damage, not with the repository.
async fn lost_chunks(repository: &Repository, reader: &Reader, needed: &BTreeSet<String>, bad: &BTreeSet<String>) -> Lost {
    let mut lost = Lost::new();
    let prefix: Prefix = "index/".parse().expect("a plain prefix");
    for entry in list_all(&**repository.store(), &prefix).await.unwrap_or_default() {
        let Some(at) = numbered("index", &entry.key) else { continue };
        let Ok(object) = repository.store().get(&entry.key).await else { continue };
        let Ok(Some(packs)) = index_packs(repository, &at, Some(reader.keys()), &object) else { continue };
        for pack in packs {
            let key = pack_key(&at.domain, &pack.digest);
            if needed.contains(&key) {
                lost.extend(pack.frames.iter().flat_map(|frame| frame.chunks.iter().map(|chunk| (chunk.id, key.clone()))));
            }
        }
    }
    lost.retain(|id, _| !reader.packs_of(*id).any(|(domain, digest)| !bad.contains(&pack_key(domain, &digest))));
    lost
}

fn pack_key(domain: &DomainId, digest: &Digest) -> String {
    names::pack(domain, digest).to_string()
}

/// Walks a snapshot's tree. A directory that was seen before, perhaps in another snapshot, is not walked again.
async fn walk(
    reader: &Reader,
    snapshot: &Snapshot,
    lost: &Lost,
    seen: &mut HashSet<TreeRef>,
    named: &mut BTreeMap<String, BTreeSet<String>>,
) {
    let mut left = vec![(String::new(), snapshot.root.clone())];
    while let Some((path, tree)) = left.pop() {
        if !seen.insert(tree.clone()) {
            continue;
        }
        let mut take = |path: &str, id: &ChunkId| {
            if let Some(pack) = lost.get(id) {
                named.entry(pack.clone()).or_default().insert(path.to_owned());
            }
        };
        let here = if path.is_empty() { "/" } else { &path };
        tree.chunks.iter().for_each(|chunk| take(here, &chunk.id));
        for node in reader.tree(&tree).await.unwrap_or_default() {
            let below = format!("{path}/{}", base::name::shown(&node.name));
            match node.kind {
                NodeKind::Directory { tree } => left.push((below, tree)),
                NodeKind::File { content } => content.refs().iter().for_each(|chunk| take(&below, &chunk.id)),
                _ => {}
            }
        }
    }
}

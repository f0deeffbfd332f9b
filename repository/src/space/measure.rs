//! Measures what of packs is live: walks the trees of restore points, and counts the frames of which they need something.
//!
//! A chunk that lies in several packs which restore points name counts in each of them. In memory is a bit for each frame and the
//! names of the directories that were walked.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::SpaceError;
use crate::format::tree::{ChunkRef, NodeKind, TreeRef};
use crate::prune::PackAt;
use crate::reader::Reader;
use crate::snapshots::Snapshot;

/// What of a pack is live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Live {
    /// Bytes of frames of which somebody needs something.
    pub live: u64,
    /// Bytes of the other frames.
    pub dead: u64,
}

/// Every pack that one of `snapshots` names, and what of it they need. Needs a reader's key.
pub async fn measure(reader: &Reader, snapshots: &[Snapshot]) -> Result<BTreeMap<PackAt, Live>, SpaceError> {
    let named: BTreeSet<PackAt> = snapshots.iter().flat_map(set_of).collect();
    let (mut frames, mut seen) = (HashMap::<PackAt, Vec<u64>>::new(), HashSet::new());
    for snapshot in snapshots {
        walk(reader, snapshot, &mut seen, &mut |chunk| {
            let mut found = false;
            for (pack, frame) in reader.frames_in(chunk.id, &named) {
                found = true;
                let bits = frames.entry(pack).or_default();
                let word = usize::from(frame) / 64;
                if bits.len() <= word {
                    bits.resize(word + 1, 0);
                }
                if let Some(bits) = bits.get_mut(word) {
                    *bits |= 1 << (frame % 64);
                }
            }
            if found { Ok(()) } else { Err(Missing) }
        })
        .await?;
    }
    let mut live = BTreeMap::new();
    for at in named {
        let bits = frames.get(&at);
        let is_live = |frame: usize| bits.and_then(|bits| bits.get(frame / 64)).is_some_and(|word| word & (1 << (frame % 64)) != 0);
        let mut sum = Live::default();
        for (frame, len) in reader.frame_lens(&at).into_iter().enumerate() {
            if is_live(frame) {
                sum.live += len;
            } else {
                sum.dead += len;
            }
        }
        live.insert(at, sum);
    }
    Ok(live)
}

/// A chunk is in no pack where it should be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing;

/// The packs that a restore point names.
pub(super) fn set_of(snapshot: &Snapshot) -> BTreeSet<PackAt> {
    snapshot.packs.iter().map(|pack| (snapshot.domain.clone(), *pack)).collect()
}

/// Shows every chunk that a restore point needs, but for those below trees that were seen.
pub(super) async fn walk(
    reader: &Reader,
    snapshot: &Snapshot,
    seen: &mut HashSet<TreeRef>,
    take: &mut (dyn FnMut(&ChunkRef) -> Result<(), Missing> + Send),
) -> Result<(), SpaceError> {
    let lacks = |Missing| SpaceError::Lacks { snapshot: snapshot.id };
    let mut left = vec![snapshot.root.clone()];
    while let Some(tree) = left.pop() {
        if !seen.insert(tree.clone()) {
            continue;
        }
        tree.chunks.iter().try_for_each(&mut *take).map_err(lacks)?;
        let nodes = reader.tree(&tree).await.map_err(|source| SpaceError::Read { snapshot: snapshot.id, source })?;
        for node in nodes {
            match node.kind {
                NodeKind::Directory { tree } => left.push(tree),
                NodeKind::File { content } => content.refs().iter().try_for_each(&mut *take).map_err(lacks)?,
                _ => {}
            }
        }
    }
    Ok(())
}

//! Stores directories. Trees have a filler of their own that all callers share: they are few bytes beside the files.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use base::Digest;

use super::core::Core;
use super::error::WriteError;
use super::upload::Uploads;
use crate::chunk::cut::is_whole;
use crate::format::chunk::{ChunkId, ChunkRef, Kind};
use crate::format::error::FormatError;
use crate::format::limits::{CHUNK_MAX, TREE_MAX};
use crate::format::tree::{self, Node, NodeKind, TreeRef};
use crate::pack::fill::{FillError, FillSpec, Filler};

/// The trees of one run.
#[derive(Debug)]
pub(super) struct Trees {
    filler: Mutex<Filler>,
    told: Mutex<Told>,
}

/// Bytes of a directory that wait until they are cut.
const DRAFT_MAX: usize = 2 * CHUNK_MAX;

/// A directory in the making: [`super::Writer::add_node`]. In memory is what was not cut yet, and not the whole of it.
#[derive(Debug, Default)]
pub struct TreeDraft {
    tree: tree::Draft,
    chunks: Vec<ChunkRef>,
    /// Bytes of these chunks.
    taken: u64,
}

/// What is known of the trees that were named.
#[derive(Debug, Default)]
struct Told {
    /// The trees that went through [`Trees::end`], so that everything below them was counted; see [`name_of`].
    stored: HashSet<ChunkId>,
    /// Whether a tree was named that did not.
    reused: bool,
}

/// One id for a tree: that of its chunk, or a digest of those of all its chunks, since two large directories may begin alike.
fn name_of(tree: &TreeRef) -> ChunkId {
    match &tree.chunks[..] {
        [only] => only.id,
        all => ChunkId::from_bytes(*Digest::of(&all.iter().flat_map(|chunk| *chunk.id.as_bytes()).collect::<Vec<u8>>()).as_bytes()),
    }
}

fn fill_failed(error: FillError) -> WriteError {
    WriteError::Fill(Arc::new(error))
}

impl Trees {
    pub(super) fn new(spec: FillSpec) -> Result<Self, WriteError> {
        let filler = Filler::new(spec, Kind::Tree).map_err(fill_failed)?;
        Ok(Self { filler: Mutex::new(filler), told: Mutex::default() })
    }

    /// Takes the next node of a directory, and stores what is certain of its bytes.
    pub(super) fn add(&self, core: &Core, uploads: &Uploads, draft: &mut TreeDraft, node: &Node) -> Result<(), WriteError> {
        match &node.kind {
            NodeKind::File { content } => content.refs().iter().try_for_each(|chunk| core.need(&chunk.id))?,
            NodeKind::Directory { tree } => self.need(core, tree)?,
            _ => {}
        }
        draft.tree.push(node).map_err(|error| WriteError::Tree(Arc::new(error)))?;
        let size = draft.taken + draft.tree.bytes().len() as u64;
        if size > TREE_MAX {
            // A reader would refuse it: a restore point that cannot be restored must not come to be.
            return Err(WriteError::Tree(Arc::new(FormatError::TooLarge { what: "tree", size, limit: TREE_MAX })));
        }
        if draft.tree.bytes().len() < DRAFT_MAX {
            return Ok(());
        }
        core.check()?;
        let mut taken = 0;
        // As long as there is a chunk's greatest length of bytes, a cut does not depend on what follows.
        while let Some(rest) = draft.tree.bytes().get(taken..).filter(|rest| rest.len() >= CHUNK_MAX) {
            let len = core.chunker.cut(rest);
            let chunk = self.piece(core, uploads, rest.get(..len).unwrap_or_default())?;
            draft.chunks.push(chunk);
            taken += len;
        }
        draft.tree.drop_front(taken);
        draft.taken += taken as u64;
        Ok(())
    }

    /// Ends a directory.
    pub(super) fn end(&self, core: &Core, uploads: &Uploads, draft: TreeDraft) -> Result<TreeRef, WriteError> {
        core.check()?;
        let TreeDraft { tree, mut chunks, .. } = draft;
        let mut rest = tree.bytes();
        let whole = chunks.is_empty() && is_whole(rest.len() as u64);
        while !rest.is_empty() {
            let len = if whole { rest.len() } else { core.chunker.cut(rest) };
            let (piece, after) = rest.split_at(len);
            chunks.push(self.piece(core, uploads, piece)?);
            rest = after;
        }
        let tree = TreeRef { chunks };
        self.told().stored.insert(name_of(&tree));
        Ok(tree)
    }

    fn piece(&self, core: &Core, uploads: &Uploads, bytes: &[u8]) -> Result<ChunkRef, WriteError> {
        let (chunk, is_new) = core.name(Kind::Tree, bytes);
        if is_new && let Err(error) = self.push(core, uploads, chunk, bytes) {
            // From now on everybody takes the chunk for stored: no caller may go on to a commit.
            core.fail(error.clone());
            return Err(error);
        }
        Ok(chunk)
    }

    /// Notes that the snapshot needs a tree that was stored before.
    pub(super) fn need(&self, core: &Core, tree: &TreeRef) -> Result<(), WriteError> {
        tree.chunks.iter().try_for_each(|chunk| core.need(&chunk.id))?;
        let mut told = self.told();
        if !told.stored.contains(&name_of(tree)) {
            told.reused = true;
        }
        Ok(())
    }

    /// Whether a tree was named whose files and directories were not, so that their packs are not known to be needed.
    pub(super) fn any_reused(&self) -> bool {
        self.told().reused
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, core: &Core, uploads: &Uploads, chunk: ChunkRef, bytes: &[u8]) -> Result<(), WriteError> {
        let full = {
            let mut filler = self.filler.lock().unwrap_or_else(PoisonError::into_inner);
            filler.push(chunk, bytes, || core.packs.take()).map_err(fill_failed)?
        };
        full.map_or(Ok(()), |pack| uploads.send(pack))
    }

    /// Closes what is open.
    pub(super) fn finish(&self, core: &Core, uploads: &Uploads) -> Result<(), WriteError> {
        let rest = {
            let mut filler = self.filler.lock().unwrap_or_else(PoisonError::into_inner);
            filler.finish(|| core.packs.take()).map_err(fill_failed)?
        };
        rest.map_or(Ok(()), |pack| uploads.send(pack))
    }
}

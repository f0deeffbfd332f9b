//! Stores live chunks anew and restore points again, for [`crate::space::compact`].
//!
//! It does what a [`super::Writer`] does with chunks that were cut already. Order of writes: packs, index, and then, each behind the
//! fence, the snapshots.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use base::Digest;

use super::commit::{Committer, Stored};
use super::error::WriteError;
use super::{Begun, NewSnapshot, WriteProgress, WriterOptions};
use crate::fence::Condemned;
use crate::format::chunk::{ChunkId, Kind};
use crate::format::names::Name;
use crate::keys::WriterKey;
use crate::pack::fill::{FillError, Filler};
use crate::repository::Repository;
use crate::snapshots::Snapshot;

/// Fills packs with chunks that were read.
#[derive(Debug)]
pub(crate) struct Repacker {
    repository: Repository,
    key: WriterKey,
    begun: Begun,
    fillers: [Mutex<Filler>; 2],
}

/// The packs are stored and in the index; restore points may name them.
#[derive(Debug)]
pub(crate) struct Repacked {
    repository: Repository,
    key: WriterKey,
    begun: Begun,
    written: Vec<Name>,
    /// Packs that were stored.
    pub(crate) packs: BTreeSet<Digest>,
}

fn fill_failed(error: FillError) -> WriteError {
    WriteError::Fill(Arc::new(error))
}

impl Repacker {
    /// Reads the index. What lies in `emptied` packs alone counts as unknown.
    pub(crate) async fn open(
        repository: &Repository,
        key: &WriterKey,
        options: WriterOptions,
        emptied: &BTreeSet<Digest>,
    ) -> Result<Self, WriteError> {
        let begun = Begun::new(repository, key, &options, emptied).await?;
        let filler = |kind| Filler::new(begun.spec.clone(), kind).map(Mutex::new).map_err(fill_failed);
        let fillers = [filler(Kind::Data)?, filler(Kind::Tree)?];
        Ok(Self { repository: repository.clone(), key: key.clone(), begun, fillers })
    }

    /// Takes a chunk, whatever the index says of it: what others stored of the same name was not looked at. Blocks while uploads are
    /// behind: call it from a plain thread.
    pub(crate) fn push(&self, kind: Kind, id: &ChunkId, bytes: &[u8]) -> Result<(), WriteError> {
        let core = &self.begun.core;
        core.check()?;
        let (chunk, is_new) = core.claim(kind, bytes);
        if chunk.id != *id {
            return Err(WriteError::Unknown(*id));
        }
        if !is_new {
            return Ok(());
        }
        let [data, trees] = &self.fillers;
        let filler = if kind == Kind::Data { data } else { trees };
        let full = filler.lock().unwrap_or_else(PoisonError::into_inner).push(chunk, bytes, || core.packs.take());
        full.map_err(fill_failed)?.map_or(Ok(()), |pack| self.begun.uploads.send(pack))
    }

    /// Closes what is open; blocks as [`Self::push`] does.
    pub(crate) fn close(&self) -> Result<(), WriteError> {
        for filler in &self.fillers {
            let rest = filler.lock().unwrap_or_else(PoisonError::into_inner).finish(|| self.begun.core.packs.take());
            if let Some(pack) = rest.map_err(fill_failed)? {
                self.begun.uploads.send(pack)?;
            }
        }
        Ok(())
    }

    /// Waits until all packs are stored, and lists them in the index.
    pub(crate) async fn finish(self) -> Result<Repacked, WriteError> {
        let (packs, written) = self.begun.uploads.finish().await?;
        let Self { repository, key, begun, .. } = self;
        Ok(Repacked { repository, key, begun, written, packs: packs.into_iter().collect() })
    }
}

impl Repacked {
    /// Stores a restore point again, with another pack set; all else is as it was. The fence is passed anew.
    pub(crate) async fn again(&self, old: &Snapshot, packs: BTreeSet<Digest>) -> Result<Snapshot, WriteError> {
        let Begun { numbers, seal, indexes, .. } = &self.begun;
        let condemned: Condemned = self.begun.condemned.clone();
        let committer = Committer { repository: &self.repository, key: &self.key, seal, numbers };
        let new = NewSnapshot {
            source: old.source.clone(),
            service_tags: old.service_tags.clone(),
            host: old.host.clone(),
            paths: old.paths.clone(),
            taken: old.taken,
            finished: old.finished,
            complete: old.complete,
            root: old.root.clone(),
            stats: old.stats,
            errors: old.errors.clone(),
            canary: old.canary.clone(),
        };
        let stored = Stored { needed: packs.into_iter().collect(), read: indexes.clone(), written: self.written.clone(), condemned };
        let done = WriteProgress { bytes_new: old.stats.bytes_new, bytes_stored: old.stats.bytes_stored, ..WriteProgress::default() };
        committer.commit(new, stored, false, Vec::new, done).await
    }
}

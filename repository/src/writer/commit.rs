//! Writes the snapshot, which makes everything before it count.

use std::collections::BTreeSet;

use base::Digest;
use bytes::Bytes;

use super::error::WriteError;
use super::lost;
use super::number::{Held, Numbers};
use super::upload::{after, put, random};
use super::{NewSnapshot, WriteProgress};
use crate::fence::{Condemned, FenceError};
use crate::format::limits::ERRORS_MAX;
use crate::format::names::{self, Name, Numbered};
use crate::format::snapshot::{Fence, Private, Public, encode, encode_private, object};
use crate::keys::WriterKey;
use crate::repository::Repository;
use crate::seal::domain::DomainSeal;
use crate::snapshots::{Snapshot, SnapshotId, SnapshotStats, open};

/// Who commits where.
#[derive(Debug)]
pub(super) struct Committer<'w> {
    pub repository: &'w Repository,
    pub key: &'w WriterKey,
    pub seal: &'w DomainSeal,
    pub numbers: &'w Numbers,
}

/// Where the next snapshot belongs: its number, and the writer's snapshot before it.
struct Before {
    next: u64,
    prev: Option<Digest>,
    /// The newest index object that the snapshot before names.
    index: Option<Name>,
}

/// What was stored, and what was relied on.
#[derive(Debug)]
pub(super) struct Stored {
    /// Packs that are known to be needed.
    pub needed: Vec<Digest>,
    /// Index objects of this writer that were read.
    pub read: Vec<Name>,
    /// Index objects that this run has stored.
    pub written: Vec<Name>,
    /// What was condemned when the run began.
    pub condemned: Condemned,
}

/// A snapshot that is not stored yet.
struct Draft<'n> {
    new: &'n NewSnapshot,
    packs: Vec<Digest>,
    indexes: Vec<Name>,
    fence: Fence,
    done: WriteProgress,
}

impl Committer<'_> {
    fn at(&self, name: Name) -> Numbered {
        Numbered { domain: self.key.domain().clone(), writer: self.key.writer().clone(), name }
    }

    /// With `reused`, `all` packs of the index that are there are added to those that are known to be needed: too many packs kept cost
    /// space, one too few would cost data.
    pub(super) async fn commit(
        &self,
        new: NewSnapshot,
        stored: Stored,
        reused: bool,
        all: impl FnOnce() -> Vec<Digest>,
        done: WriteProgress,
    ) -> Result<Snapshot, WriteError> {
        let mut packs: BTreeSet<Digest> = stored.needed.into_iter().collect();
        if reused {
            packs.extend(all());
        }
        let held = self.numbers.hold().await?;
        let before = self.before(&held).await?;
        let mut indexes: Vec<Name> = stored.read.into_iter().filter(|name| before.index.is_none_or(|newest| *name >= newest)).collect();
        indexes.extend(stored.written);
        indexes.sort_unstable();
        indexes.dedup();
        let packs: Vec<Digest> = packs.into_iter().collect();
        let fence = self.pass(stored.condemned, &packs).await?;
        let draft = Draft { new: &new, packs, indexes, fence, done };
        let (snapshot, bytes) = self.make(&draft, &before)?;
        let date = put(self.repository, &snapshot.key(), bytes, *snapshot.id.digest()).await?;
        let date = date.ok_or_else(|| FenceError::NoTime { location: self.repository.store().location() })?;
        let (took, limit) = (date.duration_since(fence.read), self.repository.protocol().in_time());
        if took.as_secs_f64() >= limit.as_secs_f64() && self.repository.protocol().is_fenced() {
            return Err(WriteError::Late { late_s: took.as_secs(), limit_s: limit.as_secs() });
        }
        Ok(snapshot)
    }

    /// The fence: what is condemned now, after packs and index are stored, must be none of `packs`.
    async fn pass(&self, condemned: Condemned, packs: &[Digest]) -> Result<Fence, WriteError> {
        let condemned = condemned.again(self.repository).await?;
        if self.repository.protocol().is_fenced() {
            let mut bad: BTreeSet<Digest> = packs.iter().filter(|pack| condemned.has(pack)).copied().collect();
            bad.extend(lost::missing(self.repository, self.key.domain(), packs).await?);
            if !bad.is_empty() {
                return Err(WriteError::Condemned { n_packs: bad.len() });
            }
        }
        Ok(condemned.fence(self.repository)?)
    }

    /// Bytes of a snapshot of the writer.
    async fn get(&self, name: &Name) -> Result<Bytes, WriteError> {
        let key = names::snapshot(self.key.domain(), self.key.writer(), name);
        let there = self.repository.store().get(&key).await;
        there.map_err(|source| WriteError::Read { object: key.to_string(), source })
    }

    /// Looks at the newest snapshot.
    async fn before(&self, held: &Held) -> Result<Before, WriteError> {
        let prefix = names::snapshots_of(self.key.domain(), self.key.writer());
        let Some(newest) = held.newest(self.repository, "snapshots", &prefix).await? else {
            return Ok(Before { next: 0, prev: None, index: None });
        };
        let next = after(&newest, || names::snapshot(self.key.domain(), self.key.writer(), &newest))?;
        // One that cannot be believed is named all the same: whoever reads the chain sees that it is damaged.
        let told = open::public(self.repository, &self.at(newest), &self.get(&newest).await?).ok();
        Ok(Before { next, prev: Some(newest.digest), index: told.and_then(|told| told.indexes.last().copied()) })
    }

    fn make(&self, draft: &Draft<'_>, before: &Before) -> Result<(Snapshot, Bytes), WriteError> {
        let Draft { new, done, .. } = draft;
        let stats = SnapshotStats { bytes_new: done.bytes_new, bytes_stored: done.bytes_stored, ..new.stats };
        let private = Private {
            source: new.source.clone(),
            service_tags: new.service_tags.clone(),
            host: new.host.clone(),
            paths: new.paths.clone(),
            stats,
            errors: new.errors.iter().take(ERRORS_MAX).cloned().collect(),
            canary: new.canary.clone(),
        };
        let mut ciphertext = encode_private(&private);
        let place = open::place_of(self.repository, self.key.domain(), self.key.writer(), before.next);
        let nonce = self.seal.seal(&place, &mut ciphertext).map_err(random)?;
        let public = Public {
            repository: self.repository.id().to_string(),
            domain: self.key.domain().clone(),
            writer: self.key.writer().clone(),
            seq: before.next,
            prev: before.prev,
            root: new.root.clone(),
            packs: draft.packs.clone(),
            indexes: draft.indexes.clone(),
            condemned: draft.fence,
            taken: new.taken,
            finished: new.finished,
            complete: new.complete,
            sealed: [nonce.as_slice(), &ciphertext].concat(),
        };
        let line = encode(&public);
        let bytes = object(&line, &self.key.sign(line.as_bytes()));
        let snapshot = Snapshot {
            id: SnapshotId::new(Digest::of(&bytes)),
            writer: public.writer,
            domain: public.domain,
            seq: public.seq,
            prev: public.prev.map(SnapshotId::new),
            packs: public.packs,
            source: private.source,
            service_tags: private.service_tags,
            host: private.host,
            paths: private.paths,
            taken: public.taken,
            finished: public.finished,
            complete: public.complete,
            root: public.root,
            stats: private.stats,
            errors: private.errors,
            canary: private.canary,
        };
        Ok((snapshot, Bytes::from(bytes)))
    }
}

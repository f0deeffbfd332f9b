//! Writes the snapshot, which makes everything before it count.

use std::collections::BTreeSet;

use base::Digest;
use bytes::Bytes;

use super::error::WriteError;
use super::number::{Held, Numbers, places};
use super::upload::{put, random};
use super::{NewSnapshot, WriteProgress};
use crate::format::limits::ERRORS_MAX;
use crate::format::names::{self, Numbered};
use crate::format::snapshot::{Private, Public, encode, encode_private, object};
use crate::keys::WriterKey;
use crate::repository::Repository;
use crate::seal::domain::DomainSeal;
use crate::snapshots::{Snapshot, SnapshotId, SnapshotStats, open};

/// Names that are tried when another host with the same key takes them first.
const TRIES: u32 = 64;

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
}

impl Committer<'_> {
    fn at(&self, seq: u64) -> Numbered {
        Numbered { domain: self.key.domain().clone(), writer: self.key.writer().clone(), seq }
    }

    /// `needed` are the packs that are known to be needed; with `reused`, those of the snapshot before are added, or `all`
    /// packs of the index when there is none: too many packs kept cost space, one too few would cost data. Those that are `gone`
    /// are left out: nothing of this run was found in them.
    pub(super) async fn commit(
        &self,
        new: NewSnapshot,
        needed: Vec<Digest>,
        reused: bool,
        all: impl FnOnce() -> Vec<Digest>,
        gone: &BTreeSet<Digest>,
        done: WriteProgress,
    ) -> Result<Snapshot, WriteError> {
        let mut packs: BTreeSet<Digest> = needed.into_iter().collect();
        if reused {
            packs.extend(self.packs_before(&new).await?.unwrap_or_else(all).into_iter().filter(|pack| !gone.contains(pack)));
        }
        let packs: Vec<Digest> = packs.into_iter().collect();
        let held = self.numbers.hold().await?;
        let mut before = self.before(&held).await?;
        let mut last = None;
        for _ in 0..TRIES {
            let (snapshot, bytes) = self.make(&new, &packs, &before, done)?;
            let key = names::snapshot(self.key.domain(), self.key.writer(), before.next);
            if put(self.repository, &key, bytes).await? {
                return Ok(snapshot);
            }
            // Another host with this key was faster: the next number, behind its snapshot.
            before.prev = Some(Digest::of(&self.get(before.next).await?));
            before.next = before.next.saturating_add(1);
            last = Some(key);
        }
        Err(WriteError::Race { object: last.map(|key| key.to_string()).unwrap_or_default() })
    }

    /// Bytes of the writer's snapshot with this number.
    async fn get(&self, seq: u64) -> Result<Bytes, WriteError> {
        let key = names::snapshot(self.key.domain(), self.key.writer(), seq);
        let there = self.repository.store().get(&key).await;
        there.map_err(|source| WriteError::Read { object: key.to_string(), source })
    }

    /// Looks at the newest snapshot.
    async fn before(&self, held: &Held) -> Result<Before, WriteError> {
        let prefix = names::snapshots_of(self.key.domain(), self.key.writer());
        Ok(match held.newest(self.repository, "snapshots", &prefix).await? {
            Some(seq) => Before { next: seq.saturating_add(1), prev: Some(Digest::of(&self.get(seq).await?)) },
            None => Before { next: 0, prev: None },
        })
    }

    /// The pack set of the newest snapshot of the same source, when one can be read.
    async fn packs_before(&self, new: &NewSnapshot) -> Result<Option<Vec<Digest>>, WriteError> {
        let prefix = names::snapshots_of(self.key.domain(), self.key.writer());
        for seq in places(self.repository, "snapshots", &prefix).await?.into_iter().rev() {
            let opened = open::whole(self.repository, &self.at(seq), &self.get(seq).await?, self.seal);
            if let Some(snapshot) = opened.ok().filter(|snapshot| snapshot.source == new.source) {
                return Ok(Some(snapshot.packs));
            }
        }
        Ok(None)
    }

    fn make(&self, new: &NewSnapshot, packs: &[Digest], before: &Before, done: WriteProgress) -> Result<(Snapshot, Bytes), WriteError> {
        let at = self.at(before.next);
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
        let nonce = self.seal.seal(&open::place_of(self.repository, &at), &mut ciphertext).map_err(random)?;
        let public = Public {
            repository: self.repository.id().to_string(),
            domain: at.domain.clone(),
            writer: at.writer.clone(),
            seq: at.seq,
            prev: before.prev,
            root: new.root.clone(),
            packs: packs.to_vec(),
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

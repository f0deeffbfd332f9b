//! Writes the snapshot, which makes everything before it count.

use std::collections::BTreeSet;

use base::Digest;
use bytes::Bytes;
use stores::store::list_all;

use super::error::WriteError;
use super::upload::{put, random};
use super::{NewSnapshot, WriteProgress};
use crate::format::limits::ERRORS_MAX;
use crate::format::names::{self, Numbered};
use crate::format::snapshot::{Private, Public, encode, encode_private, object};
use crate::keys::WriterKey;
use crate::repository::Repository;
use crate::seal::domain::DomainSeal;
use crate::snapshots::{Snapshot, SnapshotId, SnapshotStats, open};

/// Names that are tried when another process of the same host takes them first.
const TRIES: u32 = 64;

/// Who commits where.
#[derive(Debug)]
pub(super) struct Committer<'w> {
    pub repository: &'w Repository,
    pub key: &'w WriterKey,
    pub seal: &'w DomainSeal,
}

/// The writer's newest snapshots, as far as the next one depends on them.
struct Before {
    next: u64,
    prev: Option<Digest>,
    /// The pack set of the newest one of the same source, when it can be read.
    packs: Option<Vec<Digest>>,
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
        let mut before = self.before(reused.then_some(&new)).await?;
        let mut packs: BTreeSet<Digest> = needed.into_iter().collect();
        if reused {
            packs.extend(before.packs.take().unwrap_or_else(all).into_iter().filter(|pack| !gone.contains(pack)));
        }
        let packs: Vec<Digest> = packs.into_iter().collect();
        let mut last = None;
        for _ in 0..TRIES {
            let (snapshot, bytes) = self.make(&new, &packs, &before, done)?;
            let key = names::snapshot(self.key.domain(), self.key.writer(), before.next);
            if put(self.repository, &key, bytes).await? {
                return Ok(snapshot);
            }
            // Another process of this host was faster: the next number, behind its snapshot.
            let there = self.repository.store().get(&key).await;
            let there = there.map_err(|source| WriteError::Read { object: key.to_string(), source })?;
            before.prev = Some(Digest::of(&there));
            before.next = before.next.saturating_add(1);
            last = Some(key);
        }
        Err(WriteError::Race { object: last.map(|key| key.to_string()).unwrap_or_default() })
    }

    /// Looks at the newest snapshots. With `same_source`, goes back until one of that source is found.
    async fn before(&self, same_source: Option<&NewSnapshot>) -> Result<Before, WriteError> {
        let prefix = names::snapshots_of(self.key.domain(), self.key.writer());
        let entries = list_all(self.repository.store().as_ref(), &prefix).await;
        let entries = entries.map_err(|source| WriteError::Read { object: prefix.to_string(), source })?;
        let mut places: Vec<Numbered> = entries.iter().filter_map(|entry| open::at(&entry.key)).collect();
        places.sort();
        let mut before = Before { next: places.last().map_or(0, |at| at.seq.saturating_add(1)), prev: None, packs: None };
        for at in places.iter().rev() {
            let key = names::snapshot(&at.domain, &at.writer, at.seq);
            let there = self.repository.store().get(&key).await;
            let there = there.map_err(|source| WriteError::Read { object: key.to_string(), source })?;
            before.prev.get_or_insert_with(|| Digest::of(&there));
            let Some(new) = same_source else { break };
            let opened = open::whole(self.repository, at, &there, self.seal);
            if let Some(snapshot) = opened.ok().filter(|snapshot| snapshot.source == new.source) {
                before.packs = Some(snapshot.packs);
                break;
            }
        }
        Ok(before)
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

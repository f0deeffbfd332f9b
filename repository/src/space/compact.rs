//! Empties packs at once: stores what is live of them anew, and the restore points that name them again with another pack set.
//!
//! A restore point is a write-once object that names its packs, and every reader of the format goes by them. So it is not said of an
//! old one that its packs are others now: a new one is stored, with the same tree and everything else the same, and when that is
//! acknowledged and attested the old one gets a tombstone. Fence, grace period and undo hold as for any other: a crash at any point
//! leaves a restore point twice and loses none.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use base::Digest;
use base::id::DomainId;
use futures_util::StreamExt as _;
use futures_util::stream;

use super::measure::{Missing, set_of, walk};
use super::{Limits, SpaceError, Waste, choose, measure, retire, uses, waste};
use crate::format::chunk::{ChunkId, ChunkRef, Kind};
use crate::keys::{ReaderKey, Steward, WriterKey};
use crate::prune::say::{Said, attest, tombstone};
use crate::prune::{PackAt, gather, plan};
use crate::reader::{ReadError, Reader, ReaderOptions};
use crate::repository::Repository;
use crate::snapshots::{Snapshot, SnapshotId};
use crate::writer::{Repacker, VerifyUpload, WriterOptions};

/// Frames that are read at once, of about a mebibyte each.
const FRAMES_AT_ONCE: usize = 4;

/// The rule that the tombstones of a compaction name.
pub const COMPACTED: &str = "compaction";

/// What a compaction takes.
#[derive(Debug)]
pub struct Keys<'k> {
    /// Opens what is live.
    pub reader: &'k ReaderKey,
    /// Store it anew: one of each domain that is to be compacted.
    pub writers: &'k [WriterKey],
    /// Attests, retires and drops.
    pub steward: &'k Steward,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compacted {
    /// What was dead before.
    pub before: Waste,
    /// Packs that were emptied; a prune deletes them when their restore points are past undoing.
    pub emptied: BTreeSet<PackAt>,
    /// Bytes of these packs.
    pub emptied_bytes: u64,
    /// Live chunks that were stored anew.
    pub chunks: u64,
    /// Packs that hold them.
    pub packs: u64,
    /// Restore points that were stored again: the old one, and the new one in its place.
    pub replaced: Vec<(SnapshotId, SnapshotId)>,
    /// Domains whose packs are left as they are, since no writer's key of theirs is at hand.
    pub closed: BTreeSet<DomainId>,
}

/// Empties the packs that are mostly dead, when more than `limits` say is dead. `cache` is a folder for copies of the index.
pub async fn compact(
    repository: &Repository,
    keys: &Keys<'_>,
    limits: Limits,
    cache: &Path,
    said: Said<'_>,
) -> Result<Compacted, SpaceError> {
    let reader = open(repository, keys, cache).await?;
    let facts = gather(repository).await?;
    let planned = plan(&facts, &repository.protocol());
    let live = live(&reader, &planned).await?;
    let packs = uses(&facts, &planned, &measure(&reader, &live).await?);
    let chosen = choose(&packs, limits);
    let done = empty(repository, keys, &chosen, cache, said).await?;
    Ok(Compacted { before: waste(&packs), ..done })
}

/// Empties `chosen` packs, whatever is dead of them.
pub async fn empty(
    repository: &Repository,
    keys: &Keys<'_>,
    chosen: &BTreeSet<PackAt>,
    cache: &Path,
    said: Said<'_>,
) -> Result<Compacted, SpaceError> {
    let mut done = Compacted::default();
    let has_key = |domain: &DomainId| keys.writers.iter().any(|writer| writer.domain() == domain);
    done.closed.extend(chosen.iter().map(|(domain, _)| domain).filter(|domain| !has_key(domain)).cloned());
    if chosen.is_empty() {
        return Ok(done);
    }
    let reader = open(repository, keys, cache).await?;
    let facts = gather(repository).await?;
    let live = live(&reader, &plan(&facts, &repository.protocol())).await?;
    for writer in keys.writers {
        let emptied: BTreeSet<PackAt> = chosen.iter().filter(|(domain, _)| domain == writer.domain()).cloned().collect();
        if emptied.is_empty() || emptied.is_subset(&done.emptied) {
            continue;
        }
        // A held restore point stays the one that it is, and so do its packs.
        let stays = |id: SnapshotId| facts.snapshots.iter().any(|fact| fact.id == id && (fact.held.is_some() || fact.tombstone.is_some()));
        let needs = |snapshot: &&Snapshot| set_of(snapshot).iter().any(|pack| emptied.contains(pack));
        let again: Vec<&Snapshot> = live.iter().filter(|snapshot| !stays(snapshot.id)).filter(needs).collect();
        if !again.is_empty() {
            let domain = Domain { repository, keys, writer, cache, said, emptied: &emptied };
            domain.empty(&reader, &again, &mut done).await?;
        }
        done.emptied_bytes += facts.packs.iter().filter(|pack| emptied.contains(&pack.at)).map(|pack| pack.size).sum::<u64>();
        done.emptied.extend(emptied);
    }
    Ok(done)
}

async fn open(repository: &Repository, keys: &Keys<'_>, cache: &Path) -> Result<Reader, SpaceError> {
    Ok(Reader::open(repository, keys.reader, ReaderOptions { cache_dir: cache.to_owned(), threads: 2 }).await?)
}

/// The restore points that somebody may still want.
async fn live(reader: &Reader, planned: &crate::prune::Plan) -> Result<Vec<Snapshot>, SpaceError> {
    let stays = |snapshot: &Snapshot| planned.snapshots.get(&snapshot.id).is_some_and(|fate| fate.stays);
    let listing = reader.snapshots().await?;
    let all = listing.snapshots.into_iter().chain(listing.dropped.into_iter().map(|dropped| dropped.snapshot));
    Ok(all.filter(stays).collect())
}

/// Live chunks by the frames of emptied packs in which they lie, and what they are.
type ByFrame = BTreeMap<(PackAt, u16), BTreeMap<ChunkId, ChunkRef>>;

/// One domain that is compacted.
struct Domain<'c> {
    repository: &'c Repository,
    keys: &'c Keys<'c>,
    writer: &'c WriterKey,
    cache: &'c Path,
    said: Said<'c>,
    emptied: &'c BTreeSet<PackAt>,
}

impl Domain<'_> {
    async fn empty(&self, reader: &Reader, olds: &[&Snapshot], done: &mut Compacted) -> Result<(), SpaceError> {
        let moved = self.to_move(reader, olds).await?;
        let failed = |source| SpaceError::Write { domain: self.writer.domain().clone(), source };
        let emptied: BTreeSet<Digest> = self.emptied.iter().map(|(_, pack)| *pack).collect();
        let options = WriterOptions { cache_dir: self.cache.to_owned(), threads: 0, level: 3, verify_upload: VerifyUpload::All };
        let repacker = Arc::new(Repacker::open(self.repository, self.writer, options, &emptied).await.map_err(failed)?);
        done.chunks += moved.values().map(|chunks| chunks.len() as u64).sum::<u64>();
        self.store(reader, moved, &repacker).await?;
        let repacker = Arc::into_inner(repacker).ok_or(SpaceError::Stopped)?;
        let stored = repacker.finish().await.map_err(failed)?;
        done.packs += stored.packs.len() as u64;
        // Backups that begin from now on use the new packs. Those that are under way may name the old ones, which then stay.
        retire(self.repository, self.emptied, self.said).await?;
        let reader = open(self.repository, self.keys, self.cache).await?;
        for old in olds {
            let packs = self.pack_set(&reader, old, &stored.packs).await?;
            let new = stored.again(old, packs).await.map_err(failed)?;
            attest(self.repository, &reader, &new, self.keys.steward, self.said.now).await?;
            tombstone(self.repository, old.id, COMPACTED, self.said).await?;
            done.replaced.push((old.id, new.id));
        }
        Ok(())
    }

    /// The live chunks that lie in emptied packs.
    async fn to_move(&self, reader: &Reader, olds: &[&Snapshot]) -> Result<ByFrame, SpaceError> {
        let (mut moved, mut seen) = (ByFrame::new(), HashSet::new());
        for snapshot in olds {
            walk(reader, snapshot, &mut seen, &mut |chunk| {
                if let Some(place) = reader.frames_in(chunk.id, self.emptied).min() {
                    moved.entry(place).or_default().insert(chunk.id, *chunk);
                }
                Ok(())
            })
            .await?;
        }
        Ok(moved)
    }

    /// Reads the chunks, frame by frame, and stores them anew.
    async fn store(&self, reader: &Reader, moved: ByFrame, repacker: &Arc<Repacker>) -> Result<(), SpaceError> {
        let failed = |source| SpaceError::Write { domain: self.writer.domain().clone(), source };
        let mut frames = stream::iter(moved)
            .map(|((pack, _), chunks)| async move {
                let kind = reader.kind_of(&pack).unwrap_or(Kind::Data);
                let mut read = Vec::with_capacity(chunks.len());
                for chunk in chunks.into_values() {
                    read.push((chunk.id, reader.chunk(&chunk).await?));
                }
                Ok::<_, ReadError>((kind, read))
            })
            .buffered(FRAMES_AT_ONCE);
        while let Some(frame) = frames.next().await {
            let (kind, chunks) = frame?;
            let pushing = Arc::clone(repacker);
            let pushed = off_thread(move || chunks.iter().try_for_each(|(id, bytes)| pushing.push(kind, id, bytes)));
            pushed.await?.map_err(failed)?;
        }
        let closing = Arc::clone(repacker);
        off_thread(move || closing.close()).await?.map_err(failed)
    }

    /// The packs that a restore point needs when the emptied ones are gone: the new ones, and those of its own set. What was moved is
    /// looked for in the new ones first: it was read and verified just now, and nobody has looked at a second place of it in the set.
    async fn pack_set(&self, reader: &Reader, old: &Snapshot, new: &BTreeSet<Digest>) -> Result<BTreeSet<Digest>, SpaceError> {
        let own: BTreeSet<PackAt> = set_of(old).into_iter().filter(|pack| !self.emptied.contains(pack)).collect();
        let new: BTreeSet<PackAt> = new.iter().map(|pack| (old.domain.clone(), *pack)).collect();
        let (mut needed, mut seen) = (BTreeSet::new(), HashSet::new());
        walk(reader, old, &mut seen, &mut |chunk| {
            let found = reader.frames_in(chunk.id, &new).chain(reader.frames_in(chunk.id, &own)).next();
            let ((_, pack), _) = found.ok_or(Missing)?;
            needed.insert(pack);
            Ok(())
        })
        .await?;
        Ok(needed)
    }
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SpaceError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| SpaceError::Stopped)
}

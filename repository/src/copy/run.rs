//! Carries a plan out: fetches, verifies and stores, several objects at once within a budget of bytes.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use base::Digest;
use base::hint::whole_story;
use base::id::DomainId;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use stores::error::StoreError;
use stores::key::Key;
use stores::store::Store;
use tokio::sync::Semaphore;

use super::place::{ORDER, named};
use super::verify::{Sound, Verifier, fetch};
use super::{CopyError, CopyPlan, Item};
use crate::fence::{CondemnedAt, condemned_at};
use crate::finding::Finding;
use crate::format::names::{Numbered, numbered, pack_at};
use crate::healed;
use crate::prune::{self, PruneError};
use crate::repository::{self, OpenError, Repository};

/// A unit of the budget, so that the budget fits into the permits of a semaphore.
const KIB: u64 = 1 << 10;

/// How much is under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of objects in memory. One object that is longer passes alone.
    pub bytes: u64,
    /// Objects.
    pub objects: usize,
}

impl Default for Limits {
    /// 128 MiB and 16 objects: five full packs, or many small ones.
    fn default() -> Self {
        Self { bytes: 128 << 20, objects: 16 }
    }
}

/// Told of each object that was stored.
pub trait Progress: Send + Sync {
    /// An object of so many bytes is in the copy now.
    fn stored(&self, bytes: u64);
}

impl Progress for () {
    fn stored(&self, _: u64) {}
}

/// What was copied.
#[derive(Debug, Clone, Default)]
pub struct CopyReport {
    /// Objects that were stored.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Restore points among them.
    pub snapshots: u64,
    /// Objects that are damaged in the original, or vanished from it; they were not copied.
    pub findings: Vec<Finding>,
    /// Restore points that were not copied because something that they need is not in the copy.
    pub held_back: Vec<Finding>,
}

impl CopyReport {
    /// Whether the copy holds all that the plan named.
    pub fn is_complete(&self) -> bool {
        self.findings.is_empty() && self.held_back.is_empty()
    }
}

/// What one object came to.
enum Outcome {
    Stored(u64),
    Bad(String),
    /// It was there in the list, and is not now: pruned meanwhile.
    Vanished,
    /// The copy deletes it, or did, and takes its name never again.
    Condemned,
    HeldBack(String),
    /// Nobody needs it.
    LeftOut,
}

/// What the copy itself deletes, as it was read last.
struct Fenced {
    condemned: CondemnedAt,
    in_time: SignedDuration,
}

struct Copying<'a> {
    verifier: Arc<Verifier>,
    source: &'a dyn Store,
    target: &'a dyn Store,
    budget: Semaphore,
    budget_kib: u32,
    /// Packs that the copy holds.
    packs: HashSet<(DomainId, Digest)>,
    /// Index objects that the copy holds.
    indexes: HashSet<Numbered>,
    /// Restore points that nobody wants any more: their packs may be deleted, and the next one of their writer names them all the same.
    expired: BTreeSet<Digest>,
    /// Packs that must not be relied on in the copy, whether they are still there or not.
    fenced: Fenced,
}

/// Stores in `target` what `plan` says is missing of `source`. A restore point is stored only when all packs that it names are
/// there; one object that is damaged in the original stops no other.
pub async fn run(
    source: &Repository,
    target: &dyn Store,
    plan: &CopyPlan,
    limits: Limits,
    progress: &dyn Progress,
) -> Result<CopyReport, CopyError> {
    same_repository(source, target, plan).await?;
    let source = &newest(source, highest(plan.missing.iter().map(|item| &item.key).chain(&plan.present))).await?;
    carry(&Arc::new(Verifier::of(source).await?), &**source.store(), target, plan, limits, progress).await
}

/// As [`run`], without a look at whether both are one repository, and with what tells sound objects from others at hand.
pub(crate) async fn carry(
    verifier: &Arc<Verifier>,
    source: &dyn Store,
    target: &dyn Store,
    plan: &CopyPlan,
    limits: Limits,
    progress: &dyn Progress,
) -> Result<CopyReport, CopyError> {
    let repository = verifier.repository();
    let in_time = SignedDuration::try_from(repository.protocol().in_time()).unwrap_or(SignedDuration::MAX);
    let held = || plan.present.iter().chain(&plan.only_here);
    let budget_kib = u32::try_from(limits.bytes.div_ceil(KIB).max(1)).unwrap_or(u32::MAX).min(1 << 28);
    let mut copying = Copying {
        verifier: Arc::clone(verifier),
        source,
        target,
        budget: Semaphore::new(budget_kib as usize),
        budget_kib,
        packs: held().filter_map(pack_at).collect(),
        indexes: held().filter_map(|key| numbered("index", key)).collect(),
        fenced: Fenced { condemned: condemned_at(repository, target).await?, in_time },
        expired: BTreeSet::new(),
    };
    let mut report = CopyReport::default();
    for place in ORDER {
        if place == "snapshots/" {
            copying.expired = expired(repository).await?;
            // The fence: what a prune of the copy condemns later waits for restore points that come in time.
            copying.fenced.condemned = condemned_at(repository, target).await?;
        }
        // By their numbers, so that the whole can be spawned as a task.
        let turn: Vec<usize> = (0..).zip(&plan.missing).filter(|(_, item)| item.place == named(place)).map(|(n, _)| n).collect();
        let mut done = stream::iter(turn)
            .map(|n| {
                let (copying, item) = (&copying, plan.missing.get(n).expect("a number of an item"));
                async move { (item, copying.one(item).await) }
            })
            .buffer_unordered(limits.objects.max(1));
        let (mut packs, mut indexes) = (Vec::new(), Vec::new());
        while let Some((item, outcome)) = done.next().await {
            match outcome? {
                Outcome::Stored(bytes) => {
                    progress.stored(bytes);
                    report.objects += 1;
                    report.bytes += bytes;
                    report.snapshots += u64::from(place == "snapshots/");
                    packs.extend(pack_at(&item.key));
                    indexes.extend(numbered("index", &item.key));
                }
                Outcome::Bad(what) => report.findings.push(Finding::new(&item.key, what)),
                // What a restore point needs is missed when its turn comes; anything else was pruned.
                Outcome::Vanished if place == "packs/" => {}
                Outcome::Condemned | Outcome::LeftOut => {}
                Outcome::Vanished => report.findings.push(Finding::new(&item.key, "it vanished while the repository was copied")),
                Outcome::HeldBack(what) => report.held_back.push(Finding::new(&item.key, what)),
            }
        }
        drop(done);
        copying.packs.extend(packs);
        copying.indexes.extend(indexes);
    }
    for findings in [&mut report.findings, &mut report.held_back] {
        findings.sort_by(|a, b| a.object.cmp(&b.object));
    }
    Ok(report)
}

impl Fenced {
    /// Whether the copy may have deleted what a restore point needs by the time that the point was stored. Where the store tells no time
    /// nothing in it is ever condemned either: a prune needs that time.
    fn late(&self, stored: Option<Timestamp>) -> bool {
        self.condemned.read.zip(stored).is_some_and(|(read, stored)| stored.duration_since(read) >= self.in_time)
    }
}

impl Copying<'_> {
    async fn one(&self, item: &Item) -> Result<Outcome, CopyError> {
        if pack_at(&item.key).is_some_and(|pack| self.fenced.condemned.packs.contains(&pack)) {
            return Ok(Outcome::Condemned);
        }
        let permits = u32::try_from(item.size.div_ceil(KIB)).unwrap_or(u32::MAX).clamp(1, self.budget_kib);
        let _room = self.budget.acquire_many(permits).await.expect("the semaphore is never closed");
        let body = match fetch(self.source, item).await {
            Ok(body) => body,
            Err(error) if error.is_not_found() => return Ok(Outcome::Vanished),
            Err(error) if ends_it(&error) => return Err(failed(&item.key, error)),
            Err(error) => return Ok(Outcome::Bad(whole_story(&error))),
        };
        let (body, digest, sound) = self.verified(&item.key, body).await;
        match sound {
            Err(what) => return Ok(Outcome::Bad(what)),
            Ok(Sound::Snapshot(public)) => {
                let at = |name| Numbered { domain: public.domain.clone(), writer: public.writer.clone(), name };
                if public.indexes.iter().any(|name| !self.indexes.contains(&at(*name))) {
                    return Ok(Outcome::HeldBack("an index object that it names is not in the copy".to_owned()));
                }
                let at = |pack: &Digest| (public.domain.clone(), *pack);
                let deleted = public.packs.iter().filter(|pack| self.fenced.condemned.packs.contains(&at(pack))).count();
                if deleted > 0 && !self.expired.contains(&digest) {
                    let what = format!("{deleted} of the packs that it needs were deleted in the copy, which never takes a name again");
                    return Ok(Outcome::HeldBack(what));
                }
                let lacks = public.packs.iter().filter(|pack| !self.packs.contains(&at(pack))).count();
                if lacks > 0 && !self.expired.contains(&digest) {
                    return Ok(Outcome::HeldBack(format!("{lacks} of the packs that it needs are not in the copy")));
                }
            }
            Ok(Sound::Unnamed) => return Ok(Outcome::LeftOut),
            Ok(Sound::Other) => {}
        }
        let is_snapshot = item.place == named("snapshots/");
        match self.target.put_new(&item.key, body, digest).await {
            Ok(put) if is_snapshot && self.fenced.late(put.date) => {
                let what = "it came too late after the lists of what the copy deletes were read; check the copy";
                Ok(Outcome::Bad(what.to_owned()))
            }
            Ok(_) => Ok(Outcome::Stored(item.size)),
            // Another copy runs beside this one, or the list was late.
            Err(error) if error.exists_already() => self.there_already(item, digest).await,
            Err(error) => Err(failed(&item.key, error)),
        }
    }

    /// Hashing and signatures run off the threads of the runtime.
    async fn verified(&self, key: &Key, body: Bytes) -> (Bytes, Digest, Result<Sound, String>) {
        let (verifier, key) = (Arc::clone(&self.verifier), key.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let (digest, sound) = (Digest::of(&body), verifier.verify(&key, &body));
            (body, digest, sound)
        });
        looked.await.unwrap_or_else(|error| (Bytes::new(), Digest::of(b""), Err(format!("looking at it was cut short: {error}"))))
    }

    async fn there_already(&self, item: &Item, digest: Digest) -> Result<Outcome, CopyError> {
        let stored = match self.target.head(&item.key).await.map_err(|error| failed(&item.key, error))?.digest {
            Some(stored) => stored,
            None => Digest::of(&fetch(self.target, item).await.map_err(|error| failed(&item.key, error))?),
        };
        if stored == digest { Ok(Outcome::Stored(0)) } else { Ok(Outcome::Bad("the copy holds another object of this name".to_owned())) }
    }
}

async fn expired(source: &Repository) -> Result<BTreeSet<Digest>, CopyError> {
    prune::expired(source).await.map_err(|error| match error {
        PruneError::Store { object, source } => CopyError::Store { object, source },
        other => CopyError::Damaged { object: "tombstones/".to_owned(), what: whole_story(&other) },
    })
}

/// The highest version of a trust document among these names.
pub(super) fn highest<'a>(listed: impl Iterator<Item = &'a Key>) -> u64 {
    listed.filter_map(version).max().unwrap_or(0)
}

/// `source`, opened anew where the list has a trust document, `highest`, that is newer than what was known when it was opened.
pub(super) async fn newest(source: &Repository, highest: u64) -> Result<Repository, CopyError> {
    if highest <= source.trust().version() {
        return Ok(source.clone());
    }
    let opened = Repository::open(Arc::clone(source.store())).await.map_err(|error| match error {
        OpenError::Store { key, source } => CopyError::Store { object: key, source },
        error => CopyError::Damaged { object: "trust/".to_owned(), what: whole_story(&error) },
    })?;
    if opened.id() == source.id() {
        return Ok(opened);
    }
    let location = source.store().location();
    Err(CopyError::Another { location: location.clone(), source_location: location })
}

fn version(key: &Key) -> Option<u64> {
    key.as_str().strip_prefix("trust/")?.strip_suffix(".json")?.parse().ok()
}

/// Refuses a copy that holds another repository, or knows of later trust documents.
async fn same_repository(source: &Repository, target: &dyn Store, plan: &CopyPlan) -> Result<(), CopyError> {
    let another = || CopyError::Another { location: target.location(), source_location: source.store().location() };
    let damaged = |what: String| CopyError::DamagedCopy { location: target.location(), object: "repository.json".to_owned(), what };
    let config: Key = "repository.json".parse().expect("a plain name");
    if plan.present.contains(&config) {
        let read = |store: Arc<dyn Store>, key: Key| async move { store.get(&key).await.map_err(|error| failed(&key, error)) };
        let there = read(Arc::clone(source.store()), config.clone()).await?;
        let here = target.get_range(&config, 0..there.len() as u64).await.map_err(|error| failed(&config, error))?;
        if here != there {
            same_config(target, &there, &here).await?.map_err(|what| what.map_or_else(another, damaged))?;
        }
    } else if plan.differs.iter().any(|finding| finding.object == config.as_str()) {
        let there = source.store().get(&config).await.map_err(|error| failed(&config, error))?;
        let here = target.get(&config).await.map_err(|error| failed(&config, error))?;
        same_config(target, &there, &here).await?.map_err(|what| what.map_or_else(another, damaged))?;
    } else if !plan.only_here.is_empty() {
        return Err(damaged("it is missing, and other objects of a repository are there".to_owned()));
    }
    match plan.only_here.iter().filter_map(version).max() {
        Some(here) if here > source.trust().version() => Err(CopyError::RolledBack {
            location: target.location(),
            source_location: source.store().location(),
            here,
            there: source.trust().version(),
        }),
        _ => Ok(()),
    }
}

/// Whether a configuration that differs from `there` was healed in the copy; else what is wrong with it, or `None` where it is that of
/// another repository.
async fn same_config(target: &dyn Store, there: &[u8], here: &[u8]) -> Result<Result<(), Option<String>>, CopyError> {
    let failed = |source| CopyError::Store { object: healed::HEALED.to_owned(), source };
    let config: Key = "repository.json".parse().expect("a plain name");
    let digest = Digest::of(there);
    if let Some(good) =
        healed::list(target).await.map_err(failed)?.get(&config).and_then(|goods| goods.iter().find(|good| good.digest == digest))
        && healed::read(target, good).await.map_err(failed)?.is_some()
    {
        return Ok(Ok(()));
    }
    Ok(Err(repository::broken_config(here)))
}

/// Errors of a store that the next object would meet, too.
pub(crate) fn ends_it(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable { .. }
            | StoreError::Denied { .. }
            | StoreError::NoPlace { .. }
            | StoreError::Full { .. }
            | StoreError::ReadOnly { .. }
    )
}

fn failed(key: &Key, source: StoreError) -> CopyError {
    CopyError::Store { object: key.to_string(), source }
}

//! Sequences of everything that people do to a repository, at random: a restore equals what a plain map remembers, after any of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Clock as _;
use base::clock::ManualClock;
use proptest::prelude::*;
use repository::check::{self, Budget, Level};
use repository::keys::{ReaderKey, Steward, WriterKey, change_people, generate_reader_key, plan_people};
use repository::prune::say::{self, Said};
use repository::prune::{apply, gather, plan};
use repository::repository::{CreateSpec, create};
use repository::snapshots::SnapshotId;
use repository::{copy, heal};
use stores::MemoryStore;
use stores::store::Store;

use super::content::{Files, back_up, files_of, id, noise, open, reader, same, text, told};

/// One thing that is done.
#[derive(Debug, Clone)]
enum Step {
    /// A file gets content: some that it may have had before, of a length that makes it inline, one chunk, or several.
    Write {
        name: u8,
        content: u8,
    },
    Remove {
        name: u8,
    },
    Backup,
    /// A backup on a host that has lost its copy of the index.
    ForgetCache,
    /// Retention keeps the newest so many; then the grace period passes twice.
    Prune {
        keep: usize,
    },
    Copy,
    /// An object is flipped, or lost, and healed from the copy.
    CorruptAndHeal {
        object: prop::sample::Index,
        bit: prop::sample::Index,
        is_lost: bool,
    },
    Rotate,
    /// The copy is what people go on with, and a new one is made elsewhere.
    MoveToTheCopy,
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..6_u8, 0..12_u8).prop_map(|(name, content)| Step::Write { name, content }),
        2 => (0..6_u8).prop_map(|name| Step::Remove { name }),
        6 => Just(Step::Backup),
        1 => Just(Step::ForgetCache),
        3 => (1..4_usize).prop_map(|keep| Step::Prune { keep }),
        3 => Just(Step::Copy),
        4 => (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>())
            .prop_map(|(object, bit, is_lost)| Step::CorruptAndHeal { object, bit, is_lost }),
        1 => Just(Step::Rotate),
        1 => Just(Step::MoveToTheCopy),
        2 => Just(Step::Restore),
    ]
}

fn content(number: u8) -> Vec<u8> {
    let seed = u64::from(number);
    match number % 4 {
        0 => text(seed, 300),
        1 => noise(seed, 20_000),
        2 => text(seed, 60_000),
        _ => noise(seed, 300_000),
    }
}

/// The real thing, and the map that remembers.
struct World {
    clock: Arc<ManualClock>,
    disk: MemoryStore,
    copy: MemoryStore,
    ada: ReaderKey,
    to_ben: String,
    key: WriterKey,
    host: tempfile::TempDir,
    n_caches: u32,
    files: Files,
    /// Restore points in the order of their backups.
    points: Vec<(SnapshotId, Files)>,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(id("2026-11-24T06:00:00Z")));
        let disk = MemoryStore::with_clock(Arc::clone(&clock) as Arc<dyn base::Clock>);
        let copy = MemoryStore::with_clock(Arc::clone(&clock) as Arc<dyn base::Clock>);
        let ((ada, _, to_ada), (_, _, to_ben)) = (generate_reader_key(), generate_reader_key());
        let recipients = vec![to_ada, to_ben.clone()];
        let spec = CreateSpec { recipients, accept_single_key: false, writer: id("web"), domain: id("office") };
        let key = create(Arc::new(disk.clone()), spec, &*clock).await.unwrap().writer_key;
        let (host, files, points) = (tempfile::tempdir().unwrap(), Files::new(), Vec::new());
        Self { clock, disk, copy, ada, to_ben, key, host, n_caches: 0, files, points }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.disk.clone())
    }

    async fn take(&mut self, step: &Step) -> Result<(), String> {
        // Whoever acts does so a little later.
        self.clock.advance(Duration::from_mins(1));
        match step {
            Step::Write { name, content: number } => drop(self.files.insert(format!("file-{name}"), content(*number))),
            Step::Remove { name } => drop(self.files.remove(&format!("file-{name}"))),
            Step::ForgetCache => self.n_caches += 1,
            Step::Backup => {
                let cache = self.host.path().join(self.n_caches.to_string());
                let point = back_up(self.store(), &self.key, &cache, &self.files).await?;
                self.points.push((point, self.files.clone()));
            }
            Step::Prune { keep } => self.prune(*keep).await?,
            Step::Copy => self.copies().await?,
            Step::CorruptAndHeal { object, bit, is_lost } => {
                self.copies().await?;
                self.corrupt(object, bit, *is_lost).await;
                self.heals().await?;
            }
            Step::Rotate => {
                let repository = open(self.store()).await?;
                let people = [self.ada.recipients()[0].clone(), self.to_ben.clone()];
                let change = plan_people(&repository, &people, true, false).map_err(told)?;
                change_people(&repository, &self.ada, &change, self.clock.now()).await.map_err(told)?;
            }
            Step::MoveToTheCopy => {
                self.copies().await?;
                let empty = MemoryStore::with_clock(Arc::clone(&self.clock) as Arc<dyn base::Clock>);
                self.disk = std::mem::replace(&mut self.copy, empty);
                self.n_caches += 1;
            }
            Step::Restore => self.restores(&self.disk).await?,
        }
        Ok(())
    }

    async fn prune(&mut self, keep: usize) -> Result<(), String> {
        let repository = open(self.store()).await?;
        let steward = self.ada.steward(&repository).await.map_err(told)?;
        self.attest(&steward).await?;
        let goes = self.points.len().saturating_sub(keep);
        for (point, _) in self.points.drain(..goes) {
            let said = Said { steward: &steward, now: self.clock.now(), who: "ada", reason: "retention" };
            say::tombstone(&repository, point, "keep the newest", said).await.map_err(told)?;
        }
        for hours in [74, 77] {
            self.clock.advance(Duration::from_hours(hours));
            let planned = plan(&gather(&repository).await.map_err(told)?, &repository.protocol());
            if let Some(why) = planned.blocked.first() {
                return Err(format!("the prune is blocked: {why}"));
            }
            apply(&repository, &planned, &steward, &*self.clock).await.map_err(told)?;
        }
        Ok(())
    }

    async fn attest(&self, steward: &Steward) -> Result<(), String> {
        let repository = open(self.store()).await?;
        let facts = gather(&repository).await.map_err(told)?;
        let cache = tempfile::tempdir().unwrap();
        let reader = reader(&repository, &self.ada, cache.path()).await?;
        let listing = reader.snapshots().await.map_err(told)?;
        let unattested = |id| facts.snapshots.iter().any(|one| one.id == id && !one.attested);
        for snapshot in listing.snapshots.iter().filter(|one| unattested(one.id)) {
            say::attest(&repository, &reader, snapshot, steward, self.clock.now()).await.map_err(told)?;
        }
        Ok(())
    }

    async fn copies(&self) -> Result<(), String> {
        let repository = open(self.store()).await?;
        let planned = copy::look(&repository, &self.copy).await.map_err(told)?;
        let report = copy::run(&repository, &self.copy, &planned, copy::Limits::default(), &()).await.map_err(told)?;
        if report.is_complete() { Ok(()) } else { Err(format!("a copy is not complete: {report:?}")) }
    }

    async fn corrupt(&self, object: &prop::sample::Index, bit: &prop::sample::Index, is_lost: bool) {
        let mut keys = self.disk.keys();
        keys.retain(|key| !key.as_str().starts_with("healed/"));
        let key = object.get(&keys);
        let mut bytes = self.disk.get(key).await.unwrap().to_vec();
        if is_lost || bytes.is_empty() {
            assert!(self.disk.lose(key));
            return;
        }
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        self.disk.overwrite(key, bytes);
    }

    async fn heals(&self) -> Result<(), String> {
        let (target, copies) = (self.store(), [open(Arc::new(self.copy.clone())).await?]);
        let planned = heal::look(&target, &copies, Level::Names).await.map_err(told)?;
        let report = heal::apply(&target, &copies, &planned).await.map_err(told)?;
        if planned.hopeless.is_empty() && report.failed.is_empty() && report.held_back.is_empty() {
            Ok(())
        } else {
            Err(format!("not healed: {:?} {report:?}", planned.hopeless))
        }
    }

    /// Every point that is kept comes back as the map remembers it, no other is listed, and a check finds nothing.
    async fn restores(&self, disk: &MemoryStore) -> Result<(), String> {
        let repository = open(Arc::new(disk.clone())).await?;
        let cache = tempfile::tempdir().unwrap();
        let reader = reader(&repository, &self.ada, cache.path()).await?;
        let listing = reader.snapshots().await.map_err(told)?;
        let listed: BTreeMap<SnapshotId, _> = listing.snapshots.iter().map(|one| (one.id, &one.root)).collect();
        if listed.len() != self.points.len() || !listing.damaged.is_empty() {
            return Err(format!("{} points are listed, and {} are kept: {:?}", listed.len(), self.points.len(), listing.damaged));
        }
        for (point, files) in &self.points {
            let root = listed.get(point).ok_or_else(|| format!("{point} is not listed"))?;
            same(&files_of(&reader, root).await?, files)?;
        }
        let keys = self.ada.open(&repository).await.map_err(told)?;
        let report = check::inspect(&repository, Level::Contents, Some(&keys), Budget::All).await.map_err(told)?;
        if report.is_sound() { Ok(()) } else { Err(format!("{:?} {:?}", report.findings, report.unread)) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_restore_equals_what_was_backed_up_after_any_sequence_of_what_people_do(steps in prop::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let outcome = runtime.block_on(async {
            let mut world = World::new().await;
            for (n, step) in steps.iter().enumerate() {
                world.take(step).await.map_err(|what| format!("step {n}, {step:?}: {what}"))?;
            }
            world.restores(&world.disk).await.map_err(|what| format!("in the end: {what}"))
        });
        prop_assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    }
}

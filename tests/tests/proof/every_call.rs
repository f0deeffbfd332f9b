//! A process ends, or its storage goes away, at every single call to a store of everything that the engine does: before the call,
//! after it was done and nobody heard of it, and after its answer. What was acknowledged stays, and the next run succeeds.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base::clock::ManualClock;
use base::{Clock as _, Digest};
use bytes::Bytes;
use repository::check::{self, Budget, Level};
use repository::keys::{
    ReaderKey, Steward, StewardRole, WriterKey, add_steward, add_writer, change_people, end_writer, generate_reader_key, plan_people,
};
use repository::prune::say::{self, Said};
use repository::prune::{apply, gather, plan};
use repository::repository::{CreateSpec, create};
use repository::snapshots::SnapshotId;
use repository::{copy, heal};
use stores::fault::{Fault, FaultStore};
use stores::store::{Cursor, Delete, Head, Lock, Page, Put, Store};
use stores::{Attempt, Key, MemoryStore, Operation, Prefix, StoreError};
use tokio::sync::Notify;

use super::content::{Files, back_up, files_of, id, noise, open, reader, same, text, told};

/// How a run ends at its nth call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The process ends; the call is not done.
    Before,
    /// The process ends; the call is done, and its answer never comes.
    Unanswered,
    /// The process ends at the call after it.
    After,
    /// The storage goes away, and the process lives on to see it: every call from then on is refused.
    Gone,
    /// … and the nth was done all the same.
    GoneAfter,
    /// The nth call alone is refused, since there is no space left.
    Full,
    /// … since the credential may not do it.
    Denied,
    /// … since the disk is broken.
    Broken,
}

/// What every run is put through. The three refusals take turns from call to call.
const ENDS: [[End; 3]; 6] =
    [[End::Before; 3], [End::Unanswered; 3], [End::After; 3], [End::Gone; 3], [End::GoneAfter; 3], [End::Full, End::Denied, End::Broken]];

impl End {
    /// Whether a run may succeed all the same: one refusal of what it can do without.
    fn may_be_got_over(self) -> bool {
        matches!(self, Self::After | Self::Full | Self::Denied | Self::Broken)
    }

    /// What people have to be told.
    fn says(self) -> &'static [&'static str] {
        match self {
            Self::Before | Self::Unanswered | Self::After => &[],
            Self::Gone | Self::GoneAfter => &["no answer in the attempt to", "told to fail"],
            Self::Full => &["no space left to", "told to fail"],
            Self::Denied => &["not allowed to", "told to fail"],
            Self::Broken => &["failed to", "Input/output error"],
        }
    }
}

/// The store of a process that ends at one of its calls: no answer comes from then on.
#[derive(Debug)]
struct Mortal {
    inner: FaultStore,
    end: End,
    nth: u64,
    calls: AtomicU64,
    is_dead: AtomicBool,
    died: Arc<Notify>,
}

impl Mortal {
    fn new(disk: &MemoryStore, end: End, nth: u64) -> (Arc<Self>, Arc<Notify>) {
        let died = Arc::new(Notify::new());
        let inner = match end {
            End::Before | End::Unanswered | End::After | End::Broken => FaultStore::new(disk.clone()),
            End::Gone => FaultStore::new(disk.clone()).with_call(nth, Fault::Crash),
            End::GoneAfter => FaultStore::new(disk.clone()).with_call(nth, Fault::CrashAfter),
            End::Full => FaultStore::new(disk.clone()).with_call(nth, Fault::Full),
            End::Denied => FaultStore::new(disk.clone()).with_call(nth, Fault::Deny),
        };
        let store = Self { inner, end, nth, calls: AtomicU64::new(0), is_dead: AtomicBool::new(false), died: Arc::clone(&died) };
        (Arc::new(store), died)
    }

    async fn die<T>(&self) -> T {
        self.is_dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
        std::future::pending().await
    }

    async fn call<T>(
        &self,
        operation: Operation,
        subject: &str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let n = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let dies = match self.end {
            End::Before => n == self.nth,
            End::After => n == self.nth + 1,
            _ => false,
        };
        if dies || self.is_dead.load(Ordering::Relaxed) {
            return self.die().await;
        }
        if self.end == End::Broken && n == self.nth {
            let attempt = Attempt::new(operation, subject, self.location());
            return Err(StoreError::Other { attempt, source: Some(Arc::new(io::Error::from(rustix::io::Errno::IO))) });
        }
        let answer = call.await;
        if self.end == End::Unanswered && n == self.nth { self.die().await } else { answer }
    }
}

#[async_trait]
impl Store for Mortal {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        self.call(Operation::Put, key.as_str(), self.inner.put_new(key, body, digest)).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.call(Operation::Get, key.as_str(), self.inner.get(key)).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.call(Operation::GetRange, key.as_str(), self.inner.get_range(key, range)).await
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        self.call(Operation::Head, key.as_str(), self.inner.head(key)).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        self.call(Operation::List, prefix.as_str(), self.inner.list(prefix, after)).await
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        Some(self)
    }

    async fn lock(&self) -> Result<Lock, StoreError> {
        self.call(Operation::Lock, "", self.inner.lock()).await
    }
}

#[async_trait]
impl Delete for Mortal {
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        self.call(Operation::Delete, key.as_str(), self.inner.deleter().expect("a memory deletes").delete(key)).await
    }
}

/// What is done while the end comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// On a host that has its copy of the index.
    Backup,
    /// … and on one that has none.
    BackupAnew,
    Attest,
    /// Drops the older snapshot, condemns its packs and deletes them.
    Prune,
    /// With the end at the original, or at the copy.
    CopyFrom,
    CopyTo,
    /// With the end at the damaged repository, or at the copy that it is healed from.
    HealAt,
    HealFrom,
    AddWriter,
    AddSteward,
    EndWriter,
    Rotate,
    /// Somebody goes, and somebody else comes.
    PeopleChange,
    Check,
    Restore,
}

/// A repository of which all is known, the machine that writes to it, and a copy.
struct Scene {
    clock: Arc<ManualClock>,
    disk: MemoryStore,
    copy: MemoryStore,
    ada: ReaderKey,
    ben: ReaderKey,
    eve: ReaderKey,
    key: WriterKey,
    host: tempfile::TempDir,
    /// What was acknowledged and not given up.
    kept: BTreeMap<SnapshotId, Files>,
    /// Who opens it in the end, whatever happened.
    n_runs: AtomicU64,
}

fn generation(n: u64) -> Files {
    let of_its_own = (format!("noise-{n}"), noise(n, 30_000));
    [of_its_own, ("small".to_owned(), text(7, 2_000))].into()
}

impl Scene {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(id("2026-11-24T06:00:00Z")));
        let disk = MemoryStore::with_clock(Arc::clone(&clock) as Arc<dyn base::Clock>);
        let ((ada, _, to_ada), (ben, _, to_ben), (eve, ..)) = (generate_reader_key(), generate_reader_key(), generate_reader_key());
        let spec = CreateSpec { recipients: vec![to_ada, to_ben], accept_single_key: false, writer: id("web"), domain: id("office") };
        let created = create(Arc::new(disk.clone()), spec, &*clock).await.unwrap();
        let (host, copy) = (tempfile::tempdir().unwrap(), disk.clone());
        let (kept, n_runs) = (BTreeMap::new(), AtomicU64::new(0));
        let mut scene = Self { clock, disk, copy, ada, ben, eve, key: created.writer_key, host, kept, n_runs };
        let store: Arc<dyn Store> = Arc::new(scene.disk.clone());
        for n in [1, 2] {
            let snapshot = back_up(Arc::clone(&store), &scene.key, &scene.host.path().join("cache"), &generation(n)).await.unwrap();
            scene.kept.insert(snapshot, generation(n));
        }
        scene.copy = scene.apart(&scene.disk).await;
        scene
    }

    /// The same objects in a store of their own.
    async fn apart(&self, disk: &MemoryStore) -> MemoryStore {
        let apart = MemoryStore::with_clock(Arc::clone(&self.clock) as Arc<dyn base::Clock>);
        for key in disk.keys() {
            apart.overwrite(&key, disk.get(&key).await.unwrap());
        }
        apart
    }

    /// The same once more, where nothing that happens is felt here, made ready for `work`.
    async fn fork(&self, work: Work) -> Self {
        let clock = Arc::new(ManualClock::at(self.clock.now()));
        let host = tempfile::tempdir().unwrap();
        copy_folder(self.host.path(), host.path());
        let [ada, ben, eve] = [&self.ada, &self.ben, &self.eve].map(Clone::clone);
        let (disk, kept, n_runs) = (self.disk.clone(), self.kept.clone(), AtomicU64::new(0));
        let mut fork = Self { clock, disk, copy: self.copy.clone(), ada, ben, eve, key: self.key.clone(), host, kept, n_runs };
        (fork.disk, fork.copy) = (fork.apart(&self.disk).await, fork.apart(&self.copy).await);
        match work {
            Work::CopyFrom | Work::CopyTo => fork.copy = MemoryStore::default(),
            Work::HealAt | Work::HealFrom => fork.damage().await,
            Work::Prune => {
                fork.attest(&(Arc::new(fork.disk.clone()) as Arc<dyn Store>)).await.unwrap();
                // Whoever drops a snapshot has given it up.
                fork.kept.retain(|_, files| *files != generation(1));
                fork.clock.advance(Duration::from_hours(80));
            }
            _ => {}
        }
        fork
    }

    /// One object of each kind is flipped, one is lost.
    async fn damage(&self) {
        for (first, is_lost) in [("packs/", false), ("packs/", true), ("index/", false), ("snapshots/", true)] {
            let mut keys = self.disk.keys();
            keys.retain(|key| key.as_str().starts_with(first));
            let key = if is_lost { keys.last() } else { keys.first() }.unwrap();
            let mut bytes = self.disk.get(key).await.unwrap().to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            if is_lost { assert!(self.disk.lose(key)) } else { self.disk.overwrite(key, bytes) }
        }
    }

    /// The store in which the end comes.
    fn at(&self, work: Work) -> &MemoryStore {
        if matches!(work, Work::CopyTo | Work::HealFrom) { &self.copy } else { &self.disk }
    }

    /// Does `work` once, over `store` where the end comes, and over the other one as it is. Gives a snapshot that it acknowledges.
    async fn run(&self, work: Work, store: Arc<dyn Store>) -> Result<Option<(SnapshotId, Files)>, String> {
        let (disk, copy): (Arc<dyn Store>, Arc<dyn Store>) = match work {
            Work::CopyTo | Work::HealFrom => (Arc::new(self.disk.clone()), store),
            _ => (store, Arc::new(self.copy.clone())),
        };
        let run = self.n_runs.fetch_add(1, Ordering::Relaxed);
        match work {
            Work::Backup | Work::BackupAnew => {
                let cache = self.host.path().join(if work == Work::Backup { "cache" } else { "new cache" });
                let id = back_up(disk, &self.key, &cache, &generation(3)).await?;
                return Ok(Some((id, generation(3))));
            }
            Work::Attest => self.attest(&disk).await?,
            Work::Prune => self.prune(&disk).await?,
            Work::CopyFrom | Work::CopyTo => copied(disk, copy).await?,
            Work::HealAt | Work::HealFrom => healed(disk, copy).await?,
            Work::AddWriter => {
                // The name of a run that was cut short is used up, and the message says so.
                let name = id(&format!("db-{run}"));
                add_writer(&open(disk).await?, &self.ada, name, id("vault"), self.clock.now()).await.map_err(told)?;
            }
            Work::AddSteward => {
                let name = id(&format!("ops-{run}"));
                let repository = open(disk).await?;
                add_steward(&repository, &self.ada, StewardRole::Maintainer, name, self.clock.now()).await.map_err(told)?;
            }
            Work::EndWriter => {
                let repository = open(disk).await?;
                let (office, web) = (id("office"), id("web"));
                // A run that was cut short may have done it.
                if repository.trust().writer(&office, &web).unwrap().to.is_none() {
                    end_writer(&repository, &self.ada, &office, &web, None, self.clock.now()).await.map_err(told)?;
                }
            }
            Work::Rotate => self.change(&disk, [&self.ada, &self.ben], true).await?,
            Work::PeopleChange => self.change(&disk, [&self.ada, &self.eve], false).await?,
            Work::Check => self.check(disk).await?,
            Work::Restore => self.restores(disk).await?,
        }
        Ok(None)
    }

    fn said<'a>(&self, steward: &'a Steward) -> Said<'a> {
        Said { steward, now: self.clock.now(), who: "ada", reason: "no longer wanted" }
    }

    /// Attests what nobody has attested.
    async fn attest(&self, store: &Arc<dyn Store>) -> Result<(), String> {
        let repository = open(Arc::clone(store)).await?;
        let steward = self.ada.steward(&repository).await.map_err(told)?;
        let facts = gather(&repository).await.map_err(told)?;
        let cache = tempfile::tempdir().unwrap();
        let reader = reader(&repository, &self.ada, cache.path()).await?;
        let open = facts.snapshots.iter().filter(|one| !one.attested).map(|one| one.id).collect::<Vec<_>>();
        for snapshot in reader.snapshots().await.map_err(told)?.snapshots.iter().filter(|one| open.contains(&one.id)) {
            say::attest(&repository, &reader, snapshot, &steward, self.clock.now()).await.map_err(told)?;
        }
        Ok(())
    }

    /// All that is still to be done until the packs of the older snapshot are gone.
    async fn prune(&self, store: &Arc<dyn Store>) -> Result<(), String> {
        let repository = open(Arc::clone(store)).await?;
        let steward = self.ada.steward(&repository).await.map_err(told)?;
        let facts = gather(&repository).await.map_err(told)?;
        let unwanted = facts.snapshots.iter().filter(|one| !self.kept.contains_key(&one.id) && one.tombstone.is_none());
        for one in unwanted {
            say::tombstone(&repository, one.id, "by hand", self.said(&steward)).await.map_err(told)?;
        }
        for hours in [74, 76] {
            self.clock.advance(Duration::from_hours(hours));
            let planned = plan(&gather(&repository).await.map_err(told)?, &repository.protocol());
            apply(&repository, &planned, &steward, &*self.clock).await.map_err(told)?;
        }
        Ok(())
    }

    async fn change(&self, store: &Arc<dyn Store>, people: [&ReaderKey; 2], rotate: bool) -> Result<(), String> {
        let repository = open(Arc::clone(store)).await?;
        let change = plan_people(&repository, &people.map(|key| key.recipients()[0].clone()), rotate, false).map_err(told)?;
        if change.is_nothing() {
            return Ok(()); // a run that was cut short has done it
        }
        change_people(&repository, &self.ada, &change, self.clock.now()).await.map_err(told)
    }

    async fn check(&self, store: Arc<dyn Store>) -> Result<(), String> {
        let repository = open(store).await?;
        let keys = self.ada.open(&repository).await.map_err(told)?;
        let report = check::inspect(&repository, Level::Contents, Some(&keys), Budget::All).await.map_err(told)?;
        if report.is_sound() { Ok(()) } else { Err(format!("{:?} {:?}", report.findings, report.unread)) }
    }

    /// What is kept comes back, and whatever else is listed is whole.
    async fn restores(&self, store: Arc<dyn Store>) -> Result<(), String> {
        let repository = open(store).await?;
        let cache = tempfile::tempdir().unwrap();
        let reader = reader(&repository, &self.ada, cache.path()).await?;
        if let Some(finding) = reader.damaged().first() {
            return Err(format!("{finding:?}"));
        }
        let listing = reader.snapshots().await.map_err(told)?;
        if let Some(damaged) = listing.damaged.first() {
            return Err(format!("{damaged:?}"));
        }
        for snapshot in &listing.snapshots {
            let files = files_of(&reader, &snapshot.root).await?;
            let nobody_knows = generation(if files.contains_key("noise-1") { 1 } else { 3 });
            same(&files, self.kept.get(&snapshot.id).unwrap_or(&nobody_knows))?;
        }
        let missing = self.kept.keys().find(|id| !listing.snapshots.iter().any(|one| one.id == **id));
        missing.map_or(Ok(()), |id| Err(format!("snapshot {id} is not listed")))
    }
}

async fn copied(source: Arc<dyn Store>, target: Arc<dyn Store>) -> Result<(), String> {
    let repository = open(source).await?;
    let planned = copy::look(&repository, &target).await.map_err(told)?;
    let report = copy::run(&repository, &target, &planned, copy::Limits::default(), &()).await.map_err(told)?;
    if report.is_complete() { Ok(()) } else { Err(format!("{report:?}")) }
}

async fn healed(target: Arc<dyn Store>, copy: Arc<dyn Store>) -> Result<(), String> {
    let copies = [open(copy).await?];
    let planned = heal::look(&target, &copies, Level::Names).await.map_err(told)?;
    let report = heal::apply(&target, &copies, &planned).await.map_err(told)?;
    if planned.hopeless.is_empty() && report.failed.is_empty() && report.held_back.is_empty() {
        Ok(())
    } else {
        Err(format!("{:?} {report:?}", planned.hopeless))
    }
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let there = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &there);
        } else {
            std::fs::copy(&path, there).unwrap();
        }
    }
}

/// A machine of its own for one run, so that nothing of a process that has ended goes on.
fn on_a_machine<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let answer = runtime.block_on(run);
    runtime.shutdown_background();
    answer
}

/// Whether a store that gave up in the middle leaves something that a check may find: a copy that is being filled, a repository that
/// waits to be healed.
fn is_whole_meanwhile(work: Work) -> bool {
    !matches!(work, Work::CopyFrom | Work::CopyTo | Work::HealAt | Work::HealFrom)
}

/// Ends `work` at each of its calls in each way, until a run needs no more of them. Gives how many calls it takes.
fn ends_at_every_call(work: Work) -> u64 {
    let whole = on_a_machine(Scene::new());
    let mut n_calls = 0;
    for ends in ENDS {
        for (nth, end) in (1..).zip(ends.into_iter().cycle()) {
            let mut scene = on_a_machine(whole.fork(work));
            let (store, died) = Mortal::new(scene.at(work), end, nth);
            let answer = on_a_machine(async {
                tokio::select! {
                    biased;
                    answer = scene.run(work, Arc::clone(&store) as Arc<dyn Store>) => Some(answer),
                    () = died.notified() => None,
                }
            });
            let place = format!("{work:?}, {end:?} call {nth}");
            let reached = store.calls.load(Ordering::Relaxed) >= nth;
            if let Some(Ok(Some((snapshot, files)))) = &answer {
                scene.kept.insert(*snapshot, files.clone());
            }
            let is_ok = matches!(answer, Some(Ok(_)));
            assert!(reached || is_ok, "{place}: {answer:?}");
            // With the last answer heard there is nothing left to end; a run that went on without its store is not a success.
            assert!(!is_ok || !reached || end.may_be_got_over(), "{place}: it succeeds without an answer");
            if let Some(Err(what)) = &answer {
                assert!(end.says().iter().all(|part| what.contains(part)), "{place}: {what}");
            }
            on_a_machine(goes_on(&mut scene, work, &place));
            if !reached {
                n_calls = nth - 1;
                break;
            }
        }
    }
    n_calls
}

/// What was acknowledged is there, and the same work succeeds as if nothing had been.
async fn goes_on(scene: &mut Scene, work: Work, place: &str) {
    let disk = || Arc::new(scene.disk.clone()) as Arc<dyn Store>;
    if is_whole_meanwhile(work) {
        scene.restores(disk()).await.unwrap_or_else(|what| panic!("{place}: {what}"));
        scene.check(disk()).await.unwrap_or_else(|what| panic!("{place}: {what}"));
    }
    let again = scene.run(work, Arc::new(scene.at(work).clone())).await.unwrap_or_else(|what| panic!("{place}, again: {what}"));
    let stores = [Some(&scene.disk), matches!(work, Work::CopyFrom | Work::CopyTo).then_some(&scene.copy)];
    let stores: Vec<MemoryStore> = stores.into_iter().flatten().cloned().collect();
    scene.kept.extend(again);
    for store in stores {
        let store: Arc<dyn Store> = Arc::new(store);
        scene.restores(Arc::clone(&store)).await.unwrap_or_else(|what| panic!("{place}, in the end: {what}"));
        scene.check(store).await.unwrap_or_else(|what| panic!("{place}, in the end: {what}"));
    }
}

#[test]
fn a_backup_may_end_at_any_call() {
    assert!(ends_at_every_call(Work::Backup) >= 8);
}

#[test]
fn a_backup_of_a_new_host_may_end_at_any_call() {
    assert!(ends_at_every_call(Work::BackupAnew) >= 8);
}

#[test]
fn an_attestation_may_end_at_any_call() {
    assert!(ends_at_every_call(Work::Attest) >= 8);
}

#[test]
fn a_prune_may_end_at_any_call() {
    assert!(ends_at_every_call(Work::Prune) >= 20);
}

#[test]
fn a_copy_may_lose_its_original_at_any_call() {
    assert!(ends_at_every_call(Work::CopyFrom) >= 20);
}

#[test]
fn a_copy_may_lose_its_target_at_any_call() {
    assert!(ends_at_every_call(Work::CopyTo) >= 20);
}

#[test]
fn a_heal_may_end_at_any_call_to_what_is_healed() {
    assert!(ends_at_every_call(Work::HealAt) >= 20);
}

#[test]
fn a_heal_may_end_at_any_call_to_the_copy_that_it_heals_from() {
    assert!(ends_at_every_call(Work::HealFrom) >= 20);
}

#[test]
fn adding_a_writer_may_end_at_any_call() {
    assert!(ends_at_every_call(Work::AddWriter) >= 6);
}

#[test]
fn adding_a_steward_may_end_at_any_call() {
    assert!(ends_at_every_call(Work::AddSteward) >= 4);
}

#[test]
fn ending_the_right_of_a_writer_may_end_at_any_call() {
    assert!(ends_at_every_call(Work::EndWriter) >= 6);
}

#[test]
fn a_rotation_may_end_at_any_call() {
    assert!(ends_at_every_call(Work::Rotate) >= 6);
}

#[test]
fn a_change_of_people_may_end_at_any_call() {
    assert!(ends_at_every_call(Work::PeopleChange) >= 8);
}

#[test]
fn a_check_may_end_at_any_call() {
    assert!(ends_at_every_call(Work::Check) >= 10);
}

#[test]
fn a_restore_may_end_at_any_call() {
    assert!(ends_at_every_call(Work::Restore) >= 6);
}

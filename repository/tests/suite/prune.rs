//! Prune beside backups: what is acknowledged stays readable, what nobody needs goes, and both only after the grace period.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::Clock as _;
use base::clock::ManualClock;
use repository::check::{self, Budget, Level};
use repository::copy;
use repository::keys::{ReaderKey, Steward, end_writer, generate_reader_key};
use repository::prune::say::{self, Said};
use repository::prune::{Applied, Plan, PruneError, apply, gather, plan};
use repository::repository::{Repository, create};
use repository::snapshots::Snapshot;
use repository::writer::WriteError;
use stores::error::StoreError;
use stores::fault::FaultStore;
use stores::store::{Cursor, Head, Page, Put, Store};
use stores::{Key, MemoryStore, Prefix};

use super::content::{Files, assert_same, back_up, files_of, new_snapshot, noise, reader, store, writer};
use super::create_and_open::{clock, spec};

pub struct Kept {
    pub clock: Arc<ManualClock>,
    pub disk: MemoryStore,
    pub repository: Repository,
    pub key: repository::keys::WriterKey,
    pub ada: ReaderKey,
    pub steward: Steward,
    pub cache: tempfile::TempDir,
}

impl Kept {
    pub async fn new() -> Self {
        let clock = Arc::new(clock());
        let disk = MemoryStore::with_clock(Arc::clone(&clock) as Arc<dyn base::Clock>);
        let ((ada, _, to_ada), (_, _, to_ben)) = (generate_reader_key(), generate_reader_key());
        let created = create(Arc::new(disk.clone()), spec(&[&to_ada, &to_ben]), &*clock).await.unwrap();
        let steward = ada.steward(&created.repository).await.unwrap();
        let (repository, key, cache) = (created.repository, created.writer_key, tempfile::tempdir().unwrap());
        Self { clock, disk, repository, key, ada, steward, cache }
    }

    pub fn said(&self) -> Said<'_> {
        Said { steward: &self.steward, now: self.clock.now(), who: "ada", reason: "no longer wanted" }
    }

    pub fn hours(&self, hours: u64) {
        self.clock.advance(Duration::from_hours(hours));
    }

    pub async fn back_up(&self, files: &Files) -> Snapshot {
        back_up(&self.repository, &self.key, self.cache.path(), files).await.unwrap().snapshot
    }

    pub async fn attest(&self, snapshot: &Snapshot) -> Result<(), PruneError> {
        let cache = tempfile::tempdir().unwrap();
        let reader = reader(&self.repository, &self.ada, cache.path()).await.unwrap();
        say::attest(&self.repository, &reader, snapshot, &self.steward, self.clock.now()).await
    }

    pub async fn plan(&self) -> Plan {
        plan(&gather(&self.repository).await.unwrap(), &self.repository.protocol())
    }

    pub async fn prune(&self) -> Applied {
        apply(&self.repository, &self.plan().await, &self.steward, &*self.clock).await.unwrap()
    }

    pub async fn reads(&self, snapshot: &Snapshot, files: &Files) {
        let cache = tempfile::tempdir().unwrap();
        let reader = reader(&self.repository, &self.ada, cache.path()).await.unwrap();
        assert_same(&files_of(&reader, &snapshot.root).await.unwrap(), files);
    }

    pub fn packs(&self) -> usize {
        self.disk.keys().iter().filter(|key| key.as_str().starts_with("packs/")).count()
    }
}

pub fn files(seed: u64) -> Files {
    [(format!("file-{seed}"), noise(seed, 300_000))].into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tombstone_can_be_undone_then_frees_packs_and_what_is_needed_stays() {
    let kept = Kept::new().await;
    let (old, new) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await);
    assert_eq!(kept.plan().await.unattested.values().map(|one| one.n_snapshots).sum::<u64>(), 2);
    for snapshot in [&old, &new] {
        kept.attest(snapshot).await.unwrap();
        say::tombstone(&kept.repository, snapshot.id, "by hand", kept.said()).await.unwrap();
    }
    kept.hours(71);
    say::undo(&kept.repository, new.id, kept.said()).await.unwrap();
    let plan = kept.plan().await;
    assert!(plan.hindrances().is_empty() && plan.condemn.is_empty() && plan.snapshots.values().all(|fate| fate.stays));
    kept.hours(1);
    assert!(matches!(say::undo(&kept.repository, old.id, kept.said()).await, Err(PruneError::TooLate { .. })));
    let marked = kept.prune().await;
    assert_eq!((marked.condemned.map(|(name, n)| (name.seq, n)), marked.deleted.len()), (Some((0, old.packs.len())), 0));
    kept.hours(75);
    assert_eq!(kept.prune().await, Applied::default(), "1.05 G have not passed");
    kept.hours(1);
    let swept = kept.prune().await;
    assert_eq!(swept.deleted.into_iter().map(|(_, pack)| pack).collect::<BTreeSet<_>>(), old.packs.iter().copied().collect());
    assert_eq!(kept.packs(), new.packs.len());
    kept.reads(&new, &files(2)).await;
    // What was in the packs that went is stored anew, and never under their names.
    let again = kept.back_up(&files(1)).await;
    assert!(again.packs.iter().all(|pack| !old.packs.contains(pack)));
    kept.reads(&again, &files(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_keeps_a_snapshot_whose_tombstone_has_run_out_until_it_is_released() {
    let kept = Kept::new().await;
    let old = kept.back_up(&files(1)).await;
    kept.attest(&old).await.unwrap();
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    let hold = say::hold(&kept.repository, &[old.id].into(), kept.said()).await.unwrap();
    kept.hours(80);
    assert!(kept.plan().await.condemn.is_empty());
    say::release(&kept.repository, hold, kept.said()).await.unwrap();
    assert_eq!(kept.plan().await.condemn.len(), old.packs.len());
    assert!(matches!(say::release(&kept.repository, hold, kept.said()).await, Err(PruneError::Nothing { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_relied_on_packs_condemned_meanwhile_is_not_acknowledged_and_the_next_stores_them_anew() {
    let kept = Kept::new().await;
    let old = kept.back_up(&files(1)).await;
    kept.attest(&old).await.unwrap();
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    kept.hours(72);
    // The backup has found all its chunks in the index when the mark comes.
    let running = writer(&kept.repository, &kept.key, kept.cache.path()).await.unwrap();
    let (running, root) = store(running, &files(1)).await.unwrap();
    assert!(kept.prune().await.condemned.is_some());
    let refused = running.commit(new_snapshot(root)).await.unwrap_err();
    assert!(matches!(refused, WriteError::Condemned { n_packs } if n_packs == old.packs.len()), "{refused}");
    let again = kept.back_up(&files(1)).await;
    kept.attest(&again).await.unwrap();
    kept.hours(76);
    assert_eq!(kept.prune().await.deleted.len(), old.packs.len());
    kept.reads(&again, &files(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_passed_the_fence_before_the_mark_keeps_its_packs() {
    let kept = Kept::new().await;
    let old = kept.back_up(&files(1)).await;
    kept.attest(&old).await.unwrap();
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    kept.hours(72);
    let planned = kept.plan().await;
    let again = kept.back_up(&files(1)).await;
    assert_eq!(again.packs, old.packs);
    // The plan is older than the snapshot: the second look keeps what it needs.
    kept.attest(&again).await.unwrap();
    assert_eq!(apply(&kept.repository, &planned, &kept.steward, &*kept.clock).await.unwrap(), Applied::default());
    kept.hours(76);
    assert_eq!(kept.prune().await, Applied::default());
    kept.reads(&again, &files(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_write_of_a_prune_hurts_no_snapshot_and_the_next_prune_finishes() {
    for after in [false, true] {
        let kept = Kept::new().await;
        let (old, new) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await);
        for snapshot in [&old, &new] {
            kept.attest(snapshot).await.unwrap();
        }
        say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
        for hours in [72, 76] {
            kept.hours(hours);
            for nth in 1..10 {
                let disk = kept.disk.clone();
                let faulty = if after { FaultStore::crash_after_write(disk, nth) } else { FaultStore::crash_at_write(disk, nth) };
                let ended = apply(&kept.repository.with_store(Arc::new(faulty)), &kept.plan().await, &kept.steward, &*kept.clock).await;
                kept.reads(&new, &files(2)).await;
                if ended.is_ok() {
                    break;
                }
            }
        }
        kept.prune().await;
        assert_eq!(kept.packs(), new.packs.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_was_taken_away_or_damaged_stops_every_prune() {
    let kept = Kept::new().await;
    let (old, new) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await);
    kept.attest(&new).await.unwrap();
    let bytes = stores::Store::get(&kept.disk, &old.key()).await.unwrap();
    kept.hours(100);
    kept.disk.overwrite(&old.key(), bytes.slice(1..));
    let refused = apply(&kept.repository, &kept.plan().await, &kept.steward, &*kept.clock).await.unwrap_err();
    assert!(matches!(&refused, PruneError::Blocked { why } if why[0].starts_with(old.key().as_str())), "{refused}");
    assert!(kept.disk.lose(&old.key()));
    let refused = apply(&kept.repository, &kept.plan().await, &kept.steward, &*kept.clock).await.unwrap_err();
    assert!(refused.to_string().contains("it is missing"), "{refused}");
}

/// A store to which everything that is stored takes hours to come.
#[derive(Debug)]
struct Slow {
    disk: MemoryStore,
    clock: Arc<ManualClock>,
    hours: u64,
}

#[async_trait::async_trait]
impl Store for Slow {
    fn location(&self) -> String {
        self.disk.location()
    }

    async fn put_new(&self, key: &Key, body: bytes::Bytes, digest: base::Digest) -> Result<Put, StoreError> {
        self.clock.advance(Duration::from_hours(self.hours));
        self.disk.put_new(key, body, digest).await
    }

    async fn get(&self, key: &Key) -> Result<bytes::Bytes, StoreError> {
        self.disk.get(key).await
    }

    async fn get_range(&self, key: &Key, range: std::ops::Range<u64>) -> Result<bytes::Bytes, StoreError> {
        self.disk.get_range(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        self.disk.head(key).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        self.disk.list(prefix, after).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_reaches_the_store_after_the_grace_period_is_refused() {
    for (hours, is_in_time) in [(1, true), (2, false)] {
        let kept = Kept::new().await;
        let old = kept.back_up(&files(1)).await;
        say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
        kept.hours(70);
        let slow = Slow { disk: kept.disk.clone(), clock: Arc::clone(&kept.clock), hours };
        let undone = say::undo(&kept.repository.with_store(Arc::new(slow)), old.id, kept.said()).await;
        assert_eq!(undone.is_ok(), is_in_time, "{undone:?}");
        assert!(is_in_time || matches!(undone, Err(PruneError::TooLate { .. })));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_takes_a_snapshot_that_nobody_wants_without_its_packs_so_that_the_next_one_is_whole() {
    let kept = Kept::new().await;
    let (old, new) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await);
    for snapshot in [&old, &new] {
        kept.attest(snapshot).await.unwrap();
    }
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    for _ in 0..2 {
        kept.hours(76);
        kept.prune().await;
    }
    assert_eq!(kept.packs(), new.packs.len());
    let target = MemoryStore::default();
    let planned = copy::plan::plan(&copy::list(&kept.disk).await.unwrap(), &copy::list(&target).await.unwrap());
    let report = copy::run(&kept.repository, &target, &planned, copy::Limits::default(), &()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let (copied, cache) = (Repository::open(Arc::new(target)).await.unwrap(), tempfile::tempdir().unwrap());
    let reader = reader(&copied, &kept.ada, cache.path()).await.unwrap();
    assert!(reader.snapshots().await.unwrap().damaged.is_empty());
    assert_same(&files_of(&reader, &new.root).await.unwrap(), &files(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_calls_nothing_missing_that_was_swept_and_everything_that_was_not() {
    let kept = Kept::new().await;
    let (old, new) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await);
    for snapshot in [&old, &new] {
        kept.attest(snapshot).await.unwrap();
    }
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    kept.hours(72);
    kept.prune().await;
    kept.hours(76);
    assert!(!kept.prune().await.deleted.is_empty());
    let cache = tempfile::tempdir().unwrap();
    let reader = reader(&kept.repository, &kept.ada, cache.path()).await.unwrap();
    for reader in [None, Some(&reader)] {
        let report = check::run(&kept.repository, Level::Names, reader, Budget::All).await.unwrap();
        assert!(report.is_sound(), "{:?}", report.findings);
    }
    let listing = reader.snapshots().await.unwrap();
    assert_eq!(listing.snapshots.iter().map(|snapshot| snapshot.id).collect::<Vec<_>>(), [new.id]);
    assert_eq!(listing.dropped.iter().map(|dropped| dropped.snapshot.id).collect::<Vec<_>>(), [old.id]);
    // As of a time before the drop both are there, and a pack of the live one that is gone is damage whoever condemned it.
    assert_eq!(listing.as_of(new.finished).snapshots.len(), 2);
    let pack = kept.disk.keys().into_iter().find(|key| key.as_str().starts_with("packs/")).unwrap();
    assert!(kept.disk.lose(&pack));
    let report = check::run(&kept.repository, Level::Names, None, Budget::All).await.unwrap();
    assert!(report.findings.iter().any(|finding| finding.object == pack.as_str()), "{:?}", report.findings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_of_a_snapshot_that_stays_and_is_gone_stops_every_prune_of_its_domain() {
    let kept = Kept::new().await;
    let (old, new) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await);
    for snapshot in [&old, &new] {
        kept.attest(snapshot).await.unwrap();
    }
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    kept.hours(72);
    assert!(!kept.plan().await.condemn.is_empty());
    let pack = repository::format::names::pack(&new.domain, &new.packs[0]);
    let bytes = kept.disk.get(&pack).await.unwrap();
    assert!(kept.disk.lose(&pack));
    let plan = kept.plan().await;
    assert!(plan.condemn.is_empty() && plan.broken.contains_key(&new.id), "{plan:?}");
    let refused = apply(&kept.repository, &plan, &kept.steward, &*kept.clock).await.unwrap_err();
    assert!(refused.to_string().contains("are missing, such as packs/"), "{refused}");
    kept.disk.overwrite(&pack, bytes);
    assert!(kept.prune().await.condemned.is_some(), "it came back, from a copy perhaps");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_that_nobody_attested_yet_keep_nothing_that_was_ripe_when_their_writer_read_the_lists() {
    let kept = Kept::new().await;
    let old = kept.back_up(&files(1)).await;
    kept.attest(&old).await.unwrap();
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    kept.hours(72);
    let early = kept.back_up(&files(2)).await;
    assert!(kept.prune().await.condemned.is_some(), "marking deletes nothing");
    kept.hours(76);
    let refused = kept.prune().await;
    assert!(refused.deleted.is_empty() && kept.plan().await.hindrances()[0].contains("nobody has attested"));
    // Somebody with a key attests now and then; what comes after that waits for the next time, and hinders nothing.
    kept.attest(&early).await.unwrap();
    let late = kept.back_up(&files(3)).await;
    assert_eq!(kept.prune().await.deleted.len(), old.packs.len());
    assert!(kept.plan().await.hindrances().is_empty());
    for (snapshot, seed) in [(&early, 2), (&late, 3)] {
        kept.reads(snapshot, &files(seed)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_host_stores_hinders_prunes_of_its_own_domain_alone() {
    let kept = Kept::new().await;
    let (old, new) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await);
    for snapshot in [&old, &new] {
        kept.attest(snapshot).await.unwrap();
    }
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    kept.hours(72);
    let junk: Key = format!("snapshots/lab/db/0000000000-{}", "5".repeat(64)).parse().unwrap();
    kept.disk.overwrite(&junk, bytes::Bytes::from_static(b"junk"));
    let plan = kept.plan().await;
    assert!(plan.is_blocked(&"lab".parse().unwrap()) && plan.hindrances()[0].starts_with(junk.as_str()), "{plan:?}");
    assert_eq!(kept.prune().await.condemned.map(|(_, n)| n), Some(old.packs.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_writer_stores_after_its_right_has_ended_hinders_no_prune_and_no_check() {
    let kept = Kept::new().await;
    let (old, new) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await);
    for snapshot in [&old, &new] {
        kept.attest(snapshot).await.unwrap();
    }
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    let later = kept.back_up(&files(3)).await;
    // All that the store dates from the third backup on is not believed.
    let (domain, writer) = (kept.key.domain(), kept.key.writer());
    let since = kept.disk.head(&later.key()).await.unwrap().modified;
    let ended = end_writer(&kept.repository, &kept.ada, domain, writer, since, kept.clock.now()).await.unwrap();
    assert!(ended.n_dropped > 0);
    kept.hours(72);
    let repository = Repository::open(Arc::new(kept.disk.clone())).await.unwrap();
    let facts = gather(&repository).await.unwrap();
    assert!(facts.unclear.is_empty() && facts.aside.iter().any(|(object, _)| object == later.key().as_str()), "{facts:?}");
    let report = check::run(&repository, Level::Names, None, Budget::All).await.unwrap();
    assert!(report.is_sound() && !report.aside.is_empty(), "{report:?}");
    assert!(!plan(&facts, &repository.protocol()).condemn.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_of_what_is_gone_is_refused_and_an_undo_of_what_was_not_dropped_too() {
    let kept = Kept::new().await;
    let (old, new) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await);
    for snapshot in [&old, &new] {
        kept.attest(snapshot).await.unwrap();
    }
    assert!(matches!(say::undo(&kept.repository, old.id, kept.said()).await, Err(PruneError::Nothing { .. })));
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    assert!(say::at_risk(&kept.repository, &[old.id, new.id].into()).await.unwrap().is_empty());
    kept.hours(72);
    kept.prune().await;
    assert_eq!(say::at_risk(&kept.repository, &[old.id, new.id].into()).await.unwrap(), [old.id].into());
    // While its packs are there it can be held, though it cannot be undone.
    let hold = say::hold(&kept.repository, &[old.id].into(), kept.said()).await.unwrap();
    say::release(&kept.repository, hold, kept.said()).await.unwrap();
    kept.hours(76);
    assert_eq!(kept.prune().await.deleted.len(), old.packs.len());
    let refused = say::hold(&kept.repository, &[old.id, new.id].into(), kept.said()).await.unwrap_err();
    assert!(matches!(refused, PruneError::Gone { snapshot, .. } if snapshot == old.id), "{refused}");
    assert!(say::held(&kept.repository).await.unwrap().is_empty() && kept.plan().await.hindrances().is_empty());
}

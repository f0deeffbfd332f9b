//! Object Lock: everything is stored under a lock, what is needed stays under one, what is weakened is named, and a prune waits for locks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::Clock as _;
use base::clock::ManualClock;
use repository::keys::{ReaderKey, Steward, WriterKey, generate_reader_key};
use repository::lock::{LockError, Locks, Promise, look, renew};
use repository::prune::say::{self, Said};
use repository::prune::{Applied, apply, gather, plan};
use repository::repository::{Repository, create};
use repository::snapshots::Snapshot;
use stores::{Key, LockStore, MemoryStore, Mode, Retain as _, Retention};

use super::content::{Files, back_up, noise, reader};
use super::create_and_open::{clock, spec};

const DAY: Duration = Duration::from_hours(24);
const PERIOD: Duration = Duration::from_hours(30 * 24);

struct Vault {
    clock: Arc<ManualClock>,
    disk: MemoryStore,
    repository: Repository,
    key: WriterKey,
    ada: ReaderKey,
    steward: Steward,
    cache: tempfile::TempDir,
}

impl Vault {
    async fn new() -> Self {
        let clock = Arc::new(clock());
        let disk = MemoryStore::with_clock(Arc::clone(&clock) as Arc<dyn base::Clock>).with_locks();
        let store = LockStore::new(Arc::new(disk.clone()), Mode::Compliance, PERIOD, Arc::clone(&clock) as Arc<dyn base::Clock>);
        let ((ada, _, to_ada), (_, _, to_ben)) = (generate_reader_key(), generate_reader_key());
        let created = create(Arc::new(store), spec(&[&to_ada, &to_ben]), &*clock).await.unwrap();
        let steward = ada.steward(&created.repository).await.unwrap();
        let (repository, key, cache) = (created.repository, created.writer_key, tempfile::tempdir().unwrap());
        Self { clock, disk, repository, key, ada, steward, cache }
    }

    /// A backup, attested.
    async fn back_up(&self, seed: u64) -> Snapshot {
        let files: Files = [(format!("file-{seed}"), noise(seed, 300_000))].into();
        let snapshot = back_up(&self.repository, &self.key, self.cache.path(), &files).await.unwrap().snapshot;
        let cache = tempfile::tempdir().unwrap();
        let reader = reader(&self.repository, &self.ada, cache.path()).await.unwrap();
        say::attest(&self.repository, &reader, &snapshot, &self.steward, self.clock.now()).await.unwrap();
        snapshot
    }

    async fn drop_point(&self, snapshot: &Snapshot) {
        let said = Said { steward: &self.steward, now: self.clock.now(), who: "ada", reason: "no longer wanted" };
        say::tombstone(&self.repository, snapshot.id, "by hand", said).await.unwrap();
    }

    async fn look(&self) -> Locks {
        look(&self.repository, &Promise { mode: Mode::Compliance, period: PERIOD, renewed: None }).await.unwrap()
    }

    async fn until(&self, key: &Key) -> jiff::Timestamp {
        self.disk.retention(key).await.unwrap().unwrap().until
    }

    async fn prune(&self) -> Applied {
        let plan = plan(&gather(&self.repository).await.unwrap(), &self.repository.protocol());
        apply(&self.repository, &plan, &self.steward, &*self.clock).await.unwrap()
    }

    fn packs(&self, snapshot: &Snapshot) -> BTreeSet<Key> {
        self.disk.keys().into_iter().filter(|key| snapshot.packs.iter().any(|pack| key.as_str().ends_with(&pack.to_string()))).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_object_is_stored_locked_and_the_locks_of_what_is_needed_alone_are_renewed_in_generations() {
    let vault = Vault::new().await;
    let (old, new) = (vault.back_up(1).await, vault.back_up(2).await);
    vault.drop_point(&old).await;
    let began = vault.clock.now();
    for key in vault.disk.keys() {
        assert_eq!(vault.until(&key).await, began + PERIOD, "{key}");
    }
    vault.clock.advance(15 * DAY);
    let found = vault.look().await;
    assert_eq!((found.due.len(), found.weak.len(), found.unneeded), (0, 0, old.packs.len() as u64), "half of the period is left");
    vault.clock.advance(Duration::from_secs(1));
    let found = vault.look().await;
    let left = vault.packs(&old);
    assert_eq!(found.due.iter().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>(), &vault.disk.keys().into_iter().collect() - &left);
    assert_eq!(renew(&vault.repository, &found).await.unwrap().renewed, found.objects);
    for key in vault.disk.keys() {
        let expected = if left.contains(&key) { began + PERIOD } else { vault.clock.now() + PERIOD };
        assert_eq!(vault.until(&key).await, expected, "{key}");
    }
    assert!(vault.packs(&new).iter().all(|key| !left.contains(key)));
    assert_eq!(renew(&vault.repository, &found).await.unwrap().renewed, found.objects, "it may be repeated");
    assert_eq!(vault.look().await.due, [], "an object is asked for once in a generation");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_somebody_has_lifted_or_shortened_is_named_and_a_renewal_mends_it() {
    let vault = Vault::new().await;
    let point = vault.back_up(1).await;
    let pack = vault.packs(&point).into_iter().next().unwrap();
    let (config, trust): (Key, Key) = ("repository.json".parse().unwrap(), "trust/1.json".parse().unwrap());
    let lock = |mode, days: u32| Some(Retention { mode, until: vault.clock.now() + days * DAY });
    vault.disk.relock(&pack, None);
    vault.disk.relock(&config, lock(Mode::Compliance, 3));
    vault.disk.relock(&trust, lock(Mode::Governance, 30));
    let found = vault.look().await;
    let named: Vec<(&str, bool)> = found.weak.iter().map(|weak| (&*weak.object, weak.what.contains("no lock"))).collect();
    assert_eq!(named, [(pack.as_str(), true), ("repository.json", false), ("trust/1.json", false)], "{:?}", found.weak);
    assert!(found.weak[1].what.contains("ends at") && found.weak[2].what.contains("of mode governance"), "{:?}", found.weak);
    assert_eq!(renew(&vault.repository, &found).await.unwrap().renewed, 3);
    assert!(vault.look().await.weak.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nobody_can_tell_what_is_needed_the_locks_of_all_packs_are_renewed() {
    let vault = Vault::new().await;
    let (old, _) = (vault.back_up(1).await, vault.back_up(2).await);
    vault.drop_point(&old).await;
    vault.clock.advance(16 * DAY);
    assert_eq!(vault.look().await.unneeded, old.packs.len() as u64);
    let hold = format!("holds/{}", base::Digest::of(b"what was there once")).parse().unwrap();
    vault.disk.overwrite(&hold, &b"no hold"[..]);
    let found = vault.look().await;
    assert_eq!((found.unneeded, found.unclear.len()), (0, 1));
    assert!(vault.packs(&old).iter().all(|key| found.due.iter().any(|(due, _)| due == key)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prune_leaves_what_is_locked_says_until_when_and_deletes_it_once_the_lock_has_run_out() {
    let vault = Vault::new().await;
    let (old, _) = (vault.back_up(1).await, vault.back_up(2).await);
    let began = vault.clock.now();
    vault.drop_point(&old).await;
    vault.clock.advance(4 * DAY);
    assert!(vault.prune().await.condemned.is_some());
    vault.clock.advance(4 * DAY);
    let swept = vault.prune().await;
    assert_eq!((swept.deleted.len(), swept.refused.len(), swept.locked.len()), (0, 0, old.packs.len()));
    assert!(swept.locked.values().all(|until| *until == began + PERIOD), "{:?}", swept.locked);
    vault.clock.advance(23 * DAY);
    renew(&vault.repository, &vault.look().await).await.unwrap();
    let swept = vault.prune().await;
    assert_eq!((swept.deleted.len(), swept.refused.len(), swept.locked.len()), (old.packs.len(), 0, 0));
}

#[tokio::test]
async fn a_place_that_locks_nothing_is_told_apart_from_locks_that_are_missing() {
    let vault = Vault::new().await;
    let plain = MemoryStore::with_clock(Arc::clone(&vault.clock) as Arc<dyn base::Clock>);
    for key in vault.disk.keys() {
        plain.overwrite(&key, stores::Store::get(&vault.disk, &key).await.unwrap());
    }
    let repository = Repository::open(Arc::new(plain)).await.unwrap();
    let promise = Promise { mode: Mode::Compliance, period: PERIOD, renewed: None };
    assert!(matches!(look(&repository, &promise).await, Err(LockError::NoLocks { .. })));
}

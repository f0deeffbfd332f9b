//! Maintainers and owners who are gone: what they said stays, and what they date back counts for nothing.

use std::sync::Arc;
use std::time::Duration;

use base::{Clock as _, Digest};
use bytes::Bytes;
use jiff::Timestamp;
use repository::check::{self, Budget, Level};
use repository::copy;
use repository::format::statement::{Attestation, Condemned, Document, Release, Tombstone, encode, pack_lists};
use repository::keys::{Keeps, Steward, StewardRole, add_steward, change_people, end_steward, plan_people};
use repository::prune::say::{self, Said};
use repository::prune::{gather, plan};
use repository::repository::Repository;
use repository::snapshots::Snapshot;
use stores::MemoryStore;
use stores::store::Store as _;

use super::prune::{Kept, files};

impl Kept {
    async fn reopened(&self) -> Repository {
        Repository::open(Arc::new(self.disk.clone())).await.unwrap()
    }

    async fn maintainer(&self, name: &str) -> Steward {
        let name = name.parse().unwrap();
        let key = add_steward(&self.reopened().await, &self.ada, StewardRole::Maintainer, name, self.clock.now()).await.unwrap();
        key.open(&self.reopened().await, self.clock.now()).unwrap()
    }

    async fn end(&self, name: &str, keeps: &Keeps) -> usize {
        let (repository, name) = (self.reopened().await, name.parse().unwrap());
        end_steward(&repository, &self.ada, StewardRole::Maintainer, &name, keeps, self.clock.now()).await.unwrap()
    }

    /// Stores a statement as a thief does that has the key and may store.
    async fn store(&self, folder: &str, steward: &Steward, document: &impl Document) -> Digest {
        let object = Bytes::from(steward.seal(&encode(document)));
        let digest = Digest::of(&object);
        self.disk.put_new(&format!("{folder}{digest}").parse().unwrap(), object, digest).await.unwrap();
        digest
    }

    async fn tombstone(&self, steward: &Steward, snapshot: &Snapshot, at: Timestamp) -> Digest {
        let tombstone = Tombstone {
            lifeboat: Tombstone::KIND.to_owned(),
            repository: self.repository.id().to_string(),
            at,
            snapshot: *snapshot.id.digest(),
            reason: "old".to_owned(),
            rule: "by hand".to_owned(),
            who: "ops".to_owned(),
        };
        self.store(&format!("tombstones/{}/", snapshot.id), steward, &tombstone).await
    }
}

fn kind<D: Document>() -> String {
    D::KIND.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_maintainer_whose_right_has_ended_drops_nothing_by_dating_back_what_it_says() {
    let kept = Kept::new().await;
    let (old, kept_one, fresh) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await, kept.back_up(&files(3)).await);
    for snapshot in [&old, &kept_one] {
        kept.attest(snapshot).await.unwrap();
    }
    let hold = say::hold(&kept.repository, &[kept_one.id].into(), kept.said()).await.unwrap();
    let thief = kept.maintainer("ops").await;
    let yesterday = kept.clock.now();
    kept.hours(24);
    assert_eq!(kept.end("ops", &Keeps::default()).await, 0);
    kept.hours(1);
    for snapshot in [&old, &kept_one, &fresh] {
        kept.tombstone(&thief, snapshot, yesterday).await;
    }
    let (id, reason, who) = (kept.repository.id().to_string(), "over".to_owned(), "ops".to_owned());
    let release = Release { lifeboat: kind::<Release>(), repository: id.clone(), at: yesterday, hold, reason, who };
    kept.store("holds/", &thief, &release).await;
    let attestation = Attestation {
        lifeboat: kind::<Attestation>(),
        repository: id.clone(),
        at: yesterday,
        snapshot: *fresh.id.digest(),
        needed: 0,
        named: 0,
    };
    kept.store(&format!("attest/{}/", fresh.id), &thief, &attestation).await;
    let packs = old.packs.iter().map(|pack| (old.domain.clone(), *pack)).collect();
    let list = Condemned { lifeboat: kind::<Condemned>(), repository: id, at: yesterday, generation: 0, packs: pack_lists(&packs) };
    kept.store("condemned/0000000000-", &thief, &list).await;

    kept.hours(200);
    let repository = kept.reopened().await;
    let facts = gather(&repository).await.unwrap();
    assert!(facts.snapshots.iter().all(|snapshot| snapshot.tombstone.is_none()), "{facts:?}");
    assert!(facts.snapshots.iter().all(|snapshot| snapshot.held.is_some() == (snapshot.id == kept_one.id)), "{facts:?}");
    assert!(facts.snapshots.iter().all(|snapshot| snapshot.attested == (snapshot.id != fresh.id)), "{facts:?}");
    assert!(facts.generations.is_empty() && facts.unclear.is_empty(), "{facts:?}");
    let plan = plan(&facts, &repository.protocol());
    assert!(plan.delete.is_empty() && plan.condemn.is_empty(), "{plan:?}");
    let report = check::run(&repository, Level::Names, None, Budget::All).await.unwrap();
    assert!(report.is_sound() && report.aside.len() == 6, "{report:?}");
    assert!(report.aside.iter().all(|one| one.what.contains("is not among what is believed of it")), "{report:?}");
    // A writer does not take its packs for condemned either: nothing is stored again.
    let again = kept.back_up(&files(1)).await;
    assert_eq!(again.packs, old.packs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_maintainer_said_before_its_right_ended_counts_also_in_a_copy_that_is_made_later() {
    let kept = Kept::new().await;
    let (old, new) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await);
    for snapshot in [&old, &new] {
        kept.attest(snapshot).await.unwrap();
    }
    let ops = kept.maintainer("ops").await;
    let said = Said { steward: &ops, now: kept.clock.now(), who: "ops", reason: "no longer wanted" };
    say::tombstone(&kept.reopened().await, old.id, "by hand", said).await.unwrap();
    kept.hours(24);
    assert_eq!(kept.end("ops", &Keeps::default()).await, 1);
    kept.hours(24);
    let back = kept.clock.now().checked_sub(jiff::SignedDuration::from_hours(30)).unwrap();
    kept.tombstone(&ops, &new, back).await;

    let (repository, target) = (kept.reopened().await, MemoryStore::with_clock(Arc::clone(&kept.clock) as Arc<dyn base::Clock>));
    kept.clock.advance(Duration::from_hours(48));
    let planned = copy::look(&repository, &target).await.unwrap();
    let report = copy::run(&repository, &target, &planned, copy::Limits::default(), &()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    for place in [repository, Repository::open(Arc::new(target)).await.unwrap()] {
        let facts = gather(&place).await.unwrap();
        let dropped: Vec<_> = facts.snapshots.iter().filter(|one| one.tombstone.is_some()).map(|one| one.id).collect();
        assert_eq!((dropped, facts.unclear.len(), facts.aside.len()), (vec![old.id], 0, 1), "{facts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_an_instant_nothing_counts_that_a_maintainer_said_from_then_on_but_a_hold() {
    let kept = Kept::new().await;
    let (old, new, held) = (kept.back_up(&files(1)).await, kept.back_up(&files(2)).await, kept.back_up(&files(3)).await);
    let ops = kept.maintainer("ops").await;
    let said = |steward| Said { steward, now: kept.clock.now(), who: "ops", reason: "no longer wanted" };
    say::tombstone(&kept.reopened().await, old.id, "by hand", said(&ops)).await.unwrap();
    kept.hours(1);
    let stolen = kept.clock.now();
    kept.hours(1);
    say::tombstone(&kept.reopened().await, new.id, "by hand", said(&ops)).await.unwrap();
    say::hold(&kept.reopened().await, &[held.id].into(), said(&ops)).await.unwrap();
    kept.hours(1);
    assert_eq!(kept.end("ops", &Keeps { since: Some(stolen), copies: Vec::new() }).await, 1);
    let facts = gather(&kept.reopened().await).await.unwrap();
    for one in &facts.snapshots {
        assert_eq!((one.tombstone.is_some(), one.held.is_some()), (one.id == old.id, one.id == held.id), "{}", one.key);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_in_a_copy_alone_counts_there_when_its_store_had_it_before() {
    let kept = Kept::new().await;
    let old = kept.back_up(&files(1)).await;
    let ops = kept.maintainer("ops").await;
    let (repository, target) = (kept.reopened().await, MemoryStore::with_clock(Arc::clone(&kept.clock) as Arc<dyn base::Clock>));
    let copied = async || {
        let repository = kept.reopened().await;
        let planned = copy::look(&repository, &target).await.unwrap();
        assert!(copy::run(&repository, &target, &planned, copy::Limits::default(), &()).await.unwrap().is_complete());
        Repository::open(Arc::new(target.clone())).await.unwrap()
    };
    let said = Said { steward: &ops, now: kept.clock.now(), who: "ops", reason: "no longer wanted" };
    say::tombstone(&copied().await, old.id, "by hand", said).await.unwrap();
    kept.hours(1);
    let keeps = Keeps { since: None, copies: vec![Arc::new(target.clone())] };
    assert_eq!(kept.end("ops", &keeps).await, 1);
    kept.hours(1);
    assert!(gather(&copied().await).await.unwrap().snapshots[0].tombstone.is_some());
    assert!(gather(&repository).await.unwrap().snapshots[0].tombstone.is_none(), "it was said in the copy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_left_the_owners_drops_nothing_by_dating_back_what_it_says() {
    let kept = Kept::new().await;
    let old = kept.back_up(&files(1)).await;
    let yesterday = kept.clock.now();
    kept.hours(24);
    let (before, eve) = (kept.reopened().await, repository::keys::generate_reader_key().2);
    let change = plan_people(&before, &[kept.ada.recipients()[0].clone(), eve], false, false).unwrap();
    change_people(&before, &kept.ada, &change, kept.clock.now()).await.unwrap();
    kept.hours(1);
    kept.tombstone(&kept.steward, &old, yesterday).await;
    let facts = gather(&kept.reopened().await).await.unwrap();
    assert!(facts.snapshots[0].tombstone.is_none() && facts.unclear.is_empty() && facts.aside.len() == 1, "{facts:?}");
}

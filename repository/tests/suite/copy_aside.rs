//! What a copy leaves aside, what it takes along, and what it never takes again.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::Digest;
use bytes::Bytes;
use jiff::Timestamp;
use repository::copy::{Limits, look, run};
use repository::format::statement::{Condemned, Document as _, encode, pack_lists};
use repository::keys::{add_writer, end_writer};
use repository::prune::say::{self, Said};
use repository::repository::Repository;
use stores::{Key, MemoryStore, Store as _};

use super::copy::{copy, planned};
use super::stocked::Stocked;

fn now() -> Timestamp {
    "2026-11-24T08:00:00Z".parse().unwrap()
}

async fn put(store: &MemoryStore, key: &str, body: &[u8]) {
    store.put_new(&key.parse().unwrap(), Bytes::copy_from_slice(body), Digest::of(body)).await.unwrap();
}

fn missing(stocked: &Stocked, target: &MemoryStore) -> Vec<Key> {
    stocked.disk().keys().into_iter().filter(|key| !target.keys().contains(key)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_writer_signed_after_its_right_ended_is_left_out_and_the_copy_is_complete() {
    let stocked = Stocked::new().await;
    let key = stocked.place.created.writer_key.clone();
    // The host stores one more restore point that the owners do not believe: they end its right as of before it.
    let before = stocked.disk().keys();
    stocked.back_up(&key, &["third"]).await;
    let late: Vec<Key> = stocked.disk().keys().into_iter().filter(|key| !before.contains(key)).collect();
    let mut hidden: Vec<(Key, Bytes)> = Vec::new();
    for key in late {
        hidden.push((key.clone(), stocked.disk().get(&key).await.unwrap()));
        assert!(stocked.disk().lose(&key));
    }
    let listed = stocked.open().await.trust().writers()[0].clone();
    end_writer(&stocked.open().await, &stocked.place.ada, &listed.domain, &listed.writer, None, now()).await.unwrap();
    for (key, body) in &hidden {
        put(stocked.disk(), key.as_str(), body).await;
    }
    put(stocked.disk(), "keys/epoch-9.0a1b2c3d.age", b"of a change that was cut short").await;

    let target = MemoryStore::default();
    let plan = planned(stocked.disk(), &target).await;
    assert_eq!(plan.left_out.len(), 3, "index object, restore point, key file: {:?}", plan.left_out);
    assert_eq!(plan.lag.snapshots, 2, "what nobody believes is no restore point that the copy lacks");
    assert!(copy(&stocked, &target).await.unwrap().is_complete());
    let left: Vec<Key> = missing(&stocked, &target);
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(planned(stocked.disk(), &target).await.missing.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trust_document_that_comes_between_opening_and_listing_is_no_damage() {
    let stocked = Stocked::new().await;
    let opened_before = stocked.open().await;
    let (office, db) = ("office".parse().unwrap(), "db".parse().unwrap());
    let key = add_writer(&stocked.open().await, &stocked.place.ada, db, office, now()).await.unwrap();
    stocked.back_up(&key, &["from the new host"]).await;
    let target = MemoryStore::default();
    let plan = look(&opened_before, &target).await.unwrap();
    let report = run(&opened_before, &target, &plan, Limits::default(), &()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!((report.snapshots, missing(&stocked, &target)), (3, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_of_maintainers_are_copied_when_one_of_them_signed_and_named_when_nobody_did() {
    let stocked = Stocked::new().await;
    let repository = stocked.open().await;
    let steward = stocked.place.ada.steward(&repository).await.unwrap();
    let said = Said { steward: &steward, now: now(), who: "ada", reason: "asked for" };
    let id = stocked.snapshots[0].id;
    say::hold(&repository, &BTreeSet::from([id]), said).await.unwrap();
    say::tombstone(&repository, id, "by hand", said).await.unwrap();
    say::undo(&repository, id, said).await.unwrap();
    say::attest(&repository, &stocked.reader().await, &stocked.snapshots[0], &steward, now()).await.unwrap();
    for place in ["holds".to_owned(), format!("tombstones/{id}"), format!("attest/{id}")] {
        let forged = format!("{{\"lifeboat\":\"{place}\"}}\n{{}}\n");
        put(stocked.disk(), &format!("{place}/{}", Digest::of(forged.as_bytes())), forged.as_bytes()).await;
    }
    let target = MemoryStore::default();
    let report = copy(&stocked, &target).await.unwrap();
    let named: Vec<&str> = report.findings.iter().map(|finding| finding.object.split('/').next().unwrap()).collect();
    assert_eq!(named, ["attest", "holds", "tombstones"], "{report:?}");
    assert_eq!(missing(&stocked, &target).len(), 3);
    assert_eq!(target.keys().iter().filter(|key| key.as_str().starts_with("attest/")).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_copy_condemned_is_never_written_again_nor_relied_on() {
    let stocked = Stocked::new().await;
    let (repository, whole, target) = (stocked.open().await, MemoryStore::default(), MemoryStore::default());
    assert!(copy(&stocked, &whole).await.unwrap().is_complete());
    let steward = stocked.place.ada.steward(&repository).await.unwrap();
    let second = &stocked.snapshots[1];
    let only_second = second.packs.iter().find(|pack| !stocked.snapshots[0].packs.contains(pack)).unwrap();
    let packs = BTreeSet::from([(second.domain.clone(), *only_second)]);
    let list = Condemned {
        lifeboat: Condemned::KIND.to_owned(),
        repository: repository.id().to_string(),
        at: now(),
        generation: 0,
        packs: pack_lists(&packs),
    };
    let object = steward.seal(&encode(&list));
    let name = format!("condemned/{:010}-{}", 0, Digest::of(&object));
    put(&target, &name, &object).await;
    put(&whole, &name, &object).await;
    let pack = repository::format::names::pack(&second.domain, only_second);

    // The copy lacks the pack: it is not written, and the restore point that needs it is held back.
    let first = look(&repository, &target).await.unwrap();
    assert_eq!(first.left_out.iter().map(|finding| finding.object.as_str()).collect::<Vec<_>>(), [pack.as_str()]);
    let report = copy(&stocked, &target).await.unwrap();
    assert!(!target.keys().contains(&pack));
    assert_eq!((report.snapshots, report.held_back.len()), (1, 1), "{report:?}");
    assert!(report.held_back[0].what.contains("deleted in the copy"), "{report:?}");

    // The copy still has the pack, and lacks the restore point: it may be deleted at any moment.
    assert!(whole.lose(&second.key()));
    let report = copy(&stocked, &whole).await.unwrap();
    assert_eq!((report.snapshots, report.held_back.len()), (0, 1), "{report:?}");
    assert!(whole.keys().contains(&pack), "a copy deletes nothing");
    let _ = Repository::open(Arc::new(whole)).await.unwrap();
}

//! Making a repository and opening one, on sound and on damaged storage.

use std::sync::Arc;

use base::clock::ManualClock;
use base::{Digest, Hint as _};
use bytes::Bytes;
use repository::keys::{ReaderKey, generate_reader_key};
use repository::repository::{CreateError, CreateSpec, Created, OpenError, Repository, create};
use stores::error::Operation;
use stores::fault::{Fault, FaultStore};
use stores::store::{Store as _, list_all};
use stores::{Key, MemoryStore, Prefix};

pub fn clock() -> ManualClock {
    ManualClock::at("2026-11-24T06:00:00Z".parse().unwrap())
}

pub fn spec(recipients: &[&str]) -> CreateSpec {
    CreateSpec {
        recipients: recipients.iter().map(|&text| text.to_owned()).collect(),
        accept_single_key: false,
        writer: "web".parse().unwrap(),
        domain: "office".parse().unwrap(),
    }
}

/// A repository that two people can open.
pub struct Place {
    pub disk: MemoryStore,
    pub created: Created,
    pub ada: ReaderKey,
    pub ben: ReaderKey,
}

pub async fn place() -> Place {
    let disk = MemoryStore::default();
    let ((ada, _, to_ada), (ben, _, to_ben)) = (generate_reader_key(), generate_reader_key());
    let created = create(Arc::new(disk.clone()), spec(&[&to_ada, &to_ben]), &clock()).await.unwrap();
    Place { disk, created, ada, ben }
}

async fn open(disk: &MemoryStore) -> Result<Repository, OpenError> {
    Repository::open(Arc::new(disk.clone())).await
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

async fn bytes(disk: &MemoryStore, name: &str) -> Vec<u8> {
    disk.get(&key(name)).await.unwrap().to_vec()
}

#[tokio::test]
async fn a_new_repository_is_opened_without_a_key() {
    let place = place().await;
    let opened = open(&place.disk).await.unwrap();
    assert_eq!(opened.id(), place.created.repository.id());
    assert_eq!(opened.trust().version(), 1);
    let writer = &opened.trust().writers()[0];
    assert_eq!((writer.writer.as_str(), writer.domain.as_str()), ("web", "office"));
    for object in opened.trust().objects() {
        assert_eq!(Digest::of(&bytes(&place.disk, &object.key).await), object.sha256, "{}", object.key);
    }
    assert!(bytes(&place.disk, "recover/recover.py").await.starts_with(b"#!/usr/bin/env python3\n"));
}

#[tokio::test]
async fn one_recovery_key_is_refused_unless_it_is_accepted() {
    let (_, _, only) = generate_reader_key();
    for given in [&[][..], &[&*only], &[&*only, &*format!(" {only}\n")]] {
        let disk = MemoryStore::default();
        let refused = create(Arc::new(disk.clone()), spec(given), &clock()).await.unwrap_err();
        assert!(matches!(refused, CreateError::TooFewRecipients { .. }), "{given:?}: {refused}");
        assert!(disk.keys().is_empty());
    }
    let accepted = CreateSpec { accept_single_key: true, ..spec(&[&only]) };
    create(Arc::new(MemoryStore::default()), accepted, &clock()).await.unwrap();
    let nobody = CreateSpec { accept_single_key: true, ..spec(&[]) };
    assert!(matches!(create(Arc::new(MemoryStore::default()), nobody, &clock()).await, Err(CreateError::TooFewRecipients { given: 0 })));
}

#[tokio::test]
async fn nothing_is_made_where_a_repository_is_already() {
    let place = place().await;
    let before = place.disk.keys();
    let people = place.created.repository.trust().recipients().to_vec();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let refused = create(Arc::new(place.disk.clone()), spec(&people), &clock()).await.unwrap_err();
    assert!(matches!(refused, CreateError::Exists { .. }), "{refused}");
    assert!(refused.hint().is_some());
    assert_eq!(place.disk.keys(), before);
}

#[tokio::test]
async fn a_crash_at_any_write_leaves_a_repository_or_a_clear_refusal_and_overwrites_nothing() {
    let whole = place().await.disk.keys().len();
    let ((_, _, ada), (_, _, ben)) = (generate_reader_key(), generate_reader_key());
    for written in 0..=whole {
        let disk = MemoryStore::default();
        let crashing = FaultStore::crash_at_write(disk.clone(), written as u64 + 1);
        let finished = create(Arc::new(crashing), spec(&[&ada, &ben]), &clock()).await.is_ok();
        assert_eq!(disk.keys().len(), written);
        let left = snapshot_of(&disk).await;
        let again = create(Arc::new(disk.clone()), spec(&[&ada, &ben]), &clock()).await;
        match (written, again) {
            (0, again) => assert!(again.is_ok()),
            (_, Err(CreateError::Exists { .. })) => assert!(finished && open(&disk).await.is_ok(), "after {written} writes"),
            (_, Err(refused @ CreateError::Unfinished { .. })) => {
                assert!(!finished && written < whole, "after {written} writes");
                assert!(refused.hint().unwrap().contains("delete"), "{refused}");
                assert!(matches!(open(&disk).await, Err(OpenError::Damaged { key, .. }) if key == "repository.json"));
            }
            (_, other) => panic!("after {written} writes: {other:?}"),
        }
        if written > 0 {
            assert_eq!(snapshot_of(&disk).await, left, "after {written} writes");
        }
    }
}

async fn snapshot_of(disk: &MemoryStore) -> Vec<(Key, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in list_all(disk, &Prefix::all()).await.unwrap() {
        let bytes = disk.get(&entry.key).await.unwrap().to_vec();
        all.push((entry.key, bytes));
    }
    all.sort();
    all
}

#[tokio::test]
async fn an_empty_place_and_a_place_with_other_things_hold_no_repository() {
    let disk = MemoryStore::default();
    assert!(matches!(open(&disk).await, Err(OpenError::NoRepository { location }) if location == disk.location()));
    disk.overwrite(&key("holiday.jpg"), "not ours");
    let missing = open(&disk).await.unwrap_err();
    assert!(matches!(missing, OpenError::NoRepository { .. }));
    assert!(missing.hint().unwrap().contains("lifeboat init"));
}

#[tokio::test]
async fn a_newer_repository_is_refused_with_the_program_that_reads_it() {
    let place = place().await;
    place.disk.overwrite(&key("repository.json"), "{\"format\":3,\"reader\":\"lifeboat 4.1\",\"shape\":\"other\"}\nsigned anew\n");
    let newer = open(&place.disk).await.unwrap_err();
    assert!(matches!(newer, OpenError::Newer { found: 3, known: 1, .. }), "{newer}");
    assert_eq!(newer.hint().unwrap(), "use lifeboat 4.1 or later");
}

#[tokio::test]
async fn a_repository_of_the_draft_is_refused_as_a_draft_and_never_called_damaged() {
    let place = place().await;
    let draft = String::from_utf8(bytes(&place.disk, "repository.json").await).unwrap();
    place.disk.overwrite(&key("repository.json"), draft.replace("\"format\":1", "\"format\":0").replace("-1\"", "-0\""));
    let refused = open(&place.disk).await.unwrap_err();
    assert_eq!(refused.to_string(), "the repository is of format 0, which was an unreleased draft; this program reads format 1");
    assert!(refused.hint().unwrap().contains("recover.py"), "{refused:?}");
}

#[tokio::test]
async fn every_flipped_bit_of_configuration_and_trust_is_damage_of_that_object() {
    let place = place().await;
    for name in ["repository.json", "trust/1.json"] {
        let sound = bytes(&place.disk, name).await;
        for bit in 0..sound.len() * 8 {
            let mut changed = sound.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            place.disk.overwrite(&key(name), changed);
            match open(&place.disk).await {
                Err(OpenError::Damaged { key, .. }) if key == name => {}
                other => panic!("{name}, bit {bit}: {other:?}"),
            }
        }
        for length in 0..sound.len() {
            place.disk.overwrite(&key(name), sound[..length].to_vec());
            assert!(matches!(open(&place.disk).await, Err(OpenError::Damaged { key, .. }) if key == name), "{name} cut to {length}");
        }
        place.disk.overwrite(&key(name), sound);
    }
    open(&place.disk).await.unwrap();
}

#[tokio::test]
async fn a_missing_trust_document_is_damage_and_a_stray_number_ends_no_reader() {
    let place = place().await;
    let sound = bytes(&place.disk, "trust/1.json").await;
    place.disk.overwrite(&key("trust/18446744073709551615.json"), sound.clone());
    assert!(matches!(open(&place.disk).await, Err(OpenError::Damaged { key, .. }) if key == "trust/2.json"));
    assert!(place.disk.lose(&key("trust/18446744073709551615.json")));
    assert!(place.disk.lose(&key("trust/1.json")));
    assert!(matches!(open(&place.disk).await, Err(OpenError::Damaged { key, .. }) if key == "trust/1.json"));
}

#[tokio::test]
async fn storage_cannot_put_documents_of_another_repository_in_place() {
    let (mine, other) = (place().await, place().await);
    mine.disk.overwrite(&key("trust/1.json"), bytes(&other.disk, "trust/1.json").await);
    assert!(matches!(open(&mine.disk).await, Err(OpenError::Damaged { key, .. }) if key == "trust/1.json"));
    // Both documents of the other one make a sound repository, but under another id, which the host's key notices.
    mine.disk.overwrite(&key("repository.json"), bytes(&other.disk, "repository.json").await);
    let imitation = open(&mine.disk).await.unwrap();
    assert_ne!(imitation.id(), mine.created.repository.id());
    let refused = mine.created.writer_key.open(&imitation).await.unwrap_err();
    assert!(matches!(refused, repository::keys::KeyError::OtherRepository { .. }), "{refused}");
}

#[tokio::test]
async fn an_object_that_is_too_large_is_not_read() {
    let place = place().await;
    place.disk.overwrite(&key("repository.json"), Bytes::from(vec![b'{'; 70_000]));
    assert!(matches!(open(&place.disk).await, Err(OpenError::Damaged { what, .. }) if what.contains("70000")));
}

#[tokio::test]
async fn what_the_store_refuses_is_told_as_it_is() {
    let place = place().await;
    // The first list is of what was healed: who may not see that sees what is stored.
    for (operation, nth) in [(Operation::Head, 1), (Operation::Get, 1), (Operation::List, 2)] {
        let denying = FaultStore::new(place.disk.clone()).with(operation, nth, Fault::Deny);
        let refused = Repository::open(Arc::new(denying)).await.unwrap_err();
        assert!(matches!(refused, OpenError::Store { .. }), "{operation}: {refused}");
        assert!(refused.hint().unwrap().contains("credential"), "{operation}");
    }
    let full = FaultStore::new(MemoryStore::default()).with(Operation::Put, 3, Fault::Full);
    let ((_, _, ada), (_, _, ben)) = (generate_reader_key(), generate_reader_key());
    let refused = create(Arc::new(full), spec(&[&ada, &ben]), &clock()).await.unwrap_err();
    assert!(matches!(refused, CreateError::Store { .. }) && refused.hint().unwrap().contains("free some space"), "{refused}");
}

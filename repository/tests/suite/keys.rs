//! What each key opens, and what it does not.

use std::sync::Arc;

use age::secrecy::ExposeSecret as _;
use base::Hint as _;
use bytes::Bytes;
use repository::keys::{self, ChangeError, KeyError, OnSheet, ReaderKey, Sheet, WriterKey, add_writer, generate_reader_key, prove};
use repository::repository::{CreateError, Repository, create};
use stores::store::Store as _;
use stores::{Key, MemoryStore};

use super::create_and_open::{Place, clock, place, spec};

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

async fn reopen(disk: &MemoryStore) -> Repository {
    Repository::open(Arc::new(disk.clone())).await.unwrap()
}

async fn add(place: &Place, writer: &str, domain: &str) -> Result<WriterKey, ChangeError> {
    let repository = reopen(&place.disk).await;
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    add_writer(&repository, &place.ada, writer.parse().unwrap(), domain.parse().unwrap(), now).await
}

#[tokio::test]
async fn the_host_and_each_person_open_the_same_domain_keys() {
    let place = place().await;
    let repository = &place.created.repository;
    let text = place.created.writer_key.to_text();
    let host = WriterKey::parse(text.expose_secret()).unwrap().open(repository).await.unwrap();
    for person in [&place.ada, &place.ben] {
        let opened = person.open(repository).await.unwrap();
        assert_eq!(opened.domains.values().collect::<Vec<_>>(), [&host]);
        assert_eq!(opened.epochs[&1].recipient(), repository.trust().newest_epoch().recipient);
        assert!(opened.closed.is_empty());
    }
}

#[tokio::test]
async fn a_wrong_key_is_told_who_can_open_and_how_to_recover_by_hand() {
    let place = place().await;
    let (stranger, _, _) = generate_reader_key();
    let refused = stranger.open(&place.created.repository).await.unwrap_err();
    let KeyError::WrongKey { held, can_open, .. } = &refused else { panic!("{refused}") };
    assert_eq!(*held, stranger.recipients());
    let mut people = [place.ada.recipients(), place.ben.recipients()].concat();
    let mut named = can_open.clone();
    people.sort();
    named.sort();
    assert_eq!(named, people);
    let hint = refused.hint().unwrap();
    assert!(people.iter().all(|person| hint.contains(person)) && hint.contains("docs/recover-by-hand.md"), "{hint}");
}

#[tokio::test]
async fn the_key_of_a_host_opens_neither_the_epoch_nor_the_owner_nor_the_canary() {
    let place = place().await;
    let text = place.created.writer_key.to_text();
    let identity = text.expose_secret().lines().find_map(|line| line.strip_prefix("identity ")).unwrap();
    let stolen = ReaderKey::parse(identity).unwrap();
    assert!(matches!(stolen.open(&place.created.repository).await, Err(KeyError::WrongKey { object, .. }) if object == "keys/epoch-1.age"));
    assert!(matches!(prove(&place.created.repository, &stolen).await, Err(KeyError::WrongKey { .. })));
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    let added = add_writer(&place.created.repository, &stolen, "evil".parse().unwrap(), "office".parse().unwrap(), now).await;
    assert!(matches!(added, Err(ChangeError::Key(KeyError::WrongKey { object, .. })) if object == "keys/owner-1.age"));
}

#[tokio::test]
async fn a_key_drill_shows_that_each_custodians_key_still_opens() {
    let place = place().await;
    for person in [&place.ada, &place.ben] {
        let proof = prove(&place.created.repository, person).await.unwrap();
        assert_eq!((proof.object.as_str(), proof.recipients), ("keys/canary-1.age", person.recipients()));
    }
    let (stranger, _, _) = generate_reader_key();
    assert!(matches!(prove(&place.created.repository, &stranger).await, Err(KeyError::WrongKey { .. })));
}

#[tokio::test]
async fn key_files_that_were_lost_changed_or_swapped_are_named() {
    for name in ["keys/epoch-1.age", "keys/owner-1.age", "keys/canary-1.age", "keys/domain/office/web.age"] {
        let place = place().await;
        let sound = place.disk.get(&key(name)).await.unwrap();
        let other = if name == "keys/epoch-1.age" { "keys/canary-1.age" } else { "keys/epoch-1.age" };
        let mut flipped = sound.to_vec();
        *flipped.last_mut().unwrap() ^= 1;
        for bad in
            [None, Some(Bytes::from(flipped)), Some(sound.slice(..sound.len() - 1)), Some(place.disk.get(&key(other)).await.unwrap())]
        {
            match &bad {
                None => assert!(place.disk.lose(&key(name))),
                Some(bytes) => place.disk.overwrite(&key(name), bytes.clone()),
            }
            let said = use_everything(&place).await;
            let fault = if bad.is_none() { format!("{name} is missing") } else { format!("{name} is damaged") };
            assert!(said.iter().any(|line| line.contains(&fault)), "{name}: {said:?}");
        }
        place.disk.overwrite(&key(name), sound);
        assert_eq!(use_everything(&place).await, Vec::<String>::new());
    }
}

/// Opens all that there is, and gives what went wrong.
async fn use_everything(place: &Place) -> Vec<String> {
    let repository = reopen(&place.disk).await;
    let mut said = Vec::new();
    match place.ada.open(&repository).await {
        Ok(opened) => said.extend(opened.closed.into_iter().map(|(_, why)| why)),
        Err(error) => said.push(error.to_string()),
    }
    said.extend(place.created.writer_key.open(&repository).await.err().map(|error| error.to_string()));
    said.extend(prove(&repository, &place.ada).await.err().map(|error| error.to_string()));
    // An owner key that opens gets as far as refusing the name that is taken; ask with a new one on a copy.
    let copy = MemoryStore::default();
    for name in place.disk.keys() {
        copy.overwrite(&name, place.disk.get(&name).await.unwrap());
    }
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    let added = add_writer(&reopen(&copy).await, &place.ada, "more".parse().unwrap(), "more".parse().unwrap(), now).await;
    said.extend(added.err().map(|error| match error {
        ChangeError::Key(error) => error.to_string(),
        other => other.to_string(),
    }));
    said
}

#[tokio::test]
async fn a_second_host_shares_the_domain_or_has_its_own() {
    let place = place().await;
    let first = place.created.writer_key.open(&place.created.repository).await.unwrap();
    let shared = add(&place, "db", "office").await.unwrap();
    let own = add(&place, "lab", "lab").await.unwrap();
    let repository = reopen(&place.disk).await;
    assert_eq!(repository.trust().version(), 3);
    assert_eq!(shared.open(&repository).await.unwrap(), first);
    assert_ne!(own.open(&repository).await.unwrap(), first);
    assert_eq!(place.ben.open(&repository).await.unwrap().domains.len(), 2);
    // The first host still signs and is believed; nobody signs for another.
    let signature = place.created.writer_key.sign(b"index");
    let trust = repository.trust();
    let (office, web, db) = ("office".parse().unwrap(), "web".parse().unwrap(), "db".parse().unwrap());
    assert_eq!(trust.verify(&office, &web, b"index", &signature), Ok(()));
    assert!(trust.verify(&office, &db, b"index", &signature).is_err());
    assert!(trust.verify(&office, &web, b"other", &signature).is_err());
    assert!(trust.verify(&"lab".parse().unwrap(), &web, b"index", &signature).is_err());
    assert!(trust.verify(&office, &web, b"index", &signature[..63]).is_err());
}

#[tokio::test]
async fn one_sound_copy_of_a_domains_keys_is_enough_for_a_reader() {
    let place = place().await;
    add(&place, "db", "office").await.unwrap();
    add(&place, "lab", "lab").await.unwrap();
    let repository = reopen(&place.disk).await;
    place.disk.overwrite(&key("keys/domain/office/web.age"), "nonsense");
    let opened = place.ada.open(&repository).await.unwrap();
    assert_eq!((opened.domains.len(), opened.closed.len()), (2, 0));
    place.disk.lose(&key("keys/domain/office/db.age"));
    let opened = place.ada.open(&repository).await.unwrap();
    assert_eq!(opened.domains.keys().map(base::id::DomainId::as_str).collect::<Vec<_>>(), ["lab"]);
    assert_eq!(opened.closed.len(), 1);
    assert_eq!(opened.closed[0].0.as_str(), "office");
}

#[tokio::test]
async fn a_plugin_recipient_is_taken_and_its_missing_program_is_named() {
    let (_, _, ada) = generate_reader_key();
    let hrp = bech32::Hrp::parse("age1nosuchdevice").unwrap();
    let made = bech32::encode::<bech32::Bech32>(hrp, &[7; 32]).unwrap();
    let disk = MemoryStore::default();
    let refused = create(Arc::new(disk.clone()), spec(&[&ada, &made]), &clock()).await.unwrap_err();
    assert!(matches!(&refused, CreateError::Keys(KeyError::Plugin { plugin, .. }) if plugin == "nosuchdevice"), "{refused:?}");
    assert!(refused.hint().unwrap().contains("age-plugin-nosuchdevice"));
    assert!(disk.keys().is_empty());
}

#[tokio::test]
async fn a_name_is_never_given_twice() {
    let place = place().await;
    assert!(matches!(add(&place, "web", "office").await, Err(ChangeError::Listed { .. })));
    add(&place, "db", "office").await.unwrap();
    assert!(matches!(add(&place, "db", "office").await, Err(ChangeError::Listed { .. })));
}

#[tokio::test]
async fn two_owners_who_add_at_once_do_not_undo_each_other() {
    let place = place().await;
    let now = "2026-11-25T00:00:00Z".parse().unwrap();
    let stale = reopen(&place.disk).await;
    add(&place, "db", "office").await.unwrap();
    let late = add_writer(&stale, &place.ben, "lab".parse().unwrap(), "lab".parse().unwrap(), now).await;
    assert!(matches!(late, Err(ChangeError::Raced { object }) if object == "trust/2.json"));
    assert_eq!(reopen(&place.disk).await.trust().writers().len(), 2);
}

#[tokio::test]
async fn a_host_notices_that_the_trust_documents_were_rolled_back() {
    let place = place().await;
    let later = add(&place, "db", "office").await.unwrap();
    assert!(place.disk.lose(&key("trust/2.json")));
    let refused = later.open(&reopen(&place.disk).await).await.unwrap_err();
    assert!(matches!(refused, KeyError::RolledBack { found: 1, needed: 2 }), "{refused}");
}

#[tokio::test]
async fn a_trust_document_that_its_own_writer_signed_is_refused() {
    // The owners of version 1 sign version 2; a host's signature is another kind of statement.
    let place = place().await;
    add(&place, "db", "office").await.unwrap();
    let object = place.disk.get(&key("trust/2.json")).await.unwrap();
    let document = object.split(|byte| *byte == b'\n').next().unwrap();
    let forger = &place.created.writer_key;
    let line = format!("{{\"key\":\"{}\",\"signature\":\"{}\"}}\n", forger.public(), hex::encode(forger.sign(document)));
    place.disk.overwrite(&key("trust/2.json"), [document, b"\n", line.as_bytes()].concat());
    let refused = Repository::open(Arc::new(place.disk.clone())).await.unwrap_err();
    assert_eq!(refused.to_string(), "trust/2.json is damaged: no owner has signed it");
}

#[tokio::test]
async fn a_recovery_sheet_has_the_commands_and_no_secret_that_was_not_given() {
    let place = place().await;
    let (ada, repository) = (&place.ada.recipients()[0], &place.created.repository);
    let plain = keys::sheet(repository, &Sheet { recipient: ada, custodian: Some("Ada, safe 2"), holds: OnSheet::Nothing });
    assert!(!plain.contains("AGE-SECRET-KEY-1"));
    for needed in [&*repository.id().to_string(), ada, "Ada, safe 2", "This key opens", "recover.py restore", "age, zstd and python3"] {
        assert!(plain.contains(needed), "{needed} in {plain}");
    }
    let (_, secret, stranger) = generate_reader_key();
    let line = secret.expose_secret().lines().last().unwrap();
    let full = keys::sheet(repository, &Sheet { recipient: &stranger, custodian: None, holds: OnSheet::Key(line) });
    assert!(full.contains(line) && full.contains("WARNING"));
    let (_, shares) = keys::split_key(line, 2, 3).unwrap();
    let on_paper = keys::sheet(repository, &Sheet { recipient: &stranger, custodian: None, holds: OnSheet::Share(&shares[1]) });
    assert!(
        !on_paper.contains(line) && on_paper.contains("SHARE 2 OF 3") && on_paper.contains("bring together 2 sheets of set"),
        "{on_paper}"
    );
    let typed = on_paper.lines().find(|line| line.starts_with(keys::SHARE_PREFIX)).unwrap();
    assert_eq!(keys::KeyShare::parse(typed).unwrap(), shares[1]);
}

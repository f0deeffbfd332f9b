//! Every object of the golden repository, harmed in every way: `check` names that object and no other, without a key.
//!
//! Three bits of each object, of its first byte, its last and one between, go through the whole check; `every_bit` flips all bits of a
//! smaller repository. That no other bit of the golden one is outside is shown by
//! [`every_bit_of_every_object_is_under_a_digest_or_a_signature`], which asks only for what the check compares.

use std::collections::BTreeSet;
use std::sync::Arc;

use base::Digest;
use bytes::Bytes;
use repository::check::{Budget, Level, inspect};
use repository::repository::{OpenError, Repository};
use stores::store::Store as _;
use stores::{Key, MemoryStore};

use super::golden::golden;
use super::golden_make::Made;

/// The objects that a keyless check calls damaged.
pub async fn told(disk: &MemoryStore) -> BTreeSet<String> {
    match Repository::open(Arc::new(disk.clone())).await {
        Ok(repository) => {
            let report = inspect(&repository, Level::Names, None, Budget::All).await.unwrap();
            assert!(report.unread.is_empty(), "{:?}", report.unread);
            report.findings.into_iter().map(|finding| finding.object).collect()
        }
        Err(OpenError::Damaged { key, .. }) => [key].into(),
        Err(OpenError::Newer { .. } | OpenError::Draft { .. }) => ["repository.json".to_owned()].into(),
        Err(error) => panic!("{error}"),
    }
}

fn place_of(key: &Key) -> &str {
    key.as_str().split('/').next().unwrap()
}

/// What harm makes of an object.
fn harms(key: &Key, sound: &Bytes, others: &[(Key, Bytes)]) -> Vec<(String, Option<Bytes>)> {
    let mut all = vec![
        ("deleted".to_owned(), None),
        ("empty".to_owned(), Some(Bytes::new())),
        ("a byte shorter".to_owned(), Some(sound.slice(..sound.len() - 1))),
        ("half".to_owned(), Some(sound.slice(..sound.len() / 2))),
        ("a byte longer".to_owned(), Some([sound.as_ref(), b"\n"].concat().into())),
        ("zeros".to_owned(), Some(vec![0; sound.len()].into())),
    ];
    let other = others.iter().find(|(other, bytes)| other != key && place_of(other) == place_of(key) && bytes != sound);
    all.extend(other.map(|(other, bytes)| (format!("the bytes of {other}"), Some(bytes.clone()))));
    for at in [0, sound.len() / 3, sound.len() - 1] {
        let mut flipped = sound.to_vec();
        flipped[at] ^= 1 << (at % 7);
        all.push((format!("a bit of byte {at} flipped"), Some(flipped.into())));
    }
    all
}

/// Objects that can be taken away unseen by whoever looks at this storage alone: the newest trust document and snapshots, and what is
/// named by nothing.
fn silent(key: &Key, all: &[(Key, Bytes)]) -> bool {
    let before_dash = |key: &Key| key.as_str().rsplit_once('/').map(|(folder, _)| folder.to_owned());
    match place_of(key) {
        "snapshots" => !all.iter().any(|(other, _)| before_dash(other) == before_dash(key) && other > key),
        "trust" => key.as_str() == "trust/9.json",
        place => ["condemned", "tombstones", "holds", "attest"].contains(&place),
    }
}

async fn objects(made: &Made) -> Vec<(Key, Bytes)> {
    let mut all = Vec::new();
    for key in made.disk.keys() {
        let bytes = made.disk.get(&key).await.unwrap();
        all.push((key, bytes));
    }
    all
}

async fn harm_each(part: usize, parts: usize) -> usize {
    let made = golden();
    let all = objects(&made).await;
    // Key files that were replaced when people went are named by nothing any more.
    let document = Repository::open(Arc::new(made.disk.clone())).await.unwrap().trust().document().clone();
    let listed: BTreeSet<&str> = document.objects.iter().map(|object| object.key.as_str()).collect();
    let matters = |key: &Key| !matches!(place_of(key), "keys" | "recover") || listed.contains(key.as_str());
    assert_eq!(told(&made.disk).await, BTreeSet::new());
    let mut n = 0;
    for (key, sound) in all.iter().filter(|(key, _)| matters(key)).skip(part).step_by(parts) {
        for (what, bytes) in harms(key, sound, &all) {
            let unseen = bytes.is_none() && silent(key, &all);
            match bytes {
                None => assert!(made.disk.lose(key)),
                Some(bytes) => made.disk.overwrite(key, bytes),
            }
            let told = told(&made.disk).await;
            if !unseen {
                assert_eq!(told, [key.to_string()].into(), "{key}: {what}");
            }
            n += 1;
            made.disk.overwrite(key, sound.clone());
        }
    }
    n
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_harm_to_each_golden_object_is_a_finding_of_that_object() {
    let halves = [tokio::spawn(harm_each(0, 2)), tokio::spawn(harm_each(1, 2))];
    let mut n = 0;
    for half in halves {
        n += half.await.unwrap();
    }
    assert!(n > 400, "{n}");
}

/// An object is compared with a digest of all its bytes, or, for `repository.json` and trust documents, verified as a whole (their bits
/// are flipped in `create_and_open`): no bit is outside.
#[tokio::test]
async fn every_bit_of_every_object_is_under_a_digest_or_a_signature() {
    let made = golden();
    let document = Repository::open(Arc::new(made.disk.clone())).await.unwrap().trust().document().clone();
    let mut n_signed = 0;
    for (key, bytes) in objects(&made).await {
        let digest = Digest::of(&bytes);
        if key.name().ends_with(&digest.to_string()) {
            continue;
        }
        match document.objects.iter().find(|listed| listed.key == key.as_str()) {
            Some(listed) => assert_eq!((listed.sha256, listed.size), (digest, bytes.len() as u64), "{key}"),
            // Of the keys that people had who are gone.
            None if place_of(&key) == "keys" => {}
            None => {
                assert!(["repository.json", "trust"].contains(&place_of(&key)), "{key} is under nothing");
                n_signed += 1;
            }
        }
    }
    assert_eq!(n_signed, 10);
}

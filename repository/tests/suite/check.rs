//! Damage done to a small repository, one object at a time, and what `check` says of it.

use bytes::Bytes;
use repository::check::{Budget, CheckError, CheckReport, Level, inspect, run};
use repository::keys::OpenKeys;
use stores::Key;
use stores::store::Store as _;

use super::stocked::Stocked;

async fn keyless(stocked: &Stocked, level: Level) -> CheckReport {
    inspect(&stocked.open().await, level, None, Budget::All).await.unwrap()
}

async fn with_keys(stocked: &Stocked, keys: &OpenKeys, level: Level) -> CheckReport {
    inspect(&stocked.open().await, level, Some(keys), Budget::All).await.unwrap()
}

async fn open_keys(stocked: &Stocked) -> OpenKeys {
    stocked.place.ada.open(&stocked.open().await).await.unwrap()
}

fn objects(report: &CheckReport) -> Vec<&str> {
    report.findings.iter().map(|finding| finding.object.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_repository_is_sound_at_every_level() {
    let stocked = Stocked::new().await;
    let keys = open_keys(&stocked).await;
    for level in [Level::Presence, Level::Names] {
        let report = keyless(&stocked, level).await;
        assert!(report.is_sound(), "{level:?}: {:?} {:?}", report.findings, report.unread);
        assert_eq!((report.snapshots, report.packs_checked, report.packs_unreferenced), (2, report.packs, 0));
    }
    let report = with_keys(&stocked, &keys, Level::Contents).await;
    assert!(report.is_sound(), "{:?} {:?}", report.findings, report.unread);
    assert!(report.chunks >= 8, "{}", report.chunks);
    let refused = inspect(&stocked.open().await, Level::Contents, None, Budget::All).await;
    assert!(matches!(refused, Err(CheckError::NeedsKey)));
}

/// What is done to an object.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Delete,
    Truncate,
    Flip,
    /// The bytes of another object of its kind, which is sound in its own place.
    Swap,
}

async fn harm(stocked: &Stocked, key: &Key, harm: Harm) -> bool {
    let sound = stocked.disk().get(key).await.unwrap();
    let bad: Bytes = match harm {
        Harm::Delete => {
            assert!(stocked.disk().lose(key));
            return true;
        }
        Harm::Truncate => sound.slice(..sound.len() - 1),
        Harm::Flip => {
            let mut bytes = sound.to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
            bytes.into()
        }
        Harm::Swap => {
            let kind = key.as_str().rsplit_once('/').map_or("", |(kind, _)| kind);
            let kind = if kind.starts_with("packs/") { "packs/" } else { kind };
            let Some(other) = stocked.keys(kind).into_iter().find(|other| other != key) else { return false };
            stocked.disk().get(&other).await.unwrap()
        }
    };
    stocked.disk().overwrite(key, bad);
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn each_object_that_is_deleted_cut_swapped_or_flipped_is_named_without_a_key() {
    let stocked = Stocked::new().await;
    let all: Vec<Key> = ["keys/", "recover/", "packs/", "index/", "snapshots/"].iter().flat_map(|place| stocked.keys(place)).collect();
    assert!(all.len() >= 14, "{all:?}");
    let newest = |place: &str| stocked.keys(place).pop().unwrap();
    let silent = newest("snapshots/");
    for key in &all {
        let sound = stocked.disk().get(key).await.unwrap();
        for how in [Harm::Delete, Harm::Truncate, Harm::Flip, Harm::Swap] {
            if harm(&stocked, key, how).await {
                let report = keyless(&stocked, Level::Names).await;
                if matches!(how, Harm::Delete) && silent == *key {
                    assert!(report.is_sound(), "that the newest snapshot is gone can be seen only from elsewhere");
                } else {
                    assert_eq!(objects(&report), [key.as_str()], "{how:?}");
                    assert!(report.unread.is_empty());
                }
            }
            stocked.disk().overwrite(key, sound.clone());
        }
    }
    assert!(keyless(&stocked, Level::Names).await.is_sound());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_download_missing_and_cut_packs_are_named() {
    let stocked = Stocked::new().await;
    let keys = open_keys(&stocked).await;
    for key in stocked.keys("packs/") {
        let sound = stocked.disk().get(&key).await.unwrap();
        harm(&stocked, &key, Harm::Delete).await;
        assert_eq!(objects(&keyless(&stocked, Level::Presence).await), [key.as_str()]);
        stocked.disk().overwrite(&key, sound.slice(1..));
        let report = with_keys(&stocked, &keys, Level::Presence).await;
        assert_eq!(objects(&report), [key.as_str()]);
        assert_eq!(report.findings[0].what, format!("it has {} bytes instead of {}", sound.len() - 1, sound.len()));
        stocked.disk().overwrite(&key, sound);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_an_index_object_that_was_taken_away_is_named() {
    let stocked = Stocked::new().await;
    let keys = open_keys(&stocked).await;
    let newest = stocked.keys("index/").pop().unwrap();
    harm(&stocked, &newest, Harm::Delete).await;
    let report = with_keys(&stocked, &keys, Level::Presence).await;
    assert_eq!(objects(&report), [newest.as_str()]);
    assert_eq!(report.findings[0].snapshots, [stocked.snapshots[1].id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_the_snapshots_and_paths_behind_a_damaged_pack_are_named() {
    let stocked = Stocked::new().await;
    let (first, second) = (&stocked.snapshots[0], &stocked.snapshots[1]);
    let mut named = Vec::new();
    for key in stocked.keys("packs/") {
        let sound = stocked.disk().get(&key).await.unwrap();
        let reader = stocked.reader().await;
        harm(&stocked, &key, Harm::Flip).await;
        let report = run(&stocked.open().await, Level::Names, Some(&reader), Budget::All).await.unwrap();
        assert_eq!(objects(&report), [key.as_str()]);
        let finding = &report.findings[0];
        let digest = key.name().parse().unwrap();
        let needs: Vec<_> =
            [first, second].into_iter().filter(|snapshot| snapshot.packs.contains(&digest)).map(|snapshot| snapshot.id).collect();
        assert_eq!(finding.snapshots, needs);
        assert!(!finding.paths.is_empty() && !needs.is_empty());
        named.extend(finding.paths.iter().cloned());
        stocked.disk().overwrite(&key, sound);
    }
    for path in ["/", "/first", "/first/large", "/first/small", "/second/large"] {
        assert!(named.iter().any(|one| one == path), "{path} in {named:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_looks_at_some_packs_and_many_seeds_find_the_damage() {
    let stocked = Stocked::new().await;
    let repository = stocked.open().await;
    let bad = stocked.keys("packs/").pop().unwrap();
    harm(&stocked, &bad, Harm::Flip).await;
    let mut found = 0;
    for seed in 0..40 {
        let report = inspect(&repository, Level::Names, None, Budget::Share { parts: 2500, seed }).await.unwrap();
        assert_eq!(report.packs_checked, report.packs.div_ceil(4));
        found += report.findings.len();
    }
    assert!((1..40).contains(&found), "{found} of 40");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_is_no_damage() {
    use std::sync::Arc;
    use stores::error::Operation;
    use stores::fault::{Fault, FaultStore};
    let stocked = Stocked::new().await;
    let total = stocked.disk().keys().len() as u64;
    let failing = FaultStore::new(stocked.disk().clone()).with(Operation::Get, total - 2, Fault::Fail);
    let repository = repository::repository::Repository::open(Arc::new(failing)).await.unwrap();
    let report = inspect(&repository, Level::Names, None, Budget::All).await.unwrap();
    assert_eq!((report.findings.len(), report.unread.len(), report.is_sound()), (0, 1, false), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_with_a_strange_name_is_named_and_a_pack_that_nobody_needs_is_counted() {
    let stocked = Stocked::new().await;
    let lonely = stocked.disk().get(&stocked.keys("packs/")[0]).await.unwrap().slice(3..);
    let digest = base::Digest::of(&lonely).to_string();
    stocked.disk().overwrite(&format!("packs/office/{}/{digest}", &digest[..2]).parse().unwrap(), lonely);
    stocked.disk().overwrite(&"packs/office/README".parse().unwrap(), "hello");
    let report = keyless(&stocked, Level::Names).await;
    assert_eq!((objects(&report), report.packs_unreferenced), (vec!["packs/office/README"], 1));
}

//! The suite that every store runs: what [`Store`] promises, as plain functions that any store can be put through.
//!
//! The tests of each store call [`run`]; so can anybody who writes a store of their own. Each check keeps to objects below
//! a prefix of its own in the store that it is given, which should be empty, and names what was promised and what was seen.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base::Digest;
use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};

use crate::error::StoreError;
use crate::key::{Key, Prefix};
use crate::retention::{Mode, Retention};
use crate::store::{Lock, Put, Store, list_all};

/// A promise that the store did not keep.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct Broken {
    what: String,
}

type Check = Result<(), Broken>;

/// How much the suite does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Objects for the test of lists in pages. The store should need several pages for them.
    pub listed: usize,
    /// Writers that race for one name.
    pub racers: usize,
    /// Requests at the same time while many objects are stored.
    pub at_once: usize,
}

impl Default for Extent {
    fn default() -> Self {
        Self { listed: 10_000, racers: 32, at_once: 32 }
    }
}

/// Answers with [`Broken`] unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err(Broken { what: format!($($what)+) });
        }
    };
}

/// Runs every check on `store`, which is empty, and ends at the first promise that is not kept.
pub async fn run(store: &Arc<dyn Store>, extent: Extent) -> Check {
    objects_come_back_as_they_were_stored(store).await?;
    every_allowed_name_works(store).await?;
    an_object_is_never_replaced(store).await?;
    a_wrong_digest_stores_nothing(store).await?;
    ranges_are_exact_or_refused(store).await?;
    what_is_missing_is_not_found(store).await?;
    heads_tell_the_truth(store).await?;
    lists_show_what_was_stored(store).await?;
    long_lists_come_in_pages(store, extent).await?;
    one_of_many_writers_wins(store, extent).await?;
    deleting_is_a_capability(store).await?;
    locks_hold_and_are_never_shortened(store).await?;
    a_dropped_put_leaves_a_whole_object_or_none(store).await
}

fn failed(what: &str) -> impl Fn(StoreError) -> Broken + '_ {
    move |error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Broken { what: format!("{what}: {error}{cause}") }
    }
}

fn key(text: &str) -> Result<Key, Broken> {
    text.parse().map_err(|error| Broken { what: format!("{error}") })
}

fn prefix(text: &str) -> Result<Prefix, Broken> {
    text.parse().map_err(|error| Broken { what: format!("{error}") })
}

async fn put(store: &Arc<dyn Store>, key: &Key, body: &[u8]) -> Result<Put, StoreError> {
    store.put_new(key, Bytes::copy_from_slice(body), Digest::of(body)).await
}

/// Bytes of every value, in an order that no compression or text handling leaves alone.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

/// Bodies of no byte, one byte and many, byte for byte.
pub async fn objects_come_back_as_they_were_stored(store: &Arc<dyn Store>) -> Check {
    for len in [0, 1, 1000, 3 << 20] {
        let (key, body) = (key(&format!("contract-bodies/{len}"))?, noise(len));
        put(store, &key, &body).await.map_err(failed("putting a new object"))?;
        let read = store.get(&key).await.map_err(failed("reading it"))?;
        ensure!(read == body, "{key} came back with {} bytes, not as the {len} that were stored", read.len());
    }
    Ok(())
}

/// Keys with all characters, long segments, long keys, many levels.
pub async fn every_allowed_name_works(store: &Arc<dyn Store>) -> Check {
    let names = [
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ".to_owned(),
        "abcdefghijklmnopqrstuvwxyz".to_owned(),
        "0123456789._-".to_owned(),
        "-leading".to_owned(),
        "trailing.".to_owned(),
        "a..b".to_owned(),
        "s".repeat(255),
        ["d"; 60].join("/"),
        format!("{}/{}", "l".repeat(240), "m".repeat(240)),
    ];
    for name in &names {
        let key = key(&format!("contract-names/{name}"))?;
        put(store, &key, name.as_bytes()).await.map_err(failed("putting an object with an allowed name"))?;
        let read = store.get(&key).await.map_err(failed("reading an object with an allowed name"))?;
        ensure!(read == name.as_bytes(), "{key} came back with other bytes");
    }
    let listed = list_all(store, &prefix("contract-names/")?).await.map_err(failed("listing"))?;
    let listed: BTreeSet<String> = listed.into_iter().map(|entry| entry.key.into()).collect();
    let stored: BTreeSet<String> = names.iter().map(|name| format!("contract-names/{name}")).collect();
    ensure!(listed == stored, "the list shows {listed:?} where {stored:?} were stored");
    Ok(())
}

/// The second put of a name is refused, and changes nothing.
pub async fn an_object_is_never_replaced(store: &Arc<dyn Store>) -> Check {
    let key = key("contract-once/a")?;
    put(store, &key, b"first").await.map_err(failed("putting a new object"))?;
    for body in [b"other" as &[u8], b"first", b""] {
        let second = put(store, &key, body).await;
        ensure!(
            matches!(&second, Err(StoreError::Exists { key: named }) if *named == key),
            "a second put of {key} answered {second:?}, not that it exists"
        );
    }
    let read = store.get(&key).await.map_err(failed("reading it"))?;
    ensure!(read == "first", "{key} was changed by a put that came second");
    Ok(())
}

/// Bytes that do not have the digest that was named are refused, and the name stays free.
pub async fn a_wrong_digest_stores_nothing(store: &Arc<dyn Store>) -> Check {
    let key = key("contract-digest/a")?;
    let wrong = store.put_new(&key, Bytes::from_static(b"sent"), Digest::of(b"meant")).await;
    ensure!(matches!(wrong, Err(StoreError::Corrupt { .. })), "a put with a wrong digest answered {wrong:?}");
    let read = store.get(&key).await;
    ensure!(matches!(read, Err(StoreError::NotFound { .. })), "after a put with a wrong digest a get answered {read:?}");
    put(store, &key, b"sent").await.map_err(failed("putting an object whose name was refused before"))?;
    Ok(())
}

/// Exactly the bytes asked for; none for an empty range; an error beyond the end.
pub async fn ranges_are_exact_or_refused(store: &Arc<dyn Store>) -> Check {
    let (full, empty) = (key("contract-ranges/full")?, key("contract-ranges/empty")?);
    let body = noise(5000);
    put(store, &full, &body).await.map_err(failed("putting a new object"))?;
    put(store, &empty, b"").await.map_err(failed("putting an empty object"))?;
    for (start, end) in [(0, 5000), (0, 1), (4999, 5000), (1234, 2345), (0, 0), (17, 17), (5000, 5000)] {
        let read = store.get_range(&full, start as u64..end as u64).await.map_err(failed("reading a range"))?;
        ensure!(read == body[start..end], "bytes {start} to {end} came back as {} others", read.len());
    }
    let none = store.get_range(&empty, 0..0).await.map_err(failed("reading no bytes of an empty object"))?;
    ensure!(none.is_empty(), "no bytes of an empty object are {} bytes", none.len());
    #[expect(clippy::reversed_empty_ranges, reason = "a range that ends before it begins must be refused too")]
    let beyond = [(&full, 4999..5001), (&full, 5000..5001), (&full, 5001..5001), (&full, 9..8), (&full, 1 << 40..1 << 41), (&empty, 0..1)];
    for (key, range) in beyond {
        let read = store.get_range(key, range.clone()).await;
        ensure!(matches!(read, Err(StoreError::OutOfRange { .. })), "{range:?} of {key} answered {read:?}");
    }
    Ok(())
}

/// Reads of a name that no object has.
pub async fn what_is_missing_is_not_found(store: &Arc<dyn Store>) -> Check {
    put(store, &key("contract-missing/there")?, b"1").await.map_err(failed("putting a new object"))?;
    for name in ["contract-missing/not", "contract-missing/deep/er/not", "contract-missing", "contract-missing/there/not"] {
        let key = key(name)?;
        let get = store.get(&key).await;
        ensure!(matches!(get, Err(StoreError::NotFound { .. })), "get of {key}, which is missing, answered {get:?}");
        let range = store.get_range(&key, 0..1).await;
        ensure!(matches!(range, Err(StoreError::NotFound { .. })), "a range of {key}, which is missing, answered {range:?}");
        let none = store.get_range(&key, 0..0).await;
        ensure!(matches!(none, Err(StoreError::NotFound { .. })), "an empty range of {key}, which is missing, answered {none:?}");
        let head = store.head(&key).await;
        ensure!(matches!(head, Err(StoreError::NotFound { .. })), "head of {key}, which is missing, answered {head:?}");
    }
    let listed = list_all(store, &prefix("contract-nowhere/")?).await.map_err(failed("listing a prefix that no object has"))?;
    ensure!(listed.is_empty(), "a prefix that no object has lists {listed:?}");
    Ok(())
}

/// The size, and the digest where the store keeps one.
pub async fn heads_tell_the_truth(store: &Arc<dyn Store>) -> Check {
    for len in [0, 12_345] {
        let (key, body) = (key(&format!("contract-heads/{len}"))?, noise(len));
        put(store, &key, &body).await.map_err(failed("putting a new object"))?;
        let head = store.head(&key).await.map_err(failed("looking at it"))?;
        ensure!(head.size == len as u64, "head of {key} says {} bytes", head.size);
        ensure!(head.digest.is_none_or(|digest| digest == Digest::of(&body)), "head of {key} names the digest of other bytes");
    }
    Ok(())
}

/// Every object is in the list as soon as its put is acknowledged, below each leading part of its key and no other.
pub async fn lists_show_what_was_stored(store: &Arc<dyn Store>) -> Check {
    let names = ["contract-lists/a/x", "contract-lists/a/y", "contract-lists/a-b", "contract-lists/ab/x", "contract-lists/b"];
    for (n, name) in names.iter().enumerate() {
        put(store, &key(name)?, &noise(n)).await.map_err(failed("putting a new object"))?;
        let listed = list_all(store, &prefix("contract-lists/")?).await.map_err(failed("listing"))?;
        ensure!(listed.len() == n + 1, "after {} puts the list shows {listed:?}", n + 1);
    }
    for part in [
        "contract-lists",
        "contract-lists/",
        "contract-lists/a",
        "contract-lists/a/",
        "contract-lists/a-",
        "contract-lists/b",
        "contract-lists/c",
    ] {
        let wanted: BTreeSet<(String, u64)> =
            names.iter().enumerate().filter(|(_, name)| name.starts_with(part)).map(|(n, name)| ((*name).to_owned(), n as u64)).collect();
        let listed = list_all(store, &prefix(part)?).await.map_err(failed("listing"))?;
        let listed: BTreeSet<(String, u64)> = listed.into_iter().map(|entry| (entry.key.into(), entry.size)).collect();
        ensure!(listed == wanted, "the list of \"{part}\" shows {listed:?}, not {wanted:?}");
    }
    Ok(())
}

/// Many objects, each in the list exactly once, whatever the pages.
pub async fn long_lists_come_in_pages(store: &Arc<dyn Store>, extent: Extent) -> Check {
    let folders = 7;
    let name = |n: usize| format!("contract-pages/{}/{n:05}", n % folders);
    let mut left: Vec<usize> = (0..extent.listed).collect();
    while !left.is_empty() {
        let batch = left.split_off(left.len().saturating_sub(extent.at_once.max(1)));
        try_join_all(batch.into_iter().map(async |n| {
            let body = n.to_string();
            put(store, &key(&name(n))?, body.as_bytes()).await.map_err(failed("putting one of many objects"))
        }))
        .await?;
    }
    let (mut seen, mut n_pages, mut after) = (BTreeSet::new(), 0, None);
    loop {
        let page = store.list(&prefix("contract-pages/")?, after.as_ref()).await.map_err(failed("listing a page"))?;
        n_pages += 1;
        for entry in page.entries {
            ensure!(seen.insert(entry.key.clone()), "{} is in the list twice", entry.key);
        }
        after = page.next;
        ensure!(n_pages <= extent.listed + 1, "the list does not end");
        if after.is_none() {
            break;
        }
    }
    let wanted: BTreeSet<Key> = (0..extent.listed).map(|n| key(&name(n))).collect::<Result<_, _>>()?;
    ensure!(seen == wanted, "the list shows {} objects where {} were stored", seen.len(), wanted.len());
    ensure!(extent.listed < 2000 || n_pages > 1, "{} objects came in one page: a list must not grow with the store", extent.listed);
    Ok(())
}

/// Of many writers of one name, exactly one is told that it stored it, and what it sent is there.
pub async fn one_of_many_writers_wins(store: &Arc<dyn Store>, extent: Extent) -> Check {
    for round in 0..4 {
        let key = key(&format!("contract-races/{round}"))?;
        let racers = (0..extent.racers).map(|n| {
            let (store, key) = (Arc::clone(store), key.clone());
            tokio::spawn(async move { put(&store, &key, format!("writer {n}").as_bytes()).await })
        });
        let mut winners = Vec::new();
        for (n, raced) in join_all(racers).await.into_iter().enumerate() {
            match raced.map_err(|error| Broken { what: format!("a writer panicked: {error}") })? {
                Ok(_) => winners.push(n),
                // A server may also ask the losers to come again; the retry store does.
                Err(StoreError::Exists { .. } | StoreError::Unavailable { .. }) => {}
                Err(error) => return Err(failed("racing for a name")(error)),
            }
        }
        ensure!(winners.len() == 1, "of {} writers of one name {} were told that they stored it", extent.racers, winners.len());
        let read = store.get(&key).await.map_err(failed("reading what the winner stored"))?;
        ensure!(read == format!("writer {}", winners[0]), "{key} is not what its only winner stored");
    }
    Ok(())
}

/// Whoever has the capability can delete; a second time too, since S3 cannot tell.
pub async fn deleting_is_a_capability(store: &Arc<dyn Store>) -> Check {
    let Some(deleter) = store.deleter() else { return Ok(()) };
    let (gone, kept) = (key("contract-deletes/gone")?, key("contract-deletes/kept")?);
    for key in [&gone, &kept] {
        put(store, key, b"1").await.map_err(failed("putting a new object"))?;
    }
    for _ in 0..2 {
        deleter.delete(&gone).await.map_err(failed("deleting"))?;
        let get = store.get(&gone).await;
        ensure!(matches!(get, Err(StoreError::NotFound { .. })), "get of a deleted object answered {get:?}");
    }
    let listed = list_all(store, &prefix("contract-deletes/")?).await.map_err(failed("listing"))?;
    ensure!(listed.len() == 1 && listed[0].key == kept, "after a delete the list shows {listed:?}");
    put(store, &gone, b"2").await.map_err(failed("putting an object whose name is free again"))?;
    Ok(())
}

/// Where the place locks objects: a lock reads back as it was asked for, keeps the object from being deleted, can be extended and not
/// shortened; and the objects that have none are as deletable as before.
pub async fn locks_hold_and_are_never_shortened(store: &Arc<dyn Store>) -> Check {
    let present = matches!(store.lock().await, Ok(Lock::Present { .. }));
    let Some(locks) = store.retainer().filter(|_| present) else { return Ok(()) };
    let (locked, free) = (key("contract-locks/locked")?, key("contract-locks/free")?);
    let now = put(store, &free, b"1").await.map_err(failed("putting a new object"))?.date;
    let now = now.ok_or_else(|| Broken { what: "a store that locks does not tell its time".to_owned() })?;
    let lock = |hours| Retention::beginning(Mode::Governance, now, Duration::from_hours(hours));
    let body = Bytes::from_static(b"locked");
    locks.put_retained(&locked, body.clone(), Digest::of(&body), lock(2)).await.map_err(failed("putting a locked object"))?;
    let again = locks.put_retained(&locked, body.clone(), Digest::of(&body), lock(3)).await;
    ensure!(matches!(again, Err(StoreError::Exists { .. })), "a second put under a lock answered {again:?}, not that it exists");
    let read = |key: Key| async move { locks.retention(&key).await.map_err(failed("reading a lock")) };
    let (found, none) = (read(locked.clone()).await?, read(free.clone()).await?);
    ensure!((found, none) == (Some(lock(2)), None), "locks read back as {found:?} and {none:?}");
    let missing = locks.retention(&key("contract-locks/missing")?).await;
    ensure!(matches!(missing, Err(StoreError::NotFound { .. })), "the lock of what is missing reads as {missing:?}");
    locks.retain(&locked, lock(5)).await.map_err(failed("extending a lock"))?;
    locks.retain(&locked, lock(1)).await.map_err(failed("keeping a lock that is longer already"))?;
    locks.retain(&free, lock(1)).await.map_err(failed("locking an object that was not locked"))?;
    let (found, now_locked) = (read(locked.clone()).await?, read(free.clone()).await?);
    ensure!((found, now_locked) == (Some(lock(5)), Some(lock(1))), "locks that were extended read back as {found:?} and {now_locked:?}");
    let destroyed = locks.destroy(&locked).await;
    ensure!(matches!(destroyed, Err(StoreError::Denied { .. })), "deleting a locked object for good answered {destroyed:?}");
    let read = store.get(&locked).await.map_err(failed("reading a locked object that somebody tried to delete"))?;
    ensure!(read == body, "a locked object came back changed");
    let other = key("contract-locks/other")?;
    put(store, &other, b"1").await.map_err(failed("putting a new object"))?;
    locks.destroy(&other).await.map_err(failed("deleting an object that is not locked"))?;
    let get = store.get(&other).await;
    ensure!(matches!(get, Err(StoreError::NotFound { .. })), "get of an object that was deleted for good answered {get:?}");
    Ok(())
}

/// Calls whose futures are dropped at some `.await`, as a cancelled backup does.
pub async fn a_dropped_put_leaves_a_whole_object_or_none(store: &Arc<dyn Store>) -> Check {
    let body = noise(300_000);
    for n in 0..10 {
        let key = key(&format!("contract-drops/{n}"))?;
        let mut call = Box::pin(put(store, &key, &body));
        for _ in 0..n {
            if futures_util::FutureExt::now_or_never(&mut call).is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(call);
        match store.get(&key).await {
            Ok(read) => ensure!(read == body, "a dropped put left {} of {} bytes", read.len(), body.len()),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(failed("reading after a dropped put")(error)),
        }
    }
    Ok(())
}

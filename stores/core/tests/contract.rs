//! Puts every store of this crate, and every wrapping store around one, through the suite of `stores::contract`.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use lifeboat_stores::contract::{self, Extent};
use lifeboat_stores::fault::Fault;
use lifeboat_stores::limit::Limits;
use lifeboat_stores::retry::RetryLimits;
use lifeboat_stores::{FaultStore, FolderStore, LimitStore, MemoryStore, Operation, RetryStore, Store, TallyStore};

async fn keeps_the_contract(store: impl Store + 'static, extent: Extent) {
    let store: Arc<dyn Store> = Arc::new(store);
    contract::run(&store, extent).await.expect("the store keeps the contract");
}

fn small() -> Extent {
    Extent { listed: 3000, racers: 16, at_once: 16 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_memory_keeps_the_contract() {
    keeps_the_contract(MemoryStore::default(), Extent::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_locks_keeps_the_contract_and_so_do_the_stores_around_it() {
    let locking = || Arc::new(MemoryStore::default().with_locks());
    keeps_the_contract(MemoryStore::default().with_locks(), small()).await;
    keeps_the_contract(RetryStore::new(locking(), RetryLimits::default(), 1), small()).await;
    keeps_the_contract(LimitStore::new(locking(), Limits::default()), small()).await;
    keeps_the_contract(TallyStore::new(locking()), small()).await;
    keeps_the_contract(FaultStore::new(MemoryStore::default().with_locks()), small()).await;
    for (operation, nth, expected) in [(Operation::Lock, 2, "reading a lock"), (Operation::Retain, 1, "extending a lock")] {
        let store: Arc<dyn Store> = Arc::new(FaultStore::new(MemoryStore::default().with_locks()).with(operation, nth, Fault::Fail));
        let broken = contract::run(&store, Extent { listed: 100, ..small() }).await.unwrap_err();
        assert!(broken.to_string().contains(expected), "{broken}, not {expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_a_folder_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    // Each object costs two fsyncs, on whatever disk the tests run.
    keeps_the_contract(FolderStore::create(folder.path()).await.unwrap(), Extent { listed: 300, ..small() }).await;
}

#[tokio::test]
async fn ten_thousand_files_of_a_folder_come_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..10_000 {
        let below = folder.path().join(format!("packs/{}", n % 7));
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join(format!("{n}")), "1").unwrap();
    }
    let store = FolderStore::open(folder.path()).await.unwrap();
    let (mut seen, mut n_pages, mut after) = (std::collections::BTreeSet::new(), 0, None);
    loop {
        let page = store.list(&"packs/".parse().unwrap(), after.as_ref()).await.unwrap();
        n_pages += 1;
        seen.extend(page.entries.into_iter().map(|entry| entry.key));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), n_pages), (10_000, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_retries_keeps_the_contract() {
    let store = RetryStore::new(Arc::new(MemoryStore::default()), RetryLimits::default(), 1);
    keeps_the_contract(store, small()).await;
}

/// One call of ten is lost or loses its answer, and nobody above the retries can tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_retries_over_a_bad_network_keeps_the_contract() {
    for seed in 0..3 {
        let bad = FaultStore::new(MemoryStore::default()).with_random(seed, 100);
        let limits =
            RetryLimits { first_wait: Duration::from_micros(10), longest_wait: Duration::from_millis(1), ..RetryLimits::default() };
        keeps_the_contract(RetryStore::new(Arc::new(bad), limits, seed), small()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_limits_keeps_the_contract() {
    let limits = Limits { bytes_per_second: NonZeroU64::new(1 << 30), ..Limits::default() };
    keeps_the_contract(LimitStore::new(Arc::new(MemoryStore::default()), limits), small()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_counts_keeps_the_contract() {
    keeps_the_contract(TallyStore::new(Arc::new(MemoryStore::default())), small()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_faults_around_it_keeps_the_contract() {
    keeps_the_contract(FaultStore::new(MemoryStore::default()), small()).await;
}

/// The suite is worth nothing if it cannot fail: stores that break one promise each.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_breaks_a_promise_is_named_by_the_suite() {
    let cases = [
        (FaultStore::new(MemoryStore::default()).with(Operation::Get, 3, Fault::FlipBit(5)), "came back with"),
        (FaultStore::new(MemoryStore::default()).with(Operation::GetRange, 4, Fault::Truncate(10)), "others"),
        (FaultStore::new(MemoryStore::default()).with_list_lag(1), "the list shows"),
        (FaultStore::new(MemoryStore::default()).with(Operation::Put, 15, Fault::LoseAnswer), "a second put"),
        (FaultStore::new(MemoryStore::default()).with(Operation::Delete, 2, Fault::Deny), "deleting"),
    ];
    for (store, expected) in cases {
        let store: Arc<dyn Store> = Arc::new(store);
        let broken = contract::run(&store, Extent { listed: 100, ..small() }).await.unwrap_err();
        assert!(broken.to_string().contains(expected), "{broken}, not {expected}");
    }
}

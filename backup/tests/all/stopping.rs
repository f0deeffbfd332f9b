//! A backup that is stopped, or whose store fails, acknowledges nothing and leaves everything fit for the next one.

use std::path::Path;
use std::sync::Arc;

use backup::BackupError;
use stores::fault::FaultStore;
use tokio_util::sync::CancellationToken;

use crate::host::{Host, fresh, on_disk};

async fn host_with_much() -> Host {
    let host = Host::new().await;
    for n in 0..5 {
        host.write(&format!("folder{n}/large"), fresh(20 << 20));
        host.write(&format!("folder{n}/small"), "x");
    }
    host
}

fn temporary_files(folder: &Path) -> Vec<std::path::PathBuf> {
    on_disk(folder).into_keys().filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(".new-")).collect()
}

async fn is_fit_for_the_next(host: &Host) {
    assert!(!host.memory.keys().iter().any(|key| key.as_str().starts_with("snapshots/")), "nothing is acknowledged");
    assert_eq!(temporary_files(host.cache.path()), Vec::<std::path::PathBuf>::new());
    let report = host.back_up().await;
    assert!(report.complete);
    assert!(host.restored(&report.snapshot).await == on_disk(host.source.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_backup_ends_at_once_and_acknowledges_nothing() {
    let host = host_with_much().await;
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    host.on_put(move |key| {
        if key.as_str().starts_with("packs/") {
            token.cancel();
        }
    });
    let error = host.try_back_up(cancel).await.unwrap_err();
    assert!(matches!(error, BackupError::Cancelled), "{error:?}");
    is_fit_for_the_next(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_cancelled_although_its_store_hangs() {
    for large in [false, true] {
        let host = Host::new().await;
        host.write("small", "x");
        if large {
            host.write("large", fresh(120 << 20)); // more than fits between the readers and the store
        }
        let cancel = CancellationToken::new();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let token = cancel.clone();
        host.on_put(move |_| {
            token.cancel();
            let _ = released.recv(); // an error when the test has let go
        });
        let ended = tokio::time::timeout(std::time::Duration::from_mins(1), host.try_back_up(cancel)).await;
        assert!(matches!(ended, Ok(Err(BackupError::Cancelled))), "large: {large}, {ended:?}");
        drop(release);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_cancelled_before_it_begins_does_not_begin() {
    let host = host_with_much().await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    assert!(matches!(host.try_back_up(cancel).await, Err(BackupError::Cancelled)));
    assert_eq!(host.take_puts(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_future_is_dropped_lets_go_of_its_source() {
    let host = Arc::new(host_with_much().await);
    let (arrived, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    host.on_put(move |_| {
        let _ = arrived.send(()); // nobody listens after the first
    });
    {
        let token = CancellationToken::new();
        let mut running = std::pin::pin!(host.try_back_up(token));
        tokio::select! {
            _ = &mut running => panic!("it cannot end before its first pack is stored"),
            _ = waiting.recv() => {}
        }
    }
    let report = host.back_up().await;
    assert!(report.complete);
    assert!(host.restored(&report.snapshot).await == on_disk(host.source.path()));
}

/// Fails at the first write, then the second, and so on until a backup needs no more of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_at_any_write_ends_the_backup_with_its_error() {
    for nth in 1.. {
        let mut host = Host::new().await;
        host.write("folder/large", fresh(3 << 20));
        host.write("folder/small", "x");
        let good = host.repository.clone();
        host.repository = good.with_store(Arc::new(FaultStore::crash_at_write(host.memory.clone(), nth)));
        let result = host.try_back_up(CancellationToken::new()).await;
        host.repository = good;
        match result {
            Err(error) => assert!(matches!(error, BackupError::Write(_)), "write {nth}: {error:?}"),
            Ok(report) => {
                assert!(report.complete && nth > 3, "packs, index and snapshot are three writes at least");
                return;
            }
        }
        is_fit_for_the_next(&host).await;
    }
}

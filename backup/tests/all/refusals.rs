//! When nothing is backed up, and why: an error, never an empty snapshot.

use std::path::PathBuf;
use std::sync::Arc;

use backup::BackupError;
use base::Hint as _;
use tokio_util::sync::CancellationToken;

use crate::host::{Host, noise};

async fn refused(host: &Host) -> BackupError {
    host.take_puts();
    let error = host.try_back_up(CancellationToken::new()).await.unwrap_err();
    assert!(host.take_puts().is_empty(), "nothing is stored");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_source_is_an_error() {
    let mut host = Host::new().await;
    for (path, as_if) in [("absent", false), ("absent/below", false), ("file/below", true)] {
        if as_if {
            host.write("file", "x");
        }
        host.files.paths = vec![host.at(path)];
        let error = refused(&host).await;
        assert_eq!(error.to_string(), format!("source path {} does not exist", host.at(path).display()));
        assert!(error.hint().unwrap().contains("mounted"));
    }
    host.files.paths.clear();
    assert!(matches!(refused(&host).await, BackupError::NoPath { .. }));
    host.files.paths = vec![PathBuf::from("relative/path")];
    assert!(matches!(refused(&host).await, BackupError::NotAbsolute { .. }));
    host.files.paths = vec![PathBuf::from("/dev/null")];
    assert!(matches!(refused(&host).await, BackupError::Unreadable { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_before_2020_is_refused() {
    let host = Host::new().await;
    for bad in ["1970-01-01T00:05:00Z", "2019-12-31T23:59:59Z"] {
        host.clock.jump_to(bad.parse().unwrap());
        let error = refused(&host).await;
        assert_eq!(error.to_string(), format!("the clock says {bad}, which is before this program existed"));
        assert!(error.hint().unwrap().contains("set the clock"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_that_is_none_is_refused_by_name() {
    let mut host = Host::new().await;
    host.files.exclude = vec!["fine".to_owned(), "{a,b".to_owned()];
    assert!(matches!(refused(&host).await, BackupError::Pattern { pattern, .. } if pattern == "{a,b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_backups_of_one_source_do_not_run_at_once() {
    let host = Arc::new(Host::new().await);
    host.write("file", noise(1, 100_000));
    let (arrived, waiting) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    host.on_put(move |_| {
        let _ = arrived.send(());
        let _ = released.recv(); // an error when the test has let go
    });
    let first = tokio::spawn({
        let host = Arc::clone(&host);
        async move { host.back_up().await }
    });
    tokio::task::spawn_blocking(move || waiting.recv().unwrap()).await.unwrap();
    let error = host.try_back_up(CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("source src is being backed up already, by process {}", std::process::id()));
    drop(release);
    assert!(first.await.unwrap().complete);
    host.back_up().await; // and after it the next one may
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_holds_a_source_until_it_ends() {
    let host = Host::new().await;
    host.write("file", "x");
    host.back_up().await;
    let lock = host.cache.path().join("locks/src.lock");
    // util-linux' flock(1) takes the lock and says so; it lets go when its standard input ends.
    let mut holder = std::process::Command::new("flock")
        .arg(&lock)
        .args(["sh", "-c", "echo held; cat"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(holder.stdout.as_mut().unwrap()), &mut told).unwrap();
    assert_eq!(told, "held\n");
    assert!(matches!(refused(&host).await, BackupError::Busy { .. }));
    drop(holder.stdin.take());
    holder.wait().unwrap();
    host.back_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_folder_that_cannot_be_made_is_told() {
    let mut host = Host::new().await;
    host.write("file", "x");
    let in_the_way = tempfile::tempdir().unwrap();
    std::fs::write(in_the_way.path().join("locks"), "x").unwrap();
    host.cache = in_the_way;
    let error = refused(&host).await;
    assert!(matches!(error, BackupError::Cache { .. }), "{error:?}");
}

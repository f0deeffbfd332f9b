//! What cannot be read makes a restore point incomplete, and stops nothing else.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use backup::BackupError;
use base::Hint as _;
use tokio_util::sync::CancellationToken;

use crate::host::Host;

/// Root may read everything, so a test about permissions that is run by root runs itself once more as nobody.
fn as_nobody(test: &str) -> bool {
    if !rustix::process::geteuid().is_root() {
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("tests");
    std::fs::copy("/proc/self/exe", &program).unwrap();
    let output = std::process::Command::new(&program).args(["--exact", test]).current_dir("/").uid(65_534).gid(65_534).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}{}", String::from_utf8_lossy(&output.stderr));
    true
}

fn forbid(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_file_and_folder_make_the_snapshot_incomplete() {
    if as_nobody("trouble::an_unreadable_file_and_folder_make_the_snapshot_incomplete") {
        return;
    }
    let host = Host::new().await;
    host.write("folder/secret", "x");
    host.write("folder/open", "x");
    host.write("closed/in", "x");
    forbid(&host.at("folder/secret"));
    forbid(&host.at("closed"));
    for _ in 0..2 {
        let report = host.back_up().await;
        assert_eq!((report.complete, report.snapshot.complete, report.n_errors, report.vanished), (false, false, 2, 0));
        let mut paths: Vec<_> = report.errors.iter().map(|error| (error.path.as_str(), error.kind.as_str())).collect();
        paths.sort_unstable();
        let (closed, secret) = (host.at("closed"), host.at("folder/secret"));
        assert_eq!(paths, [(closed.to_str().unwrap(), "unreadable"), (secret.to_str().unwrap(), "unreadable")]);
        assert!(report.errors[0].detail.contains("ermission denied"), "{}", report.errors[0].detail);
        assert_eq!(report.snapshot.errors, report.errors);
        assert_eq!(host.names(&report.snapshot).await, ["folder", "folder/open"]);
    }
    for path in ["folder/secret", "closed"] {
        std::fs::set_permissions(host.at(path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let report = host.back_up().await;
    assert!(report.complete);
    assert_eq!(host.names(&report.snapshot).await, ["closed", "closed/in", "folder", "folder/open", "folder/secret"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_listed_is_refused() {
    if as_nobody("trouble::a_source_that_cannot_be_listed_is_refused") {
        return;
    }
    let mut host = Host::new().await;
    host.write("closed/in", "x");
    forbid(&host.at("closed"));
    host.files.paths = vec![host.at("closed")];
    host.take_puts();
    let error = host.try_back_up(CancellationToken::new()).await.unwrap_err();
    assert!(matches!(&error, BackupError::Unreadable { path, .. } if *path == host.at("closed")), "{error:?}");
    assert!(error.hint().is_some());
    assert!(host.take_puts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_fails_in_the_middle_of_reading_is_an_error_of_its_own() {
    let mut host = Host::new().await;
    host.write("file", "x");
    // The kernel opens it and refuses to read its first byte, for root as well.
    host.files.paths.push("/proc/self/mem".into());
    let report = host.back_up().await;
    assert_eq!((report.complete, report.errors.len()), (false, 1), "{:?}", report.errors);
    assert!(report.errors[0].path.ends_with("/mem"));
    assert_eq!(host.names(&report.snapshot).await, ["file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_missing_path_of_two_makes_the_snapshot_incomplete() {
    let mut host = Host::new().await;
    host.write("here/file", "x");
    host.files.paths = vec![host.at("here"), host.at("absent")];
    let report = host.back_up().await;
    assert!(!report.complete);
    assert_eq!((report.errors[0].kind.as_str(), report.errors[0].path.as_str()), ("missing", host.at("absent").to_str().unwrap()));
    assert_eq!(host.names(&report.snapshot).await, ["here", "here/file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_cannot_be_written_is_told_and_the_data_is_stored() {
    let mut host = Host::new().await;
    host.write("file", "x");
    host.files.canary = Some("absent/canary".into());
    let report = host.back_up().await;
    assert_eq!((report.complete, report.errors[0].kind.as_str()), (false, "canary not written"));
    assert_eq!(report.snapshot.canary, None);
    assert_eq!(host.names(&report.snapshot).await, ["file"]);
}

/// More names of attributes than the kernel gives out at once make a list that nobody can read (E2BIG, listxattr(2)).
fn name_too_many_attributes(path: &Path) -> bool {
    let name = |n: usize| format!("user.{n:0>250}");
    (0..300).all(|n| rustix::fs::setxattr(path, name(n), b"x", rustix::fs::XattrFlags::empty()).is_ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_that_cannot_be_read_make_every_snapshot_incomplete_and_not_only_the_first() {
    let mut host = Host::new().await;
    // Few file systems take so many attributes; tmpfs does since Linux 6.6.
    host.source = tempfile::tempdir_in("/dev/shm").unwrap();
    host.files.paths = vec![host.source.path().to_owned()];
    host.write("folder/file", "x");
    if !["folder", "folder/file"].into_iter().all(|name| name_too_many_attributes(&host.at(name))) {
        return;
    }
    for _ in 0..2 {
        let report = host.back_up().await;
        let mut told: Vec<_> = report.errors.iter().map(|error| (error.path.as_str(), error.kind.as_str())).collect();
        told.sort_unstable();
        let (folder, file) = (host.at("folder"), host.at("folder/file"));
        assert_eq!(told, [(folder.to_str().unwrap(), "attributes unreadable"), (file.to_str().unwrap(), "attributes unreadable")]);
        assert!(!report.complete);
    }
}

//! File systems within a source: mounted, mounted twice, made up by the kernel, and missing.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::host::{Host, Seen};

/// The name of the mount by which a test knows that it has mounts of its own.
const MARK: &str = "lifeboat-test";

/// Runs a test once more in a mount namespace, where it may mount and nobody else sees it. The answer is whether that is done, here.
fn apart(test: &str) -> bool {
    if std::fs::read_to_string("/proc/self/mountinfo").unwrap().contains(MARK) {
        return false;
    }
    let marked = format!("mount -t tmpfs {MARK} /mnt && exec \"$0\" --exact {test}");
    let program = std::env::current_exe().unwrap();
    let can = Command::new("unshare").args(["--mount", "--propagation", "private", "mount", "-t", "tmpfs", MARK, "/mnt"]).status();
    if !can.is_ok_and(|status| status.success()) {
        let _ = writeln!(std::io::stderr(), "skipped: this system lets us have no mounts of our own");
        return true;
    }
    let args = ["--mount", "--propagation", "private", "sh", "-c", &marked];
    let output = Command::new("unshare").args(args).arg(program).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}{}", String::from_utf8_lossy(&output.stderr));
    true
}

fn mount(args: &[&str], at: &Path) {
    assert!(Command::new("mount").args(args).arg(at).status().unwrap().success(), "mount {args:?}");
}

fn unmount(at: &Path) {
    assert!(Command::new("umount").arg(at).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_file_systems_are_entered_or_left_empty_as_the_source_says() {
    if apart("mounts::other_file_systems_are_entered_or_left_empty_as_the_source_says") {
        return;
    }
    let mut host = Host::new().await;
    for folder in ["disk", "proc", "same", "loop", "data"] {
        std::fs::create_dir(host.at(folder)).unwrap();
    }
    host.write("data/file", "x");
    mount(&["-t", "tmpfs", "disk"], &host.at("disk"));
    host.write("disk/in", "y");
    mount(&["-t", "proc", "proc"], &host.at("proc"));
    // The same file system at a second place, and a folder within itself.
    mount(&["--bind", host.at("data").to_str().unwrap()], &host.at("same"));
    mount(&["--bind", host.source.path().to_str().unwrap()], &host.at("loop"));
    let common = ["data", "data/file", "disk", "loop", "loop/data", "loop/data/file", "loop/disk", "loop/loop", "loop/proc", "loop/same"];
    let report = host.back_up().await;
    assert!(report.complete);
    let names = host.names(&report.snapshot).await;
    let expected = [common.as_slice(), &["disk/in", "proc", "same", "same/file"]].concat();
    assert_eq!(sorted(&names), sorted(&expected), "the kernel's own is never read, a second place is read as what it is");
    assert!(report.notes.iter().any(|note| note.path == host.at("proc").to_str().unwrap() && note.detail.contains("kernel")));
    host.files.one_file_system = true;
    let report = host.back_up().await;
    let expected = [common.as_slice(), &["proc", "same", "same/file"]].concat();
    assert_eq!(sorted(&host.names(&report.snapshot).await), sorted(&expected));
    assert!(report.complete && report.notes.iter().any(|note| note.path == host.at("disk").to_str().unwrap()));
}

fn sorted<T: AsRef<str>>(names: &[T]) -> Vec<String> {
    let mut names: Vec<String> = names.iter().map(|name| name.as_ref().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_not_mounted_makes_every_restore_point_incomplete_until_it_is_back() {
    if apart("mounts::a_disk_that_is_not_mounted_makes_every_restore_point_incomplete_until_it_is_back") {
        return;
    }
    let mut host = Host::new().await;
    std::fs::create_dir_all(host.at("root/disk")).unwrap();
    for (paths, disk) in [(vec![host.at("root")], host.at("root/disk")), (vec![host.at("root/disk")], host.at("root/disk"))] {
        host.files.paths = paths;
        host.cache = tempfile::tempdir().unwrap();
        let plug_in = || {
            mount(&["-t", "tmpfs", "disk"], &disk);
            std::fs::write(disk.join("data"), "precious").unwrap();
        };
        plug_in();
        assert!(host.back_up().await.complete);
        unmount(&disk);
        for _ in 0..3 {
            let report = host.back_up().await;
            let told: Vec<_> = report.errors.iter().map(|error| (error.path.as_str(), error.kind.as_str())).collect();
            assert_eq!((report.complete, told.as_slice()), (false, [(disk.to_str().unwrap(), "not mounted")].as_slice()));
        }
        plug_in();
        let report = host.back_up().await;
        assert!(report.complete, "{:?}", report.errors);
        assert_eq!(host.restored(&report.snapshot).await[Path::new("root/disk/data")], Seen::File(b"precious".to_vec()));
        // What was put in its place is no empty folder: somebody wants it so.
        unmount(&disk);
        std::fs::write(disk.join("moved"), "x").unwrap();
        assert!(host.back_up().await.complete);
        std::fs::remove_file(disk.join("moved")).unwrap();
        assert!(host.back_up().await.complete, "it is a folder like any other now");
    }
}

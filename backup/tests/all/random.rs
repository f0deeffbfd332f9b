//! Random trees through random changes: each backup holds exactly what is on the disk, however little of it was read.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::host::{Host, noise, on_disk};

/// One change of a source. Paths are short ways through a small set of names, so that changes meet each other.
#[derive(Debug, Clone)]
enum Change {
    Write { path: Vec<u8>, seed: u64, size: usize },
    Remove(Vec<u8>),
    Rename(Vec<u8>, Vec<u8>),
    Link(Vec<u8>, Vec<u8>),
    Folder(Vec<u8>),
    BackUp,
}

const NAMES: [&[u8]; 7] = [b"a", b"a.", b"a0", b"b", b"\xff", b"-n\n", b"A"];

fn joined() -> impl Strategy<Value = Vec<u8>> {
    path_names().prop_map(|names| names.join(&b'/'))
}

fn path_names() -> impl Strategy<Value = Vec<&'static [u8]>> {
    proptest::collection::vec(proptest::sample::select(NAMES.as_slice()), 1..4)
}

fn change() -> impl Strategy<Value = Change> {
    let size = prop_oneof![Just(0_usize), 1..600_usize, 1..5000_usize, 250_000..300_000_usize];
    prop_oneof![
        6 => (joined(), any::<u64>(), size).prop_map(|(path, seed, size)| Change::Write { path, seed, size }),
        2 => joined().prop_map(Change::Remove),
        2 => (joined(), joined()).prop_map(|(from, to)| Change::Rename(from, to)),
        1 => (joined(), joined()).prop_map(|(at, to)| Change::Link(at, to)),
        1 => joined().prop_map(Change::Folder),
        2 => Just(Change::BackUp),
    ]
}

/// Makes a change if it can be made: what stands in the way stays.
fn apply(root: &Path, change: &Change) {
    let at = |path: &[u8]| -> PathBuf { root.join(OsStr::from_bytes(path)) };
    let parent = |path: &Path| path.parent().is_some_and(|parent| std::fs::create_dir_all(parent).is_ok());
    match change {
        Change::Write { path, seed, size } => {
            let path = at(path);
            let is_file = path.symlink_metadata().map_or(true, |found| found.is_file());
            if parent(&path) && is_file {
                let _ = std::fs::write(&path, noise(*seed, *size));
            }
        }
        Change::Remove(path) => {
            let _ = std::fs::remove_file(at(path)).or_else(|_| std::fs::remove_dir_all(at(path)));
        }
        Change::Rename(from, to) => {
            let _ = parent(&at(to)) && std::fs::rename(at(from), at(to)).is_ok();
        }
        Change::Link(path, to) => {
            let _ = parent(&at(path)) && std::os::unix::fs::symlink(OsStr::from_bytes(to), at(path)).is_ok();
        }
        Change::Folder(path) => {
            let _ = std::fs::create_dir_all(at(path));
        }
        Change::BackUp => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn every_backup_holds_what_is_on_the_disk(changes in proptest::collection::vec(change(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let host = Host::new().await;
            for change in changes.iter().chain([&Change::BackUp, &Change::BackUp]) {
                apply(host.source.path(), change);
                if matches!(change, Change::BackUp) {
                    let report = host.back_up().await;
                    assert!(report.complete);
                    assert_eq!(host.restored(&report.snapshot).await, on_disk(host.source.path()));
                }
            }
            assert_eq!(host.shown().files_read, 0, "the last backup had nothing to do");
        });
    }
}

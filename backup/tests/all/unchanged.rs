//! What a second backup does not do.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base::clock::{Clock as _, SystemClock};
use stores::tally::TallyStore;

use crate::host::{Host, Seen, noise, on_disk};

async fn host_with_files() -> Host {
    let host = Host::new().await;
    for n in 0..50_u32 {
        host.write(&format!("folder{}/file{n}", n % 5), noise(u64::from(n), 3000 * n as usize));
    }
    host.write("folder0/below/tiny", "x");
    std::os::unix::fs::symlink("folder0", host.at("link")).unwrap();
    std::fs::create_dir(host.at("empty")).unwrap();
    host
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_backup_of_an_unchanged_source_writes_one_snapshot_and_nothing_else() {
    let mut host = host_with_files().await;
    let tally = TallyStore::new(Arc::new(host.memory.clone()));
    host.repository = host.repository.with_store(Arc::new(tally.clone()));
    let first = host.back_up().await;
    assert!(host.shown().files_read >= 50 && tally.take().put > 2);
    for _ in 0..2 {
        host.clock.advance(Duration::from_hours(1));
        let again = host.back_up().await;
        let calls = tally.take();
        assert_eq!((calls.put, calls.stored), (1, BTreeMap::from([("snapshots".to_owned(), 1)])));
        assert_eq!((host.shown().files_read, host.shown().bytes_read), (0, 0), "no file was opened");
        assert_eq!(again.snapshot.root, first.snapshot.root);
        let (was, is) = (first.snapshot.stats, again.snapshot.stats);
        assert_eq!((is.files, is.directories, is.symlinks, is.bytes), (was.files, was.directories, was.symlinks, was.bytes));
        assert_eq!((is.files_unchanged, is.files_new, is.files_changed), (51, 0, 0));
        assert_eq!(host.shown().expected.map(|totals| totals.bytes), Some(was.bytes), "the last run is the measure of this one");
        assert_eq!(host.restored(&again.snapshot).await, on_disk(host.source.path()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_changed_is_read_and_the_rest_is_still_there() {
    let host = host_with_files().await;
    host.back_up().await;
    host.write("folder1/file1", "changed");
    host.write("folder1/new", "new");
    std::fs::remove_file(host.at("folder2/file2")).unwrap();
    std::fs::rename(host.at("folder3"), host.at("renamed")).unwrap();
    std::fs::remove_file(host.at("link")).unwrap();
    std::os::unix::fs::symlink("elsewhere", host.at("link")).unwrap();
    let again = host.back_up().await;
    assert_eq!(host.restored(&again.snapshot).await, on_disk(host.source.path()));
    let stats = again.snapshot.stats;
    assert_eq!((stats.files_changed, stats.files_new, stats.files_unchanged), (1, 11, 39));
    assert_eq!(host.shown().files_read, 12);
    host.take_puts();
    let third = host.back_up().await;
    assert_eq!((host.take_puts().len(), third.snapshot.root), (1, again.snapshot.root));
    assert_eq!(host.shown().files_read, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_hides_behind_the_old_size_and_time_is_seen() {
    let host = Host::new().await;
    host.write("file", "before");
    let file = host.at("file");
    let time = file.metadata().unwrap().modified().unwrap();
    host.back_up().await;
    std::fs::write(&file, "hidden").unwrap();
    std::fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    let again = host.back_up().await;
    assert_eq!(host.restored(&again.snapshot).await[Path::new("file")], Seen::File(b"hidden".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_mode_is_stored_without_new_data() {
    let host = Host::new().await;
    host.write("file", noise(1, 100_000));
    host.back_up().await;
    let mut permissions = host.at("file").metadata().unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(host.at("file"), permissions).unwrap();
    let again = host.back_up().await;
    assert_eq!(host.everything(&again.snapshot).await[&host.at("file")].1.mode, 0o600);
    assert_eq!((again.snapshot.stats.files_unchanged, again.snapshot.stats.files_changed), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_written_just_before_a_backup_are_read_again_by_the_next() {
    let host = Host::new().await;
    host.write("old/settled", "x");
    host.clock.jump_to(SystemClock::new().now()); // now the files are fresh
    let first = host.back_up().await;
    host.take_puts();
    host.clock.advance(Duration::from_hours(1));
    let second = host.back_up().await;
    assert_eq!(host.shown().files_read, 1);
    assert_eq!((second.snapshot.stats.files_unchanged, second.snapshot.root), (1, first.snapshot.root));
    assert_eq!(host.take_puts().len(), 1, "what was read again is not stored again");
    host.back_up().await;
    assert_eq!(host.shown().files_read, 0, "by then it is settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_from_the_future_is_read_each_time() {
    let host = Host::new().await;
    host.write("file", "x");
    let file = std::fs::File::options().write(true).open(host.at("file")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 80)).unwrap();
    for _ in 0..2 {
        host.back_up().await;
        assert_eq!(host.shown().files_read, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_or_lost_cache_costs_reading_and_nothing_else() {
    let host = host_with_files().await;
    let first = host.back_up().await;
    let seen = host.cache.path().join("seen");
    let cache = std::fs::read_dir(&seen).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&cache).unwrap();
    for damaged in
        [None, Some(Vec::new()), Some(whole[..whole.len() / 2].to_vec()), Some(flipped(&whole, 100)), Some(flipped(&whole, 2000))]
    {
        match &damaged {
            None => std::fs::remove_file(&cache).unwrap(),
            Some(bytes) => std::fs::write(&cache, bytes).unwrap(),
        }
        host.take_puts();
        let again = host.back_up().await;
        assert_eq!(again.snapshot.root, first.snapshot.root);
        assert_eq!(host.take_puts().len(), 1, "nothing is stored twice");
        assert!(host.shown().files_read > 0);
        assert_eq!(std::fs::read(&cache).unwrap().len(), whole.len(), "and there is a good cache again");
    }
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_repository_has_lost_is_stored_again() {
    let host = host_with_files().await;
    let first = host.back_up().await;
    for key in host.memory.keys() {
        if ["packs/", "index/"].iter().any(|lost| key.as_str().starts_with(lost)) {
            host.memory.lose(&key);
        }
    }
    let again = host.back_up().await;
    assert_eq!(host.restored(&again.snapshot).await, on_disk(host.source.path()));
    assert_eq!(again.snapshot.root, first.snapshot.root);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_around_a_source_do_not_change_its_snapshot() {
    let mut host = Host::new().await;
    host.write("outer/source/file", "x");
    host.files.paths = vec![host.at("outer/source")];
    let first = host.back_up().await;
    host.write("outer/beside", "y");
    host.take_puts();
    let again = host.back_up().await;
    assert_eq!((again.snapshot.root, host.take_puts().len()), (first.snapshot.root, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_exclude_rule_takes_effect_on_unchanged_files() {
    let mut host = host_with_files().await;
    host.back_up().await;
    host.files.exclude = vec!["file7".to_owned()];
    let again = host.back_up().await;
    assert!(!host.restored(&again.snapshot).await.contains_key(Path::new("folder2/file7")));
    assert_eq!((again.snapshot.stats.files, again.excluded, host.shown().files_read), (50, 1, 0));
    host.files.exclude.clear();
    let back = host.back_up().await;
    assert_eq!((back.snapshot.stats.files, back.snapshot.stats.files_new), (51, 1));
}

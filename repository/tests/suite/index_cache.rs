//! The cache of the index is a hint at any moment, also while a backup uses it.

use std::path::{Path, PathBuf};

use super::content::{Files, assert_same, back_up, files_of, new_snapshot, noise, reader, store, text, writer};
use super::create_and_open::place;

/// The files of all segments below a cache folder.
pub fn segments(cache: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(cache) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(segments(&path));
        } else if path.extension().is_some_and(|ending| ending == "rows") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn overwrite(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap(); // in place: who has the file open sees it
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cache_that_is_deleted_cut_or_changed_during_a_backup_loses_nothing() {
    let files: Files =
        [("a", text(1, 700_000)), ("b", noise(2, 1 << 20)), ("c", text(3, 3000))].map(|(name, bytes)| (name.to_owned(), bytes)).into();
    for damage in ["deleted", "cut", "emptied", "changed", "every block changed"] {
        let (place, cache) = (place().await, tempfile::tempdir().unwrap());
        let (repository, key) = (&place.created.repository, &place.created.writer_key);
        back_up(repository, key, cache.path(), &files).await.unwrap();
        let running = writer(repository, key, cache.path()).await.unwrap();
        let paths = segments(cache.path());
        assert_eq!(paths.len(), 1, "opening a writer makes the cache");
        match damage {
            "deleted" => std::fs::remove_dir_all(cache.path().join("index")).unwrap(),
            "cut" => overwrite(&paths[0], |bytes| bytes.truncate(4096 + 100)),
            "emptied" => overwrite(&paths[0], Vec::clear),
            "changed" => overwrite(&paths[0], |bytes| bytes[4096 + 50] ^= 1),
            _ => overwrite(&paths[0], |bytes| bytes.iter_mut().step_by(4096).for_each(|byte| *byte ^= 0x80)),
        }
        let (running, root) = store(running, &files).await.unwrap();
        let snapshot = running.commit(new_snapshot(root)).await.unwrap().snapshot;
        let is_known = matches!(damage, "deleted");
        assert_eq!(snapshot.stats.bytes_new == 0, is_known, "{damage}: what the cache no longer tells is stored again");
        for cache in [cache.path(), tempfile::tempdir().unwrap().path()] {
            let reader = reader(repository, &place.ada, cache).await.unwrap();
            assert!(reader.damaged().is_empty());
            assert_same(&files_of(&reader, &snapshot.root).await.unwrap(), &files);
        }
        let after = back_up(repository, key, cache.path(), &files).await.unwrap();
        assert_eq!(after.snapshot.stats.bytes_new, 0, "{damage}: the next run knows everything again");
    }
}

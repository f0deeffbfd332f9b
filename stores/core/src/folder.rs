//! A store in a folder of a local or mounted file system.
//!
//! An object is a file; the segments of its key are folders. It is written beside its place, in `.tmp`, made durable, and
//! moved to its name without replacing anything, so that readers see whole objects only and a crash leaves nothing but a
//! temporary file. All file work runs on blocking threads. It never follows a link to an object, never removes folders, and
//! never tries again what the disk has refused.

mod clock;
mod failure;
mod read;
mod walk;
mod write;

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base::Digest;
use bytes::Bytes;

use crate::error::{Attempt, Operation, StoreError};
use crate::key::{Key, Prefix};
use crate::store::{Cursor, Delete, Head, Lock, Page, Put, Store};

use self::write::Disk;

/// The folder below the root where objects are written before they get their names. No key begins with a dot.
const UNFINISHED: &str = ".tmp";

/// A store in a folder. A clone is the same store.
#[derive(Debug, Clone)]
pub struct FolderStore {
    place: Arc<Place>,
}

/// The folder, as it was when the store was opened.
#[derive(Debug)]
struct Place {
    root: PathBuf,
    /// Device and inode of the root. When a disk is unmounted, the empty folder beneath it must not be taken for the store.
    identity: (u64, u64),
    /// Folders whose names are known to be durable.
    durable: Mutex<HashSet<PathBuf>>,
    /// Whether old leftovers in `.tmp` were looked for.
    swept: AtomicBool,
    disk: Disk,
}

/// The root is something else than a folder.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it is a file, not a folder")]
struct NotAFolder;

/// Another folder is at the path of the root than when the store was opened.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("another file system or folder is there now than when it was opened")]
struct Replaced;

impl FolderStore {
    /// The store at `root`; the folder, and those above it, are made where they are missing.
    pub async fn create(root: impl Into<PathBuf> + Send) -> Result<Self, StoreError> {
        Self::opened(root.into(), true, Disk::REAL).await
    }

    /// The store at `root`, which is a folder already.
    pub async fn open(root: impl Into<PathBuf> + Send) -> Result<Self, StoreError> {
        Self::opened(root.into(), false, Disk::REAL).await
    }

    async fn opened(root: PathBuf, make: bool, disk: Disk) -> Result<Self, StoreError> {
        let attempt = Attempt::new(Operation::Open, "", location_of(&root));
        let place = blocking(attempt.clone(), move || {
            let of_io = |error| failure::of_place(error, attempt.clone());
            let root = std::path::absolute(root).map_err(of_io)?;
            if make {
                write::make_root(&root, disk).map_err(of_io)?;
            }
            let metadata = fs::metadata(&root).map_err(of_io)?;
            if !metadata.is_dir() {
                return Err(StoreError::NoPlace { location: location_of(&root), source: Some(Arc::new(NotAFolder)) });
            }
            Ok(Place { root, identity: identity_of(&metadata), durable: Mutex::default(), swept: AtomicBool::new(false), disk })
        })
        .await?;
        Ok(Self { place: Arc::new(place) })
    }

    /// Does `work` on a blocking thread. When the caller goes away it still runs to its end, so nothing is left half done.
    async fn work<T, W>(&self, operation: Operation, subject: &str, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Place, &Attempt) -> Result<T, StoreError> + Send + 'static,
    {
        let place = Arc::clone(&self.place);
        let attempt = Attempt::new(operation, subject, self.location());
        blocking(attempt.clone(), move || {
            place.is_still_there(&attempt)?;
            work(&place, &attempt)
        })
        .await
    }
}

impl Place {
    fn path_of(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn is_still_there(&self, attempt: &Attempt) -> Result<(), StoreError> {
        let metadata = fs::metadata(&self.root).map_err(|error| failure::of_place(error, attempt.clone()))?;
        if identity_of(&metadata) == self.identity {
            return Ok(());
        }
        Err(StoreError::NoPlace { location: attempt.location.clone(), source: Some(Arc::new(Replaced)) })
    }
}

fn identity_of(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn location_of(root: &Path) -> String {
    format!("file://{}", root.display())
}

async fn blocking<T: Send + 'static>(
    attempt: Attempt,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Other { attempt, source: Some(Arc::new(io::Error::other(error))) }),
    }
}

#[async_trait]
impl Store for FolderStore {
    fn location(&self) -> String {
        location_of(&self.place.root)
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        let name = key.clone();
        self.work(Operation::Put, key.as_str(), move |place, attempt| write::put_new(place, &name, &body, digest, attempt)).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        let name = key.clone();
        self.work(Operation::Get, key.as_str(), move |place, attempt| read::get(place, &name, attempt)).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let name = key.clone();
        self.work(Operation::GetRange, key.as_str(), move |place, attempt| read::get_range(place, &name, range, attempt)).await
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        let name = key.clone();
        self.work(Operation::Head, key.as_str(), move |place, attempt| read::head(place, &name, attempt)).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        let (wanted, after) = (prefix.clone(), after.cloned());
        let list = move |place: &Place, attempt: &Attempt| {
            walk::page(&place.root, &wanted, after.as_ref(), walk::PAGE_LEN).map_err(|error| failure::of_place(error, attempt.clone()))
        };
        self.work(Operation::List, prefix.as_str(), list).await
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        Some(self)
    }

    async fn lock(&self) -> Result<Lock, StoreError> {
        Ok(Lock::Absent)
    }
}

#[async_trait]
impl Delete for FolderStore {
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let name = key.clone();
        self.work(Operation::Delete, key.as_str(), move |place, attempt| write::delete(place, &name, attempt)).await
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use base::Hint as _;
    use futures_util::FutureExt as _;
    use rustix::io::Errno;

    use super::*;
    use crate::store::list_all;

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    async fn put(store: &FolderStore, name: &str, body: &'static [u8]) -> Result<Put, StoreError> {
        store.put_new(&key(name), Bytes::from_static(body), Digest::of(body)).await
    }

    /// The files below `root`, temporary ones too, with their contents.
    fn files(root: &Path) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(root).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                found.extend(files(&path));
            } else {
                found.push((path.display().to_string(), fs::read(path).unwrap()));
            }
        }
        found
    }

    #[tokio::test]
    async fn an_object_is_a_file_below_folders_named_by_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::create(folder.path().join("new/root")).await.unwrap();
        let before = put(&store, "packs/lab/0a/x", b"body").await.unwrap().date.unwrap();
        assert_eq!(fs::read(folder.path().join("new/root/packs/lab/0a/x")).unwrap(), b"body");
        assert!(put(&store, "packs/lab/0a/y", b"").await.unwrap().date.unwrap() >= before);
        assert_eq!(files(folder.path()).len(), 2, "no temporary file is left");
        let again = FolderStore::open(folder.path().join("new/root")).await.unwrap();
        assert_eq!(again.get(&key("packs/lab/0a/x")).await.unwrap(), "body");
    }

    #[tokio::test]
    async fn a_root_that_is_a_file_or_missing_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "mine").unwrap();
        for (root, cause) in [(file.clone(), "it is a file"), (file.join("below"), ""), (folder.path().join("missing"), "No such file")] {
            let error = FolderStore::open(&root).await.unwrap_err();
            assert!(matches!(&error, StoreError::NoPlace { .. }), "{error:?}");
            assert!(std::error::Error::source(&error).unwrap().to_string().contains(cause), "{error:?}");
            assert!(error.hint().unwrap().contains("correct the path"));
        }
        assert!(matches!(FolderStore::create(&file).await, Err(StoreError::NoPlace { .. })));
        assert_eq!(fs::read(&file).unwrap(), b"mine");
    }

    #[tokio::test]
    async fn nothing_is_written_into_another_folder_that_took_the_place_of_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("mounted");
        let store = FolderStore::create(&root).await.unwrap();
        fs::rename(&root, folder.path().join("unplugged")).unwrap();
        assert!(matches!(put(&store, "a", b"1").await, Err(StoreError::NoPlace { .. })));
        fs::create_dir(&root).unwrap();
        assert!(matches!(put(&store, "a", b"1").await, Err(StoreError::NoPlace { .. })));
        assert_eq!(files(folder.path()), []);
    }

    /// Every step that the disk can refuse, each with the error that comes out.
    #[tokio::test]
    async fn a_failed_fsync_loses_the_file_and_is_not_tried_again() {
        fn no_sync_of_files(file: &File) -> io::Result<()> {
            if file.metadata()?.is_dir() { file.sync_all() } else { Err(Errno::IO.into()) }
        }
        fn no_sync_of_folders(file: &File) -> io::Result<()> {
            if file.metadata()?.is_dir() { Err(Errno::IO.into()) } else { file.sync_all() }
        }
        for sync in [no_sync_of_files, no_sync_of_folders] {
            let folder = tempfile::tempdir().unwrap();
            let disk = Disk { sync, ..Disk::REAL };
            let store = FolderStore::opened(folder.path().to_owned(), false, disk).await.unwrap();
            let error = put(&store, "a", b"1").await.unwrap_err();
            assert!(matches!(error, StoreError::Other { .. }) && !error.is_transient(), "{error:?}");
            assert_eq!(files(folder.path()), []);
            assert!(list_all(&store, &Prefix::all()).await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_told_as_such_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk { sync: |_| Err(Errno::NOSPC.into()), ..Disk::REAL };
        let store = FolderStore::opened(folder.path().to_owned(), false, disk).await.unwrap();
        let error = put(&store, "a", b"1").await.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("free some space"));
        assert_eq!(files(folder.path()), []);
    }

    #[tokio::test]
    async fn a_file_system_without_exclusive_rename_still_never_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk { rename_new: |_, _| Err(Errno::INVAL), ..Disk::REAL };
        let store = FolderStore::opened(folder.path().to_owned(), false, disk).await.unwrap();
        put(&store, "a/b", b"first").await.unwrap();
        assert!(matches!(put(&store, "a/b", b"second").await, Err(StoreError::Exists { .. })));
        // The look before the write is only there to save work: the move itself must refuse.
        let unfinished = folder.path().join(".tmp/unfinished");
        fs::write(&unfinished, "third").unwrap();
        let refused = write::move_to(disk, &unfinished, &folder.path().join("a/b")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(store.get(&key("a/b")).await.unwrap(), "first");
        let refused = write::move_to(Disk::REAL, &unfinished, &folder.path().join("a/b")).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(store.get(&key("a/b")).await.unwrap(), "first");
    }

    #[tokio::test]
    async fn leftovers_of_a_crash_are_not_listed_and_are_removed_when_old() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".tmp")).unwrap();
        for (name, hours) in [("old", 25), ("young", 23)] {
            let file = File::create(folder.path().join(".tmp").join(name)).unwrap();
            let now = file.metadata().unwrap().modified().unwrap();
            file.set_modified(now - Duration::from_secs(hours * 3600)).unwrap();
        }
        let store = FolderStore::open(folder.path()).await.unwrap();
        put(&store, "a", b"1").await.unwrap();
        assert_eq!(list_all(&store, &Prefix::all()).await.unwrap().len(), 1);
        assert!(!folder.path().join(".tmp/old").exists());
        assert!(folder.path().join(".tmp/young").exists(), "it may be a put of another process");
    }

    #[tokio::test]
    async fn links_pipes_and_foreign_names_are_no_objects() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).await.unwrap();
        put(&store, "a", b"1").await.unwrap();
        fs::write(folder.path().join("my notes.txt"), "no key").unwrap();
        fs::write(folder.path().join(".hidden"), "no key").unwrap();
        fs::create_dir(folder.path().join("lost+found")).unwrap();
        symlink("/etc/passwd", folder.path().join("link")).unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let listed = list_all(&store, &Prefix::all()).await.unwrap();
        assert_eq!(listed.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["a"]);
        for name in ["link", "pipe", "lost"] {
            assert!(store.get(&key(name)).await.unwrap_err().is_not_found(), "{name}");
        }
        for name in ["link", "pipe"] {
            assert!(matches!(put(&store, name, b"1").await, Err(StoreError::Exists { .. })), "{name}");
        }
    }

    #[tokio::test]
    async fn an_object_cannot_be_the_folder_of_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).await.unwrap();
        put(&store, "a", b"1").await.unwrap();
        for below in ["a/b", "a/b/c"] {
            let error = put(&store, below, b"2").await.unwrap_err();
            assert!(matches!(error, StoreError::Other { .. }), "{error:?}");
        }
        put(&store, "d/e", b"3").await.unwrap();
        assert!(put(&store, "d", b"4").await.unwrap_err().exists_already());
        assert_eq!(list_all(&store, &Prefix::all()).await.unwrap().len(), 2);
        assert_eq!(files(folder.path()).len(), 2, "no temporary file is left");
    }

    #[tokio::test]
    async fn a_file_too_long_for_memory_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).await.unwrap();
        File::create(folder.path().join("long")).unwrap().set_len(1 << 40).unwrap();
        for read in [store.get(&key("long")).await, store.get_range(&key("long"), 0..1 << 39).await] {
            assert!(matches!(read, Err(StoreError::Unsupported { .. })));
        }
        assert_eq!(store.get_range(&key("long"), (1 << 40) - 2..1 << 40).await.unwrap(), [0, 0][..]);
    }

    #[tokio::test]
    async fn a_put_whose_caller_goes_away_is_whole_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).await.unwrap();
        let body = Bytes::from(vec![7; 1 << 20]);
        for n in 0..20 {
            let name = key(&format!("a/{n}"));
            let mut put = Box::pin(store.put_new(&name, body.clone(), Digest::of(&body)));
            let _ = (&mut put).now_or_never(); // it has begun, and is dropped
        }
        put(&store, "last", b"1").await.unwrap();
        for entry in list_all(&store, &Prefix::all()).await.unwrap() {
            assert!(entry.key.as_str() == "last" || entry.size == body.len() as u64, "{entry:?}");
        }
    }
}

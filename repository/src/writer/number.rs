//! Numbers for index objects and snapshots: one process of a host at a time looks which number is next and stores its object.
//!
//! The uploads and the commit of a [`super::Writer`] hold the lock for one object each, so that each names the one before it and none has
//! the number of another. Nothing depends on it: two hosts that share a key can give one number twice, and since every name ends in the
//! digest of its object both objects are there. The lock is the kernel's (flock(2)): it ends with the process, however that ends.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::{Errno, retry_on_intr};
use stores::key::Prefix;
use stores::store::list_all;

use super::error::WriteError;
use crate::format::names::{Name, numbered};
use crate::keys::WriterKey;
use crate::repository::Repository;

/// Between two looks whether the lock is free. A waiting thread would hold up the end of the program; this does not.
const PAUSE: Duration = Duration::from_millis(20);

/// Where the writers of one key on this host meet.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    path: PathBuf,
}

/// No other process of this host gives numbers until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    _file: File,
}

impl Numbers {
    pub(super) fn new(cache_dir: &Path, repository: &Repository, key: &WriterKey) -> Self {
        Self { path: cache_dir.join(format!("numbers-{}-{}-{}.lock", repository.id(), key.domain(), key.writer())) }
    }

    /// Waits until the lock is free, and takes it.
    pub(super) async fn hold(&self) -> Result<Held, WriteError> {
        let wrong = |error| WriteError::Lock { path: self.path.clone(), source: Arc::new(error) };
        let path = self.path.clone();
        let opened = tokio::task::spawn_blocking(move || open(&path)).await;
        let file = opened.map_err(|_| WriteError::Stopped)?.map_err(wrong)?;
        loop {
            // It answers at once, and the file stays open meanwhile.
            match retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockExclusive)) {
                Ok(()) => return Ok(Held { _file: file }),
                Err(Errno::WOULDBLOCK) => tokio::time::sleep(PAUSE).await,
                Err(errno) => return Err(wrong(errno.into())),
            }
        }
    }
}

impl Held {
    /// The name with the highest number that the store lists below `prefix`, which is the writer's own, for `first` "index" or
    /// "snapshots". On this host it stays the highest while the lock is held.
    pub(super) async fn newest(&self, repository: &Repository, first: &str, prefix: &Prefix) -> Result<Option<Name>, WriteError> {
        Ok(places(repository, first, prefix).await?.pop())
    }
}

/// The names that the store lists below `prefix`, ascending by their numbers.
pub(super) async fn places(repository: &Repository, first: &str, prefix: &Prefix) -> Result<Vec<Name>, WriteError> {
    let entries = list_all(repository.store().as_ref(), prefix).await;
    let entries = entries.map_err(|source| WriteError::Read { object: prefix.to_string(), source })?;
    let mut places: Vec<Name> = entries.iter().filter_map(|entry| Some(numbered(first, &entry.key)?.name)).collect();
    places.sort_unstable();
    Ok(places)
}

/// Opens the file of the lock, and makes it and its folder, for this user alone.
fn open(path: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or_else(|| Path::new(".")))?;
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).expect("a flag is a small number");
    File::options().read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(no_link).open(path)
}

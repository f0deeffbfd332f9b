//! Everything between the lock and the first byte that is read: the canary, the places to begin at, the last run's cache.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use base::Digest;
use jiff::Timestamp;
use repository::keys::WriterKey;
use repository::repository::Repository;
use repository::writer::{Canary, Writer};

use super::BackupError;
use crate::canary;
use crate::links::Links;
use crate::owners::Owners;
use crate::pipeline::Work;
use crate::roots::{self, OwnFolder, Roots};
use crate::shared::{Counts, Shared, Stop};
use crate::spec::BackupSpec;
use crate::stat::Stat;
use crate::trouble::{self, Trouble};
use crate::unchanged::old::Old;

/// What was found before the repository was asked for anything.
#[derive(Debug)]
pub(super) struct Prepared {
    pub trouble: Trouble,
    pub canary: Option<Canary>,
    roots: Roots,
}

/// Writes the canary, then looks at the paths of the source.
pub(super) fn prepare(spec: &BackupSpec, repository: &Repository, cache_dir: &Path, started: Timestamp) -> Result<Prepared, BackupError> {
    let trouble = Trouble::default();
    let canary = write_canary(spec, started, &trouble);
    let roots = roots::resolve(&spec.files, own_folders(repository, cache_dir), &spec.source, &trouble)?;
    Ok(Prepared { trouble, canary, roots })
}

impl Prepared {
    /// What the threads of the run share, what they work on, and the canary that the snapshot tells of.
    pub fn begin(self, spec: &BackupSpec, cache: &CacheFile, writer: Writer, started: Timestamp) -> (Shared, Work, Option<Canary>) {
        let uid = rustix::process::geteuid();
        let shared = Shared {
            writer,
            trouble: self.trouble,
            counts: Counts::default(),
            owners: Owners::of_this_host(),
            links: Links::default(),
            started,
            stop: Stop::default(),
            is_root: uid.is_root(),
            uid: uid.as_raw(),
        };
        let work = Work {
            roots: self.roots,
            files: spec.files.clone(),
            old: Old::open(&cache.path, &cache.identity),
            cache_folder: cache.folder.clone(),
            identity: cache.identity,
        };
        (shared, work, self.canary)
    }
}

/// A canary that cannot be written leaves the backup without what its drill will ask for, so the snapshot counts as incomplete. The
/// data is backed up all the same.
fn write_canary(spec: &BackupSpec, now: Timestamp, trouble: &Trouble) -> Option<Canary> {
    let (root, relative) = (spec.files.paths.first()?, spec.files.canary.as_ref()?);
    if std::fs::metadata(root).is_err() {
        return None; // that the path is missing is said elsewhere
    }
    canary::write(root, relative, now)
        .inspect_err(|error| trouble.error(root.join(relative).as_os_str().as_bytes(), trouble::CANARY, error))
        .ok()
}

/// Folders that this program writes to. Backing them up would go round in circles.
fn own_folders(repository: &Repository, cache_dir: &Path) -> Vec<OwnFolder> {
    let location = repository.store().location();
    let folders = [(location.strip_prefix("file://").map(Path::new), "the repository"), (Some(cache_dir), "the cache folder")];
    let places = folders.into_iter().filter_map(|(path, what)| {
        let place = Stat::from(rustix::fs::stat(path?).ok()?).place();
        Some(OwnFolder { place, what })
    });
    places.collect()
}

/// Where the cache of unchanged files of a source is, and what it must be of.
pub(super) struct CacheFile {
    folder: PathBuf,
    pub path: PathBuf,
    identity: Digest,
}

impl CacheFile {
    pub fn of(spec: &BackupSpec, repository: &Repository, key: &WriterKey, cache_dir: &Path) -> Self {
        let text = format!("{}\n{}\n{}\n{}\n", repository.id(), key.domain(), key.writer(), spec.source);
        let identity = Digest::of(text.as_bytes());
        let folder = cache_dir.join("seen");
        let path = folder.join(format!("{}-{}", spec.source, identity.short()));
        Self { folder, path, identity }
    }
}

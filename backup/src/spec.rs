//! What a backup is asked to do. `cli` and `orchestrator` fill these from a checked plan and their settings.

use std::path::PathBuf;

use base::id::SourceId;
use repository::writer::{VerifyUpload, WriterOptions};

/// One source on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSpec {
    /// The source's name in the plan. Snapshots, the lock and the cache of unchanged files carry it.
    pub source: SourceId,
    /// Names of the services that rely on this source, written into the snapshot.
    pub service_tags: Vec<String>,
    /// The host's name, for people.
    pub host: String,
    /// What to read.
    pub files: Files,
}

/// Folders and files, and what to leave out of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Absolute paths without `..`. A path that is itself a symbolic link is followed, as whoever wrote it expects; links
    /// further down are stored as links. Each is kept in the snapshot under its own components: the root tree of a snapshot
    /// of `/srv/www` holds `srv`, which holds `www`.
    pub paths: Vec<PathBuf>,
    /// Patterns in gitignore syntax, each relative to every one of `paths`: "*.tmp", "/cache/", "!keep.tmp".
    /// A pattern that begins with one of `paths` itself ("/srv/www/cache") is taken as that absolute place.
    pub exclude: Vec<String>,
    /// Stay on the file system that each of `paths` is on. The folder that another one is mounted on is stored empty.
    pub one_file_system: bool,
    /// Leave out what stands beside a `CACHEDIR.TAG` with its signature line (<https://bford.info/cachedir/>).
    pub exclude_caches: bool,
    /// A small file, relative to the first of `paths`, that is written anew before each backup, so that a drill can tell
    /// how old restored data is.
    pub canary: Option<PathBuf>,
}

/// How a backup is run on this host.
#[derive(Debug, Clone)]
pub struct BackupOptions {
    /// Where locks, the cache of unchanged files and the copy of the index are kept. Always safe to delete between runs.
    pub cache_dir: PathBuf,
    /// Threads that identify, compress and encrypt; usually one a core.
    pub threads: usize,
    /// zstd level, 1 to 19; 3 unless there is a reason.
    pub level: i32,
    /// How much of what is stored is opened again and compared before it is uploaded.
    pub verify_upload: VerifyUpload,
}

impl BackupOptions {
    /// What the repository's writer needs to know of this.
    pub(crate) fn writer(&self) -> WriterOptions {
        WriterOptions { cache_dir: self.cache_dir.clone(), threads: self.threads, level: self.level, verify_upload: self.verify_upload }
    }
}

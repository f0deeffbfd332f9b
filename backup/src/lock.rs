//! Holds other backups of the same source off while one runs: a locked file in the cache folder.
//!
//! The lock is the kernel's (flock(2)), not the file's existence: it ends with the process, however that ends. The number in the
//! file is only for the message.

use std::fs::{DirBuilder, File};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use base::id::SourceId;
use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::run::BackupError;

/// Held while a source is backed up; dropping it lets the next one in.
#[derive(Debug)]
pub(crate) struct SourceLock {
    file: File,
}

impl SourceLock {
    /// Says that everything was done in order. A holder that dies before leaves its number in the file.
    pub fn settle(self) {
        let _ = self.file.set_len(0); // the next one then only does once more what is done last
    }
}

/// Takes the lock of `source`, or says who has it.
pub(crate) fn take(cache_dir: &Path, source_id: &SourceId) -> Result<SourceLock, BackupError> {
    take_file(cache_dir, source_id, &format!("{source_id}.lock")).map(|(lock, _)| lock)
}

/// Takes the lock that is held from the first hook to the last. Says, too, whether its last holder died between them.
pub(crate) fn take_hooks(cache_dir: &Path, source_id: &SourceId) -> Result<(SourceLock, bool), BackupError> {
    take_file(cache_dir, source_id, &format!("{source_id}.hooks"))
}

fn take_file(cache_dir: &Path, source_id: &SourceId, name: &str) -> Result<(SourceLock, bool), BackupError> {
    let folder = cache_dir.join("locks");
    let path = folder.join(name);
    let unusable = |source| BackupError::Cache { path: path.clone(), source };
    private_folder(&folder).map_err(unusable)?;
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).expect("a flag is a small number"))
        .open(&path)
        .map_err(unusable)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Err(BackupError::Busy { source_id: source_id.clone(), pid: holder(file) }),
        Err(errno) => return Err(unusable(errno.into())),
    }
    let was_left = file.metadata().map_err(unusable)?.len() > 0;
    let text = format!("{}\n", std::process::id());
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes())).map_err(unusable)?;
    Ok((SourceLock { file }, was_left))
}

/// Whether a process is backing `source` up at this moment. It may begin or end right after the answer: [`crate::run::run`] decides.
pub fn is_busy(cache_dir: &Path, source: &SourceId) -> bool {
    matches!(take(cache_dir, source), Err(BackupError::Busy { .. }))
}

/// Makes a folder and those above it, for this user alone.
pub(crate) fn private_folder(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// The number in the file; none when its holder has not written it yet.
fn holder(file: File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

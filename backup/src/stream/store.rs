//! Stores streams as the files of a snapshot, one after the other.
//!
//! `source::*` says what is read and under which name; the root tree is made of the names at the end.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path};
use std::sync::Arc;

use base::name::shown;
use repository::format::tree::{Meta, Node, NodeKind, TreeRef};
use repository::writer::StoreFileError;
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;

use super::feed::{Feed, pair};
use super::tree::Folder;
use crate::run::BackupError;
use crate::shared::{Shared, add};
use crate::trouble::SAID;
use tools::program::{Pipes, Program, ProgramError};

/// Mode of a file that was a stream: it may hold secrets, and had no mode of its own.
const MODE: u32 = 0o600;

/// The snapshot in the making.
#[derive(Debug)]
pub(crate) struct Storing {
    shared: Arc<Shared>,
    /// Whoever reads a source looks at it, too.
    pub cancel: CancellationToken,
    root: Folder,
}

impl Storing {
    pub fn new(shared: Arc<Shared>, cancel: CancellationToken) -> Self {
        Self { shared, cancel, root: Folder::default() }
    }

    /// Stores what a program writes. Its end decides: unless it is exit code 0, there is an error and no snapshot.
    pub async fn program(&mut self, name: &str, program: &Program) -> Result<(), BackupError> {
        let mut running = program.start(Pipes::Out)?;
        let Some(output) = running.output.take() else {
            return Err(ProgramError::Lost { program: program.name(), source: io::Error::other("it has no standard output") }.into());
        };
        let cancel = self.cancel.clone();
        let stored = running.during(self.stream(name, output), &cancel).await;
        let said = match stored {
            // The store's error comes before the program's, which then only says that nobody listened.
            Some(Err(error @ BackupError::Write(_))) => return Err(error),
            // Too late or told to stop: `end` knows which, unless it has ended by now and left its output to something else.
            None => {
                running.end(&cancel).await?;
                return Err(ProgramError::TooLate { program: program.name(), within: program.within, said: String::new() }.into());
            }
            Some(stored) => {
                let said = running.end(&cancel).await?;
                if stored? == 0 {
                    return Err(ProgramError::Silent { program: program.name() }.into());
                }
                said
            }
        };
        if !said.is_empty() {
            self.shared.trouble.say(program.name().as_bytes(), SAID, said);
        }
        Ok(())
    }

    /// Stores what comes in until it ends. Gives back how many bytes there were.
    pub async fn stream(&mut self, name: &str, from: impl AsyncRead + Unpin) -> Result<u64, BackupError> {
        self.shared.counts.set_current(name.as_bytes());
        let (source, feed) = pair();
        let shared = Arc::clone(&self.shared);
        let storing = tokio::task::spawn_blocking(move || store(&shared, feed));
        let pumped = source.pump(from).await;
        let stored = storing.await.map_err(|_| BackupError::Cancelled)?;
        let size = pumped.map_err(|source| BackupError::Stream { name: shown(name.as_bytes()), source })?;
        let kind = match stored {
            Ok(kind) => kind,
            Err(error) => return Err(stored_error(error, &shown(name.as_bytes()))),
        };
        self.put(&[name.as_bytes()], self.meta(MODE), kind, size)?;
        Ok(size)
    }

    fn put(&mut self, path: &[&[u8]], meta: Meta, kind: NodeKind, size: u64) -> Result<(), BackupError> {
        let name = path.last().copied().unwrap_or_default();
        if !self.root.put(path, Node { name: name.to_vec(), meta, kind }) {
            return Err(BackupError::Twice { name: shown(&path.join(&b'/')) });
        }
        add(&self.shared.counts.files, 1);
        add(&self.shared.counts.files_new, 1);
        add(&self.shared.counts.bytes, size);
        Ok(())
    }

    /// Stores a file of this host under the path of another one, with owner and mode of that other.
    pub async fn file(&mut self, file: std::fs::File, under: &Path, like: &std::fs::Metadata) -> Result<(), BackupError> {
        let shown = shown(under.as_os_str().as_bytes());
        self.shared.counts.set_current(under.as_os_str().as_bytes());
        let shared = Arc::clone(&self.shared);
        let size = file.metadata().map_err(|source| BackupError::Stream { name: shown.clone(), source })?.len();
        let storing = tokio::task::spawn_blocking(move || {
            let ticket = shared.writer.store_file(&mut Counted { from: file, shared: &shared }, size)?;
            Ok(NodeKind::File { content: ticket.wait()? })
        });
        let kind = storing.await.map_err(|_| BackupError::Cancelled)?.map_err(|error| stored_error(error, &shown))?;
        let owners = &self.shared.owners;
        let meta = Meta {
            mode: like.mode() & 0o777,
            uid: like.uid(),
            gid: like.gid(),
            user: owners.user(like.uid()).map(str::to_owned),
            group: owners.group(like.gid()).map(str::to_owned),
            ..self.meta(MODE)
        };
        let names = under.components().filter_map(|part| if let Component::Normal(name) = part { Some(name.as_bytes()) } else { None });
        self.put(&names.collect::<Vec<_>>(), meta, kind, size)
    }

    /// Says something of a source that is worth a word and no fault.
    pub fn note(&self, of: &str, what: String) {
        self.shared.trouble.say(of.as_bytes(), SAID, what);
    }

    /// What people write for the files that there are.
    pub fn paths(&self) -> Vec<String> {
        self.root.files().into_iter().map(|path| shown(&path)).collect()
    }

    /// Stores the folders.
    pub async fn root(self) -> Result<TreeRef, BackupError> {
        let meta = self.meta(0o755);
        let stored = tokio::task::spawn_blocking(move || self.root.store(&self.shared, &meta)).await;
        stored.map_err(|_| BackupError::Cancelled)?.map_err(BackupError::Write)
    }

    fn meta(&self, mode: u32) -> Meta {
        let (uid, gid) = (self.shared.uid, rustix::process::getegid().as_raw());
        let owners = &self.shared.owners;
        Meta {
            mode,
            uid,
            gid,
            user: owners.user(uid).map(str::to_owned),
            group: owners.group(gid).map(str::to_owned),
            mtime_s: self.shared.started.as_second(),
            mtime_ns: 0,
            ..Meta::default()
        }
    }
}

/// Cuts and stores one stream; on a thread that may block.
fn store(shared: &Shared, feed: Feed) -> Result<NodeKind, StoreFileError> {
    let mut counted = Counted { from: feed, shared };
    let ticket = shared.writer.store_file(&mut counted, 0)?;
    Ok(NodeKind::File { content: ticket.wait()? })
}

fn stored_error(error: StoreFileError, name: &str) -> BackupError {
    match error {
        StoreFileError::Write(error) => BackupError::Write(error),
        StoreFileError::Source(source) => BackupError::Stream { name: name.to_owned(), source },
    }
}

/// Counts what is read, for progress.
struct Counted<'a, R> {
    from: R,
    shared: &'a Shared,
}

impl<R: io::Read> io::Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        add(&self.shared.counts.bytes_read, n as u64);
        Ok(n)
    }
}

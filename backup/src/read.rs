//! Reads the files that the walk names and hands their bytes to the repository's writer, which cuts and stores them.
//!
//! `pipeline` runs one or more readers, each on a thread of its own. What becomes of a file is told to `assemble` through the job's
//! own channel; what went wrong with it is told to `trouble` here.

use std::io::{self, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use repository::writer::{StoreFileError, Ticket, WriteError};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::attributes::{self, Attributes};
use crate::directory;
use crate::shared::{Shared, add};
use crate::stat::{Kind, Stat};
use crate::trouble::{ATTRIBUTES, CHANGED, GREW, MISSING, UNREADABLE};

/// Files of up to this many bytes are read whole into one buffer, which is used again.
const SMALL: usize = 256 << 10;
/// A file that changed while it was read is read once more. One that changes all the time would keep us for ever.
const ATTEMPTS: u32 = 2;

/// A file to be read.
#[derive(Debug)]
pub(crate) struct Job {
    pub place: Place,
    /// It may be read without a mark in its access time.
    pub keep_atime: bool,
    /// Takes one answer. `assemble` waits for it.
    pub outcome: Sender<Outcome>,
}

/// Where a file is.
#[derive(Debug)]
pub(crate) enum Place {
    /// In an open folder. `path` is the folder's, for people.
    Folder { folder: Arc<OwnedFd>, path: Arc<[u8]>, name: Box<[u8]> },
    /// A path of the source that is itself a file. A link is followed.
    Root(Box<[u8]>),
}

/// What became of a file.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was read, and its bytes are with the writer.
    Stored(Box<Stored>),
    /// It is not in the snapshot, and `trouble` knows why.
    LeftOut,
    /// The repository cannot be written: the run is over.
    Failed(WriteError),
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Stored {
    /// As it was when its reading began.
    pub stat: Stat,
    pub attributes: Attributes,
    pub ticket: Ticket,
    /// It stood still and all of it could be read, so that the next run may take this for what it holds.
    pub whole: bool,
}

/// Why a file is not stored.
enum Failure {
    Source(io::Error),
    Write(WriteError),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::Source(errno.into())
    }
}

/// What was taken of a file: small ones wait in the buffer, so that one that changed is stored only as it is in the end.
enum Taken {
    Buffered(usize),
    Stored(Ticket, u64),
}

/// Reads until the walk has no more jobs.
pub(crate) fn run(shared: &Shared, jobs: &Receiver<Job>) {
    let mut reader = Reader { shared, buffer: vec![0; SMALL] };
    for job in jobs {
        if shared.stop.is_ordered() {
            continue; // nobody waits any more; the channel is emptied so that the walk is not held up
        }
        let outcome = reader.read(&job);
        let _ = job.outcome.send(outcome); // whoever waited may have stopped
    }
}

struct Reader<'a> {
    shared: &'a Shared,
    buffer: Vec<u8>,
}

impl Reader<'_> {
    fn read(&mut self, job: &Job) -> Outcome {
        match self.store(job) {
            Ok(Some(stored)) => Outcome::Stored(Box::new(stored)),
            Ok(None) => Outcome::LeftOut,
            Err(Failure::Write(error)) => Outcome::Failed(error),
            Err(Failure::Source(_)) if self.shared.stop.is_ordered() => Outcome::LeftOut,
            Err(Failure::Source(error)) if error.kind() == io::ErrorKind::NotFound => {
                match &job.place {
                    Place::Folder { .. } => self.shared.trouble.vanished(),
                    Place::Root(path) => self.shared.trouble.error(path, MISSING, error),
                }
                Outcome::LeftOut
            }
            Err(Failure::Source(error)) => {
                self.shared.trouble.error(&job.place.path(), UNREADABLE, error);
                Outcome::LeftOut
            }
        }
    }

    /// `None` when it is no file any more.
    fn store(&mut self, job: &Job) -> Result<Option<Stored>, Failure> {
        let fd = match &job.place {
            Place::Folder { folder, name, .. } => directory::open_quietly(folder.as_fd(), name, OFlags::NOFOLLOW, job.keep_atime)?,
            Place::Root(path) => directory::open_quietly(rustix::fs::CWD, path, OFlags::empty(), job.keep_atime)?,
        };
        let mut stat = Stat::from(rustix::fs::fstat(&fd)?);
        match stat.kind() {
            Kind::File => {}
            Kind::Special => {
                self.shared.trouble.special(&job.place.path());
                return Ok(None);
            }
            _ => return Err(Failure::Source(io::Error::other("it became something else while the folder was read"))),
        }
        add(&self.shared.counts.files_read, 1);
        let mut attributes = attributes::of_open(fd.as_fd());
        let mut attempt = 1;
        let (taken, moved) = loop {
            let taken = self.take(&fd, &stat)?;
            let after = Stat::from(rustix::fs::fstat(&fd)?);
            let grew = if stat.size == 0 { taken.len() > 0 } else { after.size > stat.size && taken.len() == stat.size };
            if grew {
                // What was there when it was opened is whole: a log, most likely. Reading again would find it longer still.
                let detail = format_args!("stored {} bytes, it has {} now", taken.len(), after.size);
                self.shared.trouble.changed(&job.place.path(), GREW, detail);
                break (taken, true);
            }
            if after.same_as(&stat) {
                break (taken, false);
            }
            if attempt == ATTEMPTS {
                self.shared.trouble.changed(&job.place.path(), CHANGED, "it was written to while it was read, twice");
                break (taken, true);
            }
            attempt += 1;
            stat = after;
            attributes = attributes::of_open(fd.as_fd()); // it may have been these that changed
            rustix::fs::seek(&fd, rustix::fs::SeekFrom::Start(0))?;
        };
        let ticket = match taken {
            Taken::Stored(ticket, _) => ticket,
            Taken::Buffered(n) => self.shared.writer.store_bytes(self.buffer.get(..n).unwrap_or_default()).map_err(Failure::Write)?,
        };
        let had_all = attributes.is_ok();
        let attributes = attributes.unwrap_or_else(|errno| {
            self.shared.trouble.error(&job.place.path(), ATTRIBUTES, io::Error::from(errno));
            Attributes::new()
        });
        Ok(Some(Stored { stat, attributes, ticket, whole: had_all && !moved }))
    }

    /// Reads as much as the file had when it was opened. Files of the kernel say 0 and have more: of these, one buffer.
    fn take(&mut self, fd: &OwnedFd, stat: &Stat) -> Result<Taken, Failure> {
        let limit = if stat.size == 0 { SMALL as u64 } else { stat.size };
        let mut source = Source { fd, left: limit, shared: self.shared };
        let Some(buffer) = usize::try_from(limit).ok().and_then(|limit| self.buffer.get_mut(..limit)) else {
            // The kernel may read ahead further; where it cannot, nothing is lost.
            let _ = rustix::fs::fadvise(fd, 0, None, rustix::fs::Advice::Sequential);
            let ticket = self.shared.writer.store_file(&mut source, stat.size).map_err(|error| match error {
                StoreFileError::Source(error) => Failure::Source(error),
                StoreFileError::Write(error) => Failure::Write(error),
            })?;
            return Ok(Taken::Stored(ticket, limit - source.left));
        };
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match source.read(rest).map_err(Failure::Source)? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(Taken::Buffered(filled))
    }
}

impl Taken {
    fn len(&self) -> u64 {
        match self {
            Self::Buffered(n) => *n as u64,
            Self::Stored(_, n) => *n,
        }
    }
}

impl Place {
    fn path(&self) -> Vec<u8> {
        match self {
            Self::Folder { path, name, .. } => [path, b"/".as_slice(), name].concat(),
            Self::Root(path) => path.to_vec(),
        }
    }
}

/// An open file up to a limit. It counts what it reads, and ends with an error when the run is to stop.
struct Source<'a> {
    fd: &'a OwnedFd,
    left: u64,
    shared: &'a Shared,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.shared.stop.is_ordered() {
            return Err(io::Error::other("the run was told to stop"));
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let part = buffer.get_mut(..wanted).expect("it is no longer than the buffer");
        if part.is_empty() {
            return Ok(0);
        }
        let n = loop {
            match rustix::io::read(self.fd, &mut *part) {
                Err(Errno::INTR) => {}
                answer => break answer?,
            }
        };
        self.left -= n as u64;
        add(&self.shared.counts.bytes_read, n as u64);
        Ok(n)
    }
}

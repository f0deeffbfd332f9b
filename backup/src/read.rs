//! Reads the files that the walk names and hands their bytes to the repository's writer, which cuts and stores them.
//!
//! `pipeline` runs one or more readers, each on a thread of its own. What becomes of a file is told to `assemble` through the job's
//! own channel; what went wrong with it is told to `trouble` here.

use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use repository::format::tree::{Content, Hole};
use repository::writer::{StoreFileError, Ticket, WriteError};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::attributes::{self, Attributes};
use crate::directory;
use crate::links::{Claim, Linked};
use crate::shared::{Shared, add};
use crate::sparse::{self, Source};
use crate::stat::{Kind, Stat};
use crate::trouble::{ATTRIBUTES, MISSING, UNREADABLE};

/// Files of up to this many bytes are read whole into one buffer, which is used again.
const SMALL: usize = 256 << 10;
/// A file that changed while it was read is read once more. One that changes all the time would keep us for ever.
const ATTEMPTS: u32 = 2;

/// A file to be read.
#[derive(Debug)]
pub(crate) struct Job {
    pub place: Place,
    /// As the walk saw it.
    pub stat: Stat,
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
    pub pending: Pending,
    /// It stood still and all of it could be read, so that the next run may take this for what it holds.
    pub whole: bool,
}

/// The content of a file that was read, once its chunks have names.
#[derive(Debug)]
pub(crate) enum Pending {
    Alone(Taken),
    /// Of a file with several names.
    Shared(Arc<Linked>),
}

impl Pending {
    /// Waits for it.
    pub fn content(self) -> Result<Content, WriteError> {
        match self {
            Self::Alone(taken) => taken.content(),
            Self::Shared(linked) => linked.content(),
        }
    }
}

/// What was taken of a file and is with the writer.
#[derive(Debug)]
pub(crate) struct Taken {
    ticket: Ticket,
    size: u64,
    holes: Vec<Hole>,
}

impl Taken {
    /// Waits until its chunks have names.
    pub fn content(self) -> Result<Content, WriteError> {
        let content = self.ticket.wait()?;
        Ok(if self.holes.is_empty() { content } else { content.with_holes(self.size, self.holes) })
    }
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

/// A part of a file: small ones wait in the buffer, so that one that changed is stored only as it is in the end.
struct Part {
    data: Data,
    /// Up to where it was read, over data and holes.
    size: u64,
    /// Those before that.
    holes: Vec<Hole>,
}

enum Data {
    Buffered(usize),
    Stored(Ticket),
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
        let shared = self.shared;
        let reading = match job.stat.is_linked().then(|| shared.links.claim(&job.stat, &shared.stop)) {
            Some(Claim::Take(linked)) => return Outcome::Stored(Box::new(Stored::of(linked))),
            Some(Claim::Read(reading)) => Some(reading),
            Some(Claim::ReadAlone) | None => None,
        };
        match self.store(job) {
            Ok(stored) => Outcome::Stored(Box::new(match (reading, stored) {
                (Some(reading), Stored { stat, attributes, pending: Pending::Alone(taken), whole }) => {
                    let linked = Arc::new(Linked::new(stat, attributes, whole, taken));
                    reading.done(&linked);
                    Stored::of(linked)
                }
                (_, stored) => stored,
            })),
            Err(Failure::Write(error)) => Outcome::Failed(error),
            Err(Failure::Source(_)) if self.shared.stop.is_ordered() => Outcome::LeftOut,
            Err(Failure::Source(error)) if error.kind() == io::ErrorKind::NotFound => {
                match &job.place {
                    Place::Folder { .. } => self.shared.trouble.vanished(&job.place.path()),
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

    fn store(&mut self, job: &Job) -> Result<Stored, Failure> {
        let fd = match &job.place {
            Place::Folder { folder, name, .. } => directory::open_quietly(folder.as_fd(), name, OFlags::NOFOLLOW, job.keep_atime)?,
            Place::Root(path) => directory::open_quietly(rustix::fs::CWD, path, OFlags::empty(), job.keep_atime)?,
        };
        let mut stat = Stat::from(rustix::fs::fstat(&fd)?);
        if stat.kind() != Kind::File {
            return Err(Failure::Source(io::Error::other("it became something else while the folder was read")));
        }
        add(&self.shared.counts.files_read, 1);
        let mut attributes = attributes::of_open(fd.as_fd(), &stat);
        let mut attempt = 1;
        let (part, moved) = loop {
            let part = self.take(&fd, &stat)?;
            let after = Stat::from(rustix::fs::fstat(&fd)?);
            let grew = if stat.size == 0 { part.size > 0 } else { after.size > stat.size && part.size == stat.size };
            if grew {
                // What was there when it was opened is whole: a log, most likely. Reading again would find it longer still.
                let detail = format_args!("stored {} bytes, it has {} now", part.size, after.size);
                self.shared.trouble.grew(&job.place.path(), detail);
                break (part, true);
            }
            if after.same_as(&stat) {
                break (part, false);
            }
            if attempt == ATTEMPTS {
                self.shared.trouble.changed(&job.place.path(), "it was written to while it was read, twice");
                break (part, true);
            }
            attempt += 1;
            stat = after;
            attributes = attributes::of_open(fd.as_fd(), &stat); // it may have been these that changed
            rustix::fs::seek(&fd, rustix::fs::SeekFrom::Start(0))?;
        };
        let Part { data, size, holes } = part;
        let ticket = match data {
            Data::Stored(ticket) => ticket,
            Data::Buffered(n) => self.shared.writer.store_bytes(self.buffer.get(..n).unwrap_or_default()).map_err(Failure::Write)?,
        };
        let had_all = attributes.is_ok();
        let attributes = attributes.unwrap_or_else(|errno| {
            self.shared.trouble.error(&job.place.path(), ATTRIBUTES, io::Error::from(errno));
            Attributes::default()
        });
        Ok(Stored { stat, attributes, pending: Pending::Alone(Taken { ticket, size, holes }), whole: had_all && !moved })
    }

    /// Reads as much as the file had when it was opened. Files of the kernel say 0 and have more: of these, one buffer.
    fn take(&mut self, fd: &OwnedFd, stat: &Stat) -> Result<Part, Failure> {
        let mut holes = sparse::holes(fd, stat.size);
        let hollow = holes.iter().fold(0_u64, |sum, hole| sum.saturating_add(hole.len));
        let (mut source, n_data) = if stat.size == 0 {
            (Source::stream(fd, self.shared, SMALL as u64), SMALL as u64)
        } else {
            (Source::new(fd, self.shared, &holes, stat.size), stat.size.saturating_sub(hollow))
        };
        let buffer = usize::try_from(n_data).ok().and_then(|n| self.buffer.get_mut(..n));
        let data = if let Some(buffer) = buffer {
            let mut filled = 0;
            while let n @ 1.. = source.read(buffer.get_mut(filled..).unwrap_or_default()).map_err(Failure::Source)? {
                filled += n;
            }
            Data::Buffered(filled)
        } else {
            // The kernel may read ahead further; where it cannot, nothing is lost.
            let _ = rustix::fs::fadvise(fd, 0, None, rustix::fs::Advice::Sequential);
            let stored = self.shared.writer.store_file(&mut source, n_data);
            Data::Stored(stored.map_err(|error| match error {
                StoreFileError::Source(error) => Failure::Source(error),
                StoreFileError::Write(error) => Failure::Write(error),
            })?)
        };
        let size = source.reached();
        holes.retain(|hole| hole.end() <= size);
        Ok(Part { data, size, holes })
    }
}

impl Stored {
    /// What each name of a file comes to.
    fn of(linked: Arc<Linked>) -> Self {
        Self { stat: linked.stat, attributes: linked.attributes.clone(), whole: linked.whole, pending: Pending::Shared(linked) }
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

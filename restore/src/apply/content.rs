//! The middle part of a restore: chunks come in the order of the packs, each once, and are written at all their places.
//!
//! Memory is bounded by windows of places and by a small set of open files, whatever the size of the restore.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use repository::format::tree::{ChunkId, spread};
use repository::reader::{Reader, StreamReport};

use super::ApplyError;
use super::job::{Job, State};
use super::prepare::{create, parent_is_there};
use crate::copies::Copies;
use crate::plan::Action;
use crate::tree::Kind;

/// Places that are written in one pass over the packs: 48 MiB of memory for about 128 GiB of data.
const WINDOW: usize = 1 << 20;

/// Groups of open files, each with a lock of its own.
const SHARDS: usize = 16;

/// Open files in a group.
const OPEN: usize = 12;

/// Where a chunk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    id: ChunkId,
    entry: u32,
    offset: u64,
}

/// Runs the part.
pub(super) async fn run(job: &Arc<Job>, reader: &Reader, copies: &Copies) -> Result<(), ApplyError> {
    let mut places: Vec<Place> = Vec::new();
    for i in 0..job.plan.tree.entries().len() {
        let Kind::File { data, .. } = &job.entry(i).kind else { continue };
        let chunks = data.chunks();
        let is_begun = job.state(i) == State::Begun; // with what the old file had
        let waiting = (job.state(i) == State::Waiting || is_begun) && !matches!(job.action(i), Action::Keep | Action::Skip);
        if chunks.is_empty() || !waiting || job.twin(i).is_some() || !parent_is_there(job, i) {
            continue;
        }
        let entry = u32::try_from(i).expect("a tree has fewer than 2^32 entries: MAX_ENTRIES");
        let mut offset = 0;
        for (n, chunk) in chunks.iter().enumerate() {
            if !is_begun || !job.has_part(i, n) {
                places.push(Place { id: chunk.id, entry, offset });
            }
            offset += u64::from(chunk.len);
        }
        // A window ends with a file, so that no file is open in two of them.
        if places.len() >= WINDOW {
            window(job, reader, copies, std::mem::take(&mut places)).await?;
        }
    }
    window(job, reader, copies, places).await
}

async fn window(job: &Arc<Job>, reader: &Reader, copies: &Copies, mut places: Vec<Place>) -> Result<(), ApplyError> {
    if places.is_empty() {
        return job.stopped();
    }
    places.sort_unstable();
    let mut wanted: Vec<ChunkId> = places.iter().map(|place| place.id).collect();
    wanted.dedup();
    let writer = Arc::new(Writer { job: Arc::clone(job), places, open: Default::default() });
    let sink = {
        let writer = Arc::clone(&writer);
        Arc::new(move |id: &ChunkId, bytes: &[u8]| {
            writer.chunk(id, bytes);
            Ok(())
        })
    };
    let streamed = crate::stream::run(reader, wanted, Arc::clone(&sink), &job.cancel).await;
    job.stopped()?;
    let report = streamed.map_err(ApplyError::Read)?;
    count(job, &report);
    let mut missing = report.missing;
    for n in 0..copies.len() {
        if missing.is_empty() {
            break;
        }
        let Some(copy) = copies.reader(n).await else { continue };
        let streamed = crate::stream::run(copy, missing.iter().map(|(id, _)| *id).collect(), Arc::clone(&sink), &job.cancel).await;
        job.stopped()?;
        // A copy that cannot be read at all leaves things as they were.
        let Ok(more) = streamed else { continue };
        count(job, &more);
        copies.gave(n, more.chunks);
        // The first error says more than "unknown to the copy".
        missing.retain(|(id, _)| more.missing.iter().any(|(still, _)| still == id));
    }
    for (id, error) in &missing {
        for place in writer.places_of(id) {
            let i = place.entry as usize;
            if job.state(i) != State::Damaged {
                let why = crate::damage::explain(error);
                job.fail(i, crate::damage::step(error), format!("a part of it, at byte {}, cannot be had: {why}", place.offset));
            }
        }
    }
    Ok(())
}

fn count(job: &Job, report: &StreamReport) {
    job.read.0.fetch_add(report.chunks, Ordering::Relaxed);
    job.read.1.fetch_add(report.bytes, Ordering::Relaxed);
}

/// Open files by entry, the one that was used longest ago first.
type OpenFiles = VecDeque<(u32, Arc<File>)>;

/// Writes the chunks of one window.
struct Writer {
    job: Arc<Job>,
    /// Sorted by id.
    places: Vec<Place>,
    open: [Mutex<OpenFiles>; SHARDS],
}

impl Writer {
    fn places_of(&self, id: &ChunkId) -> &[Place] {
        let start = self.places.partition_point(|place| place.id < *id);
        let rest = &self.places[start..];
        &rest[..rest.partition_point(|place| place.id == *id)]
    }

    /// Called by the reader's threads for each chunk, once. What concerns one file is noted and the others go on; an error of
    /// the whole file system cancels the token, which ends the stream.
    fn chunk(&self, id: &ChunkId, bytes: &[u8]) {
        for place in self.places_of(id) {
            let i = place.entry as usize;
            if matches!(self.job.state(i), State::Failed | State::Damaged) {
                continue;
            }
            if let Err(error) = self.write(i, place.offset, bytes) {
                self.job.fail_io(i, "write it", error);
            }
            self.job.progress.advance(u64::from(place.offset == 0), bytes.len() as u64);
        }
    }

    fn write(&self, i: usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Kind::File { size, data } = &self.job.entry(i).kind else { return Ok(()) };
        let size = *size;
        if size == bytes.len() as u64 {
            let file = create(&self.job, i)?;
            self.job.set_state(i, State::Begun);
            return file.write_all_at(bytes, 0);
        }
        let file = self.file(i, size)?;
        // The file was made at its full length: what is zero is there already, as a hole.
        let mut pieces = spread(data.holes(), offset, bytes.len()).into_iter();
        pieces.try_for_each(|(at, range)| {
            let piece = &bytes[range];
            if piece.iter().all(|b| *b == 0) { Ok(()) } else { file.write_all_at(piece, at) }
        })
    }

    /// The open file of an entry: made at its first chunk, opened again when it had to be closed for others.
    fn file(&self, i: usize, size: u64) -> io::Result<Arc<File>> {
        let key = u32::try_from(i).expect("a tree has fewer than 2^32 entries: MAX_ENTRIES");
        let mut open = self.open[i % SHARDS].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|(entry, _)| *entry == key) {
            let found = open.remove(at).expect("its place was just found");
            let file = Arc::clone(&found.1);
            open.push_back(found);
            return Ok(file);
        }
        let file = if self.job.state(i) == State::Begun {
            File::from(self.job.root.open_write(self.job.write_path(i).as_bytes())?)
        } else {
            let file = create(&self.job, i)?;
            file.set_len(size)?;
            self.job.set_state(i, State::Begun);
            file
        };
        let file = Arc::new(file);
        if open.len() >= OPEN {
            open.pop_front();
        }
        open.push_back((key, Arc::clone(&file)));
        Ok(file)
    }
}

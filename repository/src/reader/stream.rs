//! Brings many chunks: requests in the order of packs run ahead on the runtime, threads open, decode, verify and hand on.
//!
//! A request keeps its place among those under way until its chunks have been handed on, so memory is bounded by their number.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, unbounded};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ReadError;
use super::holes::Filled;
use super::plan::{Request, Wanted, requests};
use super::there::{There, is_gone, learn};
use super::{CancelFlag, ChunkSink, Inner, PLACES_MAX, Reader, StreamReport, fetch};
use crate::format::tree::{ChunkId, ChunkRef};
use crate::index::FramePlace;
use crate::pack::read::{FrameReader, PackError, PackOpener, chunk_of};

/// Requests under way beside one for each thread.
const AHEAD: usize = 2;

/// What the threads share.
struct Job {
    inner: Arc<Inner>,
    ids: Vec<ChunkId>,
    wanted: Vec<Wanted>,
    sink: ChunkSink,
    cancel: CancelFlag,
    report: Mutex<StreamReport>,
    /// An error that ends everything.
    fatal: Mutex<Option<ReadError>>,
}

/// Bytes that came, and the permit that lets the next request begin.
struct Arrived {
    request: Request,
    opener: PackOpener,
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Job {
    fn stop(&self, error: ReadError) {
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    fn is_over(&self) -> bool {
        self.cancel.is_cancelled() || self.fatal.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn id(&self, wanted: &Wanted) -> ChunkId {
        self.ids.get(wanted.number as usize).copied().expect("numbers count the ids that were asked for")
    }

    fn miss(&self, wanted: &[Wanted], error: &ReadError) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.missing.extend(wanted.iter().map(|wanted| (self.id(wanted), error.clone())));
    }

    fn of(&self, request: &Request) -> &[Wanted] {
        self.wanted.get(request.from..request.to).unwrap_or_default()
    }
}

pub(super) async fn run(inner: &Arc<Inner>, mut ids: Vec<ChunkId>, sink: ChunkSink, cancel: CancelFlag) -> Result<StreamReport, ReadError> {
    ids.sort_unstable();
    ids.dedup();
    let mut there = inner.there.get();
    let mut report = round(inner, ids, (0, there), &sink, &cancel).await?;
    let mut first = 1;
    if there.is_none() && report.missing.iter().any(|(_, error)| is_gone(error)) {
        // Now that it is known which packs are there, the first place of a chunk may be another one.
        (there, first) = (learn(inner).await, 0);
    }
    for nth in first..PLACES_MAX {
        let again = report.missing.iter().map(|(id, _)| *id).filter(|id| inner.places(*id, there).nth(nth).is_some());
        let again: Vec<ChunkId> = again.collect();
        if again.is_empty() {
            break;
        }
        let more = round(inner, again.clone(), (nth, there), &sink, &cancel).await?;
        let still: BTreeSet<ChunkId> = more.missing.into_iter().map(|(id, _)| id).collect();
        report.missing.retain(|(id, _)| again.binary_search(id).is_err() || still.contains(id));
        report.chunks += more.chunks;
        report.bytes += more.bytes;
    }
    Ok(report)
}

/// Brings chunks from the `nth` pack of each. What is missing comes back in ascending order.
async fn round(
    inner: &Arc<Inner>,
    ids: Vec<ChunkId>,
    (nth, there): (usize, Option<&There>),
    sink: &ChunkSink,
    cancel: &CancelFlag,
) -> Result<StreamReport, ReadError> {
    let (looking, sink, cancel, n_ids) = (Arc::clone(inner), Arc::clone(sink), cancel.clone(), ids.len() as u64);
    let ordered = there.is_some();
    let prepared = tokio::task::spawn_blocking(move || prepare(looking, ids, (nth, ordered), sink, cancel));
    let (job, requests) = prepared.await.map_err(|_| ReadError::Stopped)?;
    let job = Arc::new(job);
    let (sender, receiver) = unbounded(); // bounded by the permits
    let threads: Vec<_> = (0..inner.threads.min(requests.len()))
        .map(|_| {
            let (job, receiver) = (Arc::clone(&job), receiver.clone());
            tokio::task::spawn_blocking(move || decode_all(&job, &receiver))
        })
        .collect();
    drop(receiver);
    dispatch(&job, requests, sender).await;
    for thread in threads {
        if thread.await.is_err() {
            job.stop(ReadError::Stopped);
        }
    }
    if let Some(error) = job.fatal.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    if job.cancel.is_cancelled() {
        return Err(ReadError::Cancelled);
    }
    let mut report = std::mem::take(&mut *job.report.lock().unwrap_or_else(PoisonError::into_inner));
    report.missing.sort_by_key(|(id, _)| *id);
    // A task that the runtime dropped, or that panicked, told nobody: its chunks were neither handed on nor missed.
    if report.chunks + report.missing.len() as u64 == n_ids { Ok(report) } else { Err(ReadError::Stopped) }
}

/// Looks all ids up and puts them in the order of packs.
fn prepare(
    inner: Arc<Inner>,
    ids: Vec<ChunkId>,
    (nth, ordered): (usize, bool),
    sink: ChunkSink,
    cancel: CancelFlag,
) -> (Job, Vec<Request>) {
    // Once it is known it stays as it is.
    let there = inner.there.get().filter(|_| ordered);
    let (mut wanted, mut report) = (Vec::with_capacity(ids.len()), StreamReport::default());
    for (number, id) in (0..).zip(&ids) {
        match inner.places(*id, there).nth(nth) {
            Some(found) => {
                let domain = u16::try_from(found.domain).unwrap_or(u16::MAX);
                let place = found.place;
                wanted.push(Wanted { domain, pack: place.pack, frame: place.frame, offset: place.offset, len: place.len, number });
            }
            None => report.missing.push((*id, ReadError::Unknown(*id))),
        }
    }
    wanted.sort_unstable();
    let (requests, lost) =
        requests(&wanted, |chunk| inner.domains.get(chunk.domain as usize)?.index.frame(chunk.pack, u32::from(chunk.frame)));
    let job = Job { inner, ids, wanted, sink, cancel, report: Mutex::new(report), fatal: Mutex::default() };
    for at in lost {
        let lost = job.wanted.get(at..=at).unwrap_or_default();
        for one in lost {
            job.miss(lost, &ReadError::Unknown(job.id(one)));
        }
    }
    (job, requests)
}

async fn dispatch(job: &Arc<Job>, requests: Vec<Request>, sender: Sender<Arrived>) {
    let room = Arc::new(Semaphore::new(job.inner.threads + AHEAD));
    for request in requests {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { break };
        if job.is_over() {
            break;
        }
        let (job, sender) = (Arc::clone(job), sender.clone());
        tokio::spawn(async move {
            match get(&job.inner, &request).await {
                // Nobody receives any more only when the whole stream was dropped.
                Ok((opener, bytes)) => drop(sender.send(Arrived { request, opener, bytes, _room: permit })),
                Err(error) => job.miss(job.of(&request), &error),
            }
        });
    }
}

async fn get(inner: &Inner, request: &Request) -> Result<(PackOpener, Bytes), ReadError> {
    let (domain, pack) = inner.pack(request.domain as usize, request.pack).ok_or(ReadError::Stopped)?;
    let opener = inner.opener(domain, &pack)?;
    let bytes = fetch::part(inner, &domain.name, &pack.digest, &opener, &(request.start..request.end)).await?;
    Ok((opener, bytes))
}

/// What a thread keeps between requests.
struct Buffers {
    reader: FrameReader,
    plain: Vec<u8>,
}

fn decode_all(job: &Job, arrived: &Receiver<Arrived>) {
    let Ok(reader) = FrameReader::new() else { return job.stop(ReadError::Stopped) };
    let mut buffers = Buffers { reader, plain: Vec::new() };
    for one in arrived {
        if !job.is_over() {
            decode(job, &mut buffers, &one);
        }
    }
}

fn decode(job: &Job, buffers: &mut Buffers, arrived: &Arrived) {
    let request = &arrived.request;
    let wanted = job.of(request);
    let Some((domain, pack)) = job.inner.pack(request.domain as usize, request.pack) else {
        return job.miss(wanted, &ReadError::Stopped);
    };
    let damaged = |error| fetch::damaged(&domain.name, &pack.digest, error);
    let together = arrived.opener.open(&(request.start..request.end), &arrived.bytes, &mut buffers.plain).ok();
    for chunks in wanted.chunk_by(|a, b| a.frame == b.frame) {
        if job.is_over() {
            return;
        }
        let frame = chunks.first().and_then(|chunk| domain.index.frame(request.pack, u32::from(chunk.frame)));
        let raw = frame.ok_or(PackError::Differs).and_then(|frame| {
            let at = match &together {
                Some(at) => within(at, request.start, &frame).ok_or(PackError::Differs)?,
                // One bad block must not take along the frames beside it: each is opened by itself.
                None => alone(arrived, &frame, &mut buffers.plain)?,
            };
            buffers.reader.decode(buffers.plain.get(at).unwrap_or_default(), frame.raw_len as usize)
        });
        match raw {
            Ok(raw) => hand_on(job, chunks, |chunk, offset| chunk_of(raw, offset, chunk, pack.kind, &domain.hasher).map_err(damaged)),
            Err(error) => job.miss(chunks, &damaged(error)),
        }
    }
}

/// Where `frame` lies in an opened part that begins with plaintext byte `start` at `opened.start`.
fn within(opened: &Range<usize>, start: u64, frame: &FramePlace) -> Option<Range<usize>> {
    let from = usize::try_from(frame.start.checked_sub(start)?).ok()?;
    let to = usize::try_from(frame.end.checked_sub(start)?).ok()?;
    Some(opened.start + from..opened.start + to)
}

/// Opens a frame without its neighbours.
fn alone(arrived: &Arrived, frame: &FramePlace, plain: &mut Vec<u8>) -> Result<Range<usize>, PackError> {
    let all = arrived.opener.object_range(&(arrived.request.start..arrived.request.end));
    let one = arrived.opener.object_range(&(frame.start..frame.end));
    let place = one.start.checked_sub(all.start).zip(one.end.checked_sub(all.start));
    let place = place.and_then(|(from, to)| Some(usize::try_from(from).ok()?..usize::try_from(to).ok()?));
    let part = place.and_then(|place| arrived.bytes.get(place)).ok_or(PackError::Differs)?;
    arrived.opener.open(&(frame.start..frame.end), part, plain)
}

fn hand_on<'r>(job: &Job, chunks: &[Wanted], verified: impl Fn(&ChunkRef, usize) -> Result<&'r [u8], ReadError>) {
    let (mut n, mut n_bytes) = (0, 0);
    for wanted in chunks {
        let id = job.id(wanted);
        let chunk = ChunkRef { id, len: wanted.len };
        match verified(&chunk, wanted.offset as usize) {
            Ok(bytes) => {
                if let Err(error) = (job.sink)(&id, bytes) {
                    return job.stop(ReadError::Sink(error.into()));
                }
                n += 1;
                n_bytes += bytes.len() as u64;
            }
            Err(error) => job.miss(std::slice::from_ref(wanted), &error),
        }
    }
    let mut report = job.report.lock().unwrap_or_else(PoisonError::into_inner);
    report.chunks += n;
    report.bytes += n_bytes;
}

/// The chunks of `window` in order, however their packs lie.
pub(super) async fn in_order(reader: &Reader, window: &[ChunkRef], filled: &mut Filled<'_>) -> Result<(), ReadError> {
    let arrived: Arc<Mutex<HashMap<ChunkId, Vec<u8>>>> = Arc::default();
    let keep = Arc::clone(&arrived);
    let keeper: ChunkSink = Arc::new(move |id, bytes| {
        keep.lock().unwrap_or_else(PoisonError::into_inner).insert(*id, bytes.to_vec());
        Ok(())
    });
    let ids = window.iter().map(|chunk| chunk.id).collect();
    let report = reader.stream(ids, keeper, CancelFlag::default()).await?;
    if let Some((_, error)) = report.missing.into_iter().next() {
        return Err(error);
    }
    let arrived = std::mem::take(&mut *arrived.lock().unwrap_or_else(PoisonError::into_inner));
    for chunk in window {
        let bytes = arrived.get(&chunk.id).ok_or(ReadError::Unknown(chunk.id))?;
        filled.data(bytes).await?;
    }
    Ok(())
}

//! How the data of a drill comes back: to a scratch folder, or to nothing but a hash.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use plans::plan::{CheckKind, Mode};
use repository::format::tree::{ChunkId, Chunks, Content, NodeKind};
use repository::reader::{ReadError, Reader};
use repository::snapshots::Snapshot;

use super::run::Course;
use crate::apply::{ApplyError, ApplyOptions, apply, blocking};
use crate::check;
use crate::damage;
use crate::list::{Found, ListError, resolve};
use crate::path::TreePath;
use crate::plan::{InTheWay, PlanOptions, plan};
use crate::point::PointFacts;
use crate::progress::Stage;
use crate::report::{Problem, RestoreReport, Step};
use crate::scratch::Scratch;
use crate::seen::{MAX_LOOK, Seen, restored_root};
use crate::target::look;
use crate::tree::{GatherError, Kind, Selection, Tree, gather};

/// Chunks that are asked for in one pass over the packs: 32 MiB of memory.
const WINDOW: usize = 1 << 20;

/// Data that is back.
#[derive(Debug)]
pub(super) struct Restored {
    pub seen: Seen,
    /// The folder to wipe; none in stream mode.
    pub scratch: Option<Scratch>,
}

/// Restores all of `snapshots`. `None` where that failed; the findings of the course say why, and nothing is left on disk.
pub(super) async fn restore(course: &mut Course<'_>, reader: &Reader, snapshots: &[Snapshot]) -> Option<Restored> {
    let root = restored_root(snapshots.iter().flat_map(|snapshot| snapshot.paths.iter().map(String::as_str)));
    match course.spec.drill.mode {
        Mode::Scratch => to_scratch(course, reader, snapshots, root).await,
        Mode::Stream => streamed(course, reader, snapshots, root).await,
    }
}

async fn trees(course: &mut Course<'_>, reader: &Reader, snapshot: &Snapshot) -> Option<Tree> {
    course.progress.begin(Stage::Look, 0, 0);
    match gather(reader, snapshot, &Selection::default(), course.cancel).await {
        Ok(tree) => Some(tree),
        Err(GatherError::Cancelled) => {
            course.interrupted();
            None
        }
        Err(error) => {
            course.findings.aborts.push(damage::explain(&error));
            None
        }
    }
}

/// Sorts problems into what is wrong with the data and what only kept it from being looked at; says whether all is well.
fn weigh(course: &mut Course<'_>, point: &str, problems: &[Problem]) -> bool {
    let (about_data, others): (Vec<&Problem>, Vec<&Problem>) =
        problems.iter().partition(|p| matches!(p.step, Step::Read | Step::Refuse | Step::Compare));
    let text = |list: &[&Problem], verb: (&str, &str), what: &str| {
        let first = list.first()?;
        let (path, why) = (&first.path, &first.what);
        Some(match list.len() {
            1 => format!("1 path of restore point {point} {} {what}: {path}: {why}", verb.0),
            n => format!("{n} paths of restore point {point} {} {what}, the first {path}: {why}", verb.1),
        })
    };
    course.findings.failures.extend(text(&about_data, ("is", "are"), "missing or damaged"));
    course.findings.aborts.extend(text(&others, ("could", "could"), "not be restored"));
    problems.is_empty()
}

async fn to_scratch(course: &mut Course<'_>, reader: &Reader, snapshots: &[Snapshot], root: TreePath) -> Option<Restored> {
    let scratch_root = course.spec.scratch_root.clone();
    let scratch = match blocking(move || Scratch::make(&scratch_root)).await {
        Ok(scratch) => scratch,
        Err(error) => {
            let place = course.spec.scratch_root.display();
            course.findings.aborts.push(format!("no scratch folder could be made in {place}: {error}"));
            return None;
        }
    };
    let folder = scratch.path().to_owned();
    let restored = Restored { seen: Seen::Scratch { folder: folder.clone(), root }, scratch: Some(scratch) };
    let mut whole = true;
    for snapshot in snapshots {
        match one_to_scratch(course, reader, snapshot, folder.clone()).await {
            Some(report) => {
                let point = snapshot.id.short();
                let files = report.files_compared;
                let written = Course::amount(report.written.files, report.written.bytes);
                course.step("restore", report.write_took_ms, report.problems.is_empty(), format!("{point}: {written}"));
                let compared = Course::amount(files, report.bytes_compared);
                course.step("compare", report.compare_took_ms, report.problems.is_empty(), format!("{point}: {compared}"));
                course.compared(files, report.chunks_read, report.bytes_compared, &report.problems);
                whole &= weigh(course, &point, &report.problems);
            }
            None => whole = false,
        }
    }
    if whole {
        return Some(restored);
    }
    course.wipe(restored).await;
    None
}

async fn one_to_scratch(course: &mut Course<'_>, reader: &Reader, snapshot: &Snapshot, folder: PathBuf) -> Option<RestoreReport> {
    let tree = trees(course, reader, snapshot).await?;
    // Several sources share the folder as they share their host; where two hold the same file the second is in the way.
    let options = PlanOptions { in_the_way: InTheWay::Refuse, ..PlanOptions::default() };
    let point = PointFacts::from(snapshot);
    let planned = blocking(move || {
        let facts = look(&folder, &tree)?;
        Ok::<_, crate::target::LookError>(plan(point, tree, &facts, &options))
    });
    let planned = match planned.await {
        Ok(planned) => planned,
        Err(error) => {
            course.findings.aborts.push(damage::explain(&error));
            return None;
        }
    };
    let options = ApplyOptions { threads: course.spec.threads, special_bits: false, sync: false };
    match apply(planned, reader, options, course.clock, Arc::clone(&course.progress), course.cancel).await {
        Ok(report) => Some(report),
        Err(ApplyError::Cancelled { .. }) => {
            course.interrupted();
            None
        }
        Err(ApplyError::Read(error)) if damage::is_damage(&error) => {
            course.findings.failures.push(damage::explain(&error));
            None
        }
        Err(error) => {
            course.findings.aborts.push(damage::explain(&error));
            None
        }
    }
}

async fn streamed(course: &mut Course<'_>, reader: &Reader, snapshots: &[Snapshot], root: TreePath) -> Option<Restored> {
    let (mut all, mut captured, mut whole) = (Vec::new(), BTreeMap::new(), true);
    for snapshot in snapshots {
        let mark = course.clock.monotonic();
        let tree = trees(course, reader, snapshot).await?;
        let mut problems = tree.findings.clone();
        let (chunks, bytes) = read_all(course, reader, &tree, &mut problems).await?;
        let files = tree.counts().files;
        let (point, took) = (snapshot.id.short(), course.since(mark));
        course.step("stream", took, problems.is_empty(), format!("{point}: {}", Course::amount(files, tree.counts().bytes)));
        course.compared(files, chunks, bytes, &problems);
        whole &= weigh(course, &point, &problems);
        if let Err(error) = capture(course, reader, snapshot, &mut captured).await {
            course.findings.failures.push(damage::explain(&error));
            whole = false;
        }
        all.push(tree);
    }
    whole.then_some(Restored { seen: Seen::Streamed { trees: all, root, captured }, scratch: None })
}

/// Reads every chunk of every file; the reader recomputes each id. Gives back chunks and bytes of the files, or `None` where
/// it could not go on.
async fn read_all(course: &mut Course<'_>, reader: &Reader, tree: &Tree, problems: &mut Vec<Problem>) -> Option<(u64, u64)> {
    let counts = tree.counts();
    course.progress.begin(Stage::Restore, counts.files, counts.bytes);
    let chunks_of = |i: usize| match &tree.entries()[i].kind {
        Kind::File { data, .. } => data.chunks(),
        _ => &[],
    };
    let mut wanted: Vec<(ChunkId, u32)> = (0..tree.entries().len()).flat_map(chunks_of).map(|chunk| (chunk.id, chunk.len)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let (mut missing, mut chunks) = (BTreeMap::<ChunkId, ReadError>::new(), 0);
    for window in wanted.chunks(WINDOW) {
        let lengths: Arc<[(ChunkId, u32)]> = window.into();
        let wrong = Arc::new(AtomicU64::new(0));
        let sink = {
            let (lengths, wrong, progress) = (Arc::clone(&lengths), Arc::clone(&wrong), Arc::clone(&course.progress));
            Arc::new(move |id: &ChunkId, bytes: &[u8]| {
                let known = lengths.binary_search_by(|(other, _)| other.cmp(id)).ok().and_then(|at| lengths.get(at));
                if known.is_none_or(|(_, len)| *len as usize != bytes.len()) {
                    wrong.fetch_add(1, Ordering::Relaxed);
                }
                progress.advance(0, bytes.len() as u64);
                Ok(())
            })
        };
        let ids = window.iter().map(|(id, _)| *id).collect();
        let report = match crate::stream::run(reader, ids, sink, course.cancel).await {
            Ok(report) => report,
            Err(error) => {
                if course.cancel.is_cancelled() {
                    course.interrupted();
                } else if damage::is_damage(&error) {
                    course.findings.failures.push(damage::explain(&error));
                } else {
                    course.findings.aborts.push(damage::explain(&error));
                }
                return None;
            }
        };
        if course.cancel.is_cancelled() {
            course.interrupted();
            return None;
        }
        chunks += report.chunks;
        // Every wanted chunk is either delivered or missing; a reader that forgets one must not look like success.
        let silent = (window.len() as u64).saturating_sub(report.chunks + report.missing.len() as u64);
        let odd = wrong.load(Ordering::Relaxed) + silent;
        if odd > 0 {
            course.findings.failures.push(match odd {
                1 => "1 chunk did not come back as it was recorded".to_owned(),
                n => format!("{n} chunks did not come back as they were recorded"),
            });
        }
        missing.extend(report.missing);
    }
    if !missing.is_empty() {
        for i in 0..tree.entries().len() {
            if let Some(error) = chunks_of(i).iter().find_map(|chunk| missing.get(&chunk.id)) {
                let path = tree.source_path(i).to_string();
                problems.push(Problem { path, step: damage::step(error), what: damage::explain(error) });
            }
        }
    }
    Some((chunks, counts.bytes))
}

/// Keeps the contents that canary checks will look into.
async fn capture(
    course: &Course<'_>,
    reader: &Reader,
    snapshot: &Snapshot,
    captured: &mut BTreeMap<TreePath, Vec<u8>>,
) -> Result<(), ListError> {
    let looks =
        course.spec.drill.checks.iter().any(|check| matches!(&check.kind, CheckKind::Canary(canary) if canary.source == snapshot.source));
    let Some(canary) = snapshot.canary.as_ref().filter(|_| looks) else { return Ok(()) };
    let Ok(path) = check::canary_path(&canary.path, snapshot.paths.first().map(String::as_str)) else { return Ok(()) };
    let content = match resolve(reader, snapshot, &path).await {
        Ok(Found::Node(node)) => match node.kind {
            // A canary is one line; a file with holes is none, and they may be of any length.
            NodeKind::File { content } if content.holes.is_empty() => head(content),
            _ => return Ok(()),
        },
        // The check says that it is not there.
        Ok(Found::Root(_)) | Err(ListError::NotThere { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    let mut sink = |more: &[u8]| {
        bytes.extend_from_slice(more);
        Ok(())
    };
    let read = reader.content(&content, &mut sink).await;
    read.map_err(|source| ListError::Read { path: path.clone(), point: snapshot.id.short(), source })?;
    bytes.truncate(usize::try_from(MAX_LOOK).unwrap_or(usize::MAX));
    captured.insert(path, bytes);
    Ok(())
}

/// The chunks that hold the first [`MAX_LOOK`] bytes of a file; a canary is tiny, whatever stands in its place may not be.
fn head(content: Content) -> Content {
    let Chunks::List(mut chunks) = content.chunks else { return content };
    let mut size = 0;
    let enough = chunks.iter().position(|chunk| {
        size += u64::from(chunk.len);
        size >= MAX_LOOK
    });
    chunks.truncate(enough.map_or(chunks.len(), |at| at + 1));
    Content::solid(size, Chunks::List(chunks))
}

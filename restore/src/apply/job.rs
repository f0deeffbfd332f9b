//! What the parts of one restore share: the plan, the open target, how far each entry is, what went wrong.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use repository::chunk::ChunkHasher;
use tokio_util::sync::CancellationToken;

use super::{ApplyError, ApplyOptions, is_fatal};
use crate::aside::Aside;
use crate::beneath::Root;
use crate::marker::Marker;
use crate::metadata::Setter;
use crate::path::TreePath;
use crate::plan::{Action, InTheWay, RestorePlan};
use crate::progress::Progress;
use crate::report::{Counts, Gap, GapKind, MAX_GAP_KINDS, MAX_GAPS, Outcome, Problem, RestoreReport, Step};
use crate::seen::below;
use crate::tree::{Entry, Kind};

/// How far an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing was done yet.
    Waiting,
    /// The file exists and takes contents.
    Begun,
    /// It was there already and is equal.
    Left,
    /// It could not be made or written; the problem is noted.
    Failed,
    /// A part of its content could not be had; the problem is noted.
    Damaged,
    /// Compared and complete.
    Done,
}

/// Metadata that could not be set.
#[derive(Debug, Default, Clone)]
struct Gaps {
    listed: Vec<Gap>,
    n: u64,
    kinds: BTreeMap<(String, String), (u64, String)>,
}

/// One restore while it runs.
#[derive(Debug)]
pub(super) struct Job {
    pub plan: RestorePlan,
    pub root: Root,
    pub hasher: ChunkHasher,
    pub options: ApplyOptions,
    pub setter: Setter,
    pub progress: Arc<dyn Progress>,
    /// Cancelled from outside, or by ourselves after a fatal error.
    pub cancel: CancellationToken,
    states: Vec<AtomicU8>,
    /// Further names of files: the entry, and the one that is written. See [`Self::twin`].
    twins: HashMap<usize, usize>,
    problems: Mutex<Vec<Problem>>,
    gaps: Mutex<Gaps>,
    fatal: Mutex<Option<io::Error>>,
    pub compared: (AtomicU64, AtomicU64),
    pub read: (AtomicU64, AtomicU64),
    /// Bytes that were taken from the file that is replaced, since they are the recorded ones.
    pub reused: AtomicU64,
    /// For files that are partly there: which of their chunks are written already.
    pub parts: Mutex<HashMap<usize, Vec<bool>>>,
    /// In place: where what is there goes, and how often something went there.
    pub aside: Option<Aside>,
    pub moved: AtomicU64,
}

impl Job {
    /// Makes and opens the target and leaves the marker in it. Blocks.
    pub fn open(
        plan: RestorePlan,
        hasher: ChunkHasher,
        options: ApplyOptions,
        progress: Arc<dyn Progress>,
        cancel: &CancellationToken,
        now: Timestamp,
    ) -> Result<Self, ApplyError> {
        let target = plan.target.clone();
        // A new target is for its owner alone: the folders that kept others out at the source may not be among what is restored.
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&target);
        made.map_err(|source| target_error(&target, "make", source))?;
        let root = Root::open(&target).map_err(|source| target_error(&target, "open", source))?;
        let in_place = plan.preview().in_the_way == InTheWay::InPlace;
        let begin =
            || Aside::begin(&root, &plan, now).map_err(|source| target_error(&target, "make a folder to move things aside in", source));
        let aside = in_place.then(begin).transpose()?;
        let marker = Marker::new(plan.preview().point.snapshot.clone(), now);
        match Marker::read(&root) {
            _ if in_place => {} // its journal says as much

            Some(there) if there.snapshot == marker.snapshot => {}
            // The marker of another restore that never ended gives way to this one.
            there => {
                let cleared = if there.is_some() { root.remove(crate::marker::NAME) } else { Ok(()) };
                cleared.and_then(|()| marker.write(&root)).map_err(|source| target_error(&target, "write to", source))?;
            }
        }
        let states = plan.tree.entries().iter().map(|_| AtomicU8::new(State::Waiting as u8)).collect();
        let problems = Mutex::new(plan.preview().findings.clone());
        Ok(Self {
            root,
            hasher,
            options,
            setter: Setter { owners: rustix::process::geteuid().is_root(), special: options.special_bits, exact: in_place },
            progress,
            // A child: a fatal error stops this restore and not what its caller does beside it.
            cancel: cancel.child_token(),
            states,
            twins: twins(&plan),
            problems,
            gaps: Mutex::default(),
            fatal: Mutex::default(),
            compared: Default::default(),
            read: Default::default(),
            reused: AtomicU64::default(),
            parts: Mutex::default(),
            aside,
            moved: AtomicU64::default(),
            plan,
        })
    }

    pub fn entry(&self, i: usize) -> &Entry {
        &self.plan.tree.entries()[i]
    }

    pub fn action(&self, i: usize) -> Action {
        self.plan.actions[i]
    }

    /// The entry of which this one is another name. It is linked to it when that is complete, and not written itself.
    pub fn twin(&self, i: usize) -> Option<usize> {
        self.twins.get(&i).copied()
    }

    /// All of them, in the order of the tree.
    pub fn twins(&self) -> Vec<(usize, usize)> {
        let mut twins: Vec<_> = self.twins.iter().map(|(i, first)| (*i, *first)).collect();
        twins.sort_unstable();
        twins
    }

    pub fn state(&self, i: usize) -> State {
        const ALL: [State; 6] = [State::Waiting, State::Begun, State::Left, State::Failed, State::Damaged, State::Done];
        ALL[usize::from(self.states[i].load(Ordering::Acquire))]
    }

    pub fn set_state(&self, i: usize, state: State) {
        self.states[i].store(state as u8, Ordering::Release);
    }

    /// The path below the target.
    pub fn path(&self, i: usize) -> TreePath {
        self.plan.tree.path(i)
    }

    /// Whether an old file stays until the new one is complete.
    pub fn replaces(&self, i: usize) -> bool {
        matches!(self.action(i), Action::Compare | Action::Replace) || (self.aside.is_some() && self.entry(i).kind != Kind::Folder)
    }

    /// Where a file or link is written: at its place when that is free, beside it when something is there. In place nobody sees
    /// a file before it is complete.
    pub fn write_path(&self, i: usize) -> TreePath {
        let path = self.path(i);
        if let (Some(aside), true) = (&self.aside, self.replaces(i)) {
            return aside.new_place(i, &path);
        }
        if !self.replaces(i) {
            return path;
        }
        let name = format!(".lifeboat-part-{}-{i:x}", self.plan.preview().point.snapshot.get(..8).unwrap_or("x"));
        match path.as_bytes().iter().rposition(|b| *b == b'/') {
            None => TreePath::default().join(name.as_bytes()),
            Some(at) => TreePath::parse(&path.as_bytes()[..at]).unwrap_or_default().join(name.as_bytes()),
        }
    }

    /// Whether a chunk of a file is written already.
    pub fn has_part(&self, i: usize, chunk: usize) -> bool {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.get(&i).is_some_and(|there| there.get(chunk) == Some(&true))
    }

    /// In place: moves what is at `path` aside, if anything is.
    pub fn take(&self, path: &TreePath) -> io::Result<()> {
        let Some(aside) = &self.aside else { return Ok(()) };
        if self.root.stat(path.as_bytes())?.is_none() {
            return Ok(());
        }
        match aside.take(&self.root, path) {
            Ok(()) => {
                self.moved.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Notes a problem with an entry and gives it up.
    pub fn fail(&self, i: usize, step: Step, what: String) {
        let state = if matches!(step, Step::Read | Step::Reach) { State::Damaged } else { State::Failed };
        let before = self.states[i].swap(state as u8, Ordering::AcqRel);
        if before == State::Failed as u8 {
            return; // two chunks of one file fail at once; the first problem says enough
        }
        let problem = Problem { path: self.plan.tree.source_path(i).to_string(), step, what };
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
    }

    /// Notes a problem with something that is no entry.
    pub fn fail_path(&self, path: String, what: String) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(Problem { path, step: Step::Write, what });
    }

    /// Notes an error of the file system: of one entry, or of all.
    pub fn fail_io(&self, i: usize, what: &str, error: io::Error) {
        if is_fatal(&error) {
            self.set_state(i, State::Failed);
            self.fatal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            self.cancel.cancel();
        } else {
            self.fail(i, Step::Write, format!("cannot {what}: {error}"));
        }
    }

    /// Notes metadata that could not be set.
    pub fn gap(&self, i: usize, what: String, why: String) {
        let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.plan.tree.source_path(i).to_string();
        gaps.n += 1;
        let kind = (what.clone(), why.clone());
        if gaps.kinds.len() < MAX_GAP_KINDS || gaps.kinds.contains_key(&kind) {
            gaps.kinds.entry(kind).or_insert_with(|| (0, path.clone())).0 += 1;
        }
        if gaps.listed.len() < MAX_GAPS {
            gaps.listed.push(Gap { path, what, why });
        }
    }

    pub fn target_error(&self, what: &'static str, source: io::Error) -> ApplyError {
        target_error(&self.plan.target, what, source)
    }

    /// Why the restore must stop, if it must.
    pub fn stopped(&self) -> Result<(), ApplyError> {
        if let Some(source) = self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(self.target_error("write to", source));
        }
        if self.cancel.is_cancelled() {
            return Err(ApplyError::Cancelled { target: self.plan.target.clone() });
        }
        Ok(())
    }

    /// The report of what happened.
    pub fn report(&self, write_took: Duration, compare_took: Duration) -> RestoreReport {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone();
        problems.sort();
        let Gaps { listed: gaps, n: n_gaps, kinds } = self.gaps.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let kind = |((what, why), (n, first))| GapKind { what, why, n, first };
        let mut gap_kinds: Vec<GapKind> = kinds.into_iter().map(kind).collect();
        gap_kinds.sort_by_key(|kind| std::cmp::Reverse(kind.n));
        let (mut written, mut files_left, mut kept) = (Counts::default(), 0, 0);
        for (i, entry) in self.plan.tree.entries().iter().enumerate() {
            match (self.state(i), self.action(i)) {
                (_, Action::Keep) => kept += 1,
                (State::Left, _) => files_left += u64::from(matches!(entry.kind, Kind::File { .. })),
                (State::Done, _) => written.add(&entry.kind),
                _ => {}
            }
        }
        let load = |n: &AtomicU64| n.load(Ordering::Relaxed);
        RestoreReport {
            v: 1,
            point: self.plan.preview().point.clone(),
            target: self.plan.preview().target.clone(),
            outcome: if problems.is_empty() { Outcome::Complete } else { Outcome::Incomplete },
            written,
            files_left,
            kept,
            files_compared: load(&self.compared.0),
            bytes_compared: load(&self.compared.1),
            chunks_read: load(&self.read.0),
            bytes_read: load(&self.read.1),
            bytes_reused: load(&self.reused),
            from_copies: Vec::new(),
            moved_aside: load(&self.moved),
            aside: self.aside.iter().flat_map(Aside::folders).map(|folder| below(&self.plan.target, &folder)).collect(),
            problems,
            gaps,
            n_gaps,
            gap_kinds,
            resumed: self.plan.preview().resumes,
            write_took_ms: ms(write_took),
            compare_took_ms: ms(compare_took),
        }
    }
}

/// Finds the further names of files, links, pipes and the like. Only what is equal in content and metadata is one file, whatever a tree
/// says; and only what is made anew is linked, so that nothing that is there is written through a name that it happens to have. In place
/// what is there was moved aside before.
fn twins(plan: &RestorePlan) -> HashMap<usize, usize> {
    let (mut first, mut twins) = (HashMap::new(), HashMap::new());
    for (i, entry) in plan.tree.entries().iter().enumerate() {
        let Some(link) = entry.attributes.link.as_deref().filter(|_| entry.kind != Kind::Folder) else { continue };
        if matches!(plan.actions[i], Action::Keep | Action::Skip) {
            continue;
        }
        let of = *first.entry(link).or_insert(i);
        let other = &plan.tree.entries()[of];
        let in_place = plan.preview().in_the_way == InTheWay::InPlace;
        if of != i && (in_place || plan.actions[i] == Action::Create) && other.kind == entry.kind && other.attributes == entry.attributes {
            twins.insert(i, of);
        }
    }
    twins
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn target_error(target: &Path, what: &'static str, source: io::Error) -> ApplyError {
    let target = target.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ApplyError::Full { target, source },
        _ => ApplyError::Target { target, what, source },
    }
}

#[cfg(test)]
mod tests {
    use base::Hint as _;

    use super::*;
    use crate::plan::{PlanOptions, plan};
    use crate::point::PointFacts;
    use crate::progress::Quiet;
    use crate::target::look;
    use crate::tree::{Attributes, Data, Tree};

    fn job(folder: &Path) -> Job {
        let point = PointFacts {
            snapshot: "ab".repeat(32),
            source: "web".parse().unwrap(),
            writer: "host".parse().unwrap(),
            domain: "lab".parse().unwrap(),
            host: "host".to_owned(),
            paths: Vec::new(),
            taken: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
            complete: true,
        };
        let kind = Kind::File { size: 1, data: Data::Inline(b"x".as_slice().into()) };
        let tree = Tree::of(vec![Entry { parent: None, name: b"a".as_slice().into(), attributes: Attributes::default(), kind }]);
        let facts = look(folder, &tree).unwrap();
        let planned = plan(point, tree, &facts, &PlanOptions::default());
        let options = ApplyOptions { threads: 1, special_bits: false, sync: false };
        let (hasher, cancel) = (ChunkHasher::new(&[0; 32]), CancellationToken::new());
        Job::open(planned, hasher, options, Arc::new(Quiet), &cancel, Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_full_disk_stops_everything_and_one_bad_file_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let job = job(folder.path());
        job.fail_io(0, "write it", io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(job.stopped().is_ok() && !job.cancel.is_cancelled());
        assert_eq!(job.report(Duration::ZERO, Duration::ZERO).problems.len(), 1);

        job.fail_io(0, "write it", io::Error::from(io::ErrorKind::StorageFull));
        assert!(job.cancel.is_cancelled());
        let error = job.stopped().unwrap_err();
        assert!(matches!(error, ApplyError::Full { .. }) && error.hint().unwrap().contains("make room"), "{error:?}");
        assert!(folder.path().join(".lifeboat-restore").exists());
    }
}

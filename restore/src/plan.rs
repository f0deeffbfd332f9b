//! Decides what a restore would do: what it makes, what it leaves, what is in the way, whether it fits, how long it takes.
//!
//! Pure: a function of the trees, of what is at the target, and of options. The outcome is shown before anything is written,
//! and [`crate::apply`] does what it says and nothing else.

use std::path::PathBuf;
use std::time::Duration;

use base::ByteSize;
use serde::{Serialize, Serializer};

use crate::point::PointFacts;
use crate::report::{Counts, Problem, Step};
use crate::target::{Existing, TargetFacts, TargetState, is_marker};
use crate::tree::{Kind, Tree};

/// What may happen to things that are at the target already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InTheWay {
    /// The target must be new or empty, or hold the interrupted restore of the same snapshot.
    #[default]
    NewPlace,
    /// Anything may be there, but nothing at a place that is written to.
    Refuse,
    /// Files and links give way to restored ones; what is already equal is left. A folder never gives way to a file.
    Replace,
    /// What is there stays, and the rest is restored around it.
    Keep,
}

/// How to restore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// What may happen to things that are there.
    pub in_the_way: InTheWay,
    /// Bytes a second that earlier restores or drills reached, for the estimate.
    pub rate: Option<u64>,
    /// Begin although the file system seems too small.
    pub ignore_space: bool,
}

/// What is done with one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Made: nothing is there.
    Create,
    /// A folder that is there already and gets the restored metadata.
    Adopt,
    /// A folder that is there already and keeps its metadata.
    Enter,
    /// A file of the recorded size, or a link: compared; left when equal, replaced otherwise.
    Compare,
    /// A file of another size: replaced.
    Replace,
    /// Left as it is, and all below it too.
    Keep,
    /// Not restored, because something is in the way or the name is reserved; all below it neither.
    Skip,
}

/// Something at a place that the restore would write to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// The path below the target, shown.
    pub path: String,
    /// What it is and what would happen to it.
    pub what: String,
}

/// Why a plan cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is selected.
    #[error("nothing of the restore point is selected")]
    Nothing,
    /// The target is a file or device.
    #[error("{} is not a folder", target.display())]
    NotAFolder {
        /// The target.
        target: PathBuf,
    },
    /// The target holds something.
    #[error("{} is not empty", target.display())]
    NotEmpty {
        /// The target.
        target: PathBuf,
        /// It holds the unfinished restore of this other snapshot.
        other: Option<String>,
    },
    /// Something is at places that would be written to.
    #[error("{} in the way in {}", if *n == 1 { "1 thing is".to_owned() } else { format!("{n} things are") }, target.display())]
    InTheWay {
        /// The target.
        target: PathBuf,
        /// How many.
        n: usize,
    },
    /// The file system is mounted read-only.
    #[error("{} is on a read-only file system", target.display())]
    ReadOnly {
        /// The target.
        target: PathBuf,
    },
    /// Not enough room.
    #[error("{} has {} free, and the restore needs {}", target.display(), ByteSize(*free), ByteSize(*needed))]
    NoSpace {
        /// The target.
        target: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes needed.
        needed: u64,
    },
}

impl base::Hint for Refusal {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Nothing => "look what is there: lifeboat ls POINT".to_owned(),
            Self::NotAFolder { .. } | Self::ReadOnly { .. } => "choose another folder: --to FOLDER".to_owned(),
            Self::NotEmpty { other: Some(other), .. } => {
                let short: String = other.chars().take(8).collect();
                format!("it holds an unfinished restore of {short}; finish that one, or choose another folder: --to FOLDER")
            }
            Self::NotEmpty { other: None, .. } => "choose an empty or new folder, or say what to do with what is there".to_owned(),
            Self::InTheWay { .. } => "choose another folder, or say whether to replace or to keep what is there".to_owned(),
            Self::NoSpace { .. } => "make room, choose another folder, or restore a part: POINT:PATH".to_owned(),
        })
    }
}

/// What would be done, as shown to people and as JSON (`--dry-run --json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// Version of this shape.
    pub v: u32,
    /// What would be restored.
    pub point: PointFacts,
    /// Where to.
    pub target: String,
    /// What may happen to things that are there.
    pub in_the_way: InTheWay,
    /// Whether it goes on where an interrupted restore of the same snapshot stopped.
    pub resumes: bool,
    /// All that the target will hold of the restore point.
    pub total: Counts,
    /// What would be made.
    pub creates: Counts,
    /// Files and links that are there and would be compared; written anew only if they differ.
    pub compares: u64,
    /// Files and links that would be written over.
    pub replaces: Vec<Obstacle>,
    /// What would be left as it is.
    pub keeps: Vec<Obstacle>,
    /// What is in the way.
    pub conflicts: Vec<Obstacle>,
    /// What of the restore point is refused or cannot be read.
    pub findings: Vec<Problem>,
    /// Bytes of disk that the new files and folders take, rounded up to blocks of 4 KiB.
    pub needed_bytes: u64,
    /// Bytes free, where the system tells.
    pub free_bytes: Option<u64>,
    /// About how long it takes, in milliseconds, where a rate is known.
    pub estimate_ms: Option<u64>,
    /// Why it cannot be done; empty when it can.
    #[serde(serialize_with = "as_text")]
    pub refusals: Vec<Refusal>,
}

fn as_text<S: Serializer>(refusals: &[Refusal], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(refusals.iter().map(ToString::to_string))
}

/// A restore, decided and not begun.
#[derive(Debug, Clone)]
pub struct RestorePlan {
    pub(crate) tree: Tree,
    pub(crate) actions: Vec<Action>,
    pub(crate) target: PathBuf,
    preview: Preview,
}

impl Serialize for RestorePlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.preview.serialize(serializer)
    }
}

impl RestorePlan {
    /// What it would do.
    pub fn preview(&self) -> &Preview {
        &self.preview
    }

    /// Why it cannot be carried out, the first reason first.
    pub fn refusals(&self) -> &[Refusal] {
        &self.preview.refusals
    }

    /// The entries that are restored.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What is done with each entry of the tree.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }
}

/// Decides the restore of `tree` to the target that `facts` describe.
pub fn plan(point: PointFacts, tree: Tree, facts: &TargetFacts, options: &PlanOptions) -> RestorePlan {
    let marker = match &facts.state {
        TargetState::Folder { marker, .. } => marker.as_ref(),
        _ => None,
    };
    let resumes = marker.is_some_and(|marker| marker.snapshot == point.snapshot);
    let mut draft = Draft { resumes, mode: options.in_the_way, ..Draft::default() };
    let actions = draft.decide(&tree, facts);
    let needed_bytes = draft.needed_bytes;
    let estimate = options.rate.filter(|rate| *rate > 0).map(|rate| estimate(tree.counts(), rate));
    let preview = Preview {
        v: 1,
        target: facts.path.display().to_string(),
        in_the_way: options.in_the_way,
        resumes,
        total: tree.counts(),
        refusals: refusals(&tree, facts, options, &draft, marker.map(|m| m.snapshot.clone()).filter(|_| !resumes)),
        creates: draft.creates,
        compares: draft.compares,
        replaces: draft.replaces,
        keeps: draft.keeps,
        conflicts: draft.conflicts,
        findings: tree.findings.iter().cloned().chain(draft.findings).collect(),
        needed_bytes,
        free_bytes: facts.free_bytes,
        estimate_ms: estimate.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        point,
    };
    RestorePlan { tree, actions, target: facts.path.clone(), preview }
}

/// Bytes at the rate, and a tenth of a millisecond for each entry: small files cost more than their bytes.
fn estimate(counts: Counts, rate: u64) -> Duration {
    let entries = counts.files + counts.folders + counts.symlinks;
    let ms = u128::from(counts.bytes) * 1000 / u128::from(rate) + u128::from(entries) / 10;
    Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
}

fn refusals(tree: &Tree, facts: &TargetFacts, options: &PlanOptions, draft: &Draft, other: Option<String>) -> Vec<Refusal> {
    let target = facts.path.clone();
    let mut refusals = Vec::new();
    if tree.entries().is_empty() && tree.findings.is_empty() {
        refusals.push(Refusal::Nothing);
    }
    match &facts.state {
        TargetState::NotAFolder => refusals.push(Refusal::NotAFolder { target: target.clone() }),
        TargetState::Folder { empty: false, .. } if options.in_the_way == InTheWay::NewPlace && !draft.resumes => {
            refusals.push(Refusal::NotEmpty { target: target.clone(), other });
        }
        _ => {}
    }
    if !draft.conflicts.is_empty() && refusals.is_empty() {
        refusals.push(Refusal::InTheWay { target: target.clone(), n: draft.conflicts.len() });
    }
    if facts.read_only {
        refusals.push(Refusal::ReadOnly { target: target.clone() });
    }
    if let Some(free) = facts.free_bytes.filter(|free| *free < draft.needed_bytes && !options.ignore_space) {
        refusals.push(Refusal::NoSpace { target, free, needed: draft.needed_bytes });
    }
    refusals
}

#[derive(Default)]
struct Draft {
    resumes: bool,
    mode: InTheWay,
    creates: Counts,
    compares: u64,
    needed_bytes: u64,
    replaces: Vec<Obstacle>,
    keeps: Vec<Obstacle>,
    conflicts: Vec<Obstacle>,
    findings: Vec<Problem>,
}

impl Draft {
    fn decide(&mut self, tree: &Tree, facts: &TargetFacts) -> Vec<Action> {
        let mut actions: Vec<Action> = Vec::with_capacity(tree.entries().len());
        for (i, entry) in tree.entries().iter().enumerate() {
            let above = entry.parent.map_or(Action::Enter, |p| actions[p as usize]);
            let action = if matches!(above, Action::Keep | Action::Skip) {
                above
            } else {
                let path = tree.path(i);
                if entry.parent.is_none() && is_marker(&path) {
                    let what = "its name is the one of lifeboat's own marker at the top of a target".to_owned();
                    self.findings.push(Problem { path: tree.source_path(i).to_string(), step: Step::Refuse, what });
                    Action::Skip
                } else {
                    self.entry(&entry.kind, &path, facts.existing.get(&path).copied())
                }
            };
            actions.push(action);
        }
        actions
    }

    fn entry(&mut self, kind: &Kind, path: &crate::path::TreePath, existing: Option<Existing>) -> Action {
        let obstacle = |what: &str| Obstacle { path: path.to_string(), what: what.to_owned() };
        let may_replace = self.resumes || self.mode == InTheWay::Replace;
        match (kind, existing) {
            (_, None) => {
                self.creates.add(kind);
                self.needed_bytes = self.needed_bytes.saturating_add(on_disk(kind));
                Action::Create
            }
            (Kind::Folder, Some(Existing::Folder)) => {
                if may_replace {
                    Action::Adopt
                } else {
                    Action::Enter
                }
            }
            (_, Some(existing)) if self.mode == InTheWay::Keep && !self.resumes => {
                self.keeps.push(obstacle(word(existing)));
                Action::Keep
            }
            (Kind::File { size, .. }, Some(Existing::File(there))) if may_replace => {
                self.compares += u64::from(*size == there);
                // The new bytes are written beside the old ones before they take their place. What an interrupted run left
                // in full length is most likely whole: asking for its room again would refuse to go on after a full disk.
                if !self.resumes || *size != there {
                    self.needed_bytes = self.needed_bytes.saturating_add(on_disk(kind));
                }
                if !self.resumes {
                    self.replaces.push(obstacle(if *size == there {
                        "a file of the same size, replaced if it differs"
                    } else {
                        "a file, replaced"
                    }));
                }
                if *size == there { Action::Compare } else { Action::Replace }
            }
            (Kind::Symlink(_), Some(Existing::Symlink)) | (Kind::Special(_), Some(Existing::Other)) if may_replace => {
                self.compares += 1;
                Action::Compare
            }
            (Kind::File { .. } | Kind::Symlink(_), Some(Existing::File(_) | Existing::Symlink)) if may_replace => {
                self.needed_bytes = self.needed_bytes.saturating_add(on_disk(kind));
                self.replaces.push(obstacle("a file or link of another kind, replaced"));
                Action::Replace
            }
            (_, Some(existing)) => {
                self.conflicts.push(obstacle(word(existing)));
                Action::Skip
            }
        }
    }
}

fn word(existing: Existing) -> &'static str {
    match existing {
        Existing::Folder => "a folder is there",
        Existing::File(_) => "a file is there",
        Existing::Symlink => "a symbolic link is there",
        Existing::Other => "a device, pipe or socket is there",
    }
}

fn on_disk(kind: &Kind) -> u64 {
    match kind {
        Kind::Folder => 4096,
        Kind::Symlink(_) | Kind::Special(_) => 0,
        Kind::File { size, data } => {
            let hollow = data.holes().iter().fold(0_u64, |sum, hole| sum.saturating_add(hole.len));
            size.saturating_sub(hollow).checked_next_multiple_of(4096).unwrap_or(u64::MAX)
        }
    }
}

//! What a restore tells of itself: counts, what went wrong file by file, what could not be set.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::copies::FromCopy;
use crate::point::PointFacts;

/// The part of the work in which something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The restore point holds something that is refused: a hostile name, a size that does not add up.
    Refuse,
    /// Data in the repository is missing or damaged.
    Read,
    /// The repository could not be reached; the data may be whole.
    Reach,
    /// It could not be written to the target.
    Write,
    /// What was read back from the target is not what was recorded.
    Compare,
}

/// One thing that went wrong with one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// The path in the restore point, shown.
    pub path: String,
    /// When.
    pub step: Step,
    /// What, in words.
    pub what: String,
}

/// Metadata that could not be set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// The path in the restore point, shown.
    pub path: String,
    /// "owner", "mode", "time", "xattr user.comment".
    pub what: String,
    /// Why.
    pub why: String,
}

/// The same gap of many paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GapKind {
    /// As in [`Gap`].
    pub what: String,
    /// Why.
    pub why: String,
    /// Of how many paths.
    pub n: u64,
    /// The first of them, shown.
    pub first: String,
}

/// Files, folders and links, and the bytes of the files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Regular files.
    pub files: u64,
    /// Folders.
    pub folders: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of the files.
    pub bytes: u64,
}

/// "1 file", "2 files".
pub(crate) fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

/// How a restore ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All that was asked for is there and equals what was recorded.
    Complete,
    /// Something is missing or differs; `problems` names it.
    Incomplete,
}

/// The most gaps that are listed; the count goes on.
pub const MAX_GAPS: usize = 1000;

/// The most kinds of gaps that are told apart.
pub const MAX_GAP_KINDS: usize = 100;

/// The report of a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreReport {
    /// Version of this shape.
    pub v: u32,
    /// What was restored.
    pub point: PointFacts,
    /// The folder it was restored to.
    pub target: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Written in this run.
    pub written: Counts,
    /// Files that were there already with the recorded content.
    pub files_left: u64,
    /// Things in the way that were kept, as asked.
    pub kept: u64,
    /// Files that were read back and compared with their recorded ids.
    pub files_compared: u64,
    /// Their bytes.
    pub bytes_compared: u64,
    /// Different chunks that were read from the repository.
    pub chunks_read: u64,
    /// Their bytes.
    pub bytes_read: u64,
    /// Bytes that were not read from it, since the files that were there had them.
    #[serde(default)]
    pub bytes_reused: u64,
    /// What other copies gave, since the repository itself has it no more.
    #[serde(default)]
    pub from_copies: Vec<FromCopy>,
    /// In place: things that were moved aside.
    #[serde(default)]
    pub moved_aside: u64,
    /// In place: the folders that they were moved to, and that an undo takes.
    #[serde(default)]
    pub aside: Vec<PathBuf>,
    /// What went wrong, by path.
    pub problems: Vec<Problem>,
    /// Metadata that could not be set; at most [`MAX_GAPS`].
    pub gaps: Vec<Gap>,
    /// How many gaps there were.
    pub n_gaps: u64,
    /// All gaps by what could not be set and why, the most frequent first; at most [`MAX_GAP_KINDS`].
    #[serde(default)]
    pub gap_kinds: Vec<GapKind>,
    /// Whether the report comes from a run that went on where an interrupted one had stopped.
    pub resumed: bool,
    /// Time for reading and writing, in milliseconds.
    pub write_took_ms: u64,
    /// Time for comparing and for metadata, in milliseconds.
    pub compare_took_ms: u64,
}

impl RestoreReport {
    /// Problems of one step.
    pub fn problems_of(&self, step: Step) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(move |p| p.step == step)
    }
}

//! Drills: recoveries that are practised, and the checks that can fail them.

use base::Span;
use base::id::{CheckId, DrillId, RepositoryId, ServiceId, SourceId};
use serde::Serialize;

use crate::schedule::Schedule;

/// A recovery that is practised on a schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drill {
    /// How the plan calls it.
    pub id: DrillId,
    /// What it recovers; what these need comes along, see [`crate::plan::Plan::recovery_order`].
    pub services: Vec<ServiceId>,
    /// How much it proves.
    pub depth: Depth,
    /// Where the data goes.
    pub mode: Mode,
    /// When it runs, in the plan's zone.
    pub schedule: Schedule,
    /// Which copy it reads.
    pub from: From,
    /// What must hold afterwards, in order: sanity, smoke, functional. At least one.
    pub checks: Vec<Check>,
    /// The negative control.
    pub must_fail: Option<MustFail>,
}

/// How much a drill proves, least first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// People talk it through.
    Tabletop,
    /// A part of the data is restored. The default.
    #[default]
    Sample,
    /// All data of a service is restored and used.
    Functional,
    /// Everything, elsewhere.
    Full,
}

/// Where the restored data goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Every byte is read back and hashed; nothing is written to disk.
    Stream,
    /// Restored to a scratch folder and compared. The default.
    #[default]
    Scratch,
}

/// Which copy a drill reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// Any copy that has the data; the pick is recorded.
    Any,
    /// This one.
    Repository(RepositoryId),
}

/// One claim that a drill puts to the test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// How the drill calls it.
    pub id: CheckId,
    /// When it runs; a failing stage stops the next.
    pub stage: Stage,
    /// What is looked at.
    pub kind: CheckKind,
    /// The claim in the report; the check's id where the plan gives none.
    pub proves: String,
}

/// The order of checks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The data is there. The default.
    #[default]
    Sanity,
    /// Something starts.
    Smoke,
    /// Something works.
    Functional,
}

/// What a check looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// Files in the restored data.
    Files(FilesCheck),
    /// A program that is run on the restored data.
    Command(CommandCheck),
    /// The nonce that the last backup wrote.
    Canary(CanaryCheck),
}

/// Files that must have come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilesCheck {
    /// Paths or patterns (`*`, `**`, `?`), relative to the restored root of the source; each must match at least one file.
    pub paths: Vec<String>,
    /// Least number of files that match in all.
    pub min_count: Option<u64>,
    /// Least sum of their sizes, in bytes.
    pub min_bytes: Option<u64>,
}

/// A program that must end well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandCheck {
    /// Program and arguments; never a shell. `{root}` in an argument becomes the restored folder.
    pub run: Vec<String>,
    /// Longest time it may take; 1 minute unless set.
    pub within: Span,
    /// Exit code that it must end with; 0 unless set.
    pub exit: i32,
    /// Text that its output must contain.
    pub output_contains: Option<String>,
}

/// The canary must have come back and be young.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CanaryCheck {
    /// The source that carries it.
    pub source: SourceId,
    /// How old it may be when the drill starts.
    pub max_age: MaxAge,
}

/// How old a canary may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MaxAge {
    /// No older than the RPO of its source, see [`crate::plan::Plan::rpo_of`]. The check of the plan makes sure that there is one.
    Rpo,
    /// This long.
    Span(Span),
}

/// The negative control: after this tampering the named check must fail, or the drill is void.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MustFail {
    /// A check of the same drill.
    pub check: CheckId,
    /// What is done to the scratch folder.
    pub tamper: Tamper,
}

/// What is done to the restored data, relative to its root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tamper {
    /// Removes the files that match.
    RemoveFile(String),
    /// Cuts the files that match to no bytes.
    TruncateFile(String),
    /// Adds a line to the files that match.
    Append(String),
}

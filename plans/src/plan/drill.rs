//! Drills: recoveries that are practised, and the checks that can fail them.

use std::collections::BTreeMap;

use base::Span;
use base::id::{CheckId, DrillId, RecoveryKeyId, RepositoryId, ServiceId, SourceId, StepId, ThreatId};
use serde::Serialize;

use super::Role;
use crate::schedule::Schedule;

/// A recovery that is practised on a schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drill {
    /// How the plan calls it.
    pub id: DrillId,
    /// What it recovers; what these need comes along, see [`crate::plan::Plan::recovery_order`]. None for a tabletop, which people talk through.
    pub services: Vec<ServiceId>,
    /// How much it proves.
    pub depth: Depth,
    /// Where the data goes.
    pub mode: Mode,
    /// When it runs, in the plan's zone: a schedule, or a window with a moment that nobody is told.
    pub schedule: Schedule,
    /// Which copy it reads.
    pub from: From,
    /// What must hold afterwards, in order: sanity, smoke, functional. At least one.
    pub checks: Vec<Check>,
    /// The negative control.
    pub must_fail: Option<MustFail>,
    /// The recovery key that it has to be opened with; any unless set.
    pub key: Option<RecoveryKeyId>,
    /// Where what was restored is started.
    pub sandbox: Option<Sandbox>,
    /// Who signs its record.
    pub sign: DrillSign,
    /// The threat that it plays through.
    pub scenario: Option<ThreatId>,
    /// Roles that take part.
    pub participants: Vec<Role>,
    /// Steps of workflows that are carried out although they belong to an emergency alone.
    pub rehearse: Rehearse,
    /// Everyone is called.
    pub contact_all: bool,
    /// How many have to answer.
    pub answered: Option<Answered>,
}

impl Drill {
    /// Whether people talk it through and nothing is restored.
    pub fn is_tabletop(&self) -> bool {
        self.depth == Depth::Tabletop
    }
}

/// Where what was restored is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sandbox {
    /// "container", "host".
    pub kind: String,
    /// The host, where it is one.
    pub reference: Option<String>,
    /// "none", "isolated".
    pub network: Option<String>,
    /// Version of `PostgreSQL` in it.
    pub postgres: Option<String>,
    /// Processors.
    pub cpu: Option<u64>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// How long it is kept afterwards.
    pub keep: Option<Span>,
}

/// Who signs the record of a drill.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DrillSign {
    /// How many signatures of each role.
    pub roles: BTreeMap<Role, u8>,
    /// Each signature is of another person.
    pub distinct: bool,
}

/// Steps that are carried out although they belong to an emergency alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Rehearse {
    /// None of them. The default.
    #[default]
    None,
    /// All of them.
    All,
    /// These.
    Steps(Vec<StepId>),
}

/// How many have to answer a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// Within which time.
    pub within: Span,
    /// Percent of those called.
    pub share: u8,
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
    /// A query on a restored database.
    Sql(SqlCheck),
    /// A request to what was started on the restored data.
    Http(HttpCheck),
    /// A fact that was kept with the restore point.
    Fact(FactCheck),
}

/// A query on a restored database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SqlCheck {
    /// The query; one row, one column.
    pub query: String,
    /// What it must say.
    pub expect: Expect,
}

/// What a query must say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// This text.
    Equal(String),
    /// A time no older than this when the drill starts.
    MaxAge(Span),
}

/// A request to what was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpCheck {
    /// The address.
    pub url: String,
    /// The status that must come; 200 unless set.
    pub status: u16,
    /// The longest time until it comes; 1 minute unless set.
    pub within: Span,
}

/// A fact that must have come back the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FactCheck {
    /// Its name among the facts of a source.
    pub fact: String,
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
    /// Runs a statement on the restored database.
    Sql(String),
}

//! What a drill is asked to do, frozen before it starts.

use std::path::PathBuf;

use base::Span;
use base::id::{ServiceId, SourceId};
use jiff::Timestamp;
use plans::plan::Drill;

use crate::choose::Choice;

/// A drill with everything that the plan and its caller decided.
#[derive(Debug, Clone)]
pub struct DrillSpec {
    /// The drill of the plan: mode, checks, negative control.
    pub drill: Drill,
    /// What is restored: one restore point for each source. Each is chosen when the drill starts.
    pub picks: Vec<Pick>,
    /// The objectives as they are now; the record keeps them although the plan may change later.
    pub objectives: Vec<Objective>,
    /// When the loss is assumed to have happened; the RPO is measured from it. The start of the drill unless set.
    pub assumed_outage: Option<Timestamp>,
    /// When the recovery was declared; the RTO is measured from it. The start of the drill unless set.
    pub declared: Option<Timestamp>,
    /// The folder below which scratch folders are made.
    pub scratch_root: PathBuf,
    /// Threads; usually one a core.
    pub threads: usize,
}

/// How the restore point of one source is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// The source.
    pub source: SourceId,
    /// The rule.
    pub choice: Choice,
    /// The source's RPO: canaries with `max_age: rpo` are measured against it.
    pub rpo: Option<Span>,
}

/// Objectives of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objective {
    /// The service.
    pub service: ServiceId,
    /// Longest time to recover.
    pub rto: Option<Span>,
    /// Longest span of data that may be lost.
    pub rpo: Option<Span>,
}

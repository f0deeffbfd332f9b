//! Sources, the copies that are made of them, and how long these are kept.

use std::path::PathBuf;

use base::Span;
use base::id::{RepositoryId, RetentionId, SourceId};
use serde::Serialize;

use crate::schedule::Schedule;

/// Data that is backed up on a schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source {
    /// How the plan calls it.
    pub id: SourceId,
    /// What is read.
    pub kind: SourceKind,
    /// When it is read, in the plan's zone.
    pub schedule: Schedule,
    /// How long a run is expected to take; together with the schedule it must fit the RPO. Zero unless set.
    pub expect_run: Span,
    /// An RPO of its own, in place of those of the services that rely on it.
    pub rpo: Option<Span>,
    /// How long copies are kept; [`Retention::standard`] unless set.
    pub retention: Option<RetentionId>,
    /// Every repository that gets a copy, resolved: all of the plan unless it names a copy rule.
    pub to: Vec<RepositoryId>,
    /// A file whose fresh nonce must come back in a drill.
    pub canary: Option<CanaryFile>,
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// Files of this host.
    Files(FilesSource),
}

/// Files of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilesSource {
    /// Absolute paths, at least one.
    pub paths: Vec<PathBuf>,
    /// Patterns in gitignore syntax, in order; a later one wins.
    pub exclude: Vec<String>,
    /// Stay on the file system of each path. False unless set.
    pub one_file_system: bool,
    /// Leave out folders that carry a `CACHEDIR.TAG`. True unless set.
    pub exclude_caches: bool,
}

/// The canary of a files source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CanaryFile {
    /// Relative to the first path of the source; written before each backup.
    pub path: PathBuf,
}

/// A named list of repositories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyRule {
    /// Each gets a copy.
    pub to: Vec<RepositoryId>,
}

/// How long copies are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// The rule's name; "standard" for the built-in one.
    pub id: RetentionId,
    /// How many of each.
    pub keep: Keep,
}

/// How many restore points to keep: the newest of each of the last n hours, days, weeks… that have one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Keep {
    /// The newest n, whatever their time.
    pub last: u32,
    /// One an hour.
    pub hourly: u32,
    /// One a day.
    pub daily: u32,
    /// One a week (ISO 8601, Monday first).
    pub weekly: u32,
    /// One a month.
    pub monthly: u32,
    /// One a year.
    pub yearly: u32,
}

impl Retention {
    /// What holds where a source names no rule: 48 hourly, 35 daily, 12 weekly, 24 monthly, and the newest whatever its time.
    pub fn standard() -> Self {
        let id = "standard".parse().expect("a plain word is an id");
        Self { id, keep: Keep { last: 1, hourly: 48, daily: 35, weekly: 12, monthly: 24, yearly: 0 } }
    }
}

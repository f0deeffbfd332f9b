//! What was not as it should be: the list that people must decide about.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::counted;
use super::damage::Damage;
use super::restore_point::PointFigures;
use super::review::ReviewRow;
use super::row::{DrillRow, RowResult};
use crate::chain::Entry;
use crate::event::Event;
use crate::evidence::input::Facts;

/// What kind of thing was not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionKind {
    /// A drill failed.
    DrillFailed,
    /// A drill recovered all, and missed an objective.
    ObjectiveMissed,
    /// A drill that could not have failed.
    DrillVoid,
    /// A drill was cut off.
    DrillAborted,
    /// A planned drill was not run.
    DrillNotRun,
    /// Backups stored nothing.
    BackupFailed,
    /// Backups lack something.
    BackupIncomplete,
    /// A check of a repository found damage.
    DamageFound,
    /// A check of a repository found damage, and a later one that looked as closely found it mended.
    DamageMended,
    /// A restore in earnest did not bring back all.
    RestoreFailed,
    /// Notices could not be delivered.
    NoticeFailed,
    /// A review has a signature that is not good.
    SignatureNotGood,
    /// The plan's review is overdue.
    ReviewOverdue,
    /// Something else is late.
    Overdue,
}

impl ExceptionKind {
    /// In print.
    pub const fn words(self) -> &'static str {
        match self {
            Self::DrillFailed => "Drill failed",
            Self::ObjectiveMissed => "Objective missed",
            Self::DrillVoid => "Drill void",
            Self::DrillAborted => "Drill cut off",
            Self::DrillNotRun => "Drill not run",
            Self::BackupFailed => "Backup failed",
            Self::BackupIncomplete => "Backup incomplete",
            Self::DamageFound => "Damage found",
            Self::DamageMended => "Damage, mended",
            Self::RestoreFailed => "Restore failed",
            Self::NoticeFailed => "Notice failed",
            Self::SignatureNotGood => "Signature not good",
            Self::ReviewOverdue => "Review overdue",
            Self::Overdue => "Overdue",
        }
    }

    /// Whether somebody has still to act.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::DamageMended)
    }

    /// 0 for what says that data may not come back, then what was not shown, then what is late.
    pub const fn rank(self) -> u8 {
        match self {
            Self::DrillFailed | Self::DamageFound | Self::RestoreFailed => 0,
            Self::ObjectiveMissed | Self::BackupFailed | Self::SignatureNotGood => 1,
            Self::DrillVoid | Self::DrillNotRun | Self::BackupIncomplete | Self::ReviewOverdue | Self::Overdue => 2,
            Self::DrillAborted | Self::NoticeFailed | Self::DamageMended => 3,
        }
    }
}

/// Something that was not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// What kind.
    pub kind: ExceptionKind,
    /// When, or since when.
    pub at: Timestamp,
    /// What it is about: "drill/web-monthly".
    pub object: String,
    /// What, in a sentence without a full stop.
    pub what: String,
    /// Who must act, where that is known.
    pub owner: Option<String>,
    /// The number of the record that says so; none for what is absent.
    pub record: Option<u64>,
}

/// All exceptions, by time.
pub(super) fn exceptions(
    facts: &Facts,
    entries: &[Entry],
    rows: &[DrillRow],
    points: &[PointFigures],
    reviews: &[ReviewRow],
    damage: &Damage<'_>,
) -> Vec<Exception> {
    let mut list: Vec<Exception> = rows.iter().filter_map(|row| of_row(facts, row)).collect();
    list.extend(of_backups(entries, points));
    list.extend(entries.iter().filter_map(|entry| of_entry(entry, damage)));
    list.extend(of_notices(entries));
    list.extend(reviews.iter().filter_map(|row| {
        let what = format!("the signature of {} {}", row.by, row.signature.fault()?);
        Some(exception(ExceptionKind::SignatureNotGood, row.at, format!("review/{}", row.review), what).with(None, Some(row.record)))
    }));
    if let Some(since) = facts.review.overdue_since {
        let what = format!("the review of the plan, every {}, is overdue", facts.review.every);
        list.push(exception(ExceptionKind::ReviewOverdue, since, format!("plan/{}", facts.plan.id), what));
    }
    list.extend(
        facts
            .overdue
            .iter()
            .map(|item| exception(ExceptionKind::Overdue, item.since, String::new(), item.what.clone()).with(item.owner.clone(), None)),
    );
    list.sort_by(|a, b| (a.at, a.record, &a.object, &a.what).cmp(&(b.at, b.record, &b.object, &b.what)));
    list
}

fn exception(kind: ExceptionKind, at: Timestamp, object: String, what: String) -> Exception {
    Exception { kind, at, object, what, owner: None, record: None }
}

impl Exception {
    fn with(self, owner: Option<String>, record: Option<u64>) -> Self {
        Self { owner, record, ..self }
    }
}

fn of_row(facts: &Facts, row: &DrillRow) -> Option<Exception> {
    let kind = match row.result {
        RowResult::Passed => return None,
        RowResult::RtoMissed | RowResult::RpoMissed => ExceptionKind::ObjectiveMissed,
        RowResult::Failed => ExceptionKind::DrillFailed,
        RowResult::Void => ExceptionKind::DrillVoid,
        RowResult::Aborted => ExceptionKind::DrillAborted,
        RowResult::NotRun => ExceptionKind::DrillNotRun,
    };
    let objective = |name: &str, measured: Option<u64>, limit: Option<u64>| match (measured, limit) {
        (Some(measured), Some(limit)) => format!("{name} of {} against {}", human(measured), human(limit)),
        _ => format!("{name} not measured"),
    };
    let what = match row.result {
        RowResult::RtoMissed => objective("recovery time", row.rto_ms, row.rto_objective_ms()),
        RowResult::RpoMissed => objective("data loss", row.rpo_ms, row.rpo_objective_ms()),
        _ if row.why.is_empty() => row.result.words().to_lowercase(),
        _ => row.why.clone(),
    };
    let owner = row.services.iter().find_map(|id| facts.services.iter().find(|service| service.id == *id)?.owner.clone());
    Some(exception(kind, row.at(), format!("drill/{}", row.drill), what).with(owner, row.record.map(|head| head.seq)))
}

pub(in crate::evidence) fn human(ms: u64) -> String {
    base::span::human(std::time::Duration::from_millis(ms))
}

/// One exception for each source, repository and kind, told at the last time it happened.
fn of_backups(entries: &[Entry], points: &[PointFigures]) -> Vec<Exception> {
    let mut newest: BTreeMap<(String, String, bool), (Timestamp, u64)> = BTreeMap::new();
    for entry in entries {
        let key = match &entry.event {
            Event::BackupFailed(backup) if !backup.interrupted => (backup.source.to_string(), backup.repository.to_string(), true),
            Event::BackupFinished(backup) if !backup.complete => (backup.source.to_string(), backup.repository.to_string(), false),
            _ => continue,
        };
        newest.insert(key, (entry.at, entry.seq));
    }
    let mut list = Vec::new();
    for pair in points {
        for failed in [true, false] {
            let Some((at, record)) = newest.get(&(pair.source.to_string(), pair.repository.to_string(), failed)) else { continue };
            let (kind, what) = if failed {
                let why = pair.last_failure.as_deref().unwrap_or_default();
                (ExceptionKind::BackupFailed, format!("{} to {} failed, the last: {why}", counted(pair.failed, "backup"), pair.repository))
            } else {
                (
                    ExceptionKind::BackupIncomplete,
                    format!("{} in {} without everything", counted(pair.incomplete, "restore point"), pair.repository),
                )
            };
            list.push(exception(kind, *at, format!("source/{}", pair.source), what).with(None, Some(*record)));
        }
    }
    list
}

fn of_entry(entry: &Entry, damage: &Damage<'_>) -> Option<Exception> {
    let mended = damage.mended.get(&entry.seq);
    let (kind, what) = match &entry.event {
        Event::CheckFinished(check) if check.n_findings > 0 => (
            if mended.is_some() { ExceptionKind::DamageMended } else { ExceptionKind::DamageFound },
            format!(
                "{}, the first: {}{}",
                counted(check.n_findings, "finding"),
                check.findings.first().map_or("", String::as_str),
                mended.map_or_else(String::new, |at| format!("; the check of {} found none", at.strftime("%Y-%m-%d %H:%M UTC")))
            ),
        ),
        Event::RestoreFailed(restore) => (ExceptionKind::RestoreFailed, restore.error.clone()),
        Event::RestoreFinished(restore) if restore.mismatches > 0 => (
            ExceptionKind::RestoreFailed,
            format!(
                "{} did not come back equal to what was stored",
                counted(restore.mismatches, "file or folder").replace("file or folders", "files or folders")
            ),
        ),
        _ => return None,
    };
    Some(exception(kind, entry.at, entry.event.object(), what).with(None, Some(entry.seq)))
}

/// One exception for each channel, told at the last time it failed.
fn of_notices(entries: &[Entry]) -> Vec<Exception> {
    let mut channels: BTreeMap<String, (u64, Timestamp, u64, String)> = BTreeMap::new();
    for entry in entries {
        if let Event::NoticeFailed(notice) = &entry.event {
            let seen = channels.entry(notice.about.channel.to_string()).or_insert((0, entry.at, entry.seq, String::new()));
            *seen = (seen.0 + 1, entry.at, entry.seq, notice.error.clone());
        }
    }
    channels
        .into_iter()
        .map(|(channel, (n, at, record, why))| {
            exception(
                ExceptionKind::NoticeFailed,
                at,
                format!("channel/{channel}"),
                format!("{} failed, the last: {why}", counted(n, "attempt")),
            )
            .with(None, Some(record))
        })
        .collect()
}

//! Restore points of the period, by source and repository.

use std::collections::BTreeMap;

use base::id::{RepositoryId, SourceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::chain::Entry;
use crate::event::Event;

/// The backups of one source into one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointFigures {
    /// The source.
    pub source: SourceId,
    /// The repository.
    pub repository: RepositoryId,
    /// Restore points that hold everything.
    pub complete: u64,
    /// Restore points that lack something; they count for no objective.
    pub incomplete: u64,
    /// Backups that stored nothing.
    pub failed: u64,
    /// The last failure, in words.
    pub last_failure: Option<String>,
    /// Id of the newest complete restore point.
    pub newest: Option<String>,
    /// When its data was taken.
    pub newest_taken: Option<Timestamp>,
    /// Bytes in it.
    pub newest_bytes: u64,
    /// Files in it.
    pub newest_files: u64,
}

/// The figures of all pairs, by name.
pub(super) fn figures(entries: &[Entry]) -> Vec<PointFigures> {
    let mut pairs: BTreeMap<(SourceId, RepositoryId), PointFigures> = BTreeMap::new();
    for entry in entries {
        match &entry.event {
            Event::BackupFinished(backup) => {
                let figures = pair(&mut pairs, &backup.source, &backup.repository);
                if !backup.complete {
                    figures.incomplete += 1;
                    continue;
                }
                figures.complete += 1;
                if figures.newest_taken.is_none_or(|newest| backup.taken >= newest) {
                    figures.newest = Some(backup.snapshot.clone());
                    figures.newest_taken = Some(backup.taken);
                    figures.newest_bytes = backup.stats.bytes;
                    figures.newest_files = backup.stats.files;
                }
            }
            // One that a signal or shutdown ended says nothing about the source or the repository.
            Event::BackupFailed(backup) if !backup.interrupted => {
                let figures = pair(&mut pairs, &backup.source, &backup.repository);
                figures.failed += 1;
                figures.last_failure = Some(backup.error.clone());
            }
            _ => {}
        }
    }
    pairs.into_values().collect()
}

fn pair<'a>(
    pairs: &'a mut BTreeMap<(SourceId, RepositoryId), PointFigures>,
    source: &SourceId,
    repository: &RepositoryId,
) -> &'a mut PointFigures {
    pairs.entry((source.clone(), repository.clone())).or_insert_with(|| PointFigures {
        source: source.clone(),
        repository: repository.clone(),
        complete: 0,
        incomplete: 0,
        failed: 0,
        last_failure: None,
        newest: None,
        newest_taken: None,
        newest_bytes: 0,
        newest_files: 0,
    })
}

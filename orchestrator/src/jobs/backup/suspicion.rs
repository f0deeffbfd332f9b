//! Asks whether a restore point looks as if something had gone through the files, by what the journal knows of its source.
//!
//! The decision is `plans::anomaly`'s. Backups ask after each run; retention and the choice of the best restore point ask which are suspicious.

use std::collections::BTreeSet;

use base::id::{RepositoryId, SourceId};
use plans::Plan;
use plans::anomaly::judge;
use records::event::{BackupFinished, BackupSuspicious, SuspicionCleared};
use records::journal::{Filter, JournalError};
use registers::suspicion::run_of;

use crate::parts::Parts;

/// The events that tell of it.
const TOLD: [&str; 3] = ["backup.finished", "backup.suspicious", "backup.cleared"];

/// What the journal knows of the runs of all backups.
pub async fn known(parts: &Parts, plan: &Plan) -> Result<registers::Facts, JournalError> {
    let entries = parts.journal.entries(Filter::actions(TOLD)).await?;
    Ok(registers::Facts::of(&plan.id, entries.iter().map(|entry| (entry.at, &entry.event))))
}

/// The suspicion about a run that has just ended, if there is one. A run that could not read everything tells nothing.
pub(super) async fn of(parts: &Parts, plan: &Plan, run: &BackupFinished) -> Result<Option<BackupSuspicious>, JournalError> {
    if !run.complete {
        return Ok(None);
    }
    let facts = known(parts, plan).await?;
    let Some(state) = facts.backups.get(&(run.source.clone(), run.repository.clone())) else { return Ok(None) };
    let reasons = judge(&state.history, state.last.as_ref(), &run_of(&run.stats));
    Ok((!reasons.is_empty()).then(|| BackupSuspicious {
        run: run.run.clone(),
        source: run.source.clone(),
        repository: run.repository.clone(),
        snapshot: run.snapshot.clone(),
        reasons: reasons.iter().map(ToString::to_string).collect(),
    }))
}

/// The ids of all restore points that are suspicious now.
pub async fn suspicious(parts: &Parts, plan: &Plan) -> Result<BTreeSet<String>, JournalError> {
    Ok(known(parts, plan).await?.suspicious())
}

/// Says for a person that all is well with a source, and gives back how many restore points are suspicious no more.
pub async fn clear(parts: &Parts, plan: &Plan, source: &SourceId, reason: &str) -> Result<Vec<(RepositoryId, usize)>, JournalError> {
    let mut cleared = Vec::new();
    for ((of, repository), state) in known(parts, plan).await?.backups {
        if let Some(suspicion) = state.suspicion.filter(|_| of == *source) {
            cleared.push((repository.clone(), suspicion.snapshots.len()));
            let (source, snapshots, reason) = (source.clone(), suspicion.snapshots, reason.to_owned());
            parts.record(SuspicionCleared { source, repository, snapshots, reason }).await?;
        }
    }
    Ok(cleared)
}

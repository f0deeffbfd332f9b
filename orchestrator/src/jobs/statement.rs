//! What people say of restore points: that they are held, that a hold ends, that a drop is taken back. With the journal on both sides of it.

use std::collections::BTreeSet;

use base::Digest;
use base::id::RepositoryId;
use records::event::{MaintenanceFailed, MaintenanceFinished, MaintenanceStarted};
use repository::keys::Steward;
use repository::prune::PruneError;
use repository::prune::say::{self, Said};
use repository::repository::Repository;
use repository::snapshots::SnapshotId;

use super::JobError;
use crate::parts::{Parts, run_id};

/// What is said.
#[derive(Debug, Clone)]
pub enum Saying {
    /// These stay until the hold is released.
    Hold(BTreeSet<SnapshotId>),
    /// This hold ends.
    Release(Digest),
    /// This restore point, which was dropped, stays after all.
    Undo(SnapshotId),
}

impl Saying {
    fn word(&self) -> &'static str {
        match self {
            Self::Hold(_) => "hold",
            Self::Release(_) => "release",
            Self::Undo(_) => "undo",
        }
    }

    fn named(&self) -> Vec<String> {
        match self {
            Self::Hold(snapshots) => snapshots.iter().map(ToString::to_string).collect(),
            Self::Release(hold) => vec![hold.to_string()],
            Self::Undo(snapshot) => vec![snapshot.to_string()],
        }
    }
}

/// Who says it and why.
#[derive(Debug, Clone, Copy)]
pub struct Speaker<'a> {
    /// The key that signs.
    pub steward: &'a Steward,
    /// The person.
    pub who: &'a str,
    /// The reason.
    pub reason: &'a str,
}

/// Says it. Gives the name of a new hold.
pub async fn say(
    parts: &Parts,
    id: &RepositoryId,
    opened: &Repository,
    speaker: Speaker<'_>,
    saying: &Saying,
) -> Result<Option<Digest>, JobError> {
    let (run, act, named) = (run_id(&*parts.clock), saying.word().to_owned(), saying.named());
    let n_snapshots = named.len() as u64;
    let started = MaintenanceStarted {
        run: run.clone(),
        repository: id.clone(),
        act: act.clone(),
        snapshots: named,
        n_snapshots,
        reason: Some(speaker.reason.to_owned()),
        by: Some(speaker.who.to_owned()),
        confirmed_by: None,
    };
    parts.record(started).await?;
    match sign(parts, opened, speaker, saying).await {
        Ok(hold) => {
            let finished = MaintenanceFinished {
                run,
                repository: id.clone(),
                act,
                n_snapshots,
                n_condemned: 0,
                n_deleted: 0,
                deleted_bytes: 0,
                waits: Vec::new(),
            };
            parts.record(finished).await?;
            Ok(hold)
        }
        Err(error) => {
            let failed = MaintenanceFailed { run, repository: id.clone(), act, error: base::hint::whole_story(&error), n_snapshots: 0 };
            parts.record(failed).await?;
            Err(JobError::prune(id)(error))
        }
    }
}

async fn sign(parts: &Parts, opened: &Repository, speaker: Speaker<'_>, saying: &Saying) -> Result<Option<Digest>, PruneError> {
    let said = Said { steward: speaker.steward, now: parts.clock.now(), who: speaker.who, reason: speaker.reason };
    match saying {
        Saying::Hold(snapshots) => say::hold(opened, snapshots, said).await.map(Some),
        Saying::Release(hold) => say::release(opened, *hold, said).await.map(|()| None),
        Saying::Undo(snapshot) => say::undo(opened, *snapshot, said).await.map(|()| None),
    }
}

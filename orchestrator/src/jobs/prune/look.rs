//! Gathers what a prune decides by, and has it decided.

use std::collections::BTreeMap;

use base::id::{RepositoryId, SourceId};
use jiff::SignedDuration;
use plans::Plan;
use records::event::Event;
use records::journal::Filter;
use repository::keys::ReaderKey;
use repository::prune::{Facts, gather};
use repository::repository::Repository;
use repository::snapshots::{Listing, SnapshotId, SnapshotKey, list};

use super::super::JobError;
use super::{Looked, fate};
use crate::parts::Parts;

/// How far the clocks of this machine and of the store may differ.
const CLOCKS_AGREE: SignedDuration = SignedDuration::from_mins(15);

/// Looks at `opened`, and says what becomes of each restore point and pack. `agreed`: a second person agrees to drops that are out of the ordinary.
pub async fn look(
    parts: &Parts,
    plan: &Plan,
    id: &RepositoryId,
    opened: &Repository,
    key: Option<&ReaderKey>,
    agreed: bool,
) -> Result<Looked, JobError> {
    let facts = gather(opened).await.map_err(JobError::prune(id))?;
    let apart = facts.now.duration_since(parts.clock.now());
    if apart.abs() > CLOCKS_AGREE {
        return Err(JobError::ClocksApart { repository: id.clone(), seconds: apart.as_secs() });
    }
    let sources = sources(parts, id, opened, key, &facts).await?;
    let mut known = fate::Known { sources, proven: proven(parts, id).await?, ..fate::Known::default() };
    named(parts, id, &mut known).await?;
    Ok(fate::decide(plan, facts, &known, &opened.protocol(), agreed))
}

/// The source of each snapshot, as far as it can be told here: by the journal of this host, or else by a key that opens the snapshots.
async fn sources(
    parts: &Parts,
    id: &RepositoryId,
    opened: &Repository,
    key: Option<&ReaderKey>,
    facts: &Facts,
) -> Result<BTreeMap<SnapshotId, SourceId>, JobError> {
    let mut told = BTreeMap::<String, SourceId>::new();
    for entry in parts.journal.entries(Filter::actions(["backup.finished"])).await? {
        if let Event::BackupFinished(done) = entry.event
            && done.repository == *id
        {
            told.insert(done.snapshot, done.source);
        }
    }
    let mut sources = BTreeMap::new();
    for snapshot in &facts.snapshots {
        sources.extend(told.remove(&snapshot.id.to_string()).map(|source| (snapshot.id, source)));
    }
    if sources.len() == facts.snapshots.len() {
        return Ok(sources);
    }
    let listed = match key {
        Some(key) => list(opened, &SnapshotKey::Reader(key)).await,
        None => match parts.connect.writer_key(&opened.id().to_string()) {
            Ok(key) => list(opened, &SnapshotKey::Writer(&key)).await,
            Err(_) => Ok(Listing::default()),
        },
    };
    let listed = listed.map_err(|source| JobError::Read { repository: id.clone(), source: Box::new(source) })?;
    let all = listed.snapshots.into_iter().chain(listed.dropped.into_iter().map(|dropped| dropped.snapshot));
    sources.extend(all.map(|snapshot| (snapshot.id, snapshot.source)));
    Ok(sources)
}

/// What prunes of this host have dropped, or seen dropped and found nothing unusual. Copies of a repository have the same restore points.
async fn named(parts: &Parts, id: &RepositoryId, known: &mut fate::Known) -> Result<(), JobError> {
    for entry in parts.journal.entries(Filter::actions(["maintenance.started", "maintenance.finished"])).await? {
        match entry.event {
            Event::MaintenanceStarted(began) if began.act == "prune" => known.named.extend(began.snapshots),
            // Whoever drops it again is somebody new.
            Event::MaintenanceStarted(began) if began.act == "undo" => known.named.retain(|one| !began.snapshots.contains(one)),
            Event::MaintenanceFinished(done) if done.act == "prune" && done.repository == *id => known.has_pruned = true,
            _ => {}
        }
    }
    Ok(())
}

/// The snapshots from which a drill restored that passed.
async fn proven(parts: &Parts, id: &RepositoryId) -> Result<std::collections::BTreeSet<String>, JobError> {
    let mut proven = std::collections::BTreeSet::new();
    for entry in parts.journal.entries(Filter::actions(["drill.finished"])).await? {
        if let Event::DrillFinished(done) = entry.event
            && done.record.outcome == records::drill::Verdict::Pass
        {
            let used = done.record.recovery_points.iter().filter(|used| used.repository == *id);
            proven.extend(used.map(|used| used.snapshot.clone()));
        }
    }
    Ok(proven)
}

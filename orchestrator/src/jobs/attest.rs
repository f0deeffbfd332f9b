//! Attests restore points: walks the trees of each that nobody has attested, and signs that its pack set has all that they need.
//!
//! A check with a key that reads does it, and a prune that has such a key at hand. Nothing is deleted before.

use base::id::RepositoryId;
use repository::keys::Steward;
use repository::prune::{self, PruneError, gather};
use repository::reader::Reader;
use repository::repository::Repository;
use repository::snapshots::Snapshot;

use super::JobError;
use crate::parts::Parts;

/// What was attested.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attested {
    /// Restore points that are attested from now on.
    pub attested: u64,
    /// Restore points that are not, by the keys of their objects, and why.
    pub failed: Vec<(String, String)>,
}

/// Attests every restore point that is live and that nobody has attested.
pub async fn run(parts: &Parts, id: &RepositoryId, opened: &Repository, reader: &Reader, steward: &Steward) -> Result<Attested, JobError> {
    let facts = gather(opened).await.map_err(JobError::prune(id))?;
    let plan = prune::plan(&facts, &opened.protocol());
    let lacks = |snapshot: &prune::SnapshotFact| !snapshot.attested && plan.snapshots.get(&snapshot.id).is_some_and(|fate| fate.stays);
    let wanted: std::collections::BTreeSet<_> =
        facts.snapshots.iter().filter(|snapshot| lacks(snapshot)).map(|snapshot| snapshot.id).collect();
    let mut done = Attested::default();
    if wanted.is_empty() {
        return Ok(done);
    }
    let listing = reader.snapshots().await;
    let listing = listing.map_err(|source| JobError::Read { repository: id.clone(), source: Box::new(source) })?;
    let all = listing.snapshots.into_iter().chain(listing.dropped.into_iter().map(|dropped| dropped.snapshot));
    for snapshot in all.filter(|snapshot| wanted.contains(&snapshot.id)).collect::<Vec<Snapshot>>() {
        // Its trees and the index tell which packs it needs, and not whether they are there.
        if let Some(n) = plan.broken.get(&snapshot.id) {
            done.failed.push((snapshot.key().to_string(), format!("{n} of the packs that it needs are missing")));
            continue;
        }
        match prune::say::attest(opened, reader, &snapshot, steward, parts.clock.now()).await {
            Ok(()) => done.attested += 1,
            Err(error @ PruneError::Attest { .. }) => done.failed.push((snapshot.key().to_string(), base::hint::whole_story(&error))),
            Err(error) => return Err(JobError::prune(id)(error)),
        }
    }
    Ok(done)
}

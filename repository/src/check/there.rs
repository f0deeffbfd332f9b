//! Which snapshots the store lists, and whether those are among them that somebody holds.
//!
//! Nothing ever deletes the object of a snapshot, a prune neither: one that was there and is not is a loss. What a repository cannot know
//! itself, that its newest snapshots are gone, `orchestrator` tells by comparing this list with what was acknowledged to a host.

use std::collections::BTreeSet;

use stores::key::Prefix;
use stores::store::list_all;

use super::CheckError;
use super::report::CheckReport;
use crate::finding::Finding;
use crate::format::names::numbered;
use crate::prune::say;
use crate::repository::Repository;
use crate::snapshots::SnapshotId;

/// The snapshots that the store lists, by their names alone: nothing is read, and no key is needed.
pub async fn there(repository: &Repository) -> Result<BTreeSet<SnapshotId>, CheckError> {
    let prefix: Prefix = "snapshots/".parse().expect("a plain prefix");
    let listed = list_all(&**repository.store(), &prefix).await;
    let listed = listed.map_err(|source| CheckError::List { place: prefix.to_string(), source })?;
    Ok(listed.iter().filter_map(|entry| Some(SnapshotId::new(numbered("snapshots", &entry.key)?.name.digest))).collect())
}

/// A snapshot that somebody holds stays, whatever else is said.
pub(super) async fn held(repository: &Repository, report: &mut CheckReport) {
    // Holds that cannot be read are findings of their own.
    let Ok(holds) = say::held(repository).await else { return };
    for (digest, hold) in holds {
        for snapshot in hold.snapshots.iter().copied().map(SnapshotId::new) {
            if !report.there.contains(&snapshot) {
                let what = format!("it holds the restore point {snapshot}, which is not in the repository ({})", hold.reason);
                report.found(Finding { snapshots: vec![snapshot], ..Finding::new(format!("holds/{digest}"), what) });
            }
        }
    }
}

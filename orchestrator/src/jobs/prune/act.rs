//! Does what was seen and decided, with the journal on both sides of it.

use plans::Plan;
use records::event::{MaintenanceFailed, MaintenanceFinished, MaintenanceStarted};
use repository::keys::Steward;
use repository::prune::say::{Said, tombstone};
use repository::prune::{PruneError, apply};
use repository::repository::Repository;

use super::super::JobError;
use super::{Looked, Order};
use crate::parts::{Parts, run_id};

/// The most restore points that a record names.
const MAX_NAMED: usize = 100;

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Restore points that were dropped.
    pub dropped: u64,
    /// Packs that were named to be deleted later.
    pub condemned: u64,
    /// Packs that were deleted.
    pub deleted: u64,
    /// Bytes of them.
    pub deleted_bytes: u64,
    /// Packs that the store did not delete, and what it said.
    pub refused: Vec<String>,
}

/// Stores the tombstones, then condemns and deletes. Nothing is condemned or deleted while the plan says why not.
#[tracing::instrument(name = "prune", skip_all, fields(repository = %order.repository))]
pub async fn carry_out(
    parts: &Parts,
    plan: &Plan,
    opened: &Repository,
    looked: &Looked,
    steward: &Steward,
    order: &Order,
) -> Result<Done, JobError> {
    let run = run_id(&*parts.clock);
    let acts = !looked.plan.condemn.is_empty() || !looked.plan.delete.is_empty();
    if acts || !looked.drops.is_empty() {
        parts.record(started(&run, looked, order)).await?;
    }
    let mut done = Done::default();
    match act(parts, opened, looked, steward, order, &mut done).await {
        Ok(()) => {
            let mut waits = looked.waits();
            waits.extend(done.refused.iter().cloned());
            tracing::info!(plan = %plan.id, dropped = done.dropped, condemned = done.condemned, deleted = done.deleted, "pruned");
            let finished = MaintenanceFinished {
                run,
                repository: order.repository.clone(),
                act: "prune".to_owned(),
                n_snapshots: done.dropped,
                n_condemned: done.condemned,
                n_deleted: done.deleted,
                deleted_bytes: done.deleted_bytes,
                waits: waits.into_iter().take(MAX_NAMED).collect(),
            };
            parts.record(finished).await?;
            Ok(done)
        }
        Err(error) => {
            let failed = MaintenanceFailed {
                run,
                repository: order.repository.clone(),
                act: "prune".to_owned(),
                error: base::hint::whole_story(&error),
                n_snapshots: done.dropped,
            };
            parts.record(failed).await?;
            Err(JobError::prune(&order.repository)(error))
        }
    }
}

async fn act(
    parts: &Parts,
    opened: &Repository,
    looked: &Looked,
    steward: &Steward,
    order: &Order,
    done: &mut Done,
) -> Result<(), PruneError> {
    for drop in &looked.drops {
        let said = Said { steward, now: parts.clock.now(), who: &order.who, reason: &drop.reason };
        tombstone(opened, drop.snapshot, &drop.rule, said).await?;
        done.dropped += 1;
    }
    let acts = !looked.plan.condemn.is_empty() || !looked.plan.delete.is_empty();
    if !acts || !looked.plan.blocked.is_empty() {
        return Ok(());
    }
    let applied = apply(opened, &looked.plan, steward, &*parts.clock).await?;
    done.condemned = applied.condemned.map_or(0, |(_, n)| n as u64);
    done.deleted = applied.deleted.len() as u64;
    done.deleted_bytes = applied.deleted.iter().filter_map(|at| looked.plan.sizes.get(at)).sum();
    done.refused = applied.refused.into_iter().map(|((domain, pack), what)| format!("packs/{domain}/{pack}: {what}")).collect();
    Ok(())
}

fn started(run: &str, looked: &Looked, order: &Order) -> MaintenanceStarted {
    MaintenanceStarted {
        run: run.to_owned(),
        repository: order.repository.clone(),
        act: "prune".to_owned(),
        snapshots: looked.drops.iter().take(MAX_NAMED).map(|drop| drop.snapshot.to_string()).collect(),
        n_snapshots: looked.drops.len() as u64,
        reason: order.confirmed.as_ref().map(|confirmed| confirmed.reason.clone()),
        by: Some(order.who.clone()),
        confirmed_by: order.confirmed.as_ref().map(|confirmed| confirmed.by.clone()),
    }
}

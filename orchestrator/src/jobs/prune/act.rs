//! Does what was seen and decided, with the journal on both sides of it.

use jiff::Timestamp;
use plans::Plan;
use records::event::{MaintenanceFailed, MaintenanceFinished, MaintenanceStarted};
use repository::keys::Steward;
use repository::prune::say::{Said, hold, tombstone};
use repository::prune::{PruneError, apply};
use repository::repository::Repository;

use super::super::JobError;
use super::{Looked, Order};
use crate::parts::{Parts, run_id};

/// The most restore points that one record names; a prune that drops more has several.
const MAX_NAMED: usize = 100;

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// Restore points that were dropped.
    pub dropped: u64,
    /// Restore points that had been dropped, and are held from now on.
    pub held: u64,
    /// Packs that were named to be deleted later.
    pub condemned: u64,
    /// Packs that were deleted.
    pub deleted: u64,
    /// Bytes of them.
    pub deleted_bytes: u64,
    /// Packs that are locked, and are deleted by a prune after their locks have run out.
    pub locked: u64,
    /// When the last of these locks ends.
    pub locked_until: Option<Timestamp>,
    /// Packs that the store did not delete, and what it said.
    pub refused: Vec<String>,
}

/// Stores the tombstones, then condemns and deletes. Nothing is condemned or deleted while the plan says why not.
#[tracing::instrument(skip_all, fields(repository = %order.repository))]
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
    if acts || !looked.drops.is_empty() || !looked.seen.is_empty() || !looked.holds.is_empty() {
        for record in started(&run, looked, order) {
            parts.record(record).await?;
        }
    }
    let mut done = Done::default();
    match act(parts, opened, looked, steward, order, &mut done).await {
        Ok(()) => {
            let mut waits = looked.waits();
            waits.extend(done.refused.iter().cloned());
            tracing::info!(plan = %plan.id, dropped = done.dropped, condemned = done.condemned, deleted = done.deleted, locked = done.locked, "pruned");
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
    // Holds first: what stays after all must not go by a prune of this very moment.
    for keep in &looked.holds {
        let said = Said { steward, now: parts.clock.now(), who: &order.who, reason: &keep.reason };
        hold(opened, &[keep.snapshot].into(), said).await?;
        done.held += 1;
    }
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
    (done.locked, done.locked_until) = (applied.locked.len() as u64, applied.locked.values().max().copied());
    done.refused = applied.refused.into_iter().map(|((domain, pack), what)| format!("packs/{domain}/{pack}: {what}")).collect();
    Ok(())
}

/// What is about to be done. Every restore point is named that is dropped or was found dropped: the next prune tells by it who did.
fn started(run: &str, looked: &Looked, order: &Order) -> Vec<MaintenanceStarted> {
    let named: Vec<String> =
        looked.drops.iter().map(|drop| drop.snapshot).chain(looked.seen.iter().copied()).map(|id| id.to_string()).collect();
    let record = |snapshots: &[String]| MaintenanceStarted {
        run: run.to_owned(),
        repository: order.repository.clone(),
        act: "prune".to_owned(),
        snapshots: snapshots.to_vec(),
        n_snapshots: looked.drops.len() as u64,
        reason: order.confirmed.as_ref().map(|confirmed| confirmed.reason.clone()),
        by: Some(order.who.clone()),
        confirmed_by: order.confirmed.as_ref().map(|confirmed| confirmed.by.clone()),
    };
    if named.is_empty() { vec![record(&[])] } else { named.chunks(MAX_NAMED).map(record).collect() }
}

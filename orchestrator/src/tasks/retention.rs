//! Applies retention in each repository whose maintainer the plan names: tombstones, then mark and sweep, then packs that are mostly dead
//! are emptied where the keys for it are here, and otherwise retired.
//!
//! What needs a second person waits for `lifeboat prune`; what nobody has attested waits for a check with a key that reads. Both are late
//! in the list of what is overdue when they wait for too long.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::id::RepositoryId;
use plans::Plan;

use crate::desk::Desk;
use crate::jobs::prune::{Order, carry_out, look, steward};
use crate::jobs::space::{Asks, keep_small};
use crate::jobs::{JobError, attest, open};
use crate::parts::Parts;
use crate::task::{Task, TaskError};

const NAME: &str = "retention";

/// The time between two prunes of one repository. Each expires few restore points, and the sweep is never much later than it may be.
const EVERY: Duration = Duration::from_hours(6);

/// Starts a prune in each repository that has a maintainer and was not pruned for a while.
#[derive(Debug)]
pub(super) struct RetentionTask;

#[async_trait]
impl Task for RetentionTask {
    fn name(&self) -> &'static str {
        NAME
    }

    fn every(&self) -> Duration {
        Duration::from_mins(10)
    }

    async fn activate(&self, desk: &Desk) -> Result<usize, TaskError> {
        let Some(plan) = desk.plan() else { return Ok(0) };
        let facts = desk.facts(&plan).await.map_err(TaskError::at(NAME, "read the journal"))?;
        let now = desk.parts.clock.now();
        let mut started = 0;
        for repository in plan.repositories.values().filter(|repository| repository.maintainer.is_some()) {
            let last = facts.register.prune_ends.get(&repository.id);
            // A clock that was set back must not keep it from being due for years.
            if last.is_some_and(|last| now.duration_since(*last).unsigned_abs() < EVERY) {
                continue;
            }
            let (parts, plan, id) = (desk.parts.clone(), Arc::clone(&plan), repository.id.clone());
            started += usize::from(desk.running.start(format!("prune {id}"), |stop| async move {
                if let Some(Err(error)) = stop.run_until_cancelled(Box::pin(run(&parts, &plan, &id))).await {
                    tracing::error!(repository = %id, error = %base::hint::whole_story(&error), "retention was not applied");
                }
            }));
        }
        Ok(started)
    }
}

async fn run(parts: &Parts, plan: &Plan, id: &RepositoryId) -> Result<(), JobError> {
    let Some(known) = plan.repositories.get(id) else { return Ok(()) };
    let given = parts.connect.maintainer_key(known)?;
    let opened = open::repository(parts, plan, id).await?;
    let steward = steward(parts, id, &opened, given).await?;
    let key = parts.connect.reader_key()?;
    let mut reader = None;
    if key.is_some() {
        let reader = reader.insert(open::reader(parts, plan, id).await?);
        let attested = attest::run(parts, id, &opened, reader, &steward).await?;
        for (point, what) in &attested.failed {
            tracing::error!(repository = %id, point, what, "a restore point could not be attested");
        }
    }
    let order = Order { repository: id.clone(), who: parts.actor.name.clone(), confirmed: None };
    let looked = look(parts, plan, id, &opened, key.as_ref(), false).await?;
    for waits in looked.waits() {
        tracing::warn!(repository = %id, waits, "retention waits");
    }
    carry_out(parts, plan, &opened, &looked, &steward, &order).await?;
    let writer = parts.connect.writer_key(&opened.id().to_string());
    let writer = writer.inspect_err(|error| tracing::debug!(repository = %id, %error, "no pack is emptied here")).ok();
    let asks = Asks { steward: &steward, who: &order.who, reader: key.as_ref().zip(reader.as_ref()), writer: writer.as_ref() };
    keep_small(parts, id, &opened, asks).await.map(|_| ())
}

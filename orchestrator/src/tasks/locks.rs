//! Extends the locks of what is still needed in each repository for which the plan declares a lock, unless another host does.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::id::RepositoryId;
use plans::Plan;
use registers::facts::LockState;

use crate::desk::Desk;
use crate::jobs::{JobError, lock, open};
use crate::parts::Parts;
use crate::task::{Task, TaskError};

const NAME: &str = "locks";

/// Looks at the locks of each repository where `plans::lock` says that it is time.
#[derive(Debug)]
pub(super) struct LocksTask;

#[async_trait]
impl Task for LocksTask {
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
        for repository in plan.repositories.values() {
            let Some(declared) = plans::lock::of(repository) else { continue };
            let known = facts.register.locks.get(&repository.id).cloned();
            if !plans::lock::is_due(declared, known.as_ref().and_then(|state| state.last), now) {
                continue;
            }
            let (parts, plan, id) = (desk.parts.clone(), Arc::clone(&plan), repository.id.clone());
            started += usize::from(desk.running.start(format!("locks of {id}"), |stop| async move {
                if let Some(Err(error)) = stop.run_until_cancelled(run(&parts, &plan, &id, known.as_ref())).await {
                    tracing::error!(repository = %id, error = %base::hint::whole_story(&error), "locks were not renewed");
                }
            }));
        }
        Ok(started)
    }
}

async fn run(parts: &Parts, plan: &Plan, id: &RepositoryId, known: Option<&LockState>) -> Result<(), JobError> {
    let looked = async {
        let opened = open::repository(parts, plan, id).await?;
        lock::look(parts, plan, id, &opened, known).await.map(|looked| (opened, looked))
    };
    let (opened, looked) = match looked.await {
        Ok(looked) => looked,
        Err(error) => {
            lock::failed(parts, id, &error).await?;
            return Err(error);
        }
    };
    let done = lock::renew(parts, id, &opened, &looked).await?;
    for finding in done.refused.iter().chain(&looked.locks.unread).take(10) {
        tracing::warn!(repository = %id, object = finding.object, what = finding.what, "a lock was not extended");
    }
    Ok(())
}

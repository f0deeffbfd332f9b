//! Starts the backups that are due. A missed run is caught up once, however many were missed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plans::backup::{BackupDue, due};
use records::event::Trigger;

use crate::desk::Desk;
use crate::jobs::JobError;
use crate::jobs::backup::{Order, run};
use crate::jobs::open::repository_cache;
use crate::task::{Task, TaskError};

const NAME: &str = "backups";

/// Starts what `plans::backup::due` names.
#[derive(Debug)]
pub(super) struct BackupsTask;

#[async_trait]
impl Task for BackupsTask {
    fn name(&self) -> &'static str {
        NAME
    }

    fn every(&self) -> Duration {
        Duration::from_secs(15)
    }

    async fn activate(&self, desk: &Desk) -> Result<usize, TaskError> {
        let Some(plan) = desk.plan() else { return Ok(0) };
        let facts = desk.facts(&plan).await.map_err(TaskError::at(NAME, "read the journal"))?;
        let now = desk.parts.clock.now();
        let mut started = 0;
        for due in due(&plan, &facts.backup_starts(now), now) {
            // A person's backup of the same source is no failure of this one, which is due at each look until it may begin.
            if backup::is_busy(&repository_cache(&desk.parts), &due.source) {
                tracing::debug!(source = %due.source, "another process backs it up; it waits for the next look");
                continue;
            }
            let (parts, plan, order) = (desk.parts.clone(), Arc::clone(&plan), order(&due));
            // One source is read by one job at a time, whatever repository it goes to.
            started += usize::from(desk.running.start(format!("backup {}", due.source), |stop| async move {
                // What went wrong with the backup is in the journal and the log by now, and the next activation sees it there.
                if let Err(error @ (JobError::Journal(_) | JobError::Unknown { .. })) =
                    run(&parts, &plan, &order, Arc::new(backup::Silent), stop).await
                {
                    tracing::error!(source = %order.source, error = %base::hint::whole_story(&error), "the backup is not in the journal");
                }
            }));
        }
        Ok(started)
    }
}

fn order(due: &BackupDue) -> Order {
    Order {
        source: due.source.clone(),
        repository: due.repository.clone(),
        trigger: if due.missed > 0 { Trigger::CatchUp } else { Trigger::Schedule },
        planned_at: Some(due.planned_at),
    }
}

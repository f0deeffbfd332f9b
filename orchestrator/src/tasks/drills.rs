//! Starts the drills that are due, on hosts that hold a key to read with. Where no host does, the drill becomes overdue, and is alerted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plans::Plan;
use plans::drill::{Due, due};
use records::event::Trigger;

use crate::desk::Desk;
use crate::facts::Facts;
use crate::jobs::drill::{Order, run};
use crate::task::{Task, TaskError};

const NAME: &str = "drills";

/// Starts what `plans::drill::due` names.
#[derive(Debug)]
pub(super) struct DrillsTask;

#[async_trait]
impl Task for DrillsTask {
    fn name(&self) -> &'static str {
        NAME
    }

    fn every(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn activate(&self, desk: &Desk) -> Result<usize, TaskError> {
        let Some(plan) = desk.plan() else { return Ok(0) };
        if desk.parts.connect.reader_key().map_err(TaskError::at(NAME, "have the key that reads"))?.is_none() {
            return Ok(0);
        }
        let facts = desk.facts(&plan).await.map_err(TaskError::at(NAME, "read the journal"))?;
        let now = desk.parts.clock.now();
        let mut started = 0;
        for due in due(&plan, &facts.drill_starts(now), now) {
            if !restorable(&plan, &facts, &due) {
                continue; // a first drill before the first backup could only be aborted
            }
            let (parts, plan, order) = (desk.parts.clone(), Arc::clone(&plan), order(&due));
            started += usize::from(desk.running.start(format!("drill {}", due.drill), |stop| async move {
                if let Err(error) = run(&parts, &plan, &order, Arc::new(restore::progress::Quiet), &stop).await {
                    tracing::error!(drill = %order.drill, error = %base::hint::whole_story(&error), "the drill could not begin");
                }
            }));
        }
        Ok(started)
    }
}

fn order(due: &Due) -> Order {
    Order { drill: due.drill.clone(), trigger: Trigger::Schedule, planned_at: Some(due.planned_at), from: None, mode: None }
}

/// Whether every source of the drill has a restore point.
fn restorable(plan: &Plan, facts: &Facts, due: &Due) -> bool {
    let Some(drill) = plan.drills.get(&due.drill) else { return false };
    let services = plan.recovery_order(drill);
    let mut sources = services.iter().filter_map(|id| plan.services.get(id)).flat_map(|service| &service.sources);
    sources.all(|source| facts.newest_point(source).is_some())
}

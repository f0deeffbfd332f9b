//! Starts the drills that are due, on hosts that hold a key to read with. Where no host does, the drill becomes overdue, and is alerted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plans::drill::{Due, due};
use records::event::Trigger;

use crate::desk::Desk;
use crate::jobs::drill::{Order, may_begin, run};
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
            let can = |drill: &plans::plan::Drill| plans::supported::drill(drill).is_empty() && may_begin(&plan, drill, &facts);
            if !plan.drills.get(&due.drill).is_some_and(can) {
                continue; // a first drill before the first backup could only fail, and one that is not carried out stays overdue
            }
            let (parts, plan, order) = (desk.parts.clone(), Arc::clone(&plan), order(&due));
            started += usize::from(desk.running.start(format!("drill {}", due.drill), |stop| async move {
                if let Err(error) = run(&parts, &plan, &order, Arc::new(restore::progress::Quiet), &stop).await {
                    tracing::error!(drill = %order.drill, error = %base::hint::whole_story(&error), "the drill could not be done");
                }
            }));
        }
        Ok(started)
    }
}

fn order(due: &Due) -> Order {
    Order { drill: due.drill.clone(), trigger: Trigger::Schedule, planned_at: Some(due.planned_at), from: None, mode: None }
}

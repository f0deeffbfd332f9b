//! Opens a review when one is due: gathers its inputs, so that the people who must sign find it ready.

use std::time::Duration;

use async_trait::async_trait;
use plans::review::ReviewStatus;

use crate::desk::Desk;
use crate::jobs::review;
use crate::task::{Task, TaskError};

const NAME: &str = "reviews";

/// Opens what `plans::review` says is due.
#[derive(Debug)]
pub(super) struct ReviewsTask;

#[async_trait]
impl Task for ReviewsTask {
    fn name(&self) -> &'static str {
        NAME
    }

    fn every(&self) -> Duration {
        Duration::from_mins(1)
    }

    async fn activate(&self, desk: &Desk) -> Result<usize, TaskError> {
        let Some(plan) = desk.plan() else { return Ok(0) };
        let facts = desk.facts(&plan).await.map_err(TaskError::at(NAME, "read the journal"))?;
        let reviews = facts.reviews(&plan);
        let last = registers::review::last_signed(&reviews, &plan.review.sign);
        let status = registers::overdue::review_status(&plan, &facts.register, last.as_ref(), desk.parts.clock.now());
        let due = !matches!(status, ReviewStatus::Fresh { .. });
        if !due || registers::review::open(&reviews, &plan).is_some() {
            return Ok(0);
        }
        let started = review::start(&desk.parts, &plan, &facts).await.map_err(TaskError::at(NAME, "open a review"))?;
        Ok(usize::from(started.is_some()))
    }
}

//! The standing tasks, one file each, and the one place where they are listed.

mod backups;
mod drills;
mod incidents;
mod locks;
pub mod notices;
pub mod plan;
mod retention;
mod reviews;

use crate::task::Task;

/// All standing tasks, in the order in which a single look runs them: the plan first, what people are told last.
pub fn all() -> Vec<Box<dyn Task>> {
    vec![
        Box::new(plan::PlanTask),
        Box::new(backups::BackupsTask),
        Box::new(drills::DrillsTask),
        Box::new(retention::RetentionTask),
        Box::new(locks::LocksTask),
        Box::new(reviews::ReviewsTask),
        Box::new(incidents::IncidentsTask),
        Box::new(notices::NoticesTask::default()),
    ]
}

//! Computes how long a workflow takes: its longest chain of steps, as an exercise and in earnest.

use std::collections::BTreeMap;
use std::time::Duration;

use base::id::StepId;

use crate::plan::{Occasion, Step, Workflow};

/// The longest chain of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriticalPath {
    /// How long it takes at most, each attempt counted.
    pub takes: Duration,
    /// Its steps, first to last.
    pub steps: Vec<StepId>,
}

/// Whether a step is carried out on an occasion.
pub fn takes_part(step: &Step, occasion: Occasion) -> bool {
    step.only.is_none_or(|only| only == occasion)
}

/// The longest chain until the service is back. Steps that come after the service do not count, and a step that is left out on this occasion
/// takes no time and stands for what it needs.
///
/// # Errors
/// Steps that need each other in a circle, in the order of the plan.
pub fn critical_path(workflow: &Workflow, occasion: Occasion) -> Result<CriticalPath, Vec<StepId>> {
    let mut done: BTreeMap<&StepId, (Duration, Vec<StepId>)> = BTreeMap::new();
    let mut waiting: Vec<&Step> = workflow.steps.iter().collect();
    while !waiting.is_empty() {
        let known = |need: &StepId| workflow.steps.iter().any(|step| step.id == *need);
        let (ready, later): (Vec<&Step>, Vec<&Step>) =
            waiting.iter().partition(|step| step.needs.iter().all(|need| done.contains_key(need) || !known(need)));
        if ready.is_empty() {
            return Err(later.into_iter().map(|step| step.id.clone()).collect());
        }
        for step in ready {
            let before = step.needs.iter().filter_map(|need| done.get(need)).max_by_key(|(takes, _)| *takes).cloned();
            let (mut takes, mut steps) = before.unwrap_or_default();
            if takes_part(step, occasion) && !step.after_service {
                takes = takes.saturating_add(step.within.at_least().saturating_mul(u32::from(step.retry) + 1));
                steps.push(step.id.clone());
            }
            done.insert(&step.id, (takes, steps));
        }
        waiting = later;
    }
    let longest = done.into_values().max_by_key(|(takes, _)| *takes).unwrap_or_default();
    Ok(CriticalPath { takes: longest.0, steps: longest.1 })
}

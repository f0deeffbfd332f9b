//! Computes how long a workflow takes: its longest chain of steps, as an exercise and in earnest.

use std::collections::{BTreeMap, VecDeque};
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
    let steps = &workflow.steps;
    let mut places: BTreeMap<&StepId, usize> = BTreeMap::new();
    for (n, step) in steps.iter().enumerate() {
        places.entry(&step.id).or_insert(n);
    }
    // Each step is taken once, when all that it needs was; a walk for each step would take minutes in a workflow of thousands.
    let needs: Vec<Vec<usize>> =
        steps.iter().map(|step| step.needs.iter().filter_map(|need| places.get(need).copied()).collect()).collect();
    let mut waits: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (n, needs) in needs.iter().enumerate() {
        for need in needs {
            needed_by[*need].push(n);
        }
    }
    let mut ready: VecDeque<usize> = (0..steps.len()).filter(|n| waits[*n] == 0).collect();
    let mut done: Vec<Option<Chain>> = vec![None; steps.len()];
    while let Some(n) = ready.pop_front() {
        let before = needs[n].iter().filter_map(|need| Some((*need, done[*need]?))).max_by_key(|(_, chain)| chain.takes);
        let step = &steps[n];
        let counts = takes_part(step, occasion) && !step.after_service;
        let own = if counts { step.within.at_least().saturating_mul(u32::from(step.retry) + 1) } else { Duration::ZERO };
        let takes = before.map_or(Duration::ZERO, |(_, chain)| chain.takes).saturating_add(own);
        done[n] = Some(Chain { takes, counts, before: before.map(|(need, _)| need) });
        for later in &needed_by[n] {
            waits[*later] -= 1;
            if waits[*later] == 0 {
                ready.push_back(*later);
            }
        }
    }
    let circle: Vec<StepId> = steps.iter().zip(&done).filter(|(_, chain)| chain.is_none()).map(|(step, _)| step.id.clone()).collect();
    if !circle.is_empty() {
        return Err(circle);
    }
    let longest = (0..steps.len()).filter_map(|n| Some((n, done[n]?))).max_by_key(|(_, chain)| chain.takes);
    let Some((end, Chain { takes, .. })) = longest else { return Ok(CriticalPath { takes: Duration::ZERO, steps: Vec::new() }) };
    let walk = std::iter::successors(Some(end), |n| done[*n].and_then(|chain| chain.before));
    let mut path: Vec<StepId> = walk.filter(|n| done[*n].is_some_and(|chain| chain.counts)).map(|n| steps[n].id.clone()).collect();
    path.reverse();
    Ok(CriticalPath { takes, steps: path })
}

/// The longest chain that ends with a step.
#[derive(Debug, Clone, Copy)]
struct Chain {
    takes: Duration,
    counts: bool,
    before: Option<usize>,
}

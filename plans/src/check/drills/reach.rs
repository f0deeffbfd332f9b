//! What drills recover, and whether the copies that they read are made.
//!
//! Services are walked once for all drills, or once for each repository that drills name, not once for each drill: in a plan of thousands of
//! services, each with a drill of its own and needs that lead far, that would take minutes. A drill is walked alone where it has a fault.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base::id::{RepositoryId, ServiceId, SourceId};

use crate::Plan;
use crate::check::Context;
use crate::plan::{CheckKind, Drill, From, Service};
use crate::rules::meaning as rules;

/// Services that are recovered with these, external ones left out. What was seen before is not walked again.
pub(crate) fn of<'a>(
    plan: &'a Plan,
    services: impl Iterator<Item = &'a ServiceId>,
    mut seen: BTreeSet<&'a ServiceId>,
) -> BTreeSet<&'a ServiceId> {
    let mut stack: Vec<&ServiceId> = services.collect();
    while let Some(id) = stack.pop() {
        let Some(service) = plan.services.get(id).filter(|service| !service.external && !seen.contains(id)) else { continue };
        seen.insert(id);
        stack.extend(&service.needs);
    }
    seen
}

/// For each service whether something holds of it or of anything that is recovered with it. There must be no circle.
fn anywhere(plan: &Plan, holds: impl Fn(&Service) -> bool) -> BTreeMap<&ServiceId, bool> {
    let mut known: BTreeMap<&ServiceId, bool> = BTreeMap::new();
    for start in plan.services.keys() {
        let mut stack = vec![(start, false)];
        while let Some((id, leaving)) = stack.pop() {
            let Some(service) = plan.services.get(id).filter(|_| leaving || !known.contains_key(id)) else { continue };
            if service.external {
                known.insert(id, false);
            } else if leaving {
                let found = holds(service) || service.needs.iter().any(|need| known.get(need).copied().unwrap_or_default());
                known.insert(id, found);
            } else {
                stack.push((id, true));
                stack.extend(service.needs.iter().map(|need| (need, false)));
            }
        }
    }
    known
}

pub(super) fn check(context: &mut Context<'_>) {
    let plan = context.plan;
    let with_sources = anywhere(plan, |service| !service.sources.is_empty());
    let mut uncopied: HashMap<&RepositoryId, BTreeMap<&ServiceId, bool>> = HashMap::new();
    for drill in plan.drills.values().filter(|drill| !drill.is_tabletop()) {
        let path = format!("drills/{}", drill.id);
        if !context.sound(&format!("{path}/services")) {
            continue;
        }
        let any = |known: &BTreeMap<&ServiceId, bool>| drill.services.iter().any(|id| known.get(id).copied().unwrap_or_default());
        if !any(&with_sources) {
            let what = format!("the drill {} has nothing to recover", drill.id);
            let fault = context.at_value(&rules::NOTHING_TO_RECOVER, &format!("{path}/services"), what);
            fault.why = Some("its services, and what they need, have no source or are external".to_owned());
            fault.hint = Some("give the services their sources, or choose others".to_owned());
            continue;
        }
        canaries(context, drill, &path);
        if let From::Repository(repository) = &drill.from
            && plan.repositories.contains_key(repository)
        {
            let missing = |id: &SourceId| plan.sources.get(id).is_some_and(|source| !source.to.contains(repository));
            let known = uncopied.entry(repository).or_insert_with(|| anywhere(plan, |service| service.sources.iter().any(missing)));
            if any(known) {
                copies(context, drill, repository, &path);
            }
        }
    }
}

/// The sources that a drill restores.
fn sources<'a>(plan: &'a Plan, drill: &'a Drill) -> BTreeSet<&'a SourceId> {
    let services = of(plan, drill.services.iter(), BTreeSet::new());
    services.into_iter().filter_map(|id| plan.services.get(id)).flat_map(|service| &service.sources).collect()
}

fn copies(context: &mut Context<'_>, drill: &Drill, repository: &RepositoryId, path: &str) {
    let plan = context.plan;
    for source in sources(plan, drill).into_iter().filter_map(|id| plan.sources.get(id)) {
        if !source.to.contains(repository) && context.sound(&format!("sources/{}", source.id)) {
            let what = format!("the drill {} reads from {repository}, which gets no copy of {}", drill.id, source.id);
            let fault = context.at_value(&rules::NO_COPY_THERE, &format!("{path}/snapshot/from"), what);
            fault.hint = Some(format!("add {repository} to the copies of {}", source.id));
        }
    }
}

/// A canary comes back only from a source that the drill restores.
fn canaries(context: &mut Context<'_>, drill: &Drill, path: &str) {
    let plan = context.plan;
    if !context.sound(&format!("{path}/checks")) {
        return;
    }
    let own: BTreeSet<&SourceId> =
        drill.services.iter().filter_map(|id| plan.services.get(id)).filter(|one| !one.external).flat_map(|one| &one.sources).collect();
    let mut all = None; // walked only where a canary is of a source that is not the drill's own
    for (n, check) in drill.checks.iter().enumerate() {
        let CheckKind::Canary(canary) = &check.kind else { continue };
        if own.contains(&canary.source) || !plan.sources.contains_key(&canary.source) {
            continue;
        }
        let restored = all.get_or_insert_with(|| sources(plan, drill));
        if !restored.contains(&canary.source) {
            let what = format!("the drill {} looks for the canary of {}, which it does not restore", drill.id, canary.source);
            let names: Vec<&str> = restored.iter().map(|source| source.as_str()).take(12).collect();
            let more = if restored.len() > names.len() { ", …" } else { "" };
            let fault = context.at_value(&rules::CANARY_UNKNOWN_AGE, &format!("{path}/checks/{n}/canary"), what);
            fault.hint = Some(format!("it restores {}{more}", names.join(", ")));
        }
    }
}

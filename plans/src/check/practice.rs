//! Whether what has to work in an emergency is practised: workflows in time, steps rehearsed, keys tried, drills deep enough; and by more than one person.

use std::collections::{BTreeMap, BTreeSet};

use base::id::ServiceId;
use base::span::human;

use super::Context;
use crate::plan::{Depth, Drill, Occasion, Rehearse, Role, StepAction, Tier};
use crate::rules::meaning as rules;
use crate::workflow;

pub(super) fn check(context: &mut Context<'_>) {
    if context.sound("workflows") {
        in_time(context);
        rehearsed(context);
    }
    keys(context);
    if !context.faults.has(&rules::CYCLE) {
        depth(context);
    }
    if context.knows_roles() {
        lone_roles(context);
    }
}

fn in_time(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, flow) in &plan.workflows {
        for (occasion, word) in [(Occasion::Recovery, "in earnest"), (Occasion::Drill, "as a drill")] {
            let path = match workflow::critical_path(flow, occasion) {
                Ok(path) => path,
                Err(circle) => {
                    let names: Vec<&str> = circle.iter().map(base::id::StepId::as_str).collect();
                    let what = format!("steps of {id} wait for each other: {}", names.join(", "));
                    context.at_key(&rules::WORKFLOW_CIRCLE, &format!("workflows/{id}/steps"), what).hint =
                        Some("remove the need that does not hold".to_owned());
                    break;
                }
            };
            let services = flow.services.iter().filter_map(|id| plan.services.get(id));
            let tightest =
                services.filter_map(|service| Some((service.objectives.rto?, &service.id))).min_by_key(|(rto, _)| rto.at_least());
            let Some((rto, service)) = tightest.filter(|(rto, _)| path.takes > rto.at_least()) else { continue };
            let steps: Vec<&str> = path.steps.iter().map(base::id::StepId::as_str).collect();
            let what = format!("the workflow {id} takes {} {word}, but {service} has to be back in {rto}", human(path.takes));
            let fault = context.at_key(&rules::SLOW_WORKFLOW, &format!("workflows/{id}/steps"), what);
            fault.why = Some(format!("its longest chain is {}", steps.join(", ")));
            fault.hint = Some("let steps run side by side, make them shorter, or promise a longer RTO".to_owned());
            break;
        }
    }
}

fn rehearsed(context: &mut Context<'_>) {
    let plan = context.plan;
    let mut drills_of: BTreeMap<&ServiceId, Vec<&Drill>> = BTreeMap::new();
    for drill in plan.drills.values().filter(|drill| !drill.is_tabletop()) {
        drill.services.iter().for_each(|id| drills_of.entry(id).or_default().push(drill));
    }
    for (id, flow) in &plan.workflows {
        let drills: Vec<&Drill> = flow.services.iter().filter_map(|id| drills_of.get(id)).flatten().copied().collect();
        let never: Vec<&str> = flow
            .steps
            .iter()
            .filter(|step| {
                !drills.iter().any(|drill| {
                    workflow::takes_part(step, Occasion::Drill)
                        || match &drill.rehearse {
                            Rehearse::All => true,
                            Rehearse::Steps(steps) => steps.contains(&step.id),
                            Rehearse::None => false,
                        }
                })
            })
            .map(|step| step.id.as_str())
            .collect();
        if !never.is_empty() {
            let what = format!("no drill carries out {} of {id}", never.join(", "));
            let fault = context.at_key(&rules::UNREHEARSED_STEP, &format!("workflows/{id}"), what);
            fault.why = Some("they would be done for the first time in an emergency".to_owned());
            fault.hint = Some("let a drill of its services have rehearse: all".to_owned());
        }
    }
}

/// Judged where a drill names a key at all: elsewhere nobody can tell which of them a drill is opened with.
fn keys(context: &mut Context<'_>) {
    let plan = context.plan;
    let named: BTreeSet<_> = plan.drills.values().filter_map(|drill| drill.key.as_ref()).collect();
    let any = plan.drills.values().any(|drill| drill.key.is_none() && !drill.is_tabletop());
    let untested: Vec<&str> = plan.recovery_keys.keys().filter(|id| !named.contains(id)).map(base::id::RecoveryKeyId::as_str).collect();
    // A drill that names none is opened with the key that is at hand, which is one of the others.
    if !named.is_empty() && untested.len() > usize::from(any) && context.sound("drills") && context.sound("recovery_keys") {
        let what = format!("drills never use {}", untested.join(" or "));
        let fault = context.at_key(&rules::UNTESTED_KEY, "recovery_keys", what);
        fault.why = Some("nobody knows whether it can still be found and opens anything".to_owned());
        fault.hint = Some("name it in a drill: snapshot: {key: …}".to_owned());
    }
}

fn depth(context: &mut Context<'_>) {
    let plan = context.plan;
    let mut deepest: BTreeMap<&ServiceId, Depth> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for depth in [Depth::Full, Depth::Functional, Depth::Sample, Depth::Tabletop] {
        let services = plan.drills.values().filter(|drill| drill.depth == depth).flat_map(|drill| &drill.services);
        seen = super::drills::reach::of(plan, services, seen);
        for id in &seen {
            deepest.entry(id).or_insert(depth);
        }
    }
    for (id, service) in &plan.services {
        // Whoever wrote no tier has not said how much depends on it.
        if context.places.text(&format!("services/{id}/tier")).is_none() || !context.sound(&format!("services/{id}/tier")) {
            continue;
        }
        let (least, word) = match service.tier {
            Tier::Low => (Depth::Tabletop, "tabletop"),
            Tier::Moderate => (Depth::Functional, "functional"),
            Tier::High => (Depth::Full, "full"),
        };
        if let Some(depth) = deepest.get(id).filter(|depth| **depth < least) {
            let has = format!("{depth:?}").to_lowercase();
            let what = format!("the deepest drill of {id} is {has}, its tier asks for {word}");
            context.at_value(&rules::SHALLOW_DRILL, &format!("services/{id}/tier"), what).hint =
                Some(format!("add a drill with depth: {word}"));
        }
    }
}

/// Roles that have to act, and where the plan names each first.
fn acting(context: &Context<'_>) -> BTreeMap<Role, String> {
    let plan = context.plan;
    let mut roles = BTreeMap::new();
    let mut add = |role: &Role, path: String| {
        roles.entry(role.clone()).or_insert(path);
    };
    for (key, decision) in [("activate", &plan.activate), ("stand_down", &plan.stand_down)] {
        if let Some(decision) = decision {
            decision.by.iter().enumerate().for_each(|(n, role)| add(role, format!("{key}/by/{n}")));
        }
    }
    for (id, flow) in &plan.workflows {
        for (n, step) in flow.steps.iter().enumerate() {
            step.role.iter().for_each(|role| add(role, format!("workflows/{id}/steps/{n}/role")));
            if let StepAction::Approve(approval) = &step.action {
                approval.roles.iter().enumerate().for_each(|(m, role)| add(role, format!("workflows/{id}/steps/{n}/approve/roles/{m}")));
            }
        }
    }
    plan.incidents.capa.close_by.iter().enumerate().for_each(|(n, role)| add(role, format!("incidents/capa/close_by/{n}")));
    roles
}

fn lone_roles(context: &mut Context<'_>) {
    let plan = context.plan;
    for (role, path) in acting(context) {
        let holders: Vec<_> = plan.contacts.values().filter(|contact| contact.roles.contains(&role)).collect();
        match holders.as_slice() {
            [] => {
                let fault = context.at_value(&rules::UNHELD_ROLE, &path, format!("nobody has the role \"{role}\" that has to act here"));
                fault.hint = Some(format!("give a contact role: [{role}]"));
            }
            [only] if only.deputy.is_none() => {
                let fault = context.at_value(&rules::LONE_ROLE, &path, format!("{} alone has the role \"{role}\", and no deputy", only.id));
                fault.why = Some("nobody could act in their absence".to_owned());
                fault.hint = Some("give the role to another contact, or name a deputy".to_owned());
            }
            _ => {}
        }
    }
}

//! Names that workflows, rosters, holds, incidents and waivers use.

use std::collections::BTreeSet;

use base::id::{ContactId, RouteId, SourceId};

use super::Context;
use super::names::{contact, service_names};
use crate::document::section::incident::NO_INCIDENT;
use crate::plan::{FeedbackClass, Rehearse, StepAction};

pub(super) fn check(context: &mut Context<'_>) {
    workflows(context);
    people(context);
    copies(context);
    drills(context);
    for class in FeedbackClass::ALL {
        let path = format!("feedback/classes/{}", class.word());
        if let Some(written) = context.places.text(&path).filter(|written| *written != NO_INCIDENT).map(str::to_owned) {
            let known: BTreeSet<&str> =
                context.plan.incidents.severity.keys().map(base::id::SeverityId::as_str).chain([NO_INCIDENT]).collect();
            context.must_be_in(&path, "severity", written, &known);
        }
    }
}

fn workflows(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, workflow) in &plan.workflows {
        let path = format!("workflows/{id}");
        service_names(context, &format!("{path}/for"), &workflow.services);
        if !context.sound(&format!("{path}/steps")) {
            continue; // a step that could not be read has left the list, and places would not fit
        }
        let known: BTreeSet<&str> = workflow.steps.iter().map(|step| step.id.as_str()).collect();
        for (n, step) in workflow.steps.iter().enumerate() {
            let path = format!("{path}/steps/{n}");
            for (m, need) in step.needs.iter().enumerate() {
                context.must_be_in(&format!("{path}/needs/{m}"), "step", need, &known);
            }
            match &step.action {
                StepAction::Notify { route, .. } => route_name(context, &format!("{path}/notify/route"), route),
                StepAction::Restore { source, .. } => source_name(context, &format!("{path}/restore/source"), source),
                StepAction::Check { drill } => {
                    context.must_be_in(&format!("{path}/check/drill"), "drill", drill, &plan.drills);
                }
                StepAction::Approve(_) | StepAction::Manual(_) | StepAction::Run(_) => {}
            }
        }
    }
}

fn route_name(context: &mut Context<'_>, path: &str, route: &RouteId) {
    context.must_be_in(path, "route", route, &context.plan.alerts.routes);
}

fn source_name(context: &mut Context<'_>, path: &str, source: &SourceId) {
    context.must_be_in(path, "source", source, &context.plan.sources);
}

fn people(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, shift) in &plan.roster {
        for (n, person) in shift.on_call.iter().enumerate() {
            contact(context, &format!("roster/{id}/on_call/{n}"), Some(person));
        }
    }
    let holds: Vec<(String, &ContactId)> =
        plan.legal_hold.iter().enumerate().map(|(n, hold)| (format!("legal_hold/{n}/by"), &hold.by)).collect();
    let waivers = plan.waivers.iter().enumerate().map(|(n, waiver)| (format!("waivers/{n}/by"), &waiver.by));
    for (path, person) in holds.into_iter().chain(waivers) {
        contact(context, &path, Some(person));
    }
    for (n, hold) in plan.legal_hold.iter().enumerate() {
        for (m, source) in hold.sources.iter().enumerate() {
            source_name(context, &format!("legal_hold/{n}/sources/{m}"), source);
        }
    }
}

fn copies(context: &mut Context<'_>) {
    let plan = context.plan;
    for (name, rule) in &plan.copies {
        let known: BTreeSet<&str> = rule.to.iter().map(base::id::RepositoryId::as_str).collect();
        for repository in rule.lag.keys() {
            context.must_be_in(&format!("copies/{name}/lag/{repository}"), "copy to", repository, &known);
        }
    }
    for (id, rule) in &plan.retention {
        if let Some(archive) = &rule.archive {
            context.must_be_in(&format!("retention/{id}/archive/to"), "repository", &archive.to, &plan.repositories);
        }
    }
    for (n, repository) in plan.evidence.anchor_to.iter().enumerate() {
        context.must_be_in(&format!("evidence/anchor/to/{n}"), "repository", repository, &plan.repositories);
    }
    for (id, source) in &plan.sources {
        if let Some(before) = &source.after {
            source_name(context, &format!("sources/{id}/after"), before);
        }
    }
    if let Some(test) = &plan.alerts.self_test {
        route_name(context, "alerts/self_test/route", &test.route);
    }
}

fn drills(context: &mut Context<'_>) {
    let plan = context.plan;
    let all_steps: BTreeSet<&str> = plan.workflows.values().flat_map(|workflow| &workflow.steps).map(|step| step.id.as_str()).collect();
    let all_facts: BTreeSet<&str> = plan.sources.values().flat_map(|source| source.facts.keys()).map(String::as_str).collect();
    for (id, drill) in &plan.drills {
        if let Some(key) = &drill.key {
            context.must_be_in(&format!("drills/{id}/snapshot/key"), "recovery key", key, &plan.recovery_keys);
        }
        if let Some(threat) = &drill.scenario {
            context.must_be_in(&format!("drills/{id}/scenario"), "threat", threat, &plan.threats);
        }
        if let Rehearse::Steps(steps) = &drill.rehearse {
            for (n, step) in steps.iter().enumerate() {
                context.must_be_in(&format!("drills/{id}/rehearse/{n}"), "step", step, &all_steps);
            }
        }
        if !context.sound(&format!("drills/{id}/checks")) {
            continue;
        }
        for (n, check) in drill.checks.iter().enumerate() {
            if let crate::plan::CheckKind::Fact(fact) = &check.kind {
                context.must_be_in(&format!("drills/{id}/checks/{n}/fact"), "fact", &fact.fact, &all_facts);
            }
        }
    }
}

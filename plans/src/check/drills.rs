//! Drills: whether they can prove something, and whether every service has one.

pub(super) mod reach;

use std::collections::{BTreeMap, BTreeSet};

use super::Context;
use crate::plan::{CheckKind, Drill, MaxAge, Mode, Rehearse, StepAction};
use crate::rules::meaning as rules;

pub(super) fn check(context: &mut Context<'_>) {
    let plan = context.plan;
    let circle = context.faults.has(&rules::CYCLE);
    for drill in plan.drills.values() {
        let path = format!("drills/{}", drill.id);
        checks(context, drill, &path);
        control(context, drill, &path);
        canaries(context, drill, &path);
    }
    if !circle {
        reach::check(context);
        undrilled(context);
    }
    lonely(context);
}

fn checks(context: &mut Context<'_>, drill: &Drill, path: &str) {
    let path = format!("{path}/checks");
    if !context.sound(&path) {
        return;
    }
    if drill.checks.is_empty() && !drill.is_tabletop() && !rehearses_checks(context, drill) {
        let fault = context.at_key(&rules::DRILL_WITHOUT_CHECKS, &path, format!("the drill {} checks nothing", drill.id));
        fault.why = Some("it would pass whatever came back, so that its result is void".to_owned());
        fault.hint = Some("add a check: files, command or canary".to_owned());
    }
    let mut seen = BTreeMap::new();
    for (n, check) in drill.checks.iter().enumerate() {
        if drill.mode == Mode::Stream && matches!(check.kind, CheckKind::Command(_)) {
            let what = format!("the check {} runs a command, but mode stream writes no files", check.id);
            let fault = context.at_key(&rules::COMMAND_WITHOUT_FILES, &format!("{path}/{n}/command"), what);
            fault.hint = Some("use mode: scratch, or a check of files".to_owned());
        }
        if let Some(first) = seen.insert(&check.id, n + 1) {
            let what = format!("the check \"{}\" stands here a second time", check.id);
            let fault = context.at_value(&crate::rules::language::DUPLICATE, &format!("{path}/{n}/id"), what);
            fault.hint = Some(format!("give it another id than the check at place {first}"));
        }
    }
}

/// Whether the drill carries out a workflow whose steps run checks.
fn rehearses_checks(context: &Context<'_>, drill: &Drill) -> bool {
    let mut workflows = context.plan.workflows.values().filter(|workflow| workflow.services.iter().any(|id| drill.services.contains(id)));
    drill.rehearse != Rehearse::None
        && workflows.any(|workflow| workflow.steps.iter().any(|step| matches!(step.action, StepAction::Check { .. })))
}

fn control(context: &mut Context<'_>, drill: &Drill, path: &str) {
    let path = format!("{path}/must_fail");
    if !context.sound(&path) {
        return;
    }
    let Some(control) = &drill.must_fail else {
        if !drill.checks.is_empty() {
            let what = format!("the drill {} has no negative control", drill.id);
            let fault = context.at_key(&rules::NO_NEGATIVE_CONTROL, &path, what);
            fault.why = Some("nothing shows that its checks can fail".to_owned());
            let must_fail = "add must_fail: {check: …, tamper: {remove_file: …}}";
            fault.hint = Some(match drill.mode {
                Mode::Scratch => must_fail.to_owned(),
                Mode::Stream => format!("use mode: scratch, and {must_fail}"),
            });
        }
        return;
    };
    if drill.mode == Mode::Stream {
        let what = format!("the drill {} of mode stream has no data on disk to tamper with", drill.id);
        let fault = context.at_key(&rules::CONTROL_WITHOUT_FILES, &path, what);
        fault.why = Some("its result would be void in every run".to_owned());
        fault.hint = Some("use mode: scratch, or leave must_fail out".to_owned());
    }
    if !drill.checks.iter().any(|check| check.id == control.check) {
        let what = format!("the drill {} has no check \"{}\" that must fail", drill.id, control.check);
        let known: Vec<&str> = drill.checks.iter().map(|check| check.id.as_str()).collect();
        let fault = context.at_value(&rules::CONTROL_WITHOUT_CHECK, &format!("{path}/check"), what);
        fault.hint = Some(format!("it has {}", known.join(", ")));
    }
}

fn canaries(context: &mut Context<'_>, drill: &Drill, path: &str) {
    let plan = context.plan;
    if !context.sound(&format!("{path}/checks")) {
        return;
    }
    for (n, check) in drill.checks.iter().enumerate() {
        let CheckKind::Canary(canary) = &check.kind else { continue };
        let Some(source) = plan.sources.get(&canary.source).filter(|source| context.sound(&format!("sources/{}", source.id))) else {
            continue;
        };
        if source.canary.is_none() {
            let what = format!("the source {} writes no canary that could come back", source.id);
            let fault = context.at_value(&rules::CANARY_UNKNOWN_AGE, &format!("{path}/checks/{n}/canary"), what);
            fault.hint = Some("add canary: {file: .lifeboat-canary} to the source".to_owned());
        }
        if canary.max_age == MaxAge::Rpo && context.rpo_of(source).is_none() {
            let what = format!("the canary of {} may be as old as the RPO, but there is none", source.id);
            let fault = context.at_value(&rules::CANARY_UNKNOWN_AGE, &format!("{path}/checks/{n}/canary"), what);
            fault.hint = Some("give the service an RPO, or the check a max_age".to_owned());
        }
    }
}

fn undrilled(context: &mut Context<'_>) {
    let plan = context.plan;
    let covered =
        reach::of(plan, plan.drills.values().filter(|drill| !drill.is_tabletop()).flat_map(|drill| &drill.services), BTreeSet::new());
    for (id, service) in &plan.services {
        if !service.sources.is_empty() && !service.external && !covered.contains(id) {
            let fault = context.at_key(&rules::NO_DRILL, &format!("services/{id}"), format!("no drill recovers {id}"));
            fault.why = Some("nobody knows whether it can be recovered".to_owned());
            fault.hint = Some("add it to the services of a drill".to_owned());
        }
    }
}

fn lonely(context: &mut Context<'_>) {
    let plan = context.plan;
    for id in plan.sources.keys() {
        if context.users_of(id).is_empty() {
            let fault = context.at_key(&rules::LONELY_SOURCE, &format!("sources/{id}"), format!("no service relies on the source {id}"));
            fault.why = Some("no objective applies to it, and no drill restores it".to_owned());
            fault.hint = Some(format!("add it to a service: sources: [{id}]"));
        }
    }
}

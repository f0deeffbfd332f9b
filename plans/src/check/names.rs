//! References: every name that is used is defined.

use super::Context;
use crate::document::section::drill::ANY_COPY;
use crate::plan::{CheckKind, From};

/// The channel that every plan has: notices are gathered, and sent once a day or a week.
pub(super) const DIGEST: &str = "digest";

pub(super) fn check(context: &mut Context<'_>) {
    contacts(context);
    services(context);
    sources(context);
    drills(context);
    threats(context);
    alerts(context);
}

pub(super) fn contact(context: &mut Context<'_>, path: &str, name: Option<&base::id::ContactId>) {
    if let Some(name) = name {
        context.must_be_known(path, "contact", name, context.plan.contacts.keys().map(base::id::ContactId::as_str));
    }
}

fn contacts(context: &mut Context<'_>) {
    let plan = context.plan;
    contact(context, "owner", plan.owner.as_ref());
    for (id, person) in &plan.contacts {
        contact(context, &format!("contacts/{id}/deputy"), person.deputy.as_ref());
    }
    for (id, service) in &plan.services {
        contact(context, &format!("services/{id}/owner"), service.owner.as_ref());
    }
    for (id, key) in &plan.recovery_keys {
        contact(context, &format!("recovery_keys/{id}/custodian"), key.custodian.as_ref());
    }
    for (id, threat) in &plan.threats {
        contact(context, &format!("threats/{id}/owner"), threat.owner.as_ref());
        contact(context, &format!("threats/{id}/accepted_by"), threat.accepted_by.as_ref());
    }
}

pub(super) fn service_names(context: &mut Context<'_>, path: &str, names: &[base::id::ServiceId]) {
    for (n, name) in names.iter().enumerate() {
        context.must_be_known(&format!("{path}/{n}"), "service", name, context.plan.services.keys().map(base::id::ServiceId::as_str));
    }
}

fn services(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, service) in &plan.services {
        service_names(context, &format!("services/{id}/needs"), &service.needs);
        for (n, source) in service.sources.iter().enumerate() {
            let path = format!("services/{id}/sources/{n}");
            context.must_be_known(&path, "source", source, plan.sources.keys().map(base::id::SourceId::as_str));
        }
    }
}

fn sources(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, source) in &plan.sources {
        if let Some(rule) = &source.retention {
            let known = plan.retention.keys().map(base::id::RetentionId::as_str);
            context.must_be_known(&format!("sources/{id}/retention"), "retention rule", rule, known);
        }
        let path = format!("sources/{id}/copies");
        if let Some(name) = context.places.text(&path).map(str::to_owned) {
            context.must_be_known(&path, "copy rule", name, plan.copies.keys().map(String::as_str));
        }
    }
    for (name, rule) in &plan.copies {
        for (n, repository) in rule.to.iter().enumerate() {
            let known = plan.repositories.keys().map(base::id::RepositoryId::as_str);
            context.must_be_known(&format!("copies/{name}/to/{n}"), "repository", repository, known);
        }
    }
}

fn drills(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, drill) in &plan.drills {
        service_names(context, &format!("drills/{id}/services"), &drill.services);
        if let From::Repository(repository) = &drill.from {
            let known = plan.repositories.keys().map(base::id::RepositoryId::as_str).chain([ANY_COPY]);
            context.must_be_known(&format!("drills/{id}/snapshot/from"), "repository", repository, known);
        }
        if !context.sound(&format!("drills/{id}/checks")) {
            continue; // a check that could not be read has left the list, and places would not fit
        }
        for (n, check) in drill.checks.iter().enumerate() {
            if let CheckKind::Canary(canary) = &check.kind {
                let path = format!("drills/{id}/checks/{n}/canary");
                context.must_be_known(&path, "source", &canary.source, plan.sources.keys().map(base::id::SourceId::as_str));
            }
        }
    }
}

fn threats(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, threat) in &plan.threats {
        service_names(context, &format!("threats/{id}/services"), &threat.services);
        if let Some(drill) = &threat.drill {
            let known = plan.drills.keys().map(base::id::DrillId::as_str);
            context.must_be_known(&format!("threats/{id}/drill"), "drill", drill, known);
        }
    }
}

fn alerts(context: &mut Context<'_>) {
    let plan = context.plan;
    for (event, route) in &plan.alerts.events {
        let known = plan.alerts.routes.keys().map(base::id::RouteId::as_str);
        context.must_be_known(&format!("alerts/events/{event}"), "route", route, known);
    }
    // Channels by the tree, not the plan: a channel that could not be read is still defined.
    let mut channels: Vec<String> = context.places.below("alerts/channels");
    channels.push(DIGEST.to_owned());
    for (id, route) in &plan.alerts.routes {
        let to = route.to.iter().enumerate().map(|(n, target)| (format!("to/{n}"), target));
        let then = route.then.iter().enumerate().map(|(n, target)| (format!("then/{n}"), target));
        for (place, target) in to.chain(then) {
            let path = format!("alerts/routes/{id}/{place}");
            context.must_be_known(&path, "channel", &target.channel, channels.iter().map(String::as_str));
        }
    }
}

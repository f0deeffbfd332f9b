//! References: every name that is used is defined.

use std::collections::BTreeSet;

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
        context.must_be_in(path, "contact", name, &context.plan.contacts);
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
        context.must_be_in(&format!("{path}/{n}"), "service", name, &context.plan.services);
    }
}

fn services(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, service) in &plan.services {
        service_names(context, &format!("services/{id}/needs"), &service.needs);
        for (n, source) in service.sources.iter().enumerate() {
            let path = format!("services/{id}/sources/{n}");
            context.must_be_in(&path, "source", source, &plan.sources);
        }
    }
}

fn sources(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, source) in &plan.sources {
        if let Some(rule) = &source.retention {
            context.must_be_in(&format!("sources/{id}/retention"), "retention rule", rule, &plan.retention);
        }
        let path = format!("sources/{id}/copies");
        if let Some(name) = context.places.text(&path).map(str::to_owned) {
            context.must_be_in(&path, "copy rule", name, &plan.copies);
        }
    }
    for (name, rule) in &plan.copies {
        for (n, repository) in rule.to.iter().enumerate() {
            context.must_be_in(&format!("copies/{name}/to/{n}"), "repository", repository, &plan.repositories);
        }
    }
}

fn drills(context: &mut Context<'_>) {
    let plan = context.plan;
    let places: BTreeSet<&str> = plan.repositories.keys().map(base::id::RepositoryId::as_str).chain([ANY_COPY]).collect();
    for (id, drill) in &plan.drills {
        service_names(context, &format!("drills/{id}/services"), &drill.services);
        if let From::Repository(repository) = &drill.from {
            context.must_be_in(&format!("drills/{id}/snapshot/from"), "repository", repository, &places);
        }
        if !context.sound(&format!("drills/{id}/checks")) {
            continue; // a check that could not be read has left the list, and places would not fit
        }
        for (n, check) in drill.checks.iter().enumerate() {
            if let CheckKind::Canary(canary) = &check.kind {
                let path = format!("drills/{id}/checks/{n}/canary");
                context.must_be_in(&path, "source", &canary.source, &plan.sources);
            }
        }
    }
}

fn threats(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, threat) in &plan.threats {
        service_names(context, &format!("threats/{id}/services"), &threat.services);
        if let Some(drill) = &threat.drill {
            context.must_be_in(&format!("threats/{id}/drill"), "drill", drill, &plan.drills);
        }
    }
}

fn alerts(context: &mut Context<'_>) {
    let plan = context.plan;
    for (event, route) in &plan.alerts.events {
        context.must_be_in(&format!("alerts/events/{event}"), "route", route, &plan.alerts.routes);
    }
    // Channels by the tree, not the plan: a channel that could not be read is still defined.
    let places = context.places;
    let channels: BTreeSet<&str> = places.below("alerts/channels").iter().map(String::as_str).chain([DIGEST]).collect();
    for (id, route) in &plan.alerts.routes {
        let to = route.to.iter().enumerate().map(|(n, target)| (format!("to/{n}"), target));
        let then = route.then.iter().enumerate().map(|(n, target)| (format!("then/{n}"), target));
        for (place, target) in to.chain(then) {
            let path = format!("alerts/routes/{id}/{place}");
            context.must_be_in(&path, "channel", &target.channel, &channels);
        }
    }
}

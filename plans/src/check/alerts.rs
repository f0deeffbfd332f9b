//! Alerts: every event reaches someone, and nothing waits in vain.

use std::collections::BTreeSet;

use super::Context;
use crate::document::formats;
use crate::document::shape::nearest;
use crate::plan::{Channel, Role, Target};
use crate::rules::meaning as rules;

/// Events that parts of lifeboat send, or will: a plan may route the latter ahead of time.
pub const EVENTS: [&str; 24] = [
    "backup.failed",
    "backup.overdue",
    "backup.incomplete",
    "objective.missed",
    "drill.failed",
    "drill.void",
    "drill.overdue",
    "review.overdue",
    "review.soon",
    "threat.overdue",
    "acceptance.ended",
    "verify.damaged",
    "copy.failed",
    "lock.weakened",
    "key.untested",
    "restore.started",
    "restore.failed",
    "plan.refused",
    "plan.changed",
    "sla.warn",
    "sla.breach",
    "evidence.broken",
    "notice.failed",
    "daemon.failed",
];

pub(super) fn check(context: &mut Context<'_>) {
    if !context.sound("alerts") {
        return; // targets, routes and channels are judged together
    }
    events(context);
    dead_ends(context);
    unused(context);
}

fn events(context: &mut Context<'_>) {
    let plan = context.plan;
    for event in plan.alerts.events.keys() {
        let known = |event: &str| match event.strip_suffix('*') {
            Some(kind) => EVENTS.iter().any(|name| name.starts_with(kind)),
            None => EVENTS.contains(&event),
        };
        if !known(event) {
            let fault = context.at_key(&rules::UNKNOWN_EVENT, &format!("alerts/events/{event}"), format!("no event is called \"{event}\""));
            fault.hint = nearest(event, EVENTS.iter().copied()).map(|near| format!("did you mean {near}?"));
        }
    }
}

fn dead_ends(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, route) in &plan.alerts.routes {
        for (n, target) in route.to.iter().enumerate() {
            if let Some(Channel::Smtp(_)) = plan.alerts.channels.get(&target.channel) {
                mail(context, target, &format!("alerts/routes/{id}/to/{n}"));
            }
        }
    }
    for (id, channel) in &plan.alerts.channels {
        if let Channel::Smtp(smtp) = channel
            && smtp.from.is_empty()
        {
            let what = format!("the mail channel {id} has no sender");
            context.at_key(&rules::DEAD_END, &format!("alerts/channels/{id}"), what).hint =
                Some("add from: lifeboat@example.org".to_owned());
        }
    }
}

fn mail(context: &mut Context<'_>, target: &Target, path: &str) {
    let plan = context.plan;
    let what = match &target.address {
        None => format!("mail over {} goes to nobody", target.channel),
        Some(address) if address.contains('@') => match (formats::MAIL.check)(address) {
            Ok(()) => return,
            Err(what) => what,
        },
        Some(address) => {
            let named = plan.contacts.get(address.as_str());
            let role = Role(address.clone());
            let people: Vec<_> =
                named.map_or_else(|| plan.contacts.values().filter(|one| one.roles.contains(&role)).collect(), |one| vec![one]);
            if people.iter().any(|person| person.email.is_some()) {
                return;
            }
            let none = people.is_empty();
            if none { format!("\"{address}\" is no role, contact or mail address") } else { format!("\"{address}\" has no mail address") }
        }
    };
    let fault = context.at_value(&rules::DEAD_END, path, what);
    fault.hint = Some(format!("write {}:role, {}:contact or {}:name@example.org", target.channel, target.channel, target.channel));
}

fn unused(context: &mut Context<'_>) {
    let plan = context.plan;
    let taken: BTreeSet<_> = plan.alerts.events.values().collect();
    let used: BTreeSet<_> = plan.alerts.routes.values().flat_map(|route| &route.to).map(|target| &target.channel).collect();
    for id in plan.alerts.routes.keys().filter(|id| !taken.contains(id)) {
        let fault = context.at_key(&rules::UNUSED_ALERT, &format!("alerts/routes/{id}"), format!("no event takes the route {id}"));
        fault.hint = Some(format!("send an event there: events: {{backup.failed: {id}}}"));
    }
    for id in plan.alerts.channels.keys().filter(|id| !used.contains(id)) {
        let fault = context.at_key(&rules::UNUSED_ALERT, &format!("alerts/channels/{id}"), format!("no route uses the channel {id}"));
        fault.hint = Some("name it in the `to` of a route".to_owned());
    }
}

//! Alerts: every event reaches someone, and nothing waits in vain.

use std::collections::BTreeSet;

use base::id::{ChannelId, RouteId};

use super::Context;
use crate::document::formats;
use crate::document::shape::nearest;
use crate::plan::{Channel, Role, StepAction, Target};
use crate::rules::meaning as rules;

/// Events that this version sends: the kinds of matter that the registers know.
pub const EVENTS: [&str; 21] = [
    "backup.failed",
    "backup.overdue",
    "capa.overdue",
    "change.unproven",
    "drill.failed",
    "drill.overdue",
    "feedback.overdue",
    "impact.overdue",
    "incident.open",
    "incident.update",
    "key.untested",
    "knowledge.missing",
    "objective.missed",
    "retention.overdue",
    "review.overdue",
    "review.soon",
    "sla.breach",
    "sla.warn",
    "threat.overdue",
    "threat.soon",
    "verify.damaged",
];

/// Events of later versions. A route for one of them waits in vain until then, and whoever set it up is told so.
const LATER: [&str; 12] = [
    "acceptance.ended",
    "backup.incomplete",
    "copy.failed",
    "daemon.failed",
    "drill.void",
    "evidence.broken",
    "lock.weakened",
    "notice.failed",
    "plan.changed",
    "plan.refused",
    "restore.failed",
    "restore.started",
];

/// The address for whoever the roster has on call.
pub(super) const ON_CALL: &str = "on-call";

/// What of `alerts` could be read, asked before names are looked up: a name that nothing has is one mistake, and the other rules still hold.
pub(super) struct Read {
    events: bool,
    channels: bool,
    /// Routes whose targets stand at the places where they were written.
    routes: BTreeSet<RouteId>,
}

impl Read {
    pub(super) fn of(context: &Context<'_>) -> Self {
        let routes = context.plan.alerts.routes.keys();
        Self {
            events: context.sound("alerts/events"),
            channels: context.sound("alerts/channels"),
            routes: routes.filter(|id| context.sound(&format!("alerts/routes/{id}"))).cloned().collect(),
        }
    }
}

pub(super) fn check(context: &mut Context<'_>, read: &Read) {
    if read.events {
        events(context);
        untold(context);
    }
    dead_ends(context, read);
    unused(context, read);
}

fn events(context: &mut Context<'_>) {
    let plan = context.plan;
    let any = |names: &[&str], event: &str| match event.strip_suffix('*') {
        Some(kind) => names.iter().any(|name| name.starts_with(kind)),
        None => names.contains(&event),
    };
    for event in plan.alerts.events.keys().filter(|event| !any(&EVENTS, event)) {
        let path = format!("alerts/events/{event}");
        if any(&LATER, event) {
            let fault = context.at_key(&rules::UNKNOWN_EVENT, &path, format!("this version does not send \"{event}\""));
            fault.hint = Some("keep it for a later version, and do not count on it until then".to_owned());
        } else {
            let fault = context.at_key(&rules::UNKNOWN_EVENT, &path, format!("no event is called \"{event}\""));
            fault.hint = nearest(event, EVENTS.iter().copied()).map(|near| format!("did you mean {near}?"));
        }
    }
}

/// A plan that tells people of something is taken to tell them of everything: a gap is seldom meant.
fn untold(context: &mut Context<'_>) {
    let plan = context.plan;
    let untold: Vec<&str> = EVENTS.into_iter().filter(|event| plan.route_of(event).is_none()).collect();
    if plan.alerts.events.is_empty() || untold.is_empty() {
        return;
    }
    let more = if untold.len() > 6 { format!(" and {} more events", untold.len() - 6) } else { String::new() };
    let named: Vec<&str> = untold.into_iter().take(6).collect();
    let fault = context.at_key(&rules::UNTOLD_EVENT, "alerts/events", format!("nobody is told of {}{more}", named.join(", ")));
    fault.hint =
        plan.alerts.events.values().next().map(|route| format!("send all that have no route of their own somewhere: \"*\": {route}"));
}

fn dead_ends(context: &mut Context<'_>, read: &Read) {
    let plan = context.plan;
    for (id, route) in plan.alerts.routes.iter().filter(|(id, _)| read.routes.contains(*id)) {
        let to = route.to.iter().enumerate().map(|(n, target)| (format!("to/{n}"), target));
        let then = route.then.iter().enumerate().map(|(n, target)| (format!("then/{n}"), target));
        for (place, target) in to.chain(then) {
            if let Some(Channel::Smtp(_)) = plan.alerts.channels.get(&target.channel) {
                mail(context, target, &format!("alerts/routes/{id}/{place}"));
            }
        }
    }
    for (id, channel) in &plan.alerts.channels {
        if let Channel::Smtp(smtp) = channel
            && smtp.from.is_empty()
            && context.sound(&format!("alerts/channels/{id}"))
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
        Some(address) if address == ON_CALL && !plan.roster.is_empty() => {
            let mut people = plan.roster.values().flat_map(|shift| &shift.on_call).filter_map(|id| plan.contacts.get(id));
            if people.any(|person| person.email.is_some()) {
                return;
            }
            "nobody of the roster has a mail address".to_owned()
        }
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

/// A name that nothing has was probably meant for the nearest one that there is, which is not unused then.
fn meant<'a>(written: impl Iterator<Item = &'a str>, known: &[&'a str]) -> BTreeSet<&'a str> {
    let unknown: BTreeSet<&str> = written.filter(|name| !known.contains(name)).take(MEANT).collect();
    unknown.into_iter().filter_map(|name| nearest(name, known.iter().copied())).collect()
}

/// The most names that nothing has for which a near one is looked for here.
const MEANT: usize = 100;

fn unused(context: &mut Context<'_>, read: &Read) {
    let plan = context.plan;
    let told = plan.workflows.values().flat_map(|workflow| &workflow.steps).filter_map(|step| match &step.action {
        StepAction::Notify { route, .. } => Some(route),
        _ => None,
    });
    let tested = plan.alerts.self_test.as_ref().map(|test| &test.route);
    let taken: BTreeSet<&str> = plan.alerts.events.values().chain(told).chain(tested).map(RouteId::as_str).collect();
    let targets = plan.alerts.routes.values().flat_map(|route| route.to.iter().chain(&route.then));
    let used: BTreeSet<&str> = targets.map(|target| target.channel.as_str()).collect();
    let routes: Vec<&str> = plan.alerts.routes.keys().map(RouteId::as_str).collect();
    let channels: Vec<&str> = plan.alerts.channels.keys().map(ChannelId::as_str).collect();
    let all_routes_are_read = read.routes.len() == plan.alerts.routes.len();
    let (near_routes, near_channels) = (meant(taken.iter().copied(), &routes), meant(used.iter().copied(), &channels));
    for id in routes.iter().filter(|id| read.events && !taken.contains(**id) && !near_routes.contains(**id)) {
        let fault = context.at_key(&rules::UNUSED_ALERT, &format!("alerts/routes/{id}"), format!("no event takes the route {id}"));
        fault.hint = Some(format!("send an event there: events: {{backup.failed: {id}}}"));
    }
    let tickets = |channel: &Channel| matches!(channel, Channel::Tickets(tickets) if !tickets.tickets_for.is_empty());
    for (id, _) in plan.alerts.channels.iter().filter(|(id, channel)| !used.contains(id.as_str()) && !tickets(channel)) {
        if all_routes_are_read && read.channels && !near_channels.contains(id.as_str()) {
            let fault = context.at_key(&rules::UNUSED_ALERT, &format!("alerts/channels/{id}"), format!("no route uses the channel {id}"));
            fault.hint = Some("name it in the `to` of a route".to_owned());
        }
    }
}

//! Decides whom an event is told: event -> route -> targets -> receivers.
//!
//! [`crate::pace`] asks it for every open condition. Roles and
//! contacts become mail addresses here; a target that reaches nobody is a [`Gap`], never silently left out.

use std::collections::BTreeMap;

use base::Span;
use base::id::{ChannelId, PlanId, RouteId};
use jiff::tz::TimeZone;
use plans::plan::{Channel, Contact, Plan, Target};

use crate::condition::Destination;

/// The routes of a plan with every target resolved to receivers.
#[derive(Debug, Clone)]
pub struct Routing<'p> {
    plan: &'p Plan,
    routes: BTreeMap<&'p RouteId, Resolved>,
    gaps: Vec<Gap>,
}

#[derive(Debug, Clone)]
struct Resolved {
    to: Vec<Destination>,
    repeat: Option<Span>,
}

/// A target that reaches nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The route it stands in.
    pub route: RouteId,
    /// The target as written: "email:quality".
    pub target: String,
    /// Why nobody is reached.
    pub why: String,
}

impl<'p> Routing<'p> {
    /// Resolves the routes of `plan`.
    pub fn of(plan: &'p Plan) -> Self {
        let mut gaps = Vec::new();
        let routes = plan.alerts.routes.iter().map(|(id, route)| {
            let mut to: Vec<Destination> = Vec::new();
            for target in &route.to {
                match receivers(plan, id, target) {
                    // The same person may stand in a route under two roles: one notice is enough.
                    Ok(found) => found.into_iter().for_each(|one| {
                        if !to.iter().any(|known| known.same_receiver(&one)) {
                            to.push(one);
                        }
                    }),
                    Err(why) => gaps.push(Gap { route: id.clone(), target: shown(target), why }),
                }
            }
            (id, Resolved { to, repeat: route.repeat })
        });
        let routes = routes.collect();
        Self { plan, routes, gaps }
    }

    /// Everyone who is told of `event`; nobody if the plan gives it no route.
    pub fn destinations(&self, event: &str) -> &[Destination] {
        self.plan.route_of(event).map_or(&[], |route| self.on_route(route))
    }

    /// Everyone on a route, whatever the event: for a test of the route.
    pub fn on_route(&self, route: &RouteId) -> &[Destination] {
        self.routes.get(route).map_or(&[], |route| &route.to)
    }

    /// How long after a delivery a route reminds; `None` is never.
    pub fn repeat(&self, route: &RouteId) -> Option<Span> {
        self.routes.get(route).and_then(|route| route.repeat)
    }

    /// Whether the plan still has this channel.
    pub fn has_channel(&self, channel: &ChannelId) -> bool {
        self.plan.alerts.channels.contains_key(channel)
    }

    /// Targets that reach nobody.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// The plan that the routes come from.
    pub fn plan(&self) -> &PlanId {
        &self.plan.id
    }

    /// The plan's time zone, in which months of a `repeat` are counted.
    pub fn zone(&self) -> &TimeZone {
        &self.plan.timezone
    }
}

fn shown(target: &Target) -> String {
    match &target.address {
        Some(address) => format!("{}:{address}", target.channel),
        None => target.channel.to_string(),
    }
}

fn receivers(plan: &Plan, route: &RouteId, target: &Target) -> Result<Vec<Destination>, String> {
    let Some(channel) = plan.alerts.channels.get(&target.channel) else {
        return Err(format!("the plan has no channel {}", target.channel));
    };
    let destination = |address: Option<String>| Destination { route: route.clone(), channel: target.channel.clone(), address };
    if !matches!(channel, Channel::Smtp(_)) {
        return Ok(vec![destination(target.address.clone())]);
    }
    let Some(address) = target.address.as_deref() else {
        return Err("a mail channel needs a role, a contact or an address after the colon".to_owned());
    };
    if address.contains('@') {
        return Ok(vec![destination(Some(address.to_owned()))]);
    }
    let people: Vec<&Contact> = match plan.contacts.get(address) {
        Some(contact) => vec![contact],
        // Everyone of the roster: a notice that waits for its shift may come too late.
        None if address == "on-call" && !plan.roster.is_empty() => {
            let named: std::collections::BTreeSet<_> = plan.roster.values().flat_map(|shift| &shift.on_call).collect();
            named.into_iter().filter_map(|id| plan.contacts.get(id)).collect()
        }
        None => plan.contacts.values().filter(|contact| contact.roles.iter().any(|role| role.0 == address)).collect(),
    };
    if people.is_empty() {
        return Err(format!("{address} is neither a contact nor a role that a contact has"));
    }
    let found: Vec<_> = people.iter().filter_map(|person| person.email.clone()).map(|email| destination(Some(email))).collect();
    if found.is_empty() { Err(format!("no contact for {address} has a mail address")) } else { Ok(found) }
}

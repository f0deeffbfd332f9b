//! Tests of alerts at its border, with real receivers: a mail server, an HTTP server, a program.

#![cfg(test)] // tells clippy that this is all tests, helpers included

extern crate lifeboat_alerts as alerts; // the name by which the other crates know it

mod command;
mod mail_server;
mod outbox;
mod pace;
mod route;
mod smtp;
mod webhook;

use std::collections::BTreeMap;

use alerts::{Condition, Destination, Kind, Notice, Origin, Pending};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// An instant of 2026-11-24, as "06:40:50".
fn at(time: &str) -> Timestamp {
    format!("2026-11-24T{time}Z").parse().unwrap()
}

fn destination(channel: &str, address: Option<&str>) -> Destination {
    Destination { route: "high".parse().unwrap(), channel: channel.parse().unwrap(), address: address.map(str::to_owned) }
}

fn condition(event: &str, object: &str, since: Timestamp) -> Condition {
    Condition {
        event: event.to_owned(),
        object: object.to_owned(),
        since,
        what: "the newest complete restore point is 3 h old; the RPO is 1h".to_owned(),
        owner: Some("Daria Petrova".to_owned()),
        remedy: Some("lifeboat backup web".to_owned()),
    }
}

fn origin() -> Origin {
    Origin {
        plan: "helix-lab".parse().unwrap(),
        title: "Continuity plan".to_owned(),
        host: "db1".to_owned(),
        zone: TimeZone::get("Europe/Berlin").unwrap(),
    }
}

/// A notice of the given kind to `to`. Its id is that of a test notice, which is as good as any here.
fn notice(kind: Kind, to: Destination) -> Notice {
    let pending = Pending {
        id: alerts::notice::test(&to, &origin(), at("06:00:00"), "1").id,
        thread: (kind != Kind::First).then(|| alerts::notice::test(&to, &origin(), at("06:00:00"), "0").id),
        kind,
        condition: condition("backup.overdue", "web in vault-local", at("05:00:00")),
        to,
        repeat: None,
    };
    alerts::notice::compose(&pending, &origin(), at("06:00:00"))
}

/// Everything that an error says, with its causes.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// A plan that has nothing but people, channels and routes: email to quality, and a webhook, on the route `high`.
fn plan() -> plans::Plan {
    let contact = |id: &str, roles: &[&str], email: Option<&str>| plans::plan::Contact {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        roles: roles.iter().map(|role| plans::plan::Role((*role).to_owned())).collect(),
        email: email.map(str::to_owned),
        phone: None,
        deputy: None,
        contract: None,
        ssh_key: None,
    };
    let contacts = [
        contact("d.petrova", &["service-owner", "quality"], Some("d.petrova@helix.example")),
        contact("q.ansari", &["quality"], Some("q.ansari@helix.example")),
        contact("coldline", &["supplier"], None),
    ];
    let smtp = plans::plan::SmtpChannel {
        url: "smtps://mail.helix.example".to_owned(),
        from: "lifeboat@helix.example".to_owned(),
        credential: None,
        ca: None,
    };
    let webhook = plans::plan::Channel::Webhook { url: plans::plan::WebhookUrl::Plain("https://hooks.helix.example".to_owned()) };
    plans::Plan {
        id: "helix-lab".parse().unwrap(),
        title: "Continuity plan".to_owned(),
        scope: None,
        owner: None,
        timezone: TimeZone::get("Europe/Berlin").unwrap(),
        contacts: contacts.into_iter().map(|contact| (contact.id.clone(), contact)).collect(),
        activate: None,
        stand_down: None,
        roster: BTreeMap::new(),
        impact_scale: plans::plan::ImpactScale::default(),
        services: BTreeMap::new(),
        repositories: BTreeMap::new(),
        recovery_keys: BTreeMap::new(),
        sources: BTreeMap::new(),
        copies: BTreeMap::new(),
        retention: BTreeMap::new(),
        legal_hold: Vec::new(),
        drills: BTreeMap::new(),
        threats: BTreeMap::new(),
        appetite: None,
        workflows: BTreeMap::new(),
        incidents: plans::plan::Incidents::default(),
        feedback: plans::plan::Feedback::default(),
        knowledge: plans::plan::Knowledge::default(),
        waivers: Vec::new(),
        alerts: plans::plan::Alerts {
            events: BTreeMap::from([("backup.*".to_owned(), "high".parse().unwrap())]),
            routes: BTreeMap::from([("high".parse().unwrap(), route(&["ops", "email:quality"], Some("30m")))]),
            channels: BTreeMap::from([("email".parse().unwrap(), plans::plan::Channel::Smtp(smtp)), ("ops".parse().unwrap(), webhook)]),
            heartbeat: None,
            self_test: None,
        },
        review: plans::plan::Review::default(),
        evidence: plans::plan::Evidence::default(),
        fingerprint: base::Digest::of(b"plan"),
    }
}

/// A route to "channel" and "channel:address" targets.
fn route(to: &[&str], repeat: Option<&str>) -> plans::plan::Route {
    let target = |text: &&str| {
        let (channel, address) = text.split_once(':').map_or((*text, None), |(channel, address)| (channel, Some(address.to_owned())));
        plans::plan::Target { channel: channel.parse().unwrap(), address }
    };
    plans::plan::Route {
        to: to.iter().map(target).collect(),
        ack_within: None,
        then: Vec::new(),
        repeat: repeat.map(|span| span.parse().unwrap()),
    }
}

//! `alerts`: which event goes to whom, over what.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::super::formats::{EVENT, ID, LONG_SPAN, MAIL, PATH, SCHEDULE, SMTP_URL, TARGET, WEB_URL};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::source::schedule;
use super::{COMMAND, SECRET_REF, keyed, list, parsed, secret, span, text};
use crate::plan::{Alerts, Channel, Heartbeat, Route, SelfTest, SmtpChannel, Target, TicketChannel, WebhookUrl};

pub(crate) static ALERTS: Record = Record {
    name: "alerts",
    fields: &[
        optional("events", Type::Map { key: &EVENT, of: &Type::Format(&ID) }, "the route that an event takes"),
        optional("routes", Type::Map { key: &ID, of: &Type::Record(&ROUTE) }, "lists of targets"),
        optional("channels", Type::Map { key: &ID, of: &Type::Record(&CHANNEL) }, "ways to reach people"),
        optional("heartbeat", Type::Record(&HEARTBEAT), "a sign of life that a watcher outside waits for"),
        optional("self_test", Type::Record(&SELF_TEST), "a notice that proves that notices arrive"),
    ],
    one_of: &[],
};

static HEARTBEAT: Record = Record {
    name: "a heartbeat",
    fields: &[
        required("url", Type::ScalarOr(&Type::Format(&WEB_URL), &SECRET_REF), "where it is sent"),
        required("every", Type::Format(&LONG_SPAN), "how often"),
    ],
    one_of: &[],
};

static SELF_TEST: Record = Record {
    name: "a self test",
    fields: &[
        required("schedule", Type::Format(&SCHEDULE), "when it is sent"),
        required("route", Type::Format(&ID), "the route that it takes"),
    ],
    one_of: &[],
};

static ROUTE: Record = Record {
    name: "a route",
    fields: &[
        required("to", Type::List { of: &Type::Format(&TARGET), least: 1 }, "targets: a channel, or channel:address"),
        optional("repeat", Type::Format(&LONG_SPAN), "time between reminders while the trouble lasts; none unless set"),
        optional("ack_within", Type::Format(&LONG_SPAN), "time after which `then` is told where nobody has acknowledged"),
        optional("then", Type::List { of: &Type::Format(&TARGET), least: 1 }, "who is told next"),
    ],
    one_of: &[],
};

static EVENTS_V2: Record = Record {
    name: "an incident service",
    fields: &[required("routing_key", Type::Record(&SECRET_REF), "the key that routes events to a service there")],
    one_of: &[],
};

static CHANNEL: Record = Record {
    name: "a channel",
    fields: &[
        optional("webhook", Type::ScalarOr(&Type::Format(&WEB_URL), &SECRET_REF), "a POST of JSON; a URL with a token is a secret"),
        optional("command", COMMAND, "a program that gets the notice as JSON on its standard input"),
        optional("smtp", Type::Format(&SMTP_URL), "a mail server"),
        optional("from", Type::Format(&MAIL), "sender of mail"),
        optional("credential", Type::Record(&SECRET_REF), "user and password of the mail server"),
        optional("ca", Type::Format(&PATH), "certificate authority of a private mail server, a PEM file"),
        optional("events_v2", Type::Record(&EVENTS_V2), "an incident service that speaks the Events API v2"),
        optional("project", Type::Format(&ID), "the project of a ticket system"),
        optional("url", Type::Format(&WEB_URL), "its address"),
        optional("type", Type::Text, "type of its tickets"),
        optional("for", Type::List { of: &Type::Word(&["incident", "capa"]), least: 1 }, "what gets a ticket"),
    ],
    one_of: &["webhook", "command", "smtp", "events_v2", "project"],
};

pub(crate) fn read(node: &Node, zone: &TimeZone) -> Alerts {
    let events = node.get("events").map_or(&[][..], Node::entries).iter();
    let channels: BTreeMap<_, _> = keyed(node, "channels", |_: base::id::ChannelId, node| read_channel(node));
    Alerts {
        events: events.filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.parse().ok()?))).collect(),
        routes: keyed(node, "routes", |_, node| Route {
            to: list::<String>(node, "to").iter().filter_map(|text| read_target(text)).collect(),
            ack_within: span(node, "ack_within"),
            then: list::<String>(node, "then").iter().filter_map(|text| read_target(text)).collect(),
            repeat: span(node, "repeat"),
        }),
        channels: channels.into_iter().filter_map(|(id, channel)| Some((id, channel?))).collect(),
        heartbeat: node
            .get("heartbeat")
            .and_then(|node| Some(Heartbeat { url: node.get("url").and_then(read_url)?, every: span(node, "every")? })),
        self_test: node.get("self_test").and_then(|node| Some(SelfTest { schedule: schedule(node, zone), route: parsed(node, "route")? })),
    }
}

fn read_url(node: &Node) -> Option<WebhookUrl> {
    let plain = node.text().map(|url| WebhookUrl::Plain(url.to_owned()));
    plain.or_else(|| secret(node).map(WebhookUrl::Secret))
}

fn read_target(text: &str) -> Option<Target> {
    let (channel, address) = text.split_once(':').map_or((text, None), |(channel, address)| (channel, Some(address.to_owned())));
    Some(Target { channel: channel.parse().ok()?, address })
}

fn read_channel(node: &Node) -> Option<Channel> {
    if let Some(webhook) = node.get("webhook") {
        return Some(Channel::Webhook { url: read_url(webhook)? });
    }
    if let Some(service) = node.get("events_v2") {
        return Some(Channel::EventsV2 { routing_key: service.get("routing_key").and_then(secret)? });
    }
    if let Some(project) = text(node, "project") {
        return Some(Channel::Tickets(TicketChannel {
            url: text(node, "url")?,
            project,
            kind: text(node, "type"),
            credential: node.get("credential").and_then(secret),
            tickets_for: list(node, "for"),
        }));
    }
    if node.get("command").is_some() {
        return Some(Channel::Command { run: list(node, "command") });
    }
    Some(Channel::Smtp(SmtpChannel {
        url: text(node, "smtp")?,
        from: text(node, "from").unwrap_or_default(),
        credential: node.get("credential").and_then(secret),
        ca: text(node, "ca").map(Into::into),
    }))
}

//! `alerts`: which event goes to whom, over what.

use std::collections::BTreeMap;

use super::super::formats::{EVENT, ID, LONG_SPAN, MAIL, PATH, SMTP_URL, TARGET, WEB_URL};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::{COMMAND, SECRET_REF, keyed, list, secret, span, text};
use crate::plan::{Alerts, Channel, Route, SmtpChannel, Target, WebhookUrl};

pub(crate) static ALERTS: Record = Record {
    name: "alerts",
    fields: &[
        optional("events", Type::Map { key: &EVENT, of: &Type::Format(&ID) }, "the route that an event takes"),
        optional("routes", Type::Map { key: &ID, of: &Type::Record(&ROUTE) }, "lists of targets"),
        optional("channels", Type::Map { key: &ID, of: &Type::Record(&CHANNEL) }, "ways to reach people"),
    ],
    one_of: &[],
    later: &["heartbeat", "self_test"],
};

static ROUTE: Record = Record {
    name: "a route",
    fields: &[
        required("to", Type::List { of: &Type::Format(&TARGET), least: 1 }, "targets: a channel, or channel:address"),
        optional("repeat", Type::Format(&LONG_SPAN), "time between reminders while the trouble lasts; none unless set"),
    ],
    one_of: &[],
    later: &["ack_within", "then"],
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
    ],
    one_of: &["webhook", "command", "smtp"],
    later: &["events_v2", "slack", "url", "project", "type", "for"],
};

pub(crate) fn read(node: &Node) -> Alerts {
    let events = node.get("events").map_or(&[][..], Node::entries).iter();
    let channels: BTreeMap<_, _> = keyed(node, "channels", |_: base::id::ChannelId, node| read_channel(node));
    Alerts {
        events: events.filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.parse().ok()?))).collect(),
        routes: keyed(node, "routes", |_, node| Route {
            to: list::<String>(node, "to").iter().filter_map(|text| read_target(text)).collect(),
            repeat: span(node, "repeat"),
        }),
        channels: channels.into_iter().filter_map(|(id, channel)| Some((id, channel?))).collect(),
    }
}

fn read_target(text: &str) -> Option<Target> {
    let (channel, address) = text.split_once(':').map_or((text, None), |(channel, address)| (channel, Some(address.to_owned())));
    Some(Target { channel: channel.parse().ok()?, address })
}

fn read_channel(node: &Node) -> Option<Channel> {
    if let Some(webhook) = node.get("webhook") {
        let plain = webhook.text().map(|url| WebhookUrl::Plain(url.to_owned()));
        return Some(Channel::Webhook { url: plain.or_else(|| secret(webhook).map(WebhookUrl::Secret))? });
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

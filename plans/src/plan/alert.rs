//! Alerts: which event goes to whom, over what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base::Span;
use base::id::{ChannelId, RouteId};
use serde::Serialize;

use super::SecretRef;
use crate::schedule::Schedule;

/// Who is told of what.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Alerts {
    /// Event name ("backup.failed"), or all of a kind ("backup.*"), or all ("*"), and the route it takes. See [`crate::plan::Plan::route_of`].
    pub events: BTreeMap<String, RouteId>,
    /// Named lists of targets.
    pub routes: BTreeMap<RouteId, Route>,
    /// Ways to reach people.
    pub channels: BTreeMap<ChannelId, Channel>,
    /// A sign of life that a watcher outside waits for.
    pub heartbeat: Option<Heartbeat>,
    /// A notice that is sent by schedule, to prove that notices arrive.
    pub self_test: Option<SelfTest>,
}

/// A sign of life (a dead man's switch): the watcher outside raises the alarm when it stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heartbeat {
    /// Where it is sent.
    pub url: WebhookUrl,
    /// How often.
    pub every: Span,
}

/// A notice that proves that notices arrive.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SelfTest {
    /// When it is sent, in the plan's zone.
    pub schedule: Schedule,
    /// The route that it takes.
    pub route: RouteId,
}

/// Where a notice goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route {
    /// Every target gets it.
    pub to: Vec<Target>,
    /// Time after which `then` is told where nobody has acknowledged; never unless set.
    pub ack_within: Option<Span>,
    /// Who is told next.
    pub then: Vec<Target>,
    /// Time between reminders while the trouble lasts; none unless set.
    pub repeat: Option<Span>,
}

/// "email:quality": a channel and, where it needs one, an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// A channel of the plan.
    pub channel: ChannelId,
    /// A role, a contact, a mail address or a name that the channel understands.
    pub address: Option<String>,
}

/// A way to reach people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// A POST of JSON.
    Webhook {
        /// Where to.
        url: WebhookUrl,
    },
    /// A program that gets the notice as JSON on its standard input.
    Command {
        /// Program and arguments; never a shell.
        run: Vec<String>,
    },
    /// Mail.
    Smtp(SmtpChannel),
    /// An incident service that speaks the Events API v2.
    #[serde(rename = "events_v2")]
    EventsV2 {
        /// The key that routes events to a service there.
        routing_key: SecretRef,
    },
    /// A ticket system.
    Tickets(TicketChannel),
}

/// The address of a webhook; many carry a token and so are secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookUrl {
    /// Written in the plan; holds no secret.
    Plain(String),
    /// Kept elsewhere.
    Secret(SecretRef),
}

/// A ticket system, which gets a ticket for each incident or action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketChannel {
    /// Its address.
    pub url: String,
    /// The project that tickets go to.
    pub project: String,
    /// The type of the tickets.
    pub kind: Option<String>,
    /// What opens it.
    pub credential: Option<SecretRef>,
    /// What gets a ticket: "incident", "capa".
    pub tickets_for: Vec<String>,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SmtpChannel {
    /// `smtps://host:465` (TLS) or `smtp://host:25` (STARTTLS where offered); no user and no password inside.
    pub url: String,
    /// Sender address.
    pub from: String,
    /// File or place with `{"user": …, "password": …}`.
    pub credential: Option<SecretRef>,
    /// File with the certificate authority of a private server (PEM).
    pub ca: Option<PathBuf>,
}

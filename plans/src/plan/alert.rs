//! Alerts: which event goes to whom, over what.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base::Span;
use base::id::{ChannelId, RouteId};
use serde::Serialize;

use super::SecretRef;

/// Who is told of what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Alerts {
    /// Event name ("backup.failed"), or all of a kind ("backup.*"), or all ("*"), and the route it takes. See [`crate::plan::Plan::route_of`].
    pub events: BTreeMap<String, RouteId>,
    /// Named lists of targets.
    pub routes: BTreeMap<RouteId, Route>,
    /// Ways to reach people.
    pub channels: BTreeMap<ChannelId, Channel>,
}

/// Where a notice goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Route {
    /// Every target gets it.
    pub to: Vec<Target>,
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

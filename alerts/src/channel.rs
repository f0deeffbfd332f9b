//! The contract of a channel: it carries one notice and says how that went.
//!
//! [`crate::outbox`] holds channels as `dyn Channel`; only `cli` names a concrete one. A channel neither retries nor
//! remembers: what failed is named again by [`crate::pace`] at a later activation. It ends within its time limit.

use std::time::Duration;

use async_trait::async_trait;
use base::Hint;

use crate::notice::Notice;

pub mod address;
pub mod command;
pub mod smtp;
pub mod webhook;

/// A way to reach people.
#[async_trait]
pub trait Channel: std::fmt::Debug + Send + Sync {
    /// Carries `notice` to its receiver.
    async fn send(&self, notice: &Notice) -> Result<Delivered, ChannelError>;
}

/// What the other end said when it took a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// One line for the history: "HTTP 202", "250 OK". It contains no secret.
    pub detail: String,
}

/// Why a notice did not arrive. No variant's text contains an address or credential that the plan keeps secret.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The other end answered, and did not want it.
    #[error("{other_end} refused the notice: {answer}")]
    Refused {
        /// "the webhook", "the mail server", "the command".
        other_end: &'static str,
        /// What it said, one line.
        answer: String,
    },
    /// The other end cannot take notices now.
    #[error("{other_end} cannot be reached")]
    Unavailable {
        /// "the webhook", "the mail server", "the command".
        other_end: &'static str,
        /// What the client found.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took longer than allowed.
    #[error("{other_end} did not answer within {} s", limit.as_secs())]
    TimedOut {
        /// "the webhook", "the mail server", "the command".
        other_end: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// The program said more than is read.
    #[error("the command wrote more than {limit} bytes")]
    TooMuchOutput {
        /// The limit in bytes.
        limit: usize,
    },
    /// The notice cannot be carried by this channel at all.
    #[error("the notice cannot be sent: {what}")]
    Unsendable {
        /// What is wrong with it.
        what: String,
    },
}

impl ChannelError {
    /// Whether the same notice may arrive later without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::TimedOut { .. })
    }
}

impl Hint for ChannelError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Refused { other_end: "the mail server", .. } => {
                "check the sender, the receiver's address and the credential of the mail channel"
            }
            Self::Refused { .. } => "check the address and the secret that the channel uses; the notice is tried again by itself",
            Self::Unavailable { .. } | Self::TimedOut { .. } => {
                "it is tried again by itself; if this goes on, check the network and the other end"
            }
            Self::TooMuchOutput { .. } => "let the command write only what is needed to find an error",
            Self::Unsendable { .. } => "check the addresses in the plan's contacts and routes",
        };
        Some(text.to_owned())
    }
}

/// Why a channel cannot be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The address is not one that the channel understands.
    #[error("the address of the {channel} channel is not usable: {why}")]
    Address {
        /// "webhook", "smtp".
        channel: &'static str,
        /// Why, without the address, which may be secret.
        why: String,
    },
    /// The address leads to a place that notices never go to.
    #[error("the webhook's address {address} is refused: it is {why}")]
    Forbidden {
        /// The IP address.
        address: std::net::IpAddr,
        /// What kind of address it is.
        why: &'static str,
    },
    /// A secret or credential is not in the form that is needed.
    #[error("the {channel} channel's {what} cannot be used")]
    Secret {
        /// "webhook", "smtp".
        channel: &'static str,
        /// "secret", "file", "credential".
        what: &'static str,
    },
    /// A certificate is not PEM.
    #[error("the certificate authority of the {channel} channel cannot be used")]
    Authority {
        /// "webhook", "smtp".
        channel: &'static str,
        /// What the parser found.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The command is not one that may be run.
    #[error("the command channel cannot run {program}: {why}")]
    Program {
        /// The program as given.
        program: String,
        /// Why.
        why: &'static str,
    },
    /// The client could not be set up.
    #[error("the {channel} channel cannot be set up")]
    Client {
        /// "webhook", "smtp".
        channel: &'static str,
        /// What the client found.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Hint for ConfigError {
    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Address { channel: "smtp", .. } => {
                "write smtps://mail.example.org:465, smtp://mail.example.org:587, or smtp://127.0.0.1:25 for a server on this host"
            }
            Self::Address { .. } => "write https://host/path; plain http:// is only for a receiver on this host",
            Self::Forbidden { .. } => {
                "use a receiver that is not on this host's own or link-local network, or put \"allow_loopback\": true into the channel's file"
            }
            Self::Secret { channel: "smtp", .. } => "the credential is JSON: {\"user\": \"…\", \"password\": \"…\"}",
            Self::Secret { what: "file", .. } => {
                "write the address alone, or JSON: {\"url\": \"…\", \"secret\": \"whsec_…\", \"allow_loopback\": true}"
            }
            Self::Secret { .. } => "a Standard Webhooks secret is \"whsec_\" and base64 of 24 to 64 bytes",
            Self::Authority { .. } => "give a file with one or more PEM certificates",
            Self::Program { .. } => "give the absolute path of a program, and its arguments one by one",
            Self::Client { .. } => return None,
        };
        Some(text.to_owned())
    }
}

/// The facts of a notice as JSON, for receivers that are programs.
fn facts(notice: &Notice) -> serde_json::Value {
    serde_json::json!({
        "v": 1,
        "notice": notice.id.as_str(),
        "thread": notice.thread.as_ref().unwrap_or(&notice.id).as_str(),
        "kind": notice.kind.as_str(),
        "event": notice.condition.event,
        "object": notice.condition.object,
        "what": notice.condition.what,
        "since": notice.condition.since.to_string(),
        "at": notice.at.to_string(),
        "owner": notice.condition.owner,
        "remedy": notice.condition.remedy,
        "plan": notice.plan.as_str(),
        "host": notice.host,
        "to": notice.to.address,
        "route": notice.to.route.as_str(),
        "subject": notice.subject,
        "text": notice.body,
    })
}

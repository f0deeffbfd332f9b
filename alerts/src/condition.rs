//! The facts that [`crate::pace`] decides on: what is wrong now, and what was sent about it.
//!
//! The orchestrator makes conditions from what is overdue or failed, and keeps attempts in the journal. Nothing here is
//! stored by this crate.

use std::fmt;

use base::Digest;
use base::id::{ChannelId, RouteId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that is wrong, for as long as it is wrong.
///
/// It is told apart from others by `event` and `object`, so that a condition whose words or start change stays the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The kind of event, as a plan's `alerts.events` names it: "backup.overdue".
    pub event: String,
    /// What it is about, in the user's words: "web in vault-local".
    pub object: String,
    /// Since when it is so.
    pub since: Timestamp,
    /// The fact in a sentence.
    pub what: String,
    /// Who owns the object, for people: a name, not an address.
    pub owner: Option<String>,
    /// What to do about it, ideally a command to type.
    pub remedy: Option<String>,
}

/// What a notice says about its condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It began.
    First,
    /// It is still so.
    Reminder,
    /// It is over.
    Recovery,
    /// Nothing is wrong: somebody wants to see whether notices arrive.
    Test,
}

impl Kind {
    /// The kind that [`Kind::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::First, Self::Reminder, Self::Recovery, Self::Test].into_iter().find(|kind| kind.as_str() == text)
    }

    /// The kind in lower case, as it is stored: "first".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Reminder => "reminder",
            Self::Recovery => "recovery",
            Self::Test => "test",
        }
    }
}

/// One receiver: a channel and, where the channel has several receivers, an address in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Destination {
    /// The route that led here.
    pub route: RouteId,
    /// The channel that carries the notice.
    pub channel: ChannelId,
    /// A mail address, or a label that the receiving program understands. Empty text never occurs; `None` is the channel's only receiver.
    pub address: Option<String>,
}

impl Destination {
    /// Whether both reach the same receiver, by whichever route.
    pub fn same_receiver(&self, other: &Self) -> bool {
        self.channel == other.channel && self.address == other.address
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Some(address) => write!(f, "{}:{address}", self.channel),
            None => write!(f, "{}", self.channel),
        }
    }
}

/// The name of a notice: 32 hexadecimal digits.
///
/// It follows from what the notice says, whom it goes to and what was delivered before it, so that an attempt that is
/// repeated after a crash or a failure carries the same name and a receiver can drop the double.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NoticeId(String);

impl NoticeId {
    /// The name of a notice with these facts. `previous` is the last notice delivered to the same receiver about the same condition.
    pub(crate) fn of(scope: &str, event: &str, object: &str, to: &Destination, kind: Kind, previous: Option<&Self>) -> Self {
        let facts = [
            "lifeboat notice 1",
            scope,
            event,
            object,
            to.channel.as_str(),
            to.address.as_deref().unwrap_or_default(),
            kind.as_str(),
            previous.map_or("", |id| id.0.as_str()),
        ];
        // NUL cannot occur in ids, and text that contains one is cleaned before it is shown; a length prefix keeps apart what is left.
        let mut bytes = Vec::new();
        for fact in facts {
            bytes.extend_from_slice(&fact.len().to_be_bytes());
            bytes.extend_from_slice(fact.as_bytes());
        }
        let mut text = Digest::of(&bytes).to_string();
        text.truncate(32);
        Self(text)
    }

    /// A name that the journal kept.
    pub fn from_journal(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One try to deliver a notice, as it is kept by a [`crate::outbox::DeliveryLog`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The notice that was tried.
    pub notice: NoticeId,
    /// What it said.
    pub kind: Kind,
    /// The condition's event.
    pub event: String,
    /// The condition's object.
    pub object: String,
    /// Since when the condition was so, as the notice said.
    pub since: Timestamp,
    /// Whom it was for.
    pub to: Destination,
    /// The subject that was sent, for the history that people read.
    pub subject: String,
    /// When it was tried.
    pub at: Timestamp,
    /// How it went.
    pub outcome: Outcome,
}

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "result")]
pub enum Outcome {
    /// The channel's other end took it.
    Delivered {
        /// What the other end said: "250 OK", "HTTP 202".
        detail: String,
    },
    /// It did not arrive, or nobody knows whether it did.
    Failed {
        /// The fact with its causes. It contains no secret.
        error: String,
    },
}

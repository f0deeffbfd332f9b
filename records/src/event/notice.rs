//! Records about notices: what was told to whom, and what could not be told.
//!
//! They hold all that `alerts::pace` needs to decide what to send next, so that the journal is the only memory of the outbox.

use base::id::{ChannelId, RouteId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A notice reached its channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeDelivered {
    /// What was told to whom.
    pub about: NoticeAbout,
    /// What the receiver's end answered.
    pub detail: String,
}

/// A channel refused a notice, or could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeFailed {
    /// What was to be told to whom.
    pub about: NoticeAbout,
    /// The fact, with its causes and without secrets.
    pub error: String,
}

/// A notice: what it tells, and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeAbout {
    /// Stable id of the notice: the same cause has the same id.
    pub notice: String,
    /// "first", "reminder", "recovery", "test".
    pub kind: String,
    /// What it tells of: "backup.failed", "review.overdue".
    pub event: String,
    /// Which source, drill or review it is about.
    pub object: String,
    /// Since when that has been so.
    pub since: Timestamp,
    /// By which route.
    pub route: RouteId,
    /// Through which channel.
    pub channel: ChannelId,
    /// To which address, where the channel has more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The subject line.
    pub subject: String,
}

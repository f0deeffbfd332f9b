//! Records about notices: what was told to whom, and what could not be told.

use base::Digest;
use base::id::{ChannelId, RouteId};
use serde::{Deserialize, Serialize};

/// A notice reached its channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeDelivered {
    /// Stable id of the notice: the same cause has the same id.
    pub notice: String,
    /// "first", "reminder", "recovery", "test".
    pub kind: String,
    /// What it tells of: "backup.failed", "review.overdue".
    pub event: String,
    /// By which route.
    pub route: RouteId,
    /// Through which channel.
    pub channel: ChannelId,
    /// Digest of the subject line; the text itself may name people.
    pub subject_digest: Digest,
}

/// A channel refused a notice, or could not be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeFailed {
    /// Stable id of the notice.
    pub notice: String,
    /// "first", "reminder", "recovery", "test".
    pub kind: String,
    /// What it tells of.
    pub event: String,
    /// By which route.
    pub route: RouteId,
    /// Through which channel.
    pub channel: ChannelId,
    /// The fact, with its causes and without secrets.
    pub error: String,
    /// Which try this was, from 1.
    pub attempt: u32,
}

/// What a notice told of is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRecovered {
    /// Stable id of the notice.
    pub notice: String,
    /// What it told of.
    pub event: String,
    /// By which route.
    pub route: RouteId,
    /// Through which channel its end was told.
    pub channel: ChannelId,
}

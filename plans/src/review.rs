//! Decides whether the plan has to be reviewed.
use base::Digest;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::plan::Review;

/// The last review whose last required signature landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SignedReview {
    /// When the last signature landed.
    pub at: Timestamp,
    /// The material fingerprint that was signed.
    pub fingerprint: Digest,
}

/// Where the review stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "status")]
pub enum ReviewStatus {
    /// Nothing to do.
    Fresh {
        /// When the next one is due.
        due_at: Timestamp,
    },
    /// Due within a reminder's span.
    Soon {
        /// When it is due.
        due_at: Timestamp,
        /// Which reminder is reached: index into [`Review::remind`].
        reminder: usize,
    },
    /// Late.
    Overdue {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: OverdueReason,
    },
}

/// Why a review is overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OverdueReason {
    /// The time between reviews has passed.
    Calendar,
    /// What is material in the plan differs from what was signed.
    Changed,
    /// Nobody ever signed a review, and the time since the plan began has passed.
    NeverReviewed,
}

/// Where the review stands at `now`. `plan_since`: when the plan was first loaded; `changed_at`: when the plan as it is now was first loaded.
pub fn due(
    review: &Review,
    last: Option<&SignedReview>,
    plan_since: Timestamp,
    changed_at: Timestamp,
    fingerprint: Digest,
    zone: &TimeZone,
    now: Timestamp,
) -> ReviewStatus {
    let _ = (review, last, plan_since, changed_at, fingerprint, zone, now);
    todo!()
}

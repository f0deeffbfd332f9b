//! Decides whether the plan has to be reviewed: six calendar months after the last signed review, or at once when what is material in it differs
//! from what was signed.
//!
//! `orchestrator::tasks::reviews` asks, and alerts once when the answer becomes `Overdue`; `lifeboat review list` shows it.

use base::Digest;
use jiff::Timestamp;
use jiff::tz::TimeZone;
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

/// When the plan that is loaded came into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanAge {
    /// When a plan of this name was first loaded.
    pub since: Timestamp,
    /// When the plan as it is now, by its material fingerprint, was first loaded.
    pub changed_at: Timestamp,
    /// Its material fingerprint.
    pub fingerprint: Digest,
}

/// Where the review stands at `now`. Months are those of the calendar in `zone`. A plan that was never signed is due one period after it was
/// first loaded, so that a new plan is not overdue on its first day.
pub fn due(review: &Review, last: Option<&SignedReview>, plan: &PlanAge, zone: &TimeZone, now: Timestamp) -> ReviewStatus {
    // What a clock that was wrong dated years ahead would keep the review fresh for as long.
    let last = last.filter(|last| !crate::backup::is_beyond(last.at, now));
    let due_at = review.every.after(last.map_or(plan.since.min(now), |last| last.at), zone);
    if let Some(last) = last.filter(|last| last.fingerprint != plan.fingerprint) {
        // The plan may have been changed and signed out of order; it is late since the later of the two, but never since the future.
        let since = plan.changed_at.max(last.at).min(due_at).min(now);
        return ReviewStatus::Overdue { since, reason: OverdueReason::Changed };
    }
    if now >= due_at {
        let reason = if last.is_some() { OverdueReason::Calendar } else { OverdueReason::NeverReviewed };
        return ReviewStatus::Overdue { since: due_at, reason };
    }
    // Reminders stand longest first, so that the last one that is reached is the most urgent.
    match review.remind.iter().rposition(|before| now >= before.before(due_at, zone)) {
        Some(reminder) => ReviewStatus::Soon { due_at, reminder },
        None => ReviewStatus::Fresh { due_at },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_review_is_fresh_then_soon_then_overdue_by_the_calendar() {
        let (zone, old) = (TimeZone::get("Europe/Berlin").unwrap(), Digest::of(b"old"));
        let plan = PlanAge { since: at("2025-01-01T00:00:00Z"), changed_at: at("2025-01-01T00:00:00Z"), fingerprint: old };
        // 31 August 12:00 in Berlin; six months later February has 28 days, and the clock shows 12:00 again.
        let last = SignedReview { at: at("2026-08-31T10:00:00Z"), fingerprint: old };
        let due_at = at("2027-02-28T11:00:00Z");
        for (now, status) in [
            ("2026-09-01T00:00:00Z", ReviewStatus::Fresh { due_at }),
            ("2027-01-29T10:59:59Z", ReviewStatus::Fresh { due_at }),
            ("2027-01-29T11:00:00Z", ReviewStatus::Soon { due_at, reminder: 0 }),
            ("2027-02-21T11:00:00Z", ReviewStatus::Soon { due_at, reminder: 1 }),
            ("2027-02-28T10:59:59Z", ReviewStatus::Soon { due_at, reminder: 1 }),
            ("2027-02-28T11:00:00Z", ReviewStatus::Overdue { since: due_at, reason: OverdueReason::Calendar }),
            ("2030-01-01T00:00:00Z", ReviewStatus::Overdue { since: due_at, reason: OverdueReason::Calendar }),
        ] {
            assert_eq!(due(&Review::default(), Some(&last), &plan, &zone, at(now)), status, "{now}");
        }
    }

    #[test]
    fn a_material_change_makes_a_review_overdue_at_once_and_a_new_signature_settles_it() {
        let changed_at = at("2026-10-01T00:00:00Z");
        let plan = PlanAge { since: at("2026-01-01T00:00:00Z"), changed_at, fingerprint: Digest::of(b"new") };
        let signed = |text: &str, of: &[u8]| SignedReview { at: at(text), fingerprint: Digest::of(of) };
        let status = |last: &SignedReview| due(&Review::default(), Some(last), &plan, &TimeZone::UTC, at("2026-10-01T00:00:01Z"));
        let overdue = ReviewStatus::Overdue { since: changed_at, reason: OverdueReason::Changed };
        assert_eq!(status(&signed("2026-09-30T00:00:00Z", b"old")), overdue);
        assert!(matches!(status(&signed("2026-09-30T00:00:00Z", b"new")), ReviewStatus::Fresh { .. }));
    }

    #[test]
    fn a_signature_from_years_ahead_keeps_no_review_fresh() {
        let since = at("2026-01-15T00:00:00Z");
        let plan = PlanAge { since, changed_at: since, fingerprint: Digest::of(b"x") };
        let last = SignedReview { at: at("2035-01-01T00:00:00Z"), fingerprint: plan.fingerprint };
        let status = due(&Review::default(), Some(&last), &plan, &TimeZone::UTC, at("2026-11-24T00:00:00Z"));
        let overdue = ReviewStatus::Overdue { since: at("2026-07-15T00:00:00Z"), reason: OverdueReason::NeverReviewed };
        assert_eq!(status, overdue);
    }

    #[test]
    fn a_plan_that_nobody_ever_reviewed_is_due_six_months_after_it_began() {
        let since = at("2026-01-15T00:00:00Z");
        let plan = PlanAge { since, changed_at: since, fingerprint: Digest::of(b"x") };
        let status = |now: &str| due(&Review::default(), None, &plan, &TimeZone::UTC, at(now));
        assert!(matches!(status("2026-07-14T23:59:59Z"), ReviewStatus::Soon { .. }));
        let overdue = ReviewStatus::Overdue { since: at("2026-07-15T00:00:00Z"), reason: OverdueReason::NeverReviewed };
        assert_eq!(status("2026-07-15T00:00:00Z"), overdue);
    }
}

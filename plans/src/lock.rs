//! Decides when the locks of a repository are looked at and extended.
//!
//! `orchestrator::tasks::locks` asks it. Locks are due for renewal when half of their period is left (`repository::lock` judges that), so
//! that a look each eighth of it leaves three chances before anything comes near its end.

use std::time::Duration;

use jiff::Timestamp;

use crate::plan::{Lock, Renewal, Repository};

/// The longest time between two looks, however long locks hold: one that somebody has weakened is to be noticed within a week.
const SELDOM: Duration = Duration::from_hours(7 * 24);
/// The time until a look that failed is tried again.
const AGAIN: Duration = Duration::from_hours(1);

/// How the last look at the locks of a repository ended, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// Every lock was read, and what was due was asked for.
    Whole(Timestamp),
    /// It failed, or could not read every lock.
    Failed(Timestamp),
}

/// The lock whose renewal is this host's work.
pub fn of(repository: &Repository) -> Option<&Lock> {
    repository.lock.as_ref().filter(|lock| lock.renewal == Renewal::Here)
}

/// The time between two looks: an eighth of the period, and a week at most.
pub fn every(lock: &Lock) -> Duration {
    (lock.period.at_least() / 8).min(SELDOM)
}

/// For how long no look may have ended well: a quarter of the period, and at least two turns.
pub fn within(lock: &Lock) -> Duration {
    (lock.period.at_least() / 4).min(SELDOM * 2)
}

/// Whether the locks have to be looked at now.
pub fn is_due(lock: &Lock, last: Option<Looked>, now: Timestamp) -> bool {
    let (at, wait) = match last {
        None => return true,
        Some(Looked::Whole(at)) => (at, every(lock)),
        Some(Looked::Failed(at)) => (at, every(lock).min(AGAIN)),
    };
    // A clock that was set back must not keep it from being due for years.
    now.duration_since(at).unsigned_abs() >= wait
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(text: &str) -> Lock {
        text.parse().unwrap()
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(500_000 + hours)
    }

    #[test]
    fn locks_are_looked_at_each_eighth_of_their_period_a_week_apart_at_most_and_at_once_where_nobody_ever_did() {
        let month = lock("compliance 40d");
        assert!(is_due(&month, None, at(0)));
        for (hours, due) in [(0, false), (5 * 24 - 1, false), (5 * 24, true)] {
            assert_eq!(is_due(&month, Some(Looked::Whole(at(0))), at(hours)), due, "{hours}");
        }
        assert_eq!(every(&lock("governance 10y")), SELDOM);
        assert_eq!((within(&month), within(&lock("compliance 3650d"))), (Duration::from_hours(240), SELDOM * 2));
    }

    #[test]
    fn a_look_that_failed_is_tried_again_soon_and_a_clock_that_was_set_back_keeps_none_away() {
        let month = lock("compliance 40d");
        assert!(!is_due(&month, Some(Looked::Failed(at(0))), at(0)));
        assert!(is_due(&month, Some(Looked::Failed(at(0))), at(1)));
        assert!(is_due(&month, Some(Looked::Whole(at(0))), at(-200)));
    }
}

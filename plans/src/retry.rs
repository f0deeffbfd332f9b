//! Decides when something that failed is tried again before its next scheduled run.
//!
//! `orchestrator` asks it for backups. A failed run is due again after a wait that doubles with each failure in a row, so that a
//! store that was away for a minute costs one run and not a day, and one that is away for a week is not hammered.

use std::time::Duration;

use jiff::Timestamp;

/// The wait after the first failure.
pub const FIRST_WAIT: Duration = Duration::from_mins(5);
/// The longest wait between two tries.
pub const LONGEST_WAIT: Duration = Duration::from_hours(2);

/// How long to wait after `failures` failures in a row: 5, 10, 20 … 120 minutes.
pub fn wait(failures: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(LONGEST_WAIT)
}

/// Whether what failed `failures` times in a row, the last time at `failed`, may be tried again at `now`.
pub fn may_retry(failures: u32, failed: Timestamp, now: Timestamp) -> bool {
    failed.checked_add(wait(failures)).is_ok_and(|at| at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_two_hours() {
        let minutes: Vec<_> = (1..=7).map(|n| wait(n).as_secs() / 60).collect();
        assert_eq!(minutes, [5, 10, 20, 40, 80, 120, 120]);
        assert_eq!(wait(u32::MAX), LONGEST_WAIT);
    }

    #[test]
    fn a_failed_run_is_not_tried_again_before_its_wait_is_over() {
        let failed: Timestamp = "2026-11-24T02:00:00Z".parse().unwrap();
        assert!(!may_retry(1, failed, "2026-11-24T02:04:59Z".parse().unwrap()));
        assert!(may_retry(1, failed, "2026-11-24T02:05:00Z".parse().unwrap()));
        assert!(!may_retry(2, failed, "2026-11-24T02:05:00Z".parse().unwrap()));
    }
}

//! Estimates how much longer a backup takes, from what the last one came to. Pure; `run` asks it for each [`crate::Status`].

use std::time::Duration;

/// Entries and bytes, of a whole source or of the part done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files, folders and links.
    pub entries: u64,
    /// Bytes of the files among them.
    pub bytes: u64,
}

/// What looking at an entry costs, in bytes that could be read in the same time.
const ENTRY_WEIGHT: u64 = 8192;
/// Before this time the pace is mostly start-up.
const SETTLE: Duration = Duration::from_secs(2);
/// Before this part of the work (one part in …) a guess would swing too widely to be shown.
const LEAST_PART: u128 = 200;

impl Totals {
    fn weight(self) -> u128 {
        u128::from(self.bytes) + u128::from(self.entries) * u128::from(ENTRY_WEIGHT)
    }
}

/// Time left when `done` of `expected` took `elapsed`; `None` while that cannot be told.
///
/// A source that has outgrown the last run's totals has no known end, so it gets no estimate either.
pub fn remaining(expected: Option<Totals>, done: Totals, elapsed: Duration) -> Option<Duration> {
    let (all, part) = (expected?.weight(), done.weight());
    if elapsed < SETTLE || part >= all || part < all / LEAST_PART || part == 0 {
        return None;
    }
    let left_ms = elapsed.as_millis().saturating_mul(all - part) / part;
    u64::try_from(left_ms).ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Totals = Totals { entries: 1000, bytes: 100 << 20 };

    #[test]
    fn a_quarter_done_in_a_minute_leaves_three() {
        let done = Totals { entries: 250, bytes: 25 << 20 };
        assert_eq!(remaining(Some(ALL), done, Duration::from_mins(1)), Some(Duration::from_mins(3)));
    }

    #[test]
    fn nothing_is_promised_without_a_last_run_too_early_or_past_the_expected_end() {
        let done = Totals { entries: 250, bytes: 25 << 20 };
        let minute = Duration::from_mins(1);
        assert_eq!(remaining(None, done, minute), None);
        assert_eq!(remaining(Some(ALL), done, Duration::from_millis(900)), None);
        assert_eq!(remaining(Some(ALL), Totals { entries: 1, bytes: 0 }, minute), None);
        assert_eq!(remaining(Some(ALL), Totals { entries: 1000, bytes: 200 << 20 }, minute), None);
        assert_eq!(remaining(Some(Totals::default()), Totals::default(), minute), None);
    }
}

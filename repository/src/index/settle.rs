//! Decides which segments become one. Pure.
//!
//! A new run adds a small segment; a hundred of them would make every lookup slow, and joining all of them each time would rewrite
//! gigabytes for a few rows. Sizes are therefore kept in steps: each segment has at least four times the rows of all smaller ones
//! together, so that there are few, and a row is rewritten seldom.

/// How much larger a segment is than all smaller ones together.
const STEP: u64 = 4;

/// Of segments with so many rows, in descending order: from which one on they are joined. Their number when none is.
pub(super) fn from(sizes: &[u64]) -> usize {
    let mut smaller = 0_u64;
    let mut first = sizes.len();
    for (at, size) in sizes.iter().enumerate().rev() {
        if at + 1 < sizes.len() && *size < smaller.max(1).saturating_mul(STEP) {
            first = at;
        }
        smaller = smaller.saturating_add(*size);
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_in_steps() {
        assert_eq!(from(&[]), 0);
        assert_eq!(from(&[7]), 1);
        assert_eq!(from(&[7, 0, 0]), 1);
        assert_eq!(from(&[100, 25]), 2);
        assert_eq!(from(&[100, 26]), 0);
        assert_eq!(from(&[1000, 200, 20, 10]), 2);
        assert_eq!(from(&[1000, 100, 24, 10]), 1);
        assert_eq!(from(&[100, 24, 10]), 0, "what is joined may be too large for the next one");
    }

    #[test]
    fn a_year_of_hourly_runs_leaves_few_segments_and_rewrites_little() {
        let (mut sizes, mut written) = (vec![10_000_000_u64], 0);
        for _ in 0..365 * 24 {
            sizes.push(1_000);
            let rest: u64 = sizes.split_off(from(&sizes)).iter().sum();
            if rest > 0 {
                sizes.push(rest);
            }
            written += if rest > 0 { rest } else { 1_000 };
            assert!(sizes.len() <= 8, "{sizes:?}");
        }
        assert_eq!(sizes.iter().sum::<u64>(), 10_000_000 + 365 * 24 * 1_000);
        assert!(written < 20 * 365 * 24 * 1_000, "{written} rows were rewritten for {}", 365 * 24 * 1_000);
    }
}

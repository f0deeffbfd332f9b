//! Which packs a check looks at when it may not look at all. Pure.

use std::sync::Arc;

use base::Digest;
use jiff::Timestamp;

use super::Level;
use super::coverage::Coverage;

/// The whole, in the unit of [`Budget::Share`]: parts of ten thousand.
pub const ONE: u16 = 10_000;

/// How many packs are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Budget {
    /// All of them.
    All,
    /// A part of them, drawn by the seed: the same seed draws the same packs, the next seed others.
    Share {
        /// Parts of ten thousand: 500 is 5 %. At least one pack is looked at.
        parts: u16,
        /// For instance the number of the run.
        seed: u64,
    },
    /// Those that were not read for a time, the longest ago first and those that never were before all.
    Old {
        /// Parts of ten thousand of all packs: more are not looked at, however many are old.
        parts: u16,
        /// When each was last read.
        read: Arc<Coverage>,
        /// What was read at this instant or after it is not old.
        before: Timestamp,
        /// Now. What says that it was read later was read by a clock that was wrong.
        now: Timestamp,
    },
}

impl Budget {
    /// The packs to look at, and how many are old that are left for another time.
    pub(super) fn draw<T>(&self, mut packs: Vec<T>, level: Level, digest: impl Fn(&T) -> Digest) -> (Vec<T>, u64) {
        let parts = match self {
            Self::All => return (packs, 0),
            Self::Share { parts, .. } | Self::Old { parts, .. } => *parts,
        };
        let wanted = (packs.len() as u128 * u128::from(parts.min(ONE))).div_ceil(u128::from(ONE)).max(1);
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        match self {
            Self::All => {}
            Self::Share { seed, .. } => {
                packs.sort_by_cached_key(|pack| Digest::of(&[&seed.to_le_bytes()[..], digest(pack).as_bytes()].concat()));
            }
            Self::Old { read, before, now, .. } => {
                packs.retain(|pack| read.last(&digest(pack), level, *now).is_none_or(|last| last < *before));
                packs.sort_by_cached_key(|pack| (read.last(&digest(pack), level, *now), digest(pack)));
                let left = packs.len().saturating_sub(wanted) as u64;
                packs.truncate(wanted);
                return (packs, left);
            }
        }
        packs.truncate(wanted);
        (packs, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn drawn(n: u32, parts: u16, seed: u64) -> Vec<Digest> {
        let packs: Vec<Digest> = (0..n).map(|i| Digest::of(&i.to_le_bytes())).collect();
        Budget::Share { parts, seed }.draw(packs, Level::Names, |digest| *digest).0
    }

    #[test]
    fn what_was_not_read_for_longest_comes_first_and_what_was_read_lately_not_at_all() {
        let at = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
        let packs: Vec<Digest> = (0..10_u8).map(|n| Digest::of(&[n])).collect();
        let mut read = Coverage::default();
        for (n, day) in [(0, 80), (1, 95), (2, 60), (3, 71), (4, 69), (5, 100), (6, 99)] {
            read.note(Level::Names, &packs[n..=n], at(day));
        }
        let read = Arc::new(read);
        let drawn = |parts| {
            let budget = Budget::Old { parts, read: Arc::clone(&read), before: at(70), now: at(99) };
            let (drawn, left) = budget.draw(packs.clone(), Level::Names, |digest| *digest);
            (drawn.iter().map(|digest| packs.iter().position(|pack| pack == digest).unwrap()).collect::<Vec<_>>(), left)
        };
        // 7 to 9 were never read, and 5 on a day that is still to come.
        let (all, left) = drawn(ONE);
        assert_eq!((all[..4].iter().copied().collect::<BTreeSet<_>>(), &all[4..], left), ([5, 7, 8, 9].into(), &[2, 4][..], 0));
        assert_eq!(drawn(5000), (all[..5].to_vec(), 1));
        assert_eq!(drawn(1), (all[..1].to_vec(), 5));
        let (opened, _) =
            Budget::Old { parts: ONE, read, before: at(70), now: at(99) }.draw(packs.clone(), Level::Contents, |digest| *digest);
        assert_eq!(opened.len(), 10, "none was ever opened");
    }

    #[test]
    fn a_share_is_rounded_up_and_never_nothing() {
        for (n, parts, wanted) in [(0, 500, 0), (1, 1, 1), (100, 500, 5), (101, 500, 6), (10, ONE, 10), (10, u16::MAX, 10), (10, 0, 1)] {
            assert_eq!(drawn(n, parts, 1).len(), wanted, "{parts} parts of {n}");
        }
    }

    #[test]
    fn a_seed_draws_the_same_packs_again_and_many_seeds_draw_all() {
        assert_eq!(drawn(100, 500, 7), drawn(100, 500, 7));
        assert_ne!(drawn(100, 500, 7), drawn(100, 500, 8));
        let all: BTreeSet<Digest> = (0..200).flat_map(|seed| drawn(100, 500, seed)).collect();
        assert_eq!(all.len(), 100);
    }
}

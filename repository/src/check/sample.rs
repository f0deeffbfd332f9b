//! Which packs a check looks at when it may not look at all. Pure.

use base::Digest;

/// The whole, in the unit of [`Budget::Share`]: parts of ten thousand.
pub const ONE: u16 = 10_000;

/// How many packs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

impl Budget {
    /// The packs to look at.
    pub(super) fn draw<T>(self, mut packs: Vec<T>, digest: impl Fn(&T) -> Digest) -> Vec<T> {
        let Self::Share { parts, seed } = self else { return packs };
        let wanted = (packs.len() as u128 * u128::from(parts.min(ONE))).div_ceil(u128::from(ONE)).max(1);
        packs.sort_by_cached_key(|pack| Digest::of(&[&seed.to_le_bytes()[..], digest(pack).as_bytes()].concat()));
        packs.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
        packs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn drawn(n: u32, parts: u16, seed: u64) -> Vec<Digest> {
        let packs: Vec<Digest> = (0..n).map(|i| Digest::of(&i.to_le_bytes())).collect();
        Budget::Share { parts, seed }.draw(packs, |digest| *digest)
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

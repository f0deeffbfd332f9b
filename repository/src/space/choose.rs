//! Decides which packs are to be emptied. Pure: what each pack holds and what of it is live goes in.

use std::collections::{BTreeMap, BTreeSet};

use super::Live;
use crate::prune::{Facts, PackAt, Plan};

/// How much of what is stored may be dead. Both in parts of a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Packs are emptied when more than this is dead …
    pub above: u64,
    /// … until no more than this is.
    pub down_to: u64,
}

impl Default for Limits {
    /// From 12.5 % down to 5 %. Packs that were emptied stay for two grace periods more, and what is stored meanwhile dies, too: the
    /// share is then still below a fifth when the next look comes a week later.
    fn default() -> Self {
        Self { above: 125, down_to: 50 }
    }
}

/// A pack that restore points need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackUse {
    /// Whose and which.
    pub at: PackAt,
    /// In bytes.
    pub size: u64,
    /// Bytes of its frames of which restore points need something.
    pub live: u64,
    /// Bytes of its other frames.
    pub dead: u64,
}

/// What of the packs that restore points need is dead.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waste {
    /// Bytes of packs.
    pub stored: u64,
    /// Bytes of frames of which nobody needs anything.
    pub dead: u64,
}

impl Waste {
    /// Dead parts of a thousand.
    pub fn per_mille(&self) -> u64 {
        share(self.dead, self.stored)
    }
}

fn share(part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(part) * 1000 / u128::from(whole.max(1))).unwrap_or(u64::MAX)
}

/// The packs that restore points need, as far as `live` knows what of them is dead. `retired` packs are not among them when `plan`
/// says that nobody needs them.
pub fn uses(facts: &Facts, plan: &Plan, live: &BTreeMap<PackAt, Live>) -> Vec<PackUse> {
    let stays = |snapshot: &&crate::prune::SnapshotFact| plan.snapshots.get(&snapshot.id).is_some_and(|fate| fate.stays);
    let needed: BTreeSet<&PackAt> = facts.snapshots.iter().filter(stays).flat_map(|snapshot| snapshot.packs.iter()).collect();
    let packs = facts.packs.iter().filter(|pack| needed.contains(&pack.at));
    let used = |pack: &crate::prune::PackFact| {
        let known = live.get(&pack.at).copied().unwrap_or(Live { live: pack.size, dead: 0 });
        PackUse { at: pack.at.clone(), size: pack.size, live: known.live, dead: known.dead }
    };
    packs.map(used).collect()
}

/// What is dead of all of them.
pub fn waste(packs: &[PackUse]) -> Waste {
    Waste { stored: packs.iter().map(|pack| pack.size).sum(), dead: packs.iter().map(|pack| pack.dead).sum() }
}

/// The packs to empty: those with the largest dead share, as many as bring what is dead down to the limit. None while it is not above.
pub fn choose(packs: &[PackUse], limits: Limits) -> BTreeSet<PackAt> {
    let Waste { mut stored, mut dead } = waste(packs);
    let mut chosen = BTreeSet::new();
    if share(dead, stored) <= limits.above {
        return chosen;
    }
    let mut worst: Vec<&PackUse> = packs.iter().filter(|pack| pack.dead > 0).collect();
    worst.sort_by_key(|pack| (std::cmp::Reverse(share(pack.dead, pack.size)), pack.at.clone()));
    for pack in worst {
        if share(dead, stored) <= limits.down_to {
            break;
        }
        // What is live of it is stored again.
        stored = stored.saturating_sub(pack.size).saturating_add(pack.live);
        dead = dead.saturating_sub(pack.dead);
        chosen.insert(pack.at.clone());
    }
    chosen
}

#[cfg(test)]
mod tests {
    use base::Digest;

    use super::*;

    fn pack(n: u8, live: u64, dead: u64) -> PackUse {
        PackUse { at: ("lab".parse().unwrap(), Digest::of(&[n])), size: live + dead, live, dead }
    }

    #[test]
    fn nothing_is_emptied_while_little_is_dead_and_then_the_worst_first() {
        let limits = Limits { above: 200, down_to: 100 };
        assert!(choose(&[pack(1, 900, 100), pack(2, 700, 300)], limits).is_empty(), "exactly a fifth");
        let packs = [pack(1, 900, 100), pack(2, 100, 900), pack(3, 500, 500), pack(4, 1000, 0)];
        assert_eq!((waste(&packs).per_mille(), choose(&packs, limits)), (375, [packs[1].at.clone(), packs[2].at.clone()].into()));
        let after = [pack(1, 900, 100), pack(4, 1000, 0), pack(5, 600, 0)];
        assert!(waste(&after).per_mille() <= 100);
    }

    #[test]
    fn packs_of_nothing_and_no_packs_are_no_waste() {
        assert_eq!((waste(&[]).per_mille(), choose(&[], Limits::default()).len()), (0, 0));
        assert_eq!(choose(&[pack(1, 0, 0), pack(2, 0, 10)], Limits::default()), [pack(2, 0, 10).at].into());
    }
}

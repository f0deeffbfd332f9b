//! Sets of packs that share the names: a snapshot names tens of thousands of packs, and the next one nearly the same. Each name is kept
//! once, and a set is a list of numbers.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use super::PackAt;

/// A set of packs, in the order of no name.
#[derive(Clone, Default)]
pub struct PackSet {
    names: Arc<Vec<PackAt>>,
    /// Places in `names`; ascending.
    numbers: Vec<u32>,
}

/// Gives each pack a number, for sets that share the names.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    numbers: HashMap<PackAt, u32>,
}

impl Numbering {
    /// The numbers of some packs, ascending.
    pub(super) fn of(&mut self, packs: impl IntoIterator<Item = PackAt>) -> Vec<u32> {
        let mut numbers = Vec::new();
        for at in packs {
            let next = u32::try_from(self.numbers.len()).expect("a store lists fewer packs");
            numbers.push(*self.numbers.entry(at).or_insert(next));
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers.shrink_to_fit();
        numbers
    }

    /// The names, for [`PackSet::new`].
    pub(super) fn names(self) -> Arc<Vec<PackAt>> {
        let mut named: Vec<(PackAt, u32)> = self.numbers.into_iter().collect();
        named.sort_unstable_by_key(|(_, number)| *number);
        Arc::new(named.into_iter().map(|(at, _)| at).collect())
    }
}

impl PackSet {
    pub(super) fn new(names: &Arc<Vec<PackAt>>, numbers: Vec<u32>) -> Self {
        Self { names: Arc::clone(names), numbers }
    }

    /// Each pack.
    pub fn iter(&self) -> impl Iterator<Item = &PackAt> {
        self.numbers.iter().filter_map(|number| self.names.get(*number as usize))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Whether `packs` has all of them.
    pub fn is_subset(&self, packs: &BTreeSet<PackAt>) -> bool {
        self.iter().all(|at| packs.contains(at))
    }
}

impl FromIterator<PackAt> for PackSet {
    fn from_iter<I: IntoIterator<Item = PackAt>>(packs: I) -> Self {
        let mut numbering = Numbering::default();
        let numbers = numbering.of(packs);
        Self { names: numbering.names(), numbers }
    }
}

impl PartialEq for PackSet {
    fn eq(&self, other: &Self) -> bool {
        self.iter().collect::<BTreeSet<_>>() == other.iter().collect::<BTreeSet<_>>()
    }
}

impl Eq for PackSet {}

impl fmt::Debug for PackSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use base::Digest;

    use super::*;

    fn pack(n: u8) -> PackAt {
        ("lab".parse().unwrap(), Digest::of(&[n]))
    }

    #[test]
    fn sets_that_share_names_hold_what_was_put_into_them() {
        let mut numbering = Numbering::default();
        let [one, two] = [vec![pack(1), pack(2), pack(1)], vec![pack(3), pack(2)]].map(|packs| numbering.of(packs));
        let names = numbering.names();
        let [one, two] = [PackSet::new(&names, one), PackSet::new(&names, two)];
        assert_eq!((one.len(), two.len(), names.len()), (2, 2, 3));
        assert_eq!(two, [pack(2), pack(3)].into_iter().collect());
        assert!(one != two && one.is_subset(&[pack(1), pack(2)].into()) && !two.is_subset(&[pack(1), pack(2)].into()));
    }
}

//! Compares two lists of objects: what is missing in the copy, what differs, how far it lags behind. Pure.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use stores::key::Key;
use stores::store::Entry;

use super::place::{self, Place};
use crate::finding::Finding;

/// An object that the copy lacks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Its kind, and so its turn.
    pub place: Place,
    /// Its name.
    pub key: Key,
    /// In bytes, as the original lists it.
    pub size: u64,
}

/// How far a copy is behind. Both instants are of the original's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// Restore points that the copy lacks.
    pub snapshots: u64,
    /// When the newest restore point was stored in the original.
    pub newest_there: Option<Timestamp>,
    /// When the newest restore point that the copy has was stored in the original.
    pub newest_here: Option<Timestamp>,
}

impl Lag {
    /// The time between the two; `None` where the copy has no restore point, or the store tells no time.
    pub fn span(&self) -> Option<SignedDuration> {
        if self.snapshots == 0 {
            return Some(SignedDuration::ZERO);
        }
        Some(self.newest_there?.duration_since(self.newest_here?).max(SignedDuration::ZERO))
    }
}

/// What is to be done so that a copy holds all that the original holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyPlan {
    /// What is missing, in the order in which it is stored.
    pub missing: Vec<Item>,
    /// Objects that both have, with one length.
    pub present: Vec<Key>,
    /// Objects whose lengths differ, and objects that are longer than such an object may be. They are left as they are.
    pub differs: Vec<Finding>,
    /// Objects of the copy that the original does not have: it keeps them longer, or the original lost them.
    pub only_here: Vec<Key>,
    /// Objects of the original that the copy lacks and need not have, with the reason. They are not damaged.
    pub left_out: Vec<Finding>,
    /// How far the copy is behind before the plan is carried out.
    pub lag: Lag,
}

impl CopyPlan {
    /// Bytes that are missing.
    pub fn bytes(&self) -> u64 {
        self.missing.iter().map(|item| item.size).sum()
    }
}

/// Compares the list of the original with the list of the copy.
pub fn plan(there: &[Entry], here: &[Entry]) -> CopyPlan {
    plan_without(there, here, &|_| None)
}

/// As [`plan`]; `aside` says why an object need not be in the copy.
pub fn plan_without(there: &[Entry], here: &[Entry], aside: &dyn Fn(&Key) -> Option<&'static str>) -> CopyPlan {
    let mut left: HashMap<&Key, u64> = here.iter().map(|entry| (&entry.key, entry.size)).collect();
    let mut plan = CopyPlan::default();
    let snapshots = place::named("snapshots/");
    for Entry { key, size, modified } in there {
        let Some(place) = place::of(key) else { continue };
        let found = left.remove(key);
        if let (None, Some(why)) = (found, aside(key)) {
            plan.left_out.push(Finding::new(key, why));
            continue;
        }
        if place == snapshots {
            plan.lag.newest_there = plan.lag.newest_there.max(*modified);
            match found {
                Some(_) => plan.lag.newest_here = plan.lag.newest_here.max(*modified),
                None => plan.lag.snapshots += 1,
            }
        }
        match found {
            Some(len) if len == *size => plan.present.push(key.clone()),
            Some(len) => plan.differs.push(Finding::new(key, format!("it has {len} bytes in the copy and {size} in the original"))),
            None if *size > place.limit() => plan.differs.push(Finding::new(key, format!("it has {size} bytes, which no such object has"))),
            None => plan.missing.push(Item { place, key: key.clone(), size: *size }),
        }
    }
    plan.only_here = left.into_keys().filter(|key| place::of(key).is_some()).cloned().collect();
    plan.only_here.sort();
    plan.missing.sort();
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, size: u64, second: i64) -> Entry {
        Entry { key: key.parse().unwrap(), size, modified: Timestamp::from_second(second).ok() }
    }

    #[test]
    fn what_is_missing_comes_in_the_order_in_which_it_may_be_stored() {
        let there = [
            entry("snapshots/lab/h/0", 5, 40),
            entry("snapshots/lab/h/1", 5, 100),
            entry("index/lab/h/0", 3, 30),
            entry("packs/lab/aa/x", 9, 20),
            entry("packs/lab/aa/y", 9, 20),
            entry("packs/lab/aa/huge", 1 << 40, 20),
            entry("repository.json", 1, 10),
            entry("probe/1/first", 1, 10),
        ];
        let here = [entry("snapshots/lab/h/0", 5, 900), entry("packs/lab/aa/y", 8, 900), entry("packs/lab/aa/old", 8, 1)];
        let plan = plan(&there, &here);
        let names: Vec<_> = plan.missing.iter().map(|item| item.key.as_str()).collect();
        assert_eq!(names, ["repository.json", "packs/lab/aa/x", "index/lab/h/0", "snapshots/lab/h/1"]);
        assert_eq!(plan.bytes(), 18);
        let differs: Vec<_> = plan.differs.iter().map(|finding| finding.object.as_str()).collect();
        assert_eq!(differs, ["packs/lab/aa/y", "packs/lab/aa/huge"]);
        assert_eq!(plan.only_here, ["packs/lab/aa/old".parse().unwrap()]);
        assert_eq!((plan.lag.snapshots, plan.lag.span()), (1, Some(SignedDuration::from_secs(60))));
    }

    #[test]
    fn a_copy_that_has_all_lags_by_nothing_and_an_empty_one_by_an_unknown_time() {
        let there = [entry("snapshots/lab/h/0", 5, 40)];
        assert_eq!(plan(&there, &there).lag.span(), Some(SignedDuration::ZERO));
        assert_eq!(plan(&there, &[]).lag.span(), None);
        assert_eq!(plan_without(&there, &[], &|_| Some("not believed")).lag.span(), Some(SignedDuration::ZERO));
    }
}

//! Decides what stays, what is condemned and what is deleted. Pure: facts and the protocol go in.

use std::collections::{BTreeMap, BTreeSet};

use base::span::human;
use jiff::Timestamp;

use super::{Facts, PackAt};
use crate::fence::Protocol;
use crate::snapshots::SnapshotId;

/// What becomes of one object, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Whether it stays.
    pub stays: bool,
    /// Why.
    pub why: String,
}

/// What a prune would do now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Each snapshot.
    pub snapshots: BTreeMap<SnapshotId, Fate>,
    /// Each pack.
    pub packs: BTreeMap<PackAt, Fate>,
    /// Packs to name in the next condemned list.
    pub condemn: BTreeSet<PackAt>,
    /// Packs to delete.
    pub delete: BTreeSet<PackAt>,
    /// Bytes of the packs to delete.
    pub delete_bytes: u64,
    /// Bytes of each pack to delete.
    pub sizes: BTreeMap<PackAt, u64>,
    /// Why nothing may be condemned or deleted at all; empty: it may.
    pub blocked: Vec<String>,
}

pub(super) fn is_old(now: Timestamp, stored: Option<Timestamp>, age: std::time::Duration) -> bool {
    stored.is_some_and(|stored| now.duration_since(stored).as_secs_f64() >= age.as_secs_f64())
}

/// The plan for what was found.
pub fn plan(facts: &Facts, protocol: &Protocol) -> Plan {
    let mut plan = Plan { blocked: facts.unclear.iter().map(|(object, what)| format!("{object}: {what}")).collect(), ..Plan::default() };
    let mut needed: BTreeSet<&PackAt> = BTreeSet::new();
    for snapshot in &facts.snapshots {
        let fate = match (&snapshot.held, &snapshot.tombstone) {
            (Some(reason), _) => Fate { stays: true, why: format!("held: {reason}") },
            (None, None) => Fate { stays: true, why: "no tombstone".to_owned() },
            (None, Some((stored, reason))) if is_old(facts.now, Some(*stored), protocol.grace()) => {
                Fate { stays: false, why: format!("tombstone of {stored}: {reason}") }
            }
            (None, Some((stored, reason))) => {
                let why = format!("tombstone of {stored}, which can be undone for {}: {reason}", human(protocol.grace()));
                Fate { stays: true, why }
            }
        };
        if fate.stays {
            needed.extend(&snapshot.packs);
            if !snapshot.attested {
                plan.blocked.push(format!("{}: nobody has attested its pack set", snapshot.key));
            }
        }
        plan.snapshots.insert(snapshot.id, fate);
    }
    // The oldest list that names a pack counts.
    let mut condemned: BTreeMap<&PackAt, Option<Timestamp>> = BTreeMap::new();
    for generation in &facts.generations {
        for pack in &generation.packs {
            let first = condemned.entry(pack).or_insert(generation.stored);
            *first = [*first, generation.stored].into_iter().flatten().min();
        }
    }
    for pack in &facts.packs {
        let fate = match condemned.get(&pack.at) {
            _ if needed.contains(&pack.at) => Fate { stays: true, why: "a snapshot needs it".to_owned() },
            Some(since) if is_old(facts.now, *since, protocol.sweep_after()) => {
                plan.delete.insert(pack.at.clone());
                plan.delete_bytes += pack.size;
                plan.sizes.insert(pack.at.clone(), pack.size);
                Fate { stays: false, why: "condemned long enough ago".to_owned() }
            }
            Some(_) => Fate { stays: true, why: format!("condemned, and waits for {}", human(protocol.sweep_after())) },
            None if is_old(facts.now, pack.stored, protocol.grace()) => {
                plan.condemn.insert(pack.at.clone());
                Fate { stays: true, why: "no snapshot needs it: to be condemned".to_owned() }
            }
            None => Fate { stays: true, why: format!("younger than {}: a backup may be about to need it", human(protocol.grace())) },
        };
        plan.packs.insert(pack.at.clone(), fate);
    }
    plan
}

#[cfg(test)]
mod tests {
    use base::Digest;
    use base::span::Span;

    use super::super::{Generation, PackFact, SnapshotFact};
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(1000 + hours)
    }

    fn pack(n: u8) -> PackAt {
        ("lab".parse().unwrap(), Digest::of(&[n]))
    }

    fn snapshot(packs: &[u8]) -> SnapshotFact {
        SnapshotFact {
            id: SnapshotId::new(Digest::of(packs)),
            key: "snapshots/lab/web/0".to_owned(),
            domain: "lab".parse().unwrap(),
            writer: "web".parse().unwrap(),
            seq: 0,
            complete: true,
            stored: Some(at(-200)),
            read: at(-200),
            content: super::super::Content { tree: Digest::of(packs), taken: at(-201), finished: at(-201) },
            packs: packs.iter().map(|n| pack(*n)).collect(),
            tombstone: None,
            rule: None,
            held: None,
            attested: true,
        }
    }

    fn facts() -> Facts {
        let packs = (1..=5).map(|n| PackFact { at: pack(n), size: 10, stored: Some(at(if n == 5 { -71 } else { -200 })) }).collect();
        let generation =
            |number, hours, packs: &[u8]| Generation { number, stored: Some(at(hours)), packs: packs.iter().map(|n| pack(*n)).collect() };
        Facts {
            now: at(0),
            snapshots: vec![snapshot(&[1])],
            packs,
            generations: vec![generation(0, -76, &[1, 2]), generation(1, -75, &[3])],
            ..Facts::default()
        }
    }

    #[test]
    fn what_is_needed_young_or_condemned_for_too_short_a_time_stays() {
        let plan = plan(&facts(), &Protocol::new(Span::seconds(72 * 3600)));
        // 1 is condemned and needed; 2 may go; 3 was condemned 75 hours ago, and 75.6 are wanted; 4 is new to us; 5 is young.
        assert_eq!((plan.delete, plan.condemn, plan.delete_bytes), ([pack(2)].into(), [pack(4)].into(), 10));
        assert_eq!((plan.blocked, plan.packs.len()), (Vec::<String>::new(), 5));
    }

    #[test]
    fn a_tombstone_frees_packs_when_it_can_no_longer_be_undone_and_a_hold_keeps_them() {
        let protocol = Protocol::new(Span::seconds(72 * 3600));
        let (mut facts, mut freed) = (facts(), Vec::new());
        for (hours, held) in [(-71, None), (-72, None), (-72, Some("court".to_owned()))] {
            facts.snapshots[0].tombstone = Some((at(hours), "old".to_owned()));
            facts.snapshots[0].held = held;
            freed.push(plan(&facts, &protocol).delete.contains(&pack(1)));
        }
        assert_eq!(freed, [false, true, false]);
    }

    #[test]
    fn what_is_unclear_or_not_attested_blocks_the_whole() {
        let protocol = Protocol::new(Span::seconds(72 * 3600));
        let mut facts = facts();
        facts.snapshots[0].attested = false;
        assert!(plan(&facts, &protocol).blocked[0].contains("nobody has attested"));
        facts.snapshots[0].attested = true;
        facts.unclear.push(("holds/x".to_owned(), "damaged".to_owned()));
        assert_eq!(plan(&facts, &protocol).blocked, ["holds/x: damaged"]);
    }
}

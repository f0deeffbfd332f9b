//! Decides what stays, what is condemned and what is deleted. Pure: facts and the protocol go in.
//!
//! What is unclear or damaged in one domain keeps all packs of that domain, and no other's. A snapshot that nobody has attested may need more
//! than it names, yet nothing that was ripe to be deleted when its writer began: such packs were on a list that the writer had read.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use base::id::DomainId;
use base::span::human;
use jiff::Timestamp;

use super::{Facts, PackAt, SnapshotFact};
use crate::fence::Protocol;
use crate::format::names;
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
    /// Why nothing of these domains may be condemned or deleted.
    pub blocked_in: BTreeMap<DomainId, Vec<String>>,
    /// Snapshots that stay and of whose packs some are gone, with their number.
    pub broken: BTreeMap<SnapshotId, u64>,
    /// By domain: what waits until snapshots that nobody has attested are.
    pub unattested: BTreeMap<DomainId, Unattested>,
}

/// Snapshots of one domain that stay and that nobody has attested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unattested {
    /// The key of the one whose writer was the first to read the condemned lists.
    pub first: String,
    /// When it had read them, by the store's clock.
    pub read: Timestamp,
    /// How many there are.
    pub n_snapshots: u64,
    /// Packs that could be deleted otherwise.
    pub n_packs: u64,
}

impl Plan {
    /// Whether nothing of a domain may be condemned or deleted.
    pub fn is_blocked(&self, domain: &DomainId) -> bool {
        !self.blocked.is_empty() || self.blocked_in.contains_key(domain)
    }

    /// Why not everything may be condemned and deleted that nobody needs.
    pub fn hindrances(&self) -> Vec<String> {
        let unattested = self.unattested.values().filter(|one| one.n_packs > 0).map(ToString::to_string);
        self.blocked.iter().chain(self.blocked_in.values().flatten()).cloned().chain(unattested).collect()
    }
}

impl std::fmt::Display for Unattested {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { first, n_snapshots, n_packs, .. } = self;
        write!(f, "{first}: nobody has attested its pack set")?;
        if *n_snapshots > 1 {
            write!(f, ", nor those of {} later ones of its domain", n_snapshots - 1)?;
        }
        if *n_packs > 0 { write!(f, "; {n_packs} packs wait for it") } else { Ok(()) }
    }
}

pub(super) fn is_old(now: Timestamp, stored: Option<Timestamp>, age: std::time::Duration) -> bool {
    stored.is_some_and(|stored| now.duration_since(stored).as_secs_f64() >= age.as_secs_f64())
}

/// The plan for what was found.
pub fn plan(facts: &Facts, protocol: &Protocol) -> Plan {
    let mut plan = Plan::default();
    for unclear in &facts.unclear {
        match &unclear.domain {
            None => plan.blocked.push(unclear.to_string()),
            Some(domain) => plan.blocked_in.entry(domain.clone()).or_default().push(unclear.to_string()),
        }
    }
    let there: HashSet<&PackAt> = facts.packs.iter().map(|pack| &pack.at).collect();
    let mut needed: HashSet<&PackAt> = HashSet::new();
    for snapshot in &facts.snapshots {
        let fate = fate(facts.now, snapshot, protocol);
        if fate.stays {
            needed.extend(snapshot.packs.iter());
            stays(facts.now, snapshot, &there, &mut plan);
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
            _ if plan.is_blocked(&pack.at.0) => Fate { stays: true, why: "nobody can tell whether it is needed".to_owned() },
            Some(since) if is_old(facts.now, *since, protocol.sweep_after()) => {
                let waits = plan.unattested.get_mut(&pack.at.0).filter(|one| !is_old(one.read, *since, protocol.sweep_after()));
                if let Some(unattested) = waits {
                    unattested.n_packs += 1;
                    Fate { stays: true, why: format!("nobody has attested {}, which may need it", unattested.first) }
                } else {
                    plan.delete.insert(pack.at.clone());
                    plan.delete_bytes += pack.size;
                    plan.sizes.insert(pack.at.clone(), pack.size);
                    Fate { stays: false, why: "condemned long enough ago".to_owned() }
                }
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

fn fate(now: Timestamp, snapshot: &SnapshotFact, protocol: &Protocol) -> Fate {
    match (&snapshot.held, &snapshot.tombstone) {
        (Some(reason), _) => Fate { stays: true, why: format!("held: {reason}") },
        (None, None) => Fate { stays: true, why: "no tombstone".to_owned() },
        (None, Some((stored, reason))) if is_old(now, Some(*stored), protocol.grace()) => {
            Fate { stays: false, why: format!("tombstone of {stored}: {reason}") }
        }
        (None, Some((stored, reason))) => {
            let why = format!("tombstone of {stored}, which can be undone for {}: {reason}", human(protocol.grace()));
            Fate { stays: true, why }
        }
    }
}

/// What a snapshot that stays has a prune wait for: packs that are gone, and an attestation.
fn stays(now: Timestamp, snapshot: &SnapshotFact, there: &HashSet<&PackAt>, plan: &mut Plan) {
    // Packs were listed after `now`: one that was stored before the snapshot, and the snapshot before `now`, would be in the list.
    if snapshot.stored.is_none_or(|stored| stored < now) {
        let mut gone = snapshot.packs.iter().filter(|at| !there.contains(at));
        if let Some((domain, pack)) = gone.next() {
            let n = 1 + gone.count() as u64;
            plan.broken.insert(snapshot.id, n);
            let why = format!("{}: {n} of the packs that it needs are missing, such as {}", snapshot.key, names::pack(domain, pack));
            plan.blocked_in.entry(snapshot.domain.clone()).or_default().push(why);
        }
    }
    if !snapshot.attested {
        // A host's word of when it had read cannot be later than the instant at which its snapshot was there.
        let read = snapshot.stored.map_or(snapshot.read, |stored| stored.min(snapshot.read));
        let first = || Unattested { first: snapshot.key.clone(), read, n_snapshots: 0, n_packs: 0 };
        let known = plan.unattested.entry(snapshot.domain.clone()).or_insert_with(first);
        known.n_snapshots += 1;
        if read < known.read {
            (known.read, known.first) = (read, snapshot.key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use base::Digest;
    use base::span::Span;

    use super::super::{Generation, PackFact, Unclear};
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
    fn what_is_unclear_keeps_all_packs_or_those_of_its_domain() {
        let protocol = Protocol::new(Span::seconds(72 * 3600));
        let free = plan(&facts(), &protocol);
        assert!(!free.delete.is_empty() && !free.condemn.is_empty());
        let unclear = |domain: Option<&str>| {
            let mut facts = facts();
            facts.unclear.push(Unclear { object: "x".to_owned(), what: "damaged".to_owned(), domain: domain.map(|d| d.parse().unwrap()) });
            plan(&facts, &protocol)
        };
        let (all, other, own) = (unclear(None), unclear(Some("other")), unclear(Some("lab")));
        assert_eq!((&all.blocked, &other.delete, &other.condemn), (&vec!["x: damaged".to_owned()], &free.delete, &free.condemn));
        for plan in [all, own] {
            assert!(plan.delete.is_empty() && plan.condemn.is_empty() && plan.hindrances() == ["x: damaged"], "{plan:?}");
        }
    }

    #[test]
    fn a_pack_that_is_gone_keeps_all_packs_of_its_domain_unless_the_snapshot_came_after_the_list_began() {
        let protocol = Protocol::new(Span::seconds(72 * 3600));
        let mut facts = facts();
        facts.snapshots[0].packs = [pack(1), pack(9)].into_iter().collect();
        let broken = plan(&facts, &protocol);
        assert!(broken.delete.is_empty() && broken.condemn.is_empty() && broken.broken.values().eq([&1]), "{broken:?}");
        assert!(broken.hindrances()[0].contains("1 of the packs that it needs are missing"), "{broken:?}");
        facts.snapshots[0].stored = Some(at(0));
        assert_eq!(plan(&facts, &protocol).delete, [pack(2)].into(), "its packs came after the list of packs");
    }

    #[test]
    fn what_nobody_attested_keeps_what_was_not_ripe_when_its_writer_read_the_lists() {
        let protocol = Protocol::new(Span::seconds(72 * 3600));
        let mut facts = facts();
        facts.now = at(10);
        facts.snapshots.push(SnapshotFact { attested: false, ..snapshot(&[1]) });
        // Pack 2 was condemned at -76 and is ripe since -0.4; pack 3 at -75, and ripe since 0.6.
        for (read, deleted) in [(-200, vec![]), (-1, vec![]), (0, vec![pack(2)]), (1, vec![pack(2), pack(3)])] {
            (facts.snapshots[1].read, facts.snapshots[1].stored) = (at(read), Some(at(read)));
            let plan = plan(&facts, &protocol);
            assert_eq!(plan.delete, deleted.iter().cloned().collect(), "{read}");
            assert_eq!((plan.condemn.len(), plan.blocked_in.len()), (2, 0), "{read}");
            assert_eq!(plan.hindrances().len(), usize::from(deleted.len() < 2), "{read}");
        }
        // What a host says of its reading is not later than the snapshot.
        facts.snapshots[1].stored = Some(at(-1));
        assert!(plan(&facts, &protocol).delete.is_empty());
    }
}

//! Decides what becomes of each restore point. Pure: facts, the plan and what is known go in.

use std::collections::{BTreeMap, BTreeSet};

use base::id::{DomainId, SourceId, WriterId};
use plans::Plan;
use plans::retention::{self, Before, PointInTime};
use repository::fence::Protocol;
use repository::prune::{self, Facts, SnapshotFact};
use repository::snapshots::SnapshotId;
use repository::space::COMPACTED;

use super::{Drop, Fate, Looked, PointFate};

/// What this host knows of restore points.
pub(super) struct Known {
    /// Their sources.
    pub(super) sources: BTreeMap<SnapshotId, SourceId>,
    /// Those from which a drill restored that passed.
    pub(super) proven: BTreeSet<String>,
    /// Those that look as if something had gone through the files.
    pub(super) suspicious: BTreeSet<String>,
}

/// A restore point, and how it first came: a compaction stores it again under another number, perhaps by another writer.
#[derive(Clone, Copy)]
struct Point<'a> {
    snapshot: &'a SnapshotFact,
    first: &'a SnapshotFact,
}

/// One writer's restore points of one source: what another host calls by that name pushes none of them out.
type Group<'a> = BTreeMap<(&'a DomainId, &'a WriterId, &'a SourceId), Vec<Point<'a>>>;

pub(super) fn decide(plan: &Plan, facts: &Facts, known: &Known, protocol: &Protocol, agreed: bool) -> Looked {
    let pruned = prune::plan(facts, protocol);
    let (mut points, mut groups) = (Vec::new(), Group::new());
    let twins = facts.twins();
    let source_of = |snapshot: &SnapshotFact| known.sources.get(&snapshot.id);
    for snapshot in &facts.snapshots {
        // One that was stored again counts as what it was when it came, and once.
        let first = twins.first(snapshot);
        let source = source_of(snapshot).or_else(|| source_of(first));
        let fate = match (settled(plan, snapshot, source, protocol, &pruned), source) {
            (None, Some(source)) => {
                if let Some(later) = twins.later(snapshot) {
                    (Fate::Stays, format!("it was stored again as {}, which stands for it", later.id.short()))
                } else {
                    groups.entry((&snapshot.domain, &first.writer, source)).or_default().push(Point { snapshot, first });
                    continue;
                }
            }
            (Some((fate, why)), _) => (fate, why),
            (None, None) => (Fate::Stays, "nobody here can tell its source".to_owned()),
        };
        points.push(PointFate { snapshot: snapshot.id, source: source.cloned(), stored: snapshot.stored, fate: fate.0, why: vec![fate.1] });
    }
    let mut looked = Looked {
        now: facts.now,
        points,
        alarms: Vec::new(),
        drops: Vec::new(),
        stored_bytes: facts.packs.iter().map(|pack| pack.size).sum(),
        unneeded_bytes: unneeded(facts, &pruned),
        plan: pruned,
    };
    let may_drop = facts.unclear.is_empty();
    for ((domain, writer, source), group) in groups {
        let all = facts.snapshots.iter().map(|snapshot| Point { snapshot, first: twins.first(snapshot) }).filter(|point| {
            let known_by = source_of(point.snapshot).or_else(|| source_of(point.first));
            (&point.snapshot.domain, &point.first.writer, known_by) == (domain, writer, Some(source))
        });
        one_group(plan, source, &group, before(all).as_ref(), known, &mut looked, Asked { agreed, may_drop });
    }
    looked.points.sort_by(|a, b| (b.stored, &b.source, b.snapshot).cmp(&(a.stored, &a.source, a.snapshot)));
    looked
}

/// What holds for all sources of one look.
#[derive(Clone, Copy)]
struct Asked {
    agreed: bool,
    /// Nothing is dropped while nobody can tell what is there.
    may_drop: bool,
}

/// What becomes of a restore point whatever the counts say.
fn settled(
    plan: &Plan,
    snapshot: &SnapshotFact,
    source: Option<&SourceId>,
    protocol: &Protocol,
    pruned: &prune::Plan,
) -> Option<(Fate, String)> {
    if snapshot.tombstone.is_some() {
        let fate = pruned.snapshots.get(&snapshot.id)?;
        let kind = match (&snapshot.held, fate.stays) {
            (Some(_), _) => Fate::Stays,
            (None, true) => Fate::Dropped,
            (None, false) => Fate::Gone,
        };
        return Some((kind, fate.why.clone()));
    }
    let why = match (source, snapshot.stored) {
        (None, _) => "nobody here can tell its source: run this with a key that reads, or on the host that made it".to_owned(),
        (Some(source), _) if !plan.sources.contains_key(source) => format!("the plan has no source {source}, so no rule for it"),
        (_, None) => "the store does not tell when it was stored".to_owned(),
        (_, Some(stored)) if stored.duration_since(snapshot.read).as_secs_f64() >= protocol.in_time().as_secs_f64() => {
            "it was stored here long after it was made: in a copy no retention counts".to_owned()
        }
        _ => return None,
    };
    Some((Fate::Stays, why))
}

fn one_group(
    plan: &Plan,
    source: &SourceId,
    group: &[Point<'_>],
    before: Option<&Before>,
    known: &Known,
    looked: &mut Looked,
    asked: Asked,
) {
    let Some(rule) = plan.sources.get(source).map(|source| plan.retention_of(source)) else { return };
    let by_id: BTreeMap<String, Point<'_>> = group.iter().map(|point| (point.snapshot.id.to_string(), *point)).collect();
    let points: Vec<PointInTime> = by_id.iter().filter_map(|(id, found)| point(id, *found, known)).collect();
    let mut kept = retention::decide(&rule, source, &plan.legal_hold, &points, looked.now, &plan.timezone);
    let (all, left) = (kept.len() as u64, kept.iter().filter(|point| !point.goes()).count() as u64);
    let alarm = retention::alarm(&rule.keep, before, all, left);
    for point in kept.iter_mut().filter(|point| point.goes()) {
        if !asked.may_drop {
            point.reasons.push("expired, and nothing is dropped while something is unclear".to_owned());
        } else if alarm.is_some() && !asked.agreed {
            point.reasons.push("expired, and waits until a second person agrees".to_owned());
        }
    }
    looked.alarms.extend(alarm.filter(|_| !asked.agreed).map(|alarm| (source.clone(), alarm)));
    for point in kept {
        let Some(Point { snapshot, .. }) = by_id.get(&point.id) else { continue };
        let goes = point.goes();
        let reason = format!("no count of the retention rule {} keeps it: {}", rule.id, rule.keep);
        if goes {
            looked.drops.push(Drop { snapshot: snapshot.id, source: source.clone(), rule: rule.keep.to_string(), reason: reason.clone() });
        }
        looked.points.push(PointFate {
            snapshot: snapshot.id,
            source: Some(source.clone()),
            stored: snapshot.stored,
            fate: if goes { Fate::Goes } else { Fate::Stays },
            why: if goes { vec![reason] } else { point.reasons },
        });
    }
}

fn point(id: &str, Point { snapshot, first }: Point<'_>, known: &Known) -> Option<PointInTime> {
    Some(PointInTime {
        id: id.to_owned(),
        seq: first.seq,
        stored: first.stored?,
        complete: snapshot.complete,
        verified: snapshot.attested || known.proven.contains(id) || known.proven.contains(&first.id.to_string()),
        suspicious: known.suspicious.contains(id) || known.suspicious.contains(&first.id.to_string()),
        held: snapshot.held.clone(),
    })
}

/// What the last prune of a source did: its last tombstone, and how many restore points it left.
fn before<'a>(all: impl Iterator<Item = Point<'a>> + Clone) -> Option<Before> {
    // What a compaction dropped is there as another one.
    let all = all.map(|point| (point.first.stored, point.snapshot)).filter(|(_, snapshot)| snapshot.rule.as_deref() != Some(COMPACTED));
    let dropped = all.clone().filter_map(|(_, snapshot)| Some((snapshot.tombstone.as_ref()?.0, snapshot.rule.clone()?)));
    let (last, rule) = dropped.max()?;
    let left = all.filter(|(stored, snapshot)| {
        let there = stored.is_some_and(|stored| stored <= last);
        there && snapshot.tombstone.as_ref().is_none_or(|(since, _)| *since > last)
    });
    Some(Before { rule, left: left.count() as u64 })
}

/// Bytes of packs that no restore point names which is still to be had.
fn unneeded(facts: &Facts, pruned: &prune::Plan) -> u64 {
    let live = facts.snapshots.iter().filter(|snapshot| pruned.snapshots.get(&snapshot.id).is_some_and(|fate| fate.stays));
    let needed: BTreeSet<_> = live.flat_map(|snapshot| &snapshot.packs).collect();
    facts.packs.iter().filter(|pack| !needed.contains(&pack.at)).map(|pack| pack.size).sum()
}

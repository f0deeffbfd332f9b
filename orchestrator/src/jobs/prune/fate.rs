//! Decides what becomes of each restore point. Pure: facts, the plan and what is known go in.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use base::id::{DomainId, SourceId, WriterId};
use jiff::Timestamp;
use plans::Plan;
use plans::retention::{self, Alarm, Before, PointInTime};
use repository::fence::Protocol;
use repository::prune::{self, Facts, SnapshotFact};
use repository::snapshots::SnapshotId;
use repository::space::COMPACTED;

use super::{Drop, Fate, Keep, Looked, PointFate};

/// What this host knows of restore points.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Their sources.
    pub(super) sources: BTreeMap<SnapshotId, SourceId>,
    /// Those from which a drill restored that passed.
    pub(super) proven: BTreeSet<String>,
    /// Those whose drop a prune of this host's journal names: it dropped them, or found nothing unusual in who did.
    pub(super) named: BTreeSet<String>,
    /// Whether this host has pruned the repository before. The first time what can no longer be undone is taken for granted.
    pub(super) has_pruned: bool,
}

/// Whose restore points count together: one writer's of one source, so that what another host calls by that name pushes none of them out.
/// Those whose source nobody here can tell count together as well.
type Whose = (DomainId, WriterId, Option<SourceId>);

/// A restore point, and how it first came: a compaction stores it again under another number, perhaps by another writer.
#[derive(Clone, Copy)]
struct Point<'a> {
    snapshot: &'a SnapshotFact,
    first: &'a SnapshotFact,
}

/// Restore points that count together, each once.
#[derive(Default)]
struct Group<'a> {
    /// Every one, whatever became of it.
    all: Vec<Point<'a>>,
    /// Those of which retention decides.
    open: Vec<Point<'a>>,
    /// Those that somebody else dropped since the last prune of this host, and that can still be kept.
    foreign: Vec<Point<'a>>,
}

/// What comes of a group.
#[derive(Default)]
struct Decided {
    points: Vec<PointFate>,
    drops: Vec<Drop>,
    alarm: Option<Alarm>,
    /// What the alarm is about.
    asked: Vec<SnapshotId>,
}

pub(super) fn decide(plan: &Plan, mut facts: Facts, known: &Known, protocol: &Protocol, agreed: bool) -> Looked {
    let (holds, late) = legal_holds(plan, &mut facts, known);
    let pruned = prune::plan(&facts, protocol);
    let groups = groups(plan, &facts, known, protocol, &pruned);
    let (mut decided, mut doubted, mut seen) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (whose, group) in &groups {
        let asked = Asked { agreed, may_drop: !pruned.is_blocked(&whose.0), broken: &pruned.broken, now: facts.now };
        let found = one_group(plan, whose, group, known, asked);
        match &found.alarm {
            Some(alarm) if !agreed => doubted.extend(group.foreign.iter().map(|point| (point.snapshot.id, alarm.to_string()))),
            _ => seen.extend(group.foreign.iter().map(|point| point.snapshot.id)),
        }
        decided.push((whose.clone(), found));
    }
    let mut looked =
        Looked { now: facts.now, holds, seen, stored_bytes: facts.packs.iter().map(|pack| pack.size).sum(), ..Looked::default() };
    for (whose, found) in decided {
        looked.alarms.extend(found.alarm.filter(|_| !agreed).map(|alarm| (named(&whose), alarm)));
        looked.asked.extend(found.asked);
        looked.points.extend(found.points);
        looked.drops.extend(found.drops);
    }
    // What waits for a second person keeps its packs meanwhile.
    for snapshot in &mut facts.snapshots {
        if let Some(alarm) = doubted.get(&snapshot.id) {
            snapshot.held = Some(format!("somebody else dropped it, and that waits until a second person agrees: {alarm}"));
        }
    }
    looked.plan = prune::plan(&facts, protocol);
    looked.unneeded_bytes = unneeded(&facts, &looked.plan);
    let twins = facts.twins();
    for snapshot in &facts.snapshots {
        let source = source_of(Point { snapshot, first: twins.first(snapshot) }, known);
        let again = || twins.later(snapshot).map(|later| format!("it was stored again as {}, which stands for it", later.id.short()));
        let stays = || Some((Fate::Stays, settled(plan, snapshot, source, protocol).or_else(again)?));
        if let Some((fate, why)) = dropped(snapshot, &looked.plan, &late).or_else(stays) {
            looked.points.push(PointFate { snapshot: snapshot.id, source: source.cloned(), stored: snapshot.stored, fate, why: vec![why] });
        }
    }
    looked.points.sort_by(|a, b| (b.stored, &b.source, b.snapshot).cmp(&(a.stored, &a.source, a.snapshot)));
    looked
}

fn source_of<'k>(point: Point<'_>, known: &'k Known) -> Option<&'k SourceId> {
    known.sources.get(&point.snapshot.id).or_else(|| known.sources.get(&point.first.id))
}

/// Puts together what counts together. Of a restore point that was stored again the later one counts, as what it was when it first came.
fn groups<'a>(plan: &Plan, facts: &'a Facts, known: &Known, protocol: &Protocol, pruned: &prune::Plan) -> BTreeMap<Whose, Group<'a>> {
    let mut groups = BTreeMap::<Whose, Group<'a>>::new();
    let twins = facts.twins();
    for snapshot in &facts.snapshots {
        let is_compacted = snapshot.rule.as_deref() == Some(COMPACTED) && twins.is_again(snapshot);
        if is_compacted || twins.later(snapshot).is_some() {
            continue;
        }
        let point = Point { snapshot, first: twins.first(snapshot) };
        let source = source_of(point, known);
        let group = groups.entry((snapshot.domain.clone(), point.first.writer.clone(), source.cloned())).or_default();
        group.all.push(point);
        if snapshot.tombstone.is_none() && settled(plan, snapshot, source, protocol).is_none() {
            group.open.push(point);
        }
        if is_foreign(snapshot, known, pruned, facts.now, protocol) {
            group.foreign.push(point);
        }
    }
    groups
}

fn named((domain, writer, source): &Whose) -> String {
    source.as_ref().map_or_else(|| format!("{writer} of {domain}"), ToString::to_string)
}

/// Has legal holds of the plan reach what was dropped before they came. Gives the holds to store, and, by restore point, those that
/// come too late.
fn legal_holds(plan: &Plan, facts: &mut Facts, known: &Known) -> (Vec<Keep>, BTreeMap<SnapshotId, String>) {
    let (mut holds, mut late) = (Vec::new(), BTreeMap::new());
    {
        let there: HashSet<&prune::PackAt> = facts.packs.iter().map(|pack| &pack.at).collect();
        let twins = facts.twins();
        for snapshot in facts.snapshots.iter().filter(|snapshot| snapshot.tombstone.is_some() && snapshot.held.is_none()) {
            let point = Point { snapshot, first: twins.first(snapshot) };
            let Some((source, stored)) = source_of(point, known).zip(point.first.stored) else { continue };
            let reason = retention::legal_holds(source, &plan.legal_hold, stored, &plan.timezone).into_iter().next();
            // What was stored again and is there need not be kept twice.
            let Some(reason) = reason.filter(|_| twins.later(snapshot).is_none()) else { continue };
            if snapshot.packs.iter().all(|at| there.contains(at)) {
                holds.push(Keep { snapshot: snapshot.id, reason });
            } else {
                late.insert(snapshot.id, reason);
            }
        }
    }
    for snapshot in &mut facts.snapshots {
        snapshot.held = snapshot.held.take().or_else(|| Some(holds.iter().find(|keep| keep.snapshot == snapshot.id)?.reason.clone()));
    }
    (holds, late)
}

/// Whether somebody else dropped a restore point since this host has pruned last, and it can still be kept.
fn is_foreign(snapshot: &SnapshotFact, known: &Known, pruned: &prune::Plan, now: Timestamp, protocol: &Protocol) -> bool {
    let Some((since, _)) = &snapshot.tombstone else { return false };
    let is_news = known.has_pruned || now.duration_since(*since).as_secs_f64() < protocol.grace().as_secs_f64();
    let is_there = snapshot.packs.iter().all(|at| pruned.packs.contains_key(at));
    snapshot.held.is_none() && is_news && is_there && !known.named.contains(&snapshot.id.to_string())
}

/// What becomes of a restore point that was dropped.
fn dropped(snapshot: &SnapshotFact, pruned: &prune::Plan, late: &BTreeMap<SnapshotId, String>) -> Option<(Fate, String)> {
    snapshot.tombstone.as_ref()?;
    let fate = pruned.snapshots.get(&snapshot.id)?;
    let kind = match (&snapshot.held, fate.stays) {
        (Some(_), _) => Fate::Stays,
        (None, true) => Fate::Dropped,
        (None, false) => Fate::Gone,
    };
    let too_late = late.get(&snapshot.id).map(|hold| format!("; its packs were deleted before {hold}")).unwrap_or_default();
    Some((kind, format!("{}{too_late}", fate.why)))
}

/// Why a restore point stays that was not dropped, whatever the counts say.
fn settled(plan: &Plan, snapshot: &SnapshotFact, source: Option<&SourceId>, protocol: &Protocol) -> Option<String> {
    let why = match (source, snapshot.stored) {
        (None, _) => "nobody here can tell its source: run this with a key that reads, or on the host that made it".to_owned(),
        (Some(source), _) if !plan.sources.contains_key(source) => format!("the plan has no source {source}, so no rule for it"),
        (_, None) => "the store does not tell when it was stored".to_owned(),
        (_, Some(stored)) if stored.duration_since(snapshot.read).as_secs_f64() >= protocol.in_time().as_secs_f64() => {
            "it was stored here long after it was made, as in a copy that was made later: no retention counts it".to_owned()
        }
        _ => return None,
    };
    Some(why)
}

/// What holds for all groups of one look.
#[derive(Clone, Copy)]
struct Asked<'a> {
    agreed: bool,
    /// Nothing is dropped of a domain while nobody can tell what is there.
    may_drop: bool,
    /// Restore points of whose packs some are gone.
    broken: &'a BTreeMap<SnapshotId, u64>,
    now: Timestamp,
}

fn one_group(plan: &Plan, whose: &Whose, group: &Group<'_>, known: &Known, asked: Asked<'_>) -> Decided {
    let rule = whose.2.as_ref().and_then(|source| Some((source, plan.retention_of(plan.sources.get(source)?))));
    let by_id: BTreeMap<String, Point<'_>> = group.open.iter().map(|point| (point.snapshot.id.to_string(), *point)).collect();
    let points: Vec<PointInTime> = by_id.iter().filter_map(|(id, found)| point(id, *found, known, asked.broken)).collect();
    let mut kept = rule
        .as_ref()
        .map_or_else(Vec::new, |(source, rule)| retention::decide(rule, source, &plan.legal_hold, &points, asked.now, &plan.timezone));
    // What somebody else dropped since the last prune counts as what this one would drop.
    let live = group.all.iter().filter(|point| point.snapshot.tombstone.is_none() || point.snapshot.held.is_some()).count() as u64;
    let goes = kept.iter().filter(|point| point.goes()).count() as u64;
    let before = before(&group.all, &group.foreign);
    let none = plans::plan::Keep::default();
    let counts = rule.as_ref().map_or(&none, |(_, rule)| &rule.keep);
    let alarm = retention::alarm(counts, before.as_ref().filter(|_| rule.is_some()), live + group.foreign.len() as u64, live - goes);
    let alarm = alarm.or_else(|| foreign_alarm(group));
    let mut decided = Decided::default();
    if alarm.is_some() {
        let going = kept.iter().filter(|point| point.goes() && asked.may_drop).filter_map(|point| by_id.get(&point.id));
        decided.asked = going.chain(&group.foreign).map(|point| point.snapshot.id).collect();
    }
    for point in kept.iter_mut().filter(|point| point.goes()) {
        if !asked.may_drop {
            point.reasons.push("expired, and nothing is dropped while something of its domain is damaged or unclear".to_owned());
        } else if alarm.is_some() && !asked.agreed {
            point.reasons.push("expired, and waits until a second person agrees".to_owned());
        }
    }
    decided.alarm = alarm;
    let Some((source, rule)) = rule else { return decided };
    for point in kept {
        let Some(Point { snapshot, .. }) = by_id.get(&point.id) else { continue };
        let goes = point.goes();
        let reason = format!("no count of the retention rule {} keeps it: {}", rule.id, rule.keep);
        if goes {
            let rule = rule.keep.to_string();
            decided.drops.push(Drop { snapshot: snapshot.id, source: source.clone(), rule, reason: reason.clone() });
        }
        decided.points.push(PointFate {
            snapshot: snapshot.id,
            source: Some(source.clone()),
            stored: snapshot.stored,
            fate: if goes { Fate::Goes } else { Fate::Stays },
            why: if goes { vec![reason] } else { point.reasons },
        });
    }
    decided
}

/// Whether what somebody else dropped was much when it was dropped: restore points that came since do not make up for it. Looked at from the
/// first of these drops and from the last, so that a drop which is added later hides none.
fn foreign_alarm(group: &Group<'_>) -> Option<Alarm> {
    let dropped = |point: &Point<'_>| point.snapshot.tombstone.as_ref().map(|(since, _)| *since);
    let times = || group.foreign.iter().filter_map(dropped);
    let first = times().min()?;
    times().max().into_iter().chain([first]).find_map(|then| {
        let was_there = |point: &&Point<'_>| {
            point.first.stored.is_none_or(|stored| stored <= then) && dropped(point).is_none_or(|since| since >= first)
        };
        let there: Vec<_> = group.all.iter().filter(was_there).collect();
        let left = there.iter().filter(|point| !is_among(point, &group.foreign)).count() as u64;
        let before = Before { rule: String::new(), left: there.len() as u64 };
        retention::alarm(&plans::plan::Keep::default(), Some(&before), before.left, left)
    })
}

fn is_among(point: &Point<'_>, points: &[Point<'_>]) -> bool {
    points.iter().any(|one| one.snapshot.id == point.snapshot.id)
}

fn point(id: &str, Point { snapshot, first }: Point<'_>, known: &Known, broken: &BTreeMap<SnapshotId, u64>) -> Option<PointInTime> {
    let is_broken = broken.contains_key(&snapshot.id);
    let is_proven = known.proven.contains(id) || known.proven.contains(&first.id.to_string());
    Some(PointInTime {
        id: id.to_owned(),
        seq: first.seq,
        stored: first.stored?,
        complete: snapshot.complete,
        verified: !is_broken && (snapshot.attested || is_proven),
        // No backup is marked today. One of which packs are gone takes no other's place either.
        suspicious: is_broken,
        held: snapshot.held.clone(),
    })
}

/// What the last prune of a source did: its last tombstone, and how many restore points it left. `foreign` ones are still to be counted.
fn before(all: &[Point<'_>], foreign: &[Point<'_>]) -> Option<Before> {
    let tombstone = |point: &Point<'_>| point.snapshot.tombstone.as_ref().filter(|_| !is_among(point, foreign)).map(|(since, _)| *since);
    let dropped = all.iter().filter_map(|point| Some((tombstone(point)?, point.snapshot.rule.clone()?)));
    let (last, rule) = dropped.max()?;
    let left = all.iter().filter(|point| {
        let there = point.first.stored.is_some_and(|stored| stored <= last);
        there && tombstone(point).is_none_or(|since| since > last)
    });
    Some(Before { rule, left: left.count() as u64 })
}

/// Bytes of packs that no restore point names which is still to be had.
fn unneeded(facts: &Facts, pruned: &prune::Plan) -> u64 {
    let live = facts.snapshots.iter().filter(|snapshot| pruned.snapshots.get(&snapshot.id).is_some_and(|fate| fate.stays));
    let needed: HashSet<_> = live.flat_map(|snapshot| snapshot.packs.iter()).collect();
    facts.packs.iter().filter(|pack| !needed.contains(&pack.at)).map(|pack| pack.size).sum()
}

//! Packs that are mostly dead go, by retirement or by compaction, and every restore point comes back all the same.

use std::collections::BTreeSet;

use base::id::DomainId;
use base::{Clock as _, Digest};
use repository::check::{self, Budget, Level};
use repository::format::statement::{self, Retired, Usage};
use repository::prune::say::{self, Said};
use repository::prune::{PackAt, gather, plan};
use repository::reader::Reader;
use repository::snapshots::Snapshot;
use repository::space::{self, COMPACTED, Compacted, Keys, Limits, Waste};
use stores::store::Store as _;

use super::content::{Files, assert_same, files_of, files_streamed, new_snapshot, noise, reader, store, writer};
use super::prune::Kept;

/// Empties whatever has anything dead.
const ALL: Limits = Limits { above: 0, down_to: 0 };

/// Four files of more than a frame each; with `new` the last one is another.
fn files(new: u64) -> Files {
    (0..4).map(|n| (format!("file-{n}"), noise(if n == 3 { 100 + new } else { n }, 1_300_000))).collect()
}

async fn open(kept: &Kept) -> Reader {
    let cache = tempfile::tempdir().unwrap();
    reader(&kept.repository, &kept.ada, cache.path()).await.unwrap()
}

/// A restore point of its own moment, as backups make them.
async fn back_up(kept: &Kept, files: &Files) -> Snapshot {
    let (writer, root) = store(writer(&kept.repository, &kept.key, kept.cache.path()).await.unwrap(), files).await.unwrap();
    let mut new = new_snapshot(root);
    (new.taken, new.finished) = (kept.clock.now(), kept.clock.now());
    writer.commit(new).await.unwrap().snapshot
}

/// What of the packs that somebody needs is dead.
async fn waste(kept: &Kept) -> Waste {
    let facts = gather(&kept.repository).await.unwrap();
    let planned = plan(&facts, &kept.repository.protocol());
    let reader = open(kept).await;
    let listing = reader.snapshots().await.unwrap();
    let live: Vec<Snapshot> = listing.snapshots.into_iter().filter(|one| planned.snapshots[&one.id].stays).collect();
    space::waste(&space::uses(&facts, &planned, &space::measure(&reader, &live).await.unwrap()))
}

async fn compact(kept: &Kept, limits: Limits) -> Compacted {
    let keys = Keys { reader: &kept.ada, writers: std::slice::from_ref(&kept.key), steward: &kept.steward };
    let cache = tempfile::tempdir().unwrap();
    space::compact(&kept.repository, &keys, limits, cache.path(), kept.said()).await.unwrap()
}

/// One restore point dropped for good, and one that needs a small part of its packs.
async fn mostly_dead(kept: &Kept) -> (Snapshot, Snapshot, Files) {
    let old = back_up(kept, &files(0)).await;
    kept.hours(1);
    let few: Files = files(0).into_iter().take(1).collect();
    let new = back_up(kept, &few).await;
    for snapshot in [&old, &new] {
        kept.attest(snapshot).await.unwrap();
    }
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    kept.hours(73);
    (old, new, few)
}

async fn sweep(kept: &Kept) {
    for hours in [73, 76, 1] {
        kept.prune().await;
        kept.hours(hours);
    }
    kept.prune().await;
}

fn there(kept: &Kept, packs: &BTreeSet<PackAt>) -> bool {
    packs.iter().any(|(_, pack)| kept.disk.keys().iter().any(|key| key.name() == pack.to_string()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compaction_stores_what_is_live_anew_and_the_emptied_packs_go_by_the_usual_prune() {
    let kept = Kept::new().await;
    let (_, old, few) = mostly_dead(&kept).await;
    assert!(waste(&kept).await.per_mille() > 100);
    let done = compact(&kept, ALL).await;
    assert!(!done.emptied.is_empty() && done.chunks > 0 && done.closed.is_empty(), "{done:?}");
    let [(was, is)] = done.replaced[..] else { panic!("{done:?}") };
    assert_eq!(was, old.id);
    let listing = open(&kept).await.snapshots().await.unwrap();
    let new = listing.snapshots.iter().find(|snapshot| snapshot.id == is).unwrap().clone();
    assert_eq!((new.taken, &new.source, &new.paths, new.stats), (old.taken, &old.source, &old.paths, old.stats));
    assert!(!listing.snapshots.iter().any(|snapshot| snapshot.id == was), "the old one is dropped");
    kept.reads(&new, &few).await;
    kept.reads(&old, &few).await;
    kept.hours(73);
    assert_eq!(waste(&kept).await.per_mille(), 0);
    sweep(&kept).await;
    assert!(!there(&kept, &done.emptied));
    kept.reads(&new, &few).await;
    assert_same(&files_streamed(&open(&kept).await, &new.root).await.unwrap(), &few);
    let found = check::run(&kept.repository, Level::Contents, Some(&open(&kept).await), Budget::All).await.unwrap();
    assert!(found.is_sound(), "{:?}", found.findings);
    // The next backup of the same files needs no new pack but that of its tree, and none of the emptied ones.
    let packs = kept.packs();
    let next = back_up(&kept, &few).await;
    assert!(kept.packs() <= packs + 1, "{} and {packs}", kept.packs());
    assert!(next.packs.iter().all(|pack| !done.emptied.contains(&(next.domain.clone(), *pack))), "{:?}", next.packs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_point_that_was_stored_again_is_no_younger_and_its_drop_can_be_undone() {
    let kept = Kept::new().await;
    let (_, old, few) = mostly_dead(&kept).await;
    let done = compact(&kept, ALL).await;
    let facts = gather(&kept.repository).await.unwrap();
    let fact = |id| facts.snapshots.iter().find(|fact| fact.id == id).unwrap();
    let (was, is) = done.replaced[0];
    let twins = facts.twins();
    assert!(fact(is).stored >= fact(was).stored && is != was);
    assert_eq!((twins.first(fact(is)).id, twins.first(fact(was)).id), (was, was));
    assert_eq!((twins.later(fact(was)).map(|later| later.id), twins.later(fact(is)).map(|later| later.id)), (Some(is), None));
    assert_eq!((fact(was).rule.as_deref(), fact(is).attested, fact(is).tombstone.as_ref()), (Some(COMPACTED), true, None));
    say::undo(&kept.repository, was, kept.said()).await.unwrap();
    kept.hours(73);
    sweep(&kept).await;
    assert!(there(&kept, &done.emptied));
    kept.reads(&old, &few).await;
    assert_eq!(open(&kept).await.snapshots().await.unwrap().snapshots.iter().filter(|one| one.root == old.root).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_restore_point_and_one_of_a_domain_without_a_key_stay_as_they_are() {
    let kept = Kept::new().await;
    let (_, old, few) = mostly_dead(&kept).await;
    let keys = Keys { reader: &kept.ada, writers: &[], steward: &kept.steward };
    let cache = tempfile::tempdir().unwrap();
    let done = space::compact(&kept.repository, &keys, ALL, cache.path(), kept.said()).await.unwrap();
    assert_eq!((done.closed, done.replaced.len(), done.emptied.len()), ([old.domain.clone()].into(), 0, 0));
    say::hold(&kept.repository, &[old.id].into(), kept.said()).await.unwrap();
    assert_eq!(compact(&kept, ALL).await.replaced, []);
    kept.hours(73);
    sweep(&kept).await;
    kept.reads(&old, &few).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_emptied_while_less_is_dead_than_the_limit() {
    let kept = Kept::new().await;
    mostly_dead(&kept).await;
    let dead = waste(&kept).await.per_mille();
    let done = compact(&kept, Limits { above: dead, down_to: 0 }).await;
    assert_eq!((done.before.per_mille(), done.emptied.len(), done.replaced.len()), (dead, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retired_packs_are_used_no_more_and_go_when_the_last_restore_point_that_names_them_has_gone() {
    let kept = Kept::new().await;
    let (_, old, few) = mostly_dead(&kept).await;
    // Who holds a key measures and says so; who has none decides and retires.
    let reader = open(&kept).await;
    let listing = reader.snapshots().await.unwrap();
    let live = space::measure(&reader, &listing.snapshots).await.unwrap();
    space::publish(&kept.repository, &live, 1, &kept.steward, kept.clock.now()).await.unwrap();
    let told = space::published(&kept.repository).await.unwrap().unwrap();
    let partly: Vec<_> = live.iter().filter(|(_, live)| live.dead > 0).map(|(at, live)| (at.clone(), live.live)).collect();
    assert_eq!(told.live.into_iter().collect::<Vec<_>>(), partly);
    let facts = gather(&kept.repository).await.unwrap();
    let chosen = space::choose(&space::uses(&facts, &kept.plan().await, &live), ALL);
    assert!(!chosen.is_empty() && space::retired(&kept.repository).await.unwrap().is_empty());
    space::retire(&kept.repository, &chosen, kept.said()).await.unwrap();
    assert_eq!(space::retired(&kept.repository).await.unwrap(), chosen);
    let next = back_up(&kept, &few).await;
    let uses = |snapshot: &Snapshot| snapshot.packs.iter().filter(|pack| chosen.contains(&(snapshot.domain.clone(), **pack))).count();
    assert_eq!((uses(&old), uses(&next)), (chosen.len(), 0));
    kept.reads(&old, &few).await;
    kept.reads(&next, &few).await;
    kept.attest(&next).await.unwrap();
    say::tombstone(&kept.repository, old.id, "by hand", kept.said()).await.unwrap();
    kept.hours(73);
    sweep(&kept).await;
    assert!(!there(&kept, &chosen));
    kept.reads(&next, &few).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_nobody_who_may_has_signed_retires_nothing() {
    let kept = Kept::new().await;
    let (_, old, few) = mostly_dead(&kept).await;
    let pack: PackAt = (old.domain.clone(), old.packs[0]);
    let name = space::retire(&kept.repository, &[pack].into(), kept.said()).await.unwrap();
    let key = format!("retired/{name}").parse().unwrap();
    let mut bytes = kept.disk.get(&key).await.unwrap().to_vec();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    kept.disk.overwrite(&key, bytes);
    assert!(space::retired(&kept.repository).await.unwrap().is_empty());
    assert_eq!(back_up(&kept, &few).await.packs.iter().filter(|pack| old.packs.contains(pack)).count(), old.packs.len());
    let found = check::run(&kept.repository, Level::Presence, None, Budget::All).await.unwrap();
    assert_eq!(found.findings.iter().map(|finding| finding.object.as_str()).collect::<Vec<_>>(), [format!("retired/{name}")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_that_were_moved_many_times_are_found_although_the_index_names_many_packs_that_are_gone() {
    let kept = Kept::new().await;
    let (_, mut newest, few) = mostly_dead(&kept).await;
    for _ in 0..6 {
        // Whatever is in use counts as mostly dead.
        let packs: BTreeSet<PackAt> = newest.packs.iter().map(|pack| (newest.domain.clone(), *pack)).collect();
        let said = Said { reason: "again", ..kept.said() };
        space::retire(&kept.repository, &packs, said).await.unwrap();
        let next = back_up(&kept, &few).await;
        kept.attest(&next).await.unwrap();
        say::tombstone(&kept.repository, newest.id, "by hand", kept.said()).await.unwrap();
        kept.hours(73);
        sweep(&kept).await;
        assert!(!there(&kept, &packs));
        newest = next;
    }
    let fresh = open(&kept).await;
    assert_same(&files_streamed(&fresh, &newest.root).await.unwrap(), &few);
    assert_same(&files_of(&open(&kept).await, &newest.root).await.unwrap(), &few);
}

/// Two writers that knew nothing of each other have stored the same file, and a later restore point needs both packs for other reasons.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_moved_is_needed_where_it_was_moved_to_although_a_pack_that_stays_has_it_as_well() {
    let kept = Kept::new().await;
    let file = |name: &str, seed| (name.to_owned(), noise(seed, 1_300_000));
    let (both, one, two) = (file("both", 1), file("one", 2), file("two", 3));
    let other = tempfile::tempdir().unwrap();
    let racing = writer(&kept.repository, &kept.key, other.path()).await.unwrap();
    let first = back_up(&kept, &[both.clone(), one.clone()].into()).await;
    let (racing, root) = store(racing, &[both.clone(), two.clone()].into()).await.unwrap();
    let second = racing.commit(new_snapshot(root)).await.unwrap().snapshot;
    kept.hours(1);
    // The file is looked for in one of the packs, and its companion is in the other alone.
    let names = |point: &Snapshot, of: &Snapshot| point.packs.iter().filter(|pack| of.packs.contains(pack)).count();
    let alone = back_up(&kept, &[both.clone()].into()).await;
    let (from, companion) = if names(&alone, &first) > 0 { (&first, two) } else { (&second, one) };
    let all: Files = [both, companion].into();
    let point = back_up(&kept, &all).await;
    assert!(names(&point, &first) > 0 && names(&point, &second) > 0, "{point:?}");
    let emptied: BTreeSet<PackAt> = from.packs.iter().map(|pack| (from.domain.clone(), *pack)).collect();
    let keys = Keys { reader: &kept.ada, writers: std::slice::from_ref(&kept.key), steward: &kept.steward };
    let cache = tempfile::tempdir().unwrap();
    let done = space::empty(&kept.repository, &keys, &emptied, cache.path(), kept.said()).await.unwrap();
    let (_, is) = *done.replaced.iter().find(|(was, _)| *was == point.id).unwrap();
    let listing = open(&kept).await.snapshots().await.unwrap();
    let again = listing.snapshots.iter().find(|snapshot| snapshot.id == is).unwrap();
    assert_eq!((names(again, from), again.packs.iter().filter(|pack| !point.packs.contains(pack)).count()), (0, 1), "{again:?}");
    kept.reads(again, &all).await;
}

/// Never edited: see `tests/golden/format-1-space/README`.
#[test]
fn the_golden_statements_about_space_are_read_as_they_were_written() {
    let (retired, usage) = (include_bytes!("../golden/format-1-space/retired.json"), include_bytes!("../golden/format-1-space/usage.json"));
    let digests = [Digest::of(retired).to_string(), Digest::of(usage).to_string()];
    assert_eq!(
        digests,
        [
            "8bb5a9f62a9e21d2b47583ec81e382a6e93bb8b6df6a554f5bb5b88d763543ed",
            "be2ece1b4ad0d7fa9e26669c4914ef05d00a06351cc4855fe47242b13876f39b"
        ]
    );
    let mut packs = [Digest::of(&[1]), Digest::of(&[2])];
    packs.sort_unstable();
    let lab: DomainId = "lab".parse().unwrap();
    let read: Retired = statement::decode(retired).unwrap();
    assert_eq!((read.of(&lab).unwrap(), statement::encode(&read)), (packs.to_vec(), retired.to_vec()));
    let read: Usage = statement::decode(usage).unwrap();
    assert_eq!(read.rows().unwrap(), [((lab.clone(), packs[0]), 70_000), ((lab, packs[1]), 0)].into());
    assert_eq!((read.snapshots, statement::encode(&read)), (3, usage.to_vec()));
}

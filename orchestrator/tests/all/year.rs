//! A year of hourly backups of a source that changes all the time, with the real retention and the real decision of what to empty, over
//! packs that are counted and not stored.
//!
//! A source of 2,000 chunks; each hour ten of them become others, most of them in a fifth of the source. One run makes one pack, four
//! chunks lie in a frame. Retention and prune come once a day, the look at what is dead once a week.

use std::collections::{BTreeMap, BTreeSet};

use base::Digest;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use plans::plan::Keep;
use plans::retention::{self, PointInTime};
use repository::prune::PackAt;
use repository::space::{Limits, PackUse, Waste, choose, waste};

const CHUNKS: usize = 2_000;
const CHANGED: usize = 10;
const OF_FRAME: usize = 4;
/// Chunks of a full pack.
const OF_PACK: usize = 64;
const CHUNK_BYTES: u64 = 200_000;
/// Header, table, padding.
const OVERHEAD: u64 = 4_000;
const GRACE_DAYS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Nothing,
    Retire,
    Compact,
}

/// A chunk in a pack.
#[derive(Clone, Copy)]
struct Place {
    pack: usize,
    frame: usize,
}

struct Pack {
    at: PackAt,
    /// Chunks of each frame.
    frames: Vec<u64>,
    stored: usize,
    retired: bool,
    /// Since when nobody needs it.
    unneeded: Option<usize>,
    deleted: bool,
}

impl Pack {
    fn size(&self) -> u64 {
        self.frames.iter().sum::<u64>() * CHUNK_BYTES + OVERHEAD
    }
}

struct Point {
    seq: u64,
    stored: Timestamp,
    /// For each chunk of the source, its number among all places.
    chunks: Vec<u32>,
    /// The packs in which they lie.
    packs: BTreeSet<usize>,
    /// The day of its tombstone.
    dropped: Option<usize>,
}

#[derive(Default)]
struct Year {
    places: Vec<Place>,
    packs: Vec<Pack>,
    points: Vec<Point>,
    /// Pack sets of restore points that a compaction dropped, and the day on which they are past undoing.
    replaced: Vec<(BTreeSet<usize>, usize)>,
    now: Vec<u32>,
    /// Chunks of the source in each pack.
    in_packs: BTreeMap<usize, usize>,
    state: u64,
    written: u64,
}

/// What a year came to.
#[derive(Debug)]
struct Told {
    /// The largest dead share of what restore points need, in parts of a thousand.
    most: u64,
    end: Waste,
    /// Bytes of all packs at the end, also of those that wait to be deleted.
    stored: u64,
    /// Bytes that were stored because something was emptied.
    again: u64,
}

impl Year {
    fn random(&mut self, below: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % below as u64).unwrap()
    }

    /// Stores so many chunks in as many packs as they need. Gives their numbers.
    fn store(&mut self, n: usize, day: usize) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(n);
        for from in (0..n).step_by(OF_PACK) {
            let number = self.packs.len();
            let at = ("lab".parse().unwrap(), Digest::of(&number.to_le_bytes()));
            let mut pack = Pack { at, frames: Vec::new(), stored: day, retired: false, unneeded: None, deleted: false };
            for chunk in 0..OF_PACK.min(n - from) {
                let frame = chunk / OF_FRAME;
                pack.frames.resize(frame + 1, 0);
                pack.frames[frame] += 1;
                numbers.push(u32::try_from(self.places.len()).unwrap());
                self.places.push(Place { pack: number, frame });
            }
            self.written += pack.size();
            self.packs.push(pack);
        }
        numbers
    }

    /// A chunk of the source lies in this pack no more.
    fn leaves(&mut self, pack: usize) {
        let n = self.in_packs.get_mut(&pack).unwrap();
        *n -= 1;
        if *n == 0 {
            self.in_packs.remove(&pack);
        }
    }

    fn back_up(&mut self, hour: usize, start: Timestamp) {
        let mut changed: BTreeSet<usize> = BTreeSet::new();
        if self.now.is_empty() {
            self.now = vec![0; CHUNKS];
            changed = (0..CHUNKS).collect();
        }
        while changed.len() < CHANGED {
            let hot = self.random(5) > 0;
            changed.insert(self.random(if hot { CHUNKS / 5 } else { CHUNKS }));
        }
        // What lies in retired packs alone counts as unknown.
        let is_unknown = |year: &Self, at: usize| year.packs[year.places[year.now[at] as usize].pack].retired;
        if self.in_packs.keys().any(|pack| self.packs[*pack].retired) {
            changed.extend((0..CHUNKS).filter(|at| is_unknown(self, *at)));
        }
        let is_first = self.in_packs.is_empty();
        for (at, number) in changed.iter().zip(self.store(changed.len(), hour / 24)) {
            // The first backup leaves nothing: all numbers are 0 then, and that is its first chunk.
            let old = self.places[std::mem::replace(&mut self.now[*at], number) as usize].pack;
            *self.in_packs.entry(self.places[number as usize].pack).or_default() += 1;
            if !is_first {
                self.leaves(old);
            }
        }
        let stored = start + SignedDuration::from_hours(i64::try_from(hour).unwrap());
        self.points.push(Point {
            seq: hour as u64,
            stored,
            chunks: self.now.clone(),
            packs: self.in_packs.keys().copied().collect(),
            dropped: None,
        });
    }

    fn is_needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.packs.len()];
        for pack in self.points.iter().flat_map(|point| &point.packs) {
            needed[*pack] = true;
        }
        for pack in self.replaced.iter().flat_map(|(packs, _)| packs) {
            needed[*pack] = true;
        }
        needed
    }

    /// Drops what retention drops, forgets what is past undoing, deletes what nobody has needed for long enough.
    fn prune(&mut self, keep: &Keep, day: usize) {
        let open = self.points.iter().filter(|point| point.dropped.is_none());
        let points: Vec<PointInTime> = open
            .map(|point| PointInTime {
                id: point.seq.to_string(),
                seq: point.seq,
                stored: point.stored,
                complete: true,
                verified: true,
                suspicious: false,
                held: None,
            })
            .collect();
        let kept = retention::keep(keep, &points, &TimeZone::UTC);
        let goes: BTreeSet<String> = kept.into_iter().filter(retention::Kept::goes).map(|point| point.id).collect();
        for point in self.points.iter_mut().filter(|point| goes.contains(&point.seq.to_string())) {
            point.dropped = Some(day);
        }
        self.points.retain(|point| point.dropped.is_none_or(|since| day - since < GRACE_DAYS));
        self.replaced.retain(|(_, until)| day < *until);
        let needed = self.is_needed();
        for (pack, needed) in self.packs.iter_mut().zip(needed) {
            let condemnable = !needed && day - pack.stored >= GRACE_DAYS;
            pack.unneeded = pack.unneeded.filter(|_| !needed).or(condemnable.then_some(day));
            // 1.05 G, seen by the prune of the next day.
            pack.deleted |= pack.unneeded.is_some_and(|since| day - since > GRACE_DAYS);
        }
    }

    fn uses(&self) -> (Vec<PackUse>, Vec<usize>) {
        let mut live: Vec<Vec<bool>> = self.packs.iter().map(|pack| vec![false; pack.frames.len()]).collect();
        for number in self.points.iter().flat_map(|point| &point.chunks) {
            let place = self.places[*number as usize];
            live[place.pack][place.frame] = true;
        }
        // A restore point that was replaced needs what it needed as long as its drop can be undone; that is what its packs wait for.
        let waits: BTreeSet<usize> = self.replaced.iter().flat_map(|(packs, _)| packs.iter().copied()).collect();
        let (mut uses, mut numbers) = (Vec::new(), Vec::new());
        for (number, (pack, live)) in self.packs.iter().zip(live).enumerate() {
            if pack.deleted || !(live.contains(&true) || waits.contains(&number)) {
                continue;
            }
            let bytes =
                |wanted: bool| pack.frames.iter().zip(&live).filter(|(_, live)| **live == wanted).map(|(n, _)| n * CHUNK_BYTES).sum();
            let (mut alive, mut dead) = (bytes(true), bytes(false));
            if waits.contains(&number) {
                (alive, dead) = (alive + dead, 0);
            }
            uses.push(PackUse { at: pack.at.clone(), size: pack.size(), live: alive, dead });
            numbers.push(number);
        }
        (uses, numbers)
    }

    fn empty(&mut self, way: Way, day: usize) {
        let (uses, numbers) = self.uses();
        let chosen = choose(&uses, Limits::default());
        let emptied: BTreeSet<usize> =
            uses.iter().zip(numbers).filter(|(pack, _)| chosen.contains(&pack.at)).map(|(_, number)| number).collect();
        for number in &emptied {
            self.packs[*number].retired = true;
        }
        if way == Way::Compact && !emptied.is_empty() {
            self.compact(&emptied, day);
        }
    }

    fn compact(&mut self, emptied: &BTreeSet<usize>, day: usize) {
        let is_moved = |year: &Self, number: u32| emptied.contains(&year.places[number as usize].pack);
        let all = self.points.iter().flat_map(|point| &point.chunks).chain(&self.now);
        let moved: BTreeSet<u32> = all.copied().filter(|number| is_moved(self, *number)).collect();
        let anew: BTreeMap<u32, u32> = moved.iter().copied().zip(self.store(moved.len(), day)).collect();
        let mut points = std::mem::take(&mut self.points);
        for point in points.iter_mut().filter(|point| point.chunks.iter().any(|number| anew.contains_key(number))) {
            self.replaced.push((std::mem::take(&mut point.packs), point.dropped.unwrap_or(day) + GRACE_DAYS));
            for number in &mut point.chunks {
                *number = anew.get(number).copied().unwrap_or(*number);
            }
            point.packs = point.chunks.iter().map(|number| self.places[*number as usize].pack).collect();
        }
        self.points = points;
        for number in &mut self.now {
            *number = anew.get(number).copied().unwrap_or(*number);
        }
        self.in_packs.clear();
        for number in &self.now {
            *self.in_packs.entry(self.places[*number as usize].pack).or_default() += 1;
        }
    }
}

fn a_year(way: Way) -> Told {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let keep: Keep = "last 1, hourly 24, daily 7, weekly 5, monthly 12".parse().unwrap();
    let mut year = Year { state: 0x9E37_79B9_7F4A_7C15, ..Year::default() };
    let mut most = 0;
    for day in 0..365 {
        for hour in 0..24 {
            year.back_up(day * 24 + hour, start);
        }
        year.prune(&keep, day);
        if day % 7 == 6 {
            most = most.max(waste(&year.uses().0).per_mille());
            if way != Way::Nothing {
                year.empty(way, day);
            }
        }
    }
    let end = waste(&year.uses().0);
    let stored = year.packs.iter().filter(|pack| !pack.deleted).map(Pack::size).sum();
    let first = CHUNKS.div_ceil(OF_PACK) as u64 * OVERHEAD + CHUNKS as u64 * CHUNK_BYTES;
    let hourly = (365 * 24 - 1) * (CHANGED as u64 * CHUNK_BYTES + OVERHEAD);
    Told { most: most.max(end.per_mille()), end, stored, again: year.written.saturating_sub(first + hourly) }
}

#[test]
fn a_year_of_hourly_churn_wastes_at_most_a_fifth_of_what_is_stored_when_packs_are_compacted() {
    let [nothing, retired, compacted] = [Way::Nothing, Way::Retire, Way::Compact].map(a_year);
    for (way, told) in [("nothing", &nothing), ("retired", &retired), ("compacted", &compacted)] {
        let mib = |bytes: u64| bytes >> 20;
        println!(
            "{way}: at most {} per mille dead, {} of {} MiB in the end, {} MiB with all that waits, {} MiB stored again",
            told.most,
            mib(told.end.dead),
            mib(told.end.stored),
            mib(told.stored),
            mib(told.again)
        );
    }
    assert!(nothing.most > 200, "without it more than a fifth is dead: {nothing:?}");
    assert!(retired.end.per_mille() < nothing.end.per_mille(), "{retired:?}");
    assert!(compacted.most <= 200, "{compacted:?}");
    assert!(compacted.stored < nothing.stored, "{compacted:?}");
}

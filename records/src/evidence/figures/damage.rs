//! Damage that checks found, whether a later one found it mended, and the services whose newest data it touches.
//!
//! The rule is that of `registers`: only a clean check that goes as deep, and leaves no pack out, ends what another one found.

use std::collections::{BTreeMap, BTreeSet};

use base::id::{RepositoryId, ServiceId, SourceId};
use jiff::Timestamp;

use crate::chain::Entry;
use crate::event::{CheckFinished, Event};
use crate::evidence::input::{Facts, ServiceFacts};

/// Damage as it stands at the end of the period.
#[derive(Debug, Default)]
pub(super) struct Damage<'a> {
    /// The last check that found any, of each repository in which it is not mended.
    open: BTreeMap<&'a RepositoryId, Found<'a>>,
    /// The records of checks that found damage, with the time of the check that found it mended.
    pub(super) mended: BTreeMap<u64, Timestamp>,
    /// Services whose newest data is in no repository that is known to be whole.
    pub(super) lost: BTreeSet<ServiceId>,
}

#[derive(Debug)]
struct Found<'a> {
    at: Timestamp,
    last: &'a CheckFinished,
    deepest: &'a CheckFinished,
    records: Vec<u64>,
}

/// The newest complete restore point of one source in one repository, and when it was written down.
type Newest<'a> = BTreeMap<(&'a SourceId, &'a RepositoryId), (Timestamp, Timestamp, &'a str)>;

impl<'a> Damage<'a> {
    pub(super) fn of(facts: &Facts, entries: &'a [Entry]) -> Self {
        let mut damage = Self::default();
        let (mut newest, mut uids) = (Newest::new(), BTreeMap::new());
        for entry in entries {
            match &entry.event {
                Event::CheckFinished(check) => damage.checked(entry, check),
                Event::BackupFinished(done) if done.complete => {
                    let point = (done.taken, entry.at, done.snapshot.as_str());
                    let kept = newest.entry((&done.source, &done.repository)).or_insert(point);
                    *kept = point.max(*kept);
                }
                Event::RepositoryCreated(made) if uids.insert(&made.repository, &made.uid) != Some(&made.uid) => {
                    damage.open.remove(&made.repository);
                    newest.retain(|(_, repository), _| **repository != made.repository);
                }
                _ => {}
            }
        }
        damage.lost = facts.services.iter().filter(|service| damage.takes(service, &newest)).map(|service| service.id.clone()).collect();
        damage
    }

    /// The repositories that are damaged, with when the last check that found it ended.
    pub(super) fn open(&self) -> impl Iterator<Item = (&RepositoryId, Timestamp)> {
        self.open.iter().map(|(repository, found)| (*repository, found.at))
    }

    fn checked(&mut self, entry: &Entry, check: &'a CheckFinished) {
        let known = self.open.remove(&check.repository);
        if check.n_findings == 0 {
            match known {
                Some(known) if check.covers(known.deepest) => self.mended.extend(known.records.iter().map(|record| (*record, entry.at))),
                Some(known) => drop(self.open.insert(&check.repository, known)),
                None => {}
            }
            return;
        }
        let (deepest, mut records) = known.map_or((check, Vec::new()), |known| (known.deepest, known.records));
        records.push(entry.seq);
        let deepest = if check.covers(deepest) || check.depth() > deepest.depth() { check } else { deepest };
        self.open.insert(&check.repository, Found { at: entry.at, last: check, deepest, records });
    }

    /// Whether some data of a service is damaged, or gone, wherever it was stored in the period.
    fn takes(&self, service: &ServiceFacts, newest: &Newest<'_>) -> bool {
        service.sources.iter().any(|source| {
            let mut held = newest.iter().filter(|((of, _), _)| *of == source).peekable();
            held.peek().is_some() && held.all(|((_, repository), point)| self.touches(repository, *point))
        })
    }

    fn touches(&self, repository: &RepositoryId, (_, at, snapshot): (Timestamp, Timestamp, &str)) -> bool {
        let Some(found) = self.open.get(repository) else { return false };
        let check = found.last;
        let named = |ids: &[String]| ids.iter().any(|id| id == snapshot);
        let spreads = check.n_findings > check.missing_points.len() as u64;
        check.damaged_points.as_ref().is_none_or(|points| named(points)) || named(&check.missing_points) || (spreads && at > found.at)
    }
}

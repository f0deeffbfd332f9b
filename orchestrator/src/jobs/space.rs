//! Gives back the space of packs that are mostly dead, after each prune of the standing task `retention`, and when `lifeboat prune --compact` asks.
//!
//! What is dead is measured once a week where a key that reads is at hand. Where this host's own key writes, too, packs are emptied then;
//! others, and packs of other domains, are retired, for which a maintainer's key and what somebody has measured will do. What is
//! measured and done is written down; a look that finds nothing to do is not.

use std::collections::BTreeMap;

use base::id::RepositoryId;
use jiff::{SignedDuration, Timestamp};
use plans::Plan;
use records::event::{MaintenanceFailed, MaintenanceFinished, MaintenanceStarted, SpaceMeasured};
use repository::keys::{ReaderKey, Steward, WriterKey};
use repository::prune::say::Said;
use repository::prune::{self, Facts, PackAt, gather, plan};
use repository::reader::Reader;
use repository::repository::Repository;
use repository::snapshots::Snapshot;
use repository::space::{self, Compacted, Keys, Limits, Live, PackUse, Waste};

use super::{JobError, open};
use crate::parts::{Parts, run_id};

/// A measure walks every directory that restore points name: it is made when the last one is older.
const MEASURE_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What was found, and done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// What was dead, as far as somebody has measured.
    pub waste: Option<Waste>,
    /// Packs that were emptied.
    pub emptied: u64,
    /// Packs that are retired from now on.
    pub retired: u64,
}

/// Who asks, and with which keys.
#[derive(Debug, Clone, Copy)]
pub struct Asks<'a> {
    /// Signs.
    pub steward: &'a Steward,
    /// As statements name them.
    pub who: &'a str,
    /// Measures, where a key that reads is at hand.
    pub reader: Option<(&'a ReaderKey, &'a Reader)>,
    /// Stores live chunks anew, where this host has one.
    pub writer: Option<&'a WriterKey>,
}

/// Keeps what is dead small. With keys that read and write packs are emptied, once for each measure; what is mostly dead besides is
/// retired. Without a key that reads it goes by what was measured last.
pub async fn keep_small(parts: &Parts, id: &RepositoryId, opened: &Repository, asks: Asks<'_>) -> Result<Kept, JobError> {
    let facts = gather(opened).await.map_err(JobError::prune(id))?;
    let planned = plan(&facts, &opened.protocol());
    let Some(measured) = measured(parts, id, opened, (&facts, &planned), asks).await? else { return Ok(Kept::default()) };
    let mut packs = space::uses(&facts, &planned, &measured.live);
    let waste = space::waste(&packs);
    let mut done = Kept { waste: Some(waste), ..Kept::default() };
    if let Measured { n_snapshots: Some(n_snapshots), .. } = measured {
        parts.record(event_of(id, waste, n_snapshots)).await?;
        if let (Some((reader, _)), Some(writer)) = (asks.reader, asks.writer)
            && waste.per_mille() > Limits::default().above
        {
            let keys = Keys { reader, writers: std::slice::from_ref(writer), steward: asks.steward };
            done.emptied = compact(parts, id, opened, &keys, asks.who).await?.emptied.len() as u64;
        }
    }
    // What was emptied or retired goes with the restore points that name it: nothing more can be done to it here.
    let before = space::retired(opened).await.map_err(JobError::prune(id))?;
    packs.retain(|pack| !before.contains(&pack.at));
    done.retired = retire(parts, id, opened, &packs, asks).await?;
    Ok(done)
}

/// Retires what is mostly dead of `packs`.
async fn retire(parts: &Parts, id: &RepositoryId, opened: &Repository, packs: &[PackUse], asks: Asks<'_>) -> Result<u64, JobError> {
    let (chosen, waste) = (space::choose(packs, Limits::default()), space::waste(packs));
    if chosen.is_empty() {
        return Ok(0);
    }
    let n_packs = chosen.len() as u64;
    let run = run_id(&*parts.clock);
    let reason = format!("{} of a thousand stored bytes are dead", waste.per_mille());
    parts.record(started(&run, id, "retire", &reason, asks.who)).await?;
    let said = Said { steward: asks.steward, now: parts.clock.now(), who: asks.who, reason: &reason };
    let told = space::retire(opened, &chosen, said).await.map(drop).map_err(JobError::prune(id));
    record(parts, &run, id, "retire", told, |()| (0, n_packs)).await?;
    tracing::info!(repository = %id, packs = n_packs, dead_per_mille = waste.per_mille(), "packs retired");
    Ok(n_packs)
}

fn event_of(id: &RepositoryId, waste: Waste, n_snapshots: u64) -> SpaceMeasured {
    SpaceMeasured { repository: id.clone(), stored_bytes: waste.stored, dead_bytes: waste.dead, n_snapshots }
}

/// What is dead of the packs that restore points need, and when that was measured; none where nobody has, or where it cannot be looked at.
pub async fn told(parts: &Parts, plan: &Plan, id: &RepositoryId) -> Option<(Timestamp, Waste)> {
    let opened = open::repository(parts, plan, id).await.ok()?;
    let told = space::told(&opened).await;
    told.inspect_err(|error| tracing::debug!(repository = %id, %error, "what is dead is not known")).ok()?
}

/// Live bytes of packs.
struct Measured {
    live: BTreeMap<PackAt, Live>,
    /// How many restore points were walked, where it was measured now.
    n_snapshots: Option<u64>,
}

/// Live bytes of packs: measured now, or as somebody has said.
async fn measured(
    parts: &Parts,
    id: &RepositoryId,
    opened: &Repository,
    (facts, planned): (&Facts, &prune::Plan),
    asks: Asks<'_>,
) -> Result<Option<Measured>, JobError> {
    let last = space::published(opened).await.map_err(JobError::prune(id))?;
    let is_new = last.as_ref().is_some_and(|last| facts.now.duration_since(last.stored) < MEASURE_EVERY);
    if let Some((_, reader)) = asks.reader.filter(|_| !is_new) {
        let listing = reader.snapshots().await.map_err(JobError::space(id))?;
        let all = listing.snapshots.into_iter().chain(listing.dropped.into_iter().map(|dropped| dropped.snapshot));
        let stays = |snapshot: &Snapshot| planned.snapshots.get(&snapshot.id).is_some_and(|fate| fate.stays);
        let snapshots: Vec<Snapshot> = all.filter(stays).collect();
        let live = space::measure(reader, &snapshots).await.map_err(JobError::space(id))?;
        let told = space::publish(opened, &live, snapshots.len() as u64, asks.steward, parts.clock.now()).await;
        told.map_err(JobError::prune(id))?;
        return Ok(Some(Measured { live, n_snapshots: Some(snapshots.len() as u64) }));
    }
    let Some(last) = last else { return Ok(None) };
    Ok(Some(Measured { live: last.of(facts), n_snapshots: None }))
}

/// Empties what is mostly dead at once. Needs keys that read, write and maintain.
pub async fn compact(parts: &Parts, id: &RepositoryId, opened: &Repository, keys: &Keys<'_>, who: &str) -> Result<Compacted, JobError> {
    let run = run_id(&*parts.clock);
    let reason = "compaction: what is live is stored anew";
    parts.record(started(&run, id, "compact", reason, who)).await?;
    let said = Said { steward: keys.steward, now: parts.clock.now(), who, reason };
    let done = space::compact(opened, keys, Limits::default(), &open::repository_cache(parts), said).await;
    let counts = |done: &Compacted| (done.replaced.len() as u64, done.emptied.len() as u64);
    record(parts, &run, id, "compact", done.map_err(JobError::space(id)), counts).await
}

fn started(run: &str, id: &RepositoryId, act: &str, reason: &str, who: &str) -> MaintenanceStarted {
    MaintenanceStarted {
        run: run.to_owned(),
        repository: id.clone(),
        act: act.to_owned(),
        snapshots: Vec::new(),
        n_snapshots: 0,
        reason: Some(reason.to_owned()),
        by: Some(who.to_owned()),
        confirmed_by: None,
    }
}

/// Writes down what came of it: restore points that were stored again, and packs that are to be deleted later.
async fn record<T>(
    parts: &Parts,
    run: &str,
    id: &RepositoryId,
    act: &str,
    told: Result<T, JobError>,
    counts: impl Fn(&T) -> (u64, u64),
) -> Result<T, JobError> {
    let (run, repository, act) = (run.to_owned(), id.clone(), act.to_owned());
    match &told {
        Ok(done) => {
            let (n_snapshots, n_condemned) = counts(done);
            let (n_deleted, deleted_bytes, waits) = (0, 0, Vec::new());
            parts.record(MaintenanceFinished { run, repository, act, n_snapshots, n_condemned, n_deleted, deleted_bytes, waits }).await?;
        }
        Err(error) => {
            let error = base::hint::whole_story(error);
            parts.record(MaintenanceFailed { run, repository, act, error, n_snapshots: 0 }).await?;
        }
    }
    told
}

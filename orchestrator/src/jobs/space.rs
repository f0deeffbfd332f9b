//! Gives back the space of packs that are mostly dead. The standing task `retention` retires them, `lifeboat prune --compact` empties them at once.
//!
//! Retiring needs a maintainer's key and what somebody with a key that reads has measured; with such a key at hand it is measured here,
//! once a week. What is done is written down; a look that finds nothing to do is not.

use std::collections::BTreeMap;

use base::id::RepositoryId;
use jiff::SignedDuration;
use records::event::{MaintenanceFailed, MaintenanceFinished, MaintenanceStarted};
use repository::keys::Steward;
use repository::prune::say::Said;
use repository::prune::{Facts, PackAt, Plan, gather, plan};
use repository::reader::Reader;
use repository::repository::Repository;
use repository::snapshots::Snapshot;
use repository::space::{self, Compacted, Keys, Limits, Live, Waste};

use super::{JobError, open};
use crate::parts::{Parts, run_id};

/// A measure walks every directory that restore points name: it is made when the last one is older.
const MEASURE_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What was found, and done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retired {
    /// What is dead, as far as somebody has measured.
    pub waste: Option<Waste>,
    /// Packs that are retired from now on.
    pub packs: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// Who asks, and with which key.
#[derive(Debug, Clone, Copy)]
pub struct Asks<'a> {
    /// Signs.
    pub steward: &'a Steward,
    /// As statements name them.
    pub who: &'a str,
}

/// Retires what is mostly dead. Without `reader` it goes by what was measured last.
pub async fn retire(
    parts: &Parts,
    id: &RepositoryId,
    opened: &Repository,
    reader: Option<&Reader>,
    asks: Asks<'_>,
) -> Result<Retired, JobError> {
    let facts = gather(opened).await.map_err(JobError::prune(id))?;
    let planned = plan(&facts, &opened.protocol());
    let Some(live) = measured(parts, id, opened, reader, (&facts, &planned), asks).await? else { return Ok(Retired::default()) };
    let mut packs = space::uses(&facts, &planned, &live);
    let waste = space::waste(&packs);
    // What is retired goes with the restore points that name it: nothing more can be done to it here.
    let before = space::retired(opened).await.map_err(JobError::prune(id))?;
    packs.retain(|pack| !before.contains(&pack.at));
    let chosen = space::choose(&packs, Limits::default());
    let mut done = Retired { waste: Some(waste), ..Retired::default() };
    if chosen.is_empty() {
        return Ok(done);
    }
    done.packs = chosen.len() as u64;
    done.bytes = packs.iter().filter(|pack| chosen.contains(&pack.at)).map(|pack| pack.size).sum();
    let run = run_id(&*parts.clock);
    let reason = format!("{} of a thousand stored bytes are dead", waste.per_mille());
    parts.record(started(&run, id, "retire", &reason, asks)).await?;
    let said = Said { steward: asks.steward, now: parts.clock.now(), who: asks.who, reason: &reason };
    let told = space::retire(opened, &chosen, said).await.map(drop).map_err(JobError::prune(id));
    record(parts, &run, id, "retire", told, |()| (0, done.packs)).await?;
    tracing::info!(repository = %id, packs = done.packs, dead_per_mille = waste.per_mille(), "packs retired");
    Ok(done)
}

/// Live bytes of packs: measured now, or as somebody has said.
async fn measured(
    parts: &Parts,
    id: &RepositoryId,
    opened: &Repository,
    reader: Option<&Reader>,
    (facts, planned): (&Facts, &Plan),
    asks: Asks<'_>,
) -> Result<Option<BTreeMap<PackAt, Live>>, JobError> {
    let last = space::published(opened).await.map_err(JobError::prune(id))?;
    let is_new = last.as_ref().is_some_and(|last| facts.now.duration_since(last.stored) < MEASURE_EVERY);
    if let Some(reader) = reader.filter(|_| !is_new) {
        let listing = reader.snapshots().await.map_err(JobError::space(id))?;
        let all = listing.snapshots.into_iter().chain(listing.dropped.into_iter().map(|dropped| dropped.snapshot));
        let stays = |snapshot: &Snapshot| planned.snapshots.get(&snapshot.id).is_some_and(|fate| fate.stays);
        let snapshots: Vec<Snapshot> = all.filter(stays).collect();
        let live = space::measure(reader, &snapshots).await.map_err(JobError::space(id))?;
        let told = space::publish(opened, &live, snapshots.len() as u64, asks.steward, parts.clock.now()).await;
        told.map_err(JobError::prune(id))?;
        return Ok(Some(live));
    }
    let Some(last) = last else { return Ok(None) };
    let sizes = facts.packs.iter().filter_map(|pack| Some((pack.at.clone(), pack.size, *last.live.get(&pack.at)?)));
    Ok(Some(sizes.map(|(at, size, live)| (at, Live { live, dead: size.saturating_sub(live) })).collect()))
}

/// Empties what is mostly dead at once. Needs keys that read, write and maintain.
pub async fn compact(parts: &Parts, id: &RepositoryId, opened: &Repository, keys: &Keys<'_>, who: &str) -> Result<Compacted, JobError> {
    let run = run_id(&*parts.clock);
    let asks = Asks { steward: keys.steward, who };
    let reason = "compaction: what is live is stored anew";
    parts.record(started(&run, id, "compact", reason, asks)).await?;
    let said = Said { steward: keys.steward, now: parts.clock.now(), who, reason };
    let done = space::compact(opened, keys, Limits::default(), &open::repository_cache(parts), said).await;
    let counts = |done: &Compacted| (done.replaced.len() as u64, done.emptied.len() as u64);
    record(parts, &run, id, "compact", done.map_err(JobError::space(id)), counts).await
}

fn started(run: &str, id: &RepositoryId, act: &str, reason: &str, asks: Asks<'_>) -> MaintenanceStarted {
    MaintenanceStarted {
        run: run.to_owned(),
        repository: id.clone(),
        act: act.to_owned(),
        snapshots: Vec::new(),
        n_snapshots: 0,
        reason: Some(reason.to_owned()),
        by: Some(asks.who.to_owned()),
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

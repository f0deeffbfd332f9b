//! Applies retention to one repository, then marks and sweeps. `lifeboat prune` and the standing task `retention` run it.
//!
//! It looks ([`look`]), and [`carry_out`] does what was seen: tombstones for what retention drops, then what [`repository::prune`]
//! plans. It needs a maintainer's key and none that reads; with one that reads at hand, restore points are attested first.

mod act;
mod fate;
mod look;

use std::collections::BTreeSet;

use base::Digest;
use base::id::{RepositoryId, SourceId};
use jiff::{SignedDuration, Timestamp};
use plans::retention::Alarm;
use repository::keys::{KeyError, Steward, StewardKey, StewardRole};
use repository::prune;
use repository::reader::ReadError;
use repository::repository::Repository;
use repository::snapshots::SnapshotId;

use super::JobError;
use crate::parts::Parts;

pub use act::{Done, carry_out};
pub use look::look;

/// A second person who agrees to what is out of the ordinary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Order {
    /// The repository.
    pub repository: RepositoryId,
    /// Who asks, as tombstones name them.
    pub who: String,
    /// Who agreed to drops that are out of the ordinary.
    pub confirmed: Option<Confirmed>,
}

/// Packs that wait for this long until restore points are attested are late: whoever has a key that reads checks once a week.
const ATTESTED_WITHIN: SignedDuration = SignedDuration::from_hours(8 * 24);

/// What a prune of one repository would do.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// The store's time.
    pub now: Timestamp,
    /// Each restore point, newest first.
    pub points: Vec<PointFate>,
    /// Sources of which more would go than is usual, or went by somebody else since the last prune.
    pub alarms: Vec<(String, Alarm)>,
    /// What a second person is asked about, or has agreed to: all that goes, or went by somebody else, of sources where that is unusual.
    pub asked: BTreeSet<SnapshotId>,
    /// What retention drops now.
    pub drops: Vec<Drop>,
    /// What was dropped and stays after all, since the plan says so now.
    pub holds: Vec<Keep>,
    /// What somebody else dropped since the last prune, and nothing is unusual about it, or a second person agrees.
    pub seen: Vec<SnapshotId>,
    /// What becomes of packs.
    pub plan: prune::Plan,
    /// Bytes of all packs.
    pub stored_bytes: u64,
    /// Bytes of packs that no restore point needs which is still to be had.
    pub unneeded_bytes: u64,
}

impl Looked {
    /// What stands for [`Self::asked`], so that a second person agrees to exactly what it has seen; `None` where nobody is asked.
    pub fn agreement(&self) -> Option<String> {
        let named: Vec<String> = self.asked.iter().map(ToString::to_string).collect();
        (!named.is_empty()).then(|| Digest::of(named.join("\n").as_bytes()).to_string().chars().take(16).collect())
    }

    /// Why not everything is done that would be done otherwise.
    pub fn hindrances(&self) -> Vec<String> {
        let alarms = self.alarms.iter().map(|(source, alarm)| format!("{source}: {alarm}"));
        alarms.chain(self.plan.hindrances()).collect()
    }

    /// As [`Self::hindrances`], but for restore points that somebody who can read will attest in time.
    pub fn waits(&self) -> Vec<String> {
        let mut found = self.clone();
        found.plan.unattested.retain(|_, one| self.now.duration_since(one.read) > ATTESTED_WITHIN);
        found.hindrances()
    }
}

/// A restore point that was dropped and stays after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// The restore point.
    pub snapshot: SnapshotId,
    /// Why.
    pub reason: String,
}

/// A restore point that retention drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drop {
    /// The restore point.
    pub snapshot: SnapshotId,
    /// Its source.
    pub source: SourceId,
    /// The counts of the rule, such as "hourly 48, daily 35".
    pub rule: String,
    /// Why, in a sentence.
    pub reason: String,
}

/// What becomes of one restore point, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointFate {
    /// The restore point.
    pub snapshot: SnapshotId,
    /// Its source, where that is known here.
    pub source: Option<SourceId>,
    /// When it was stored, by the store's clock.
    pub stored: Option<Timestamp>,
    /// What becomes of it.
    pub fate: Fate,
    /// Why.
    pub why: Vec<String>,
}

/// What becomes of a restore point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It stays.
    Stays,
    /// Retention drops it now.
    Goes,
    /// It was dropped, and that can still be undone.
    Dropped,
    /// It was dropped for good.
    Gone,
}

/// The maintainer's key, ready to sign: the one given, or else the owners', which a person's key opens.
pub async fn steward(parts: &Parts, id: &RepositoryId, opened: &Repository, given: Option<StewardKey>) -> Result<Steward, JobError> {
    let read = |error: KeyError| JobError::Read { repository: id.clone(), source: Box::new(ReadError::Key(std::sync::Arc::new(error))) };
    match given {
        Some(key) if key.role() == StewardRole::Verifier => Err(JobError::NoMaintainer { repository: id.clone(), verifier: true }),
        Some(key) => key.open(opened, parts.clock.now()).map_err(read),
        None => match parts.connect.reader_key()? {
            Some(key) => key.steward(opened).await.map_err(read),
            None => Err(JobError::NoMaintainer { repository: id.clone(), verifier: false }),
        },
    }
}

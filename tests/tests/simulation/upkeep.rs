//! What those do in a schedule who maintain a repository: attest, say what may go and what is held, prune, retire and compact, copy,
//! change keys.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base::Clock;
use base::clock::ManualClock;
use jiff::{SignedDuration, Timestamp};
use repository::copy::{self, CopyReport, Limits};
use repository::fence::Protocol;
use repository::keys::{ReaderKey, Steward, StewardKey, WriterKey, add_writer, change_people, plan_people};
use repository::prune::say::{self, Said};
use repository::prune::{Applied, PackAt, PruneError, SnapshotFact, apply, gather, plan};
use repository::reader::{Reader, ReaderOptions};
use repository::repository::Repository;
use repository::snapshots::SnapshotId;
use repository::space::{self, Keys};
use stores::store::Store;

use super::ledger::Ledger;
use super::work::{id, open, told};

/// The clock of a machine: as fast as the store's, and so many seconds ahead.
#[derive(Debug, Clone)]
pub struct Skewed {
    pub clock: Arc<ManualClock>,
    pub ahead_s: Arc<AtomicI64>,
}

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        self.clock.now() + SignedDuration::from_secs(self.ahead_s.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }
}

/// Somebody with the keys that maintenance takes.
#[derive(Debug, Clone)]
pub struct Keeper {
    pub store: Arc<dyn Store>,
    pub protocol: Protocol,
    pub person: ReaderKey,
    pub key: StewardKey,
    pub clock: Skewed,
    pub ledger: Ledger,
    /// New objects stay out of lists for a while.
    pub lists_late: bool,
    /// An empty folder.
    pub cache: PathBuf,
}

/// How packs are to become free.
#[derive(Debug, Clone)]
pub enum Way {
    Retire,
    Compact(Vec<WriterKey>),
}

/// What somebody says.
#[derive(Debug, Clone, Copy)]
pub enum Word {
    Undo(SnapshotId),
    Hold(SnapshotId),
    Release(SnapshotId),
}

impl Keeper {
    async fn open(&self) -> Result<(Repository, Steward), String> {
        let repository = open(Arc::clone(&self.store), self.protocol).await?;
        let steward = self.key.open(&repository, self.clock.now()).map_err(told)?;
        Ok((repository, steward))
    }

    fn said<'a>(&self, steward: &'a Steward) -> Said<'a> {
        Said { steward, now: self.clock.now(), who: "keeper", reason: "simulated" }
    }

    /// Attests what nobody has attested, says that `may_go` may go, and what can no longer come back unless it was acknowledged, then
    /// prunes. `sure` is whether no fault can be the reason that something cannot be attested.
    pub async fn round(self, mut may_go: Vec<SnapshotId>, sure: bool) -> Result<Applied, String> {
        let (repository, steward) = self.open().await?;
        let mut tried = 0;
        loop {
            may_go.extend(self.attest(&repository, &steward, sure).await?);
            for id in std::mem::take(&mut may_go) {
                self.release(&repository, &steward, id).await?;
                self.ledger.book().gives_up(id, self.clock.clock.now());
                say::tombstone(&repository, id, "by hand", self.said(&steward)).await.map_err(told)?;
                self.ledger.book().gave_up(id);
            }
            tried += 1;
            match self.prune(&repository, &steward).await {
                // A backup has ended meanwhile.
                Err(PruneError::Blocked { why }) if tried < 3 && why.iter().any(|why| why.contains("attested")) => {}
                answer => return answer.map_err(told),
            }
        }
    }

    /// Attests what nobody has attested. Gives what cannot come back.
    async fn attest(&self, repository: &Repository, steward: &Steward, sure: bool) -> Result<Vec<SnapshotId>, String> {
        let facts = gather(repository).await.map_err(told)?;
        let is_open =
            |id| facts.snapshots.iter().any(|one| one.id == id && !one.attested && (one.tombstone.is_none() || one.held.is_some()));
        let mut hopeless = Vec::new();
        if !facts.snapshots.iter().any(|one| is_open(one.id)) {
            return Ok(hopeless);
        }
        let options = ReaderOptions { cache_dir: self.cache.clone(), threads: 1 };
        let reader = Reader::open(repository, &self.person, options).await.map_err(told)?;
        let listing = reader.snapshots().await.map_err(told)?;
        for snapshot in listing.snapshots.iter().filter(|snapshot| is_open(snapshot.id)) {
            match say::attest(repository, &reader, snapshot, steward, self.clock.now()).await {
                Ok(()) => {}
                Err(PruneError::Attest { .. }) if sure && !self.ledger.book().is_kept(&snapshot.id) => hopeless.push(snapshot.id),
                Err(error) => return Err(told(error)),
            }
        }
        Ok(hopeless)
    }

    async fn prune(&self, repository: &Repository, steward: &Steward) -> Result<Applied, PruneError> {
        let planned = plan(&gather(repository).await?, &repository.protocol());
        apply(repository, &planned, steward, &self.clock).await
    }

    /// Retires some of the packs that restore points need, or empties them. `draw` says of each whether.
    pub async fn space(self, way: Way, mut draw: impl FnMut() -> bool + Send) -> Result<u64, String> {
        let (repository, steward) = self.open().await?;
        let facts = gather(&repository).await.map_err(told)?;
        let planned = plan(&facts, &repository.protocol());
        let stays = |snapshot: &&SnapshotFact| planned.snapshots.get(&snapshot.id).is_some_and(|fate| fate.stays);
        let needed: BTreeSet<PackAt> = facts.snapshots.iter().filter(stays).flat_map(|snapshot| snapshot.packs.iter().cloned()).collect();
        let chosen: BTreeSet<PackAt> = needed.into_iter().filter(|_| draw()).collect();
        if chosen.is_empty() {
            return Ok(0);
        }
        match way {
            Way::Retire => space::retire(&repository, &chosen, self.said(&steward)).await.map(|_| chosen.len() as u64).map_err(told),
            Way::Compact(writers) => {
                let keys = Keys { reader: &self.person, writers: &writers, steward: &steward };
                let done = space::empty(&repository, &keys, &chosen, &self.cache, self.said(&steward)).await;
                done.map(|done| done.replaced.len() as u64).map_err(told)
            }
        }
    }

    pub async fn say(self, word: Word) -> Result<(), String> {
        let (repository, steward) = self.open().await?;
        match word {
            Word::Undo(id) => {
                let said_so_far = self.ledger.book().can_take_back(id);
                say::undo(&repository, id, self.said(&steward)).await.map_err(told)?;
                // An undo that a late list shows no tombstone has nothing to take back, and promises nothing.
                if !self.lists_late {
                    self.ledger.book().took_back(id, said_so_far);
                }
            }
            Word::Hold(id) => {
                say::hold(&repository, &[id].into(), self.said(&steward)).await.map_err(told)?;
                self.ledger.book().holds(id, self.clock.clock.now(), self.protocol.grace());
            }
            Word::Release(id) => {
                self.release(&repository, &steward, id).await?;
            }
        }
        Ok(())
    }

    async fn release(&self, repository: &Repository, steward: &Steward, id: SnapshotId) -> Result<(), String> {
        for (hold, document) in say::held(repository).await.map_err(told)? {
            if document.snapshots.contains(id.digest()) {
                self.ledger.book().lets_go(id);
                say::release(repository, hold, self.said(steward)).await.map_err(told)?;
            }
        }
        Ok(())
    }

    /// A new epoch for the same people.
    pub async fn rotate(self) -> Result<(), String> {
        let repository = open(Arc::clone(&self.store), self.protocol).await?;
        let change = plan_people(&repository, &self.person.recipients(), true, true).map_err(told)?;
        change_people(&repository, &self.person, &change, self.clock.now()).await.map_err(told)
    }

    /// Adds a writer, and with it a trust document and keys.
    pub async fn add(self) -> Result<(), String> {
        let repository = open(Arc::clone(&self.store), self.protocol).await?;
        add_writer(&repository, &self.person, id("further"), id("office"), self.clock.now()).await.map(drop).map_err(told)
    }
}

/// Brings to `target` what it lacks.
pub async fn copy_to(source: Arc<dyn Store>, protocol: Protocol, target: Arc<dyn Store>) -> Result<CopyReport, String> {
    let repository = open(source, protocol).await?;
    // As people copy: without what nobody believes and what the copy has condemned.
    let planned = copy::look(&repository, &*target).await.map_err(told)?;
    copy::run(&repository, &target, &planned, Limits { bytes: 1 << 20, objects: 2 }, &()).await.map_err(told)
}

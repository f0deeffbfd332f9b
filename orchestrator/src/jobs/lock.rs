//! Looks at the locks of one repository and extends those that are due. `lifeboat lock` and the standing task `locks` run it.
//!
//! It needs no key: a lock says nothing of what it keeps. What is weak is written down before it is mended, so that somebody hears of it.

use std::time::Duration;

use base::hint::whole_story;
use base::id::RepositoryId;
use plans::Plan;
use plans::plan::{Lock, LockMode};
use records::event::{LockWeakened, LocksRenewed, MaintenanceFailed, MaintenanceStarted};
use registers::facts::{LOCKS, LockState};
use repository::finding::Finding;
use repository::lock::{self, LockError, Locks, Promise};
use repository::repository::Repository;
use stores::Mode;

use super::JobError;
use crate::parts::{Parts, run_id};

pub use repository::lock::Renewed;

/// The most objects that a record names; the count goes on.
const MAX_NAMED: usize = 100;

/// What was found of the locks of one repository.
#[derive(Debug, Clone)]
pub struct Looked {
    /// What the plan promises.
    pub promise: Promise,
    /// What is there.
    pub locks: Locks,
    /// Whether all of it was brought under this promise before. Until then what is locked for less is older than the promise.
    pub promised_before: bool,
    took: Duration,
}

/// The store's word for the plan's.
pub fn mode(lock: &Lock) -> Mode {
    match lock.mode {
        LockMode::Compliance => Mode::Compliance,
        LockMode::Governance => Mode::Governance,
    }
}

/// The lock that the plan declares for a repository.
pub fn declared<'a>(plan: &'a Plan, id: &RepositoryId) -> Result<&'a Lock, JobError> {
    let known = plan.repositories.get(id).ok_or_else(|| super::open::unknown("repository", id.as_str(), plan.repositories.keys()))?;
    known.lock.as_ref().ok_or_else(|| JobError::NoLock { repository: id.clone() })
}

/// Reads the locks of all that is needed in `opened`; `known` is what the journal says of earlier looks.
pub async fn look(
    parts: &Parts,
    plan: &Plan,
    id: &RepositoryId,
    opened: &Repository,
    known: Option<&LockState>,
) -> Result<Looked, JobError> {
    let lock = declared(plan, id)?;
    let began = parts.clock.monotonic();
    let (mode, period) = (mode(lock), lock.period.at_least());
    let before = known.and_then(|state| state.renewed.as_ref()).filter(|last| last.mode == mode.to_string() && last.period >= period);
    let promise = Promise { mode, period, renewed: before.map(|last| last.store_time) };
    let locks = lock::look(opened, &promise).await.map_err(JobError::lock(id))?;
    let took = parts.clock.monotonic().saturating_sub(began);
    Ok(Looked { promise, locks, promised_before: before.is_some(), took })
}

/// Writes down what is locked for less than was promised before. Answers how many that are.
pub async fn tell_weak(parts: &Parts, id: &RepositoryId, looked: &Looked) -> Result<u64, JobError> {
    if !looked.promised_before || looked.locks.weak.is_empty() {
        return Ok(0);
    }
    let n_objects = looked.locks.weak.len() as u64;
    tracing::error!(repository = %id, n_objects, "objects are locked for less than was promised");
    let weak = LockWeakened {
        repository: id.clone(),
        store_time: looked.locks.now,
        n_objects,
        objects: looked.locks.weak.iter().take(MAX_NAMED).map(words).collect(),
    };
    parts.record(weak).await?;
    Ok(n_objects)
}

/// Extends what is due, with the journal on both sides of it.
#[tracing::instrument(skip_all, fields(repository = %id))]
pub async fn renew(parts: &Parts, id: &RepositoryId, opened: &Repository, looked: &Looked) -> Result<Renewed, JobError> {
    let (run, began) = (run_id(&*parts.clock), parts.clock.monotonic());
    let n_weak = tell_weak(parts, id, looked).await?;
    let mut done = Renewed::default();
    if !looked.locks.due.is_empty() {
        parts.record(started(&run, id, &parts.actor.name)).await?;
        done = match lock::renew(opened, &looked.locks).await {
            Ok(done) => done,
            Err(error) => {
                fail(parts, run, id, whole_story(&error)).await?;
                return Err(JobError::lock(id)(error));
            }
        };
    }
    let took = looked.took + parts.clock.monotonic().saturating_sub(began);
    tracing::info!(renewed = done.renewed, refused = done.refused.len(), "locks renewed");
    let first = |findings: &[Finding]| findings.iter().take(MAX_NAMED).map(words).collect();
    let renewed = LocksRenewed {
        run,
        repository: id.clone(),
        mode: looked.promise.mode.to_string(),
        period_s: looked.promise.period.as_secs(),
        store_time: looked.locks.now,
        n_objects: looked.locks.objects,
        n_renewed: done.renewed,
        n_unneeded: looked.locks.unneeded,
        n_weak,
        n_refused: done.refused.len() as u64,
        refused: first(&done.refused),
        n_unread: looked.locks.unread.len() as u64,
        unread: first(&looked.locks.unread),
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    };
    parts.record(renewed).await?;
    Ok(done)
}

/// Writes down that the locks could not be looked at.
pub async fn failed(parts: &Parts, id: &RepositoryId, error: &JobError) -> Result<(), JobError> {
    fail(parts, run_id(&*parts.clock), id, whole_story(error)).await
}

async fn fail(parts: &Parts, run: String, id: &RepositoryId, error: String) -> Result<(), JobError> {
    let failed = MaintenanceFailed { run, repository: id.clone(), act: LOCKS.to_owned(), error, n_snapshots: 0 };
    Ok(parts.record(failed).await?)
}

fn started(run: &str, id: &RepositoryId, by: &str) -> MaintenanceStarted {
    MaintenanceStarted {
        run: run.to_owned(),
        repository: id.clone(),
        act: LOCKS.to_owned(),
        snapshots: Vec::new(),
        n_snapshots: 0,
        reason: None,
        by: Some(by.to_owned()),
        confirmed_by: None,
    }
}

fn words(finding: &Finding) -> String {
    format!("{}: {}", finding.object, finding.what)
}

impl JobError {
    /// For `map_err`: locks of `repository` that were not looked at.
    fn lock(repository: &RepositoryId) -> impl Fn(LockError) -> Self {
        let repository = repository.clone();
        move |source| Self::Lock { repository: repository.clone(), source: Box::new(source) }
    }
}

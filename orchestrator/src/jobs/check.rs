//! Checks one repository for damage, and writes down what was seen. Damage is a result, not an error.
//!
//! A check that could not look at everything it was to look at, and found nothing, is written down nowhere: it is no clean check,
//! and it is no proof of damage.

use std::path::PathBuf;
use std::sync::Arc;

use base::Span;
use base::hint::whole_story;
use base::id::RepositoryId;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use plans::Plan;
use records::event::CheckFinished;
use repository::check::{Budget, CheckReport, Coverage, Level};
use repository::finding::Finding;
use repository::keys::ReaderKey;
use repository::lock::LockError;
use repository::reader::Reader;
use repository::repository::Repository;

use super::{JobError, lock, open};
use crate::parts::Parts;

/// The most findings that a record holds in words; the count goes on.
const MAX_LISTED: usize = 100;

/// Which packs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// All of them.
    All,
    /// So many parts of ten thousand, others each time.
    Parts(u16),
    /// Those that this host has not read as closely for so long, the longest ago first, and not more than so many parts of ten thousand.
    Old {
        /// How long.
        than: Span,
        /// Parts of ten thousand.
        parts: u16,
    },
}

/// Which repository, and how closely.
#[derive(Debug, Clone)]
pub struct Order {
    /// The repository.
    pub repository: RepositoryId,
    /// How closely packs are looked at. [`Level::Contents`] needs a key that reads.
    pub level: Level,
    /// Which packs are looked at.
    pub share: Share,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What is stored.
    pub report: CheckReport,
    /// How it is locked, where the plan declares a lock.
    pub locks: LocksSeen,
}

/// The locks of what is needed.
#[derive(Debug, Clone, Default)]
pub struct LocksSeen {
    /// Objects whose locks were read.
    pub n_read: u64,
    /// Objects that are locked for less than the plan promises.
    pub weak: Vec<Finding>,
    /// Objects, or the store itself, whose locks could not be read.
    pub unread: Vec<Finding>,
}

/// Checks. With a key that reads, findings name the paths that are lost; without, the snapshots where they are known.
#[tracing::instrument(skip_all, fields(repository = %order.repository))]
pub async fn run(parts: &Parts, plan: &Plan, order: &Order) -> Result<Checked, JobError> {
    let began = parts.clock.monotonic();
    let repository = open::repository(parts, plan, &order.repository).await?;
    // Only the level that looks into packs insists on a key.
    let key = match order.level {
        Level::Contents => Some(open::reader_key(parts, plan, &order.repository)?),
        Level::Presence | Level::Names => parts.connect.reader_key()?,
    };
    let reader = match key {
        None => None,
        Some(ref key) => match Reader::open(&repository, key, open::reader_options(parts)).await {
            Ok(reader) => Some(reader),
            // What keeps the index from being read is what a check is for: the levels that need no key say what it is.
            Err(error) if order.level != Level::Contents && restore::damage::is_damage(&error) => None,
            Err(source) => return Err(JobError::Read { repository: order.repository.clone(), source: Box::new(source) }),
        },
    };
    let (path, coverage) = coverage(parts, &repository).await;
    let budget = budget(order, &coverage, parts.clock.now());
    let report = repository::check::run(&repository, order.level, reader.as_ref(), budget).await;
    let mut report = report.map_err(|source| JobError::Check { repository: order.repository.clone(), source: Box::new(source) })?;
    if let (Some(key), Some(reader), true) = (&key, &reader, report.is_sound()) {
        attest(parts, order, &repository, key, reader, &mut report).await;
    }
    remember(order.level, &report, (path, coverage), parts.clock.now()).await;
    let took_ms = u64::try_from(parts.clock.monotonic().saturating_sub(began).as_millis()).unwrap_or(u64::MAX);
    tracing::info!(findings = report.findings.len(), unread = report.unread.len(), took_ms, "check done");
    if report.is_sound() || !report.findings.is_empty() {
        parts.record(finished(order, &report, took_ms)).await?;
    }
    let locks = locks(parts, plan, order, &repository).await?;
    Ok(Checked { report, locks })
}

/// Reads the locks where the plan declares any, and writes down those that are weaker than was promised.
async fn locks(parts: &Parts, plan: &Plan, order: &Order, opened: &Repository) -> Result<LocksSeen, JobError> {
    let id = &order.repository;
    if lock::declared(plan, id).is_err() {
        return Ok(LocksSeen::default());
    }
    let facts = crate::Facts::gather(plan.id.clone(), &parts.journal).await?;
    match lock::look(parts, plan, id, opened, facts.register.locks.get(id)).await {
        Ok(looked) => {
            lock::tell_weak(parts, id, &looked).await?;
            Ok(LocksSeen { n_read: looked.locks.objects, weak: looked.locks.weak, unread: looked.locks.unread })
        }
        Err(JobError::Lock { source, .. }) if matches!(*source, LockError::NoLocks { .. }) => {
            let what = "it locks nothing, and the plan declares a lock";
            Ok(LocksSeen { weak: vec![Finding::new(opened.store().location(), what)], ..LocksSeen::default() })
        }
        // What the level finds counts all the same.
        Err(error) => Ok(LocksSeen { unread: vec![Finding::new(opened.store().location(), whole_story(&error))], ..LocksSeen::default() }),
    }
}

/// Signs of each restore point that nobody has attested that its pack set has all that its trees need. Whoever may not sign or store that
/// has made a check all the same.
async fn attest(parts: &Parts, order: &Order, repository: &Repository, key: &ReaderKey, reader: &Reader, report: &mut CheckReport) {
    let attested = match key.steward(repository).await {
        Ok(steward) => super::attest::run(parts, &order.repository, repository, reader, &steward).await,
        Err(error) => {
            tracing::debug!(%error, "the key at hand signs nothing");
            return;
        }
    };
    match attested {
        Ok(done) => report.findings.extend(done.failed.into_iter().map(|(object, what)| Finding::new(object, what))),
        Err(error) => tracing::warn!(error = %whole_story(&error), "restore points could not be attested"),
    }
}

fn budget(order: &Order, coverage: &Arc<Coverage>, now: Timestamp) -> Budget {
    match order.share {
        Share::All => Budget::All,
        // Each run draws other packs, so that all of them are seen in time.
        Share::Parts(parts) => Budget::Share { parts, seed: now.as_second().unsigned_abs() },
        Share::Old { than, parts } => {
            let before = than.before(now, &TimeZone::UTC);
            Budget::Old { parts, read: Arc::clone(coverage), before, now }
        }
    }
}

/// What this host remembers of earlier checks, and where it is kept.
async fn coverage(parts: &Parts, repository: &Repository) -> (PathBuf, Arc<Coverage>) {
    let path = Coverage::path(&open::repository_cache(parts), repository.id());
    let at = path.clone();
    let read = tokio::task::spawn_blocking(move || Coverage::load(&at)).await;
    (path, Arc::new(read.unwrap_or_default()))
}

/// Remembers what was read and is sound. A host that cannot keep that reads it again the next time.
async fn remember(level: Level, report: &CheckReport, (path, coverage): (PathBuf, Arc<Coverage>), now: Timestamp) {
    if level == Level::Presence {
        return;
    }
    let mut coverage = Arc::unwrap_or_clone(coverage);
    let (covered, mut there) = (report.covered.clone(), report.listed.clone());
    // At the level of names nobody walks restore points; what was walked once stays remembered.
    let kept = tokio::task::spawn_blocking(move || {
        coverage.note(level, &covered, now);
        if level == Level::Contents {
            there.extend(covered);
            coverage.keep(&there);
        }
        coverage.store(&path)
    });
    match kept.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "what was read could not be remembered"),
        Err(error) => tracing::warn!(%error, "what was read could not be remembered"),
    }
}

/// The stored word of a level.
pub fn word(level: Level) -> &'static str {
    match level {
        Level::Presence => "presence",
        Level::Names => "names",
        Level::Contents => "contents",
    }
}

fn finished(order: &Order, report: &CheckReport, took_ms: u64) -> CheckFinished {
    let text = |finding: &Finding| format!("{}: {}", finding.object, finding.what);
    CheckFinished {
        repository: order.repository.clone(),
        level: word(order.level).to_owned(),
        objects: report.objects,
        bytes: report.bytes,
        n_findings: report.findings.len() as u64,
        findings: report.findings.iter().take(MAX_LISTED).map(text).collect(),
        took_ms,
        n_packs_old: report.packs_old,
        n_walked: report.walked,
    }
}

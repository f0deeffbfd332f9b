//! What the journal says has happened, folded into what decisions ask for.
//!
//! Standing tasks and commands gather facts before they decide. Folding is pure: [`Facts::take`] sees one entry after the other,
//! and the same entries always give the same facts. A long-running daemon only folds what is new since its last look.

mod backups;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Digest;
use base::id::{DrillId, PlanId, RepositoryId, SourceId};
use jiff::Timestamp;
use plans::posture::{DrillFact, Outcome};
use records::chain::Entry;
use records::drill::{DrillRecord, Verdict};
use records::event::Event;
use records::journal::{Filter, Journal, JournalError};

pub use backups::{BackupFact, Failed, Point};

/// How many entries are read from the journal at once.
const BATCH: u64 = 2000;

/// What is known from the journal.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The number of the last entry that was folded in; 0 before the first.
    pub seq: u64,
    /// What happened to each source in each repository.
    pub backups: BTreeMap<(SourceId, RepositoryId), BackupFact>,
    /// Every drill, oldest first.
    pub drills: Vec<Arc<DrillRecord>>,
    /// When each drill was last begun, whether or not it came to an end.
    pub drill_starts: BTreeMap<DrillId, Timestamp>,
    /// What was loaded of each plan.
    pub plans: BTreeMap<PlanId, PlanFact>,
    /// How many findings the last check of each repository had, and when it was.
    pub checks: BTreeMap<RepositoryId, (Timestamp, u64)>,
    /// Reviews that were started or signed, oldest first.
    pub reviews: Vec<Entry>,
    /// Notices that were delivered, or failed to be, oldest first.
    pub notices: Vec<Entry>,
}

/// What is known of the loading of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanFact {
    /// When it was loaded for the first time: six months without a review count from here.
    pub since: Timestamp,
    /// What its material sections were when it was loaded last.
    pub fingerprint: Digest,
    /// When they became so.
    pub changed_at: Timestamp,
    /// The bytes of its files when it was loaded last.
    pub file_digest: Digest,
}

impl Facts {
    /// All facts of a journal.
    pub async fn gather(journal: &Journal) -> Result<Self, JournalError> {
        let mut facts = Self::default();
        facts.advance(journal).await?;
        Ok(facts)
    }

    /// Folds in what is new.
    pub async fn advance(&mut self, journal: &Journal) -> Result<(), JournalError> {
        loop {
            let new = journal.entries(Filter { from_seq: Some(self.seq + 1), limit: Some(BATCH), ..Filter::default() }).await?;
            if new.is_empty() {
                return Ok(());
            }
            for entry in new {
                self.take(entry);
            }
        }
    }

    /// Folds in one entry. Entries come in the order of their numbers.
    pub fn take(&mut self, entry: Entry) {
        self.seq = entry.seq;
        let at = entry.at;
        match &entry.event {
            Event::BackupStarted(e) => self.backup(&e.source, &e.repository).started(at),
            Event::BackupFinished(e) => self.backup(&e.source, &e.repository).finished(e, at),
            Event::BackupFailed(e) => self.backup(&e.source, &e.repository).failed(e, at),
            Event::DrillStarted(e) => {
                self.drill_starts.insert(e.drill.clone(), at);
            }
            Event::DrillFinished(e) => {
                let begun = self.drill_starts.entry(e.record.identity.drill.clone()).or_insert(e.record.clocks.started);
                *begun = (*begun).max(e.record.clocks.started);
                self.drills.push(Arc::new((*e.record).clone()));
            }
            Event::PlanLoaded(e) => {
                let fact = self.plans.entry(e.plan.clone()).or_insert(PlanFact {
                    since: at,
                    fingerprint: e.fingerprint,
                    changed_at: at,
                    file_digest: e.file_digest,
                });
                if fact.fingerprint != e.fingerprint {
                    fact.fingerprint = e.fingerprint;
                    fact.changed_at = at;
                }
                fact.file_digest = e.file_digest;
            }
            Event::CheckFinished(e) => {
                self.checks.insert(e.repository.clone(), (at, e.n_findings));
            }
            Event::ReviewStarted(_) | Event::ReviewSigned(_) => self.reviews.push(entry),
            Event::NoticeDelivered(_) | Event::NoticeFailed(_) => self.notices.push(entry),
            _ => {}
        }
    }

    fn backup(&mut self, source: &SourceId, repository: &RepositoryId) -> &mut BackupFact {
        self.backups.entry((source.clone(), repository.clone())).or_default()
    }

    /// When each source was last begun to be backed up to each repository, for `plans::backup::due`.
    pub fn backup_starts(&self) -> BTreeMap<(SourceId, RepositoryId), Timestamp> {
        self.backups.iter().filter_map(|(key, fact)| fact.last_start.map(|at| (key.clone(), at))).collect()
    }

    /// The newest complete restore point of a source in any repository.
    pub fn newest_point(&self, source: &SourceId) -> Option<&Point> {
        self.backups.iter().filter(|((id, _), _)| id == source).filter_map(|(_, fact)| fact.last_point.as_ref()).max_by_key(|p| p.taken)
    }

    /// Drills as `plans::posture` asks for them.
    pub fn drill_facts(&self) -> Vec<DrillFact> {
        let fact = |record: &Arc<DrillRecord>| DrillFact {
            drill: record.identity.drill.clone(),
            services: record.scope.services.clone(),
            started: record.clocks.started,
            outcome: outcome(record.outcome),
            fingerprint: record.identity.plan_fingerprint,
        };
        self.drills.iter().map(fact).collect()
    }

    /// Findings of the last check of each repository, for the last number of 3-2-1-1-0.
    pub fn check_errors(&self) -> BTreeMap<RepositoryId, u64> {
        self.checks.iter().map(|(repository, (_, findings))| (repository.clone(), *findings)).collect()
    }
}

fn outcome(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Pass => Outcome::Pass,
        Verdict::Fail => Outcome::Fail,
        Verdict::Void => Outcome::Void,
        Verdict::Aborted => Outcome::Aborted,
    }
}

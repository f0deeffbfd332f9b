//! What the journal says has happened, folded into what decisions ask for.
//!
//! Standing tasks and commands gather facts before they decide. Folding is pure: [`Facts::take`] sees one entry after the other,
//! and the same entries always give the same facts. A long-running daemon folds only what is new since its last look.

mod notices;
mod runs;
mod signed;
mod stored;

use std::collections::BTreeMap;
use std::sync::Arc;

use alerts::Attempt;
use base::Digest;
use base::id::{DrillId, PlanId, RepositoryId, SourceId};
use jiff::Timestamp;
use plans::posture::{DrillFact, Outcome};
use records::chain::Entry;
use records::drill::{DrillRecord, Verdict};
use records::event::Event;
use records::journal::{Filter, Journal, JournalError};

pub use notices::{attempt_of, event_of};
pub use runs::{Point, Runs};
pub use stored::{Kept, gone};

/// How many entries are read from the journal at once.
const BATCH: u64 = 2000;

/// What is known about one plan.
#[derive(Debug, Clone)]
pub struct Facts {
    plan: PlanId,
    /// The number of the last entry that was folded in; 0 before the first.
    pub seq: u64,
    /// What the registers decide on.
    pub register: registers::Facts,
    /// The runs of each backup.
    pub backups: BTreeMap<(SourceId, RepositoryId), Runs<Point>>,
    /// The runs of each drill; a quick look in another mode than the plan's is none.
    pub drill_runs: BTreeMap<DrillId, Runs<Timestamp>>,
    /// Every drill of the plan that came to an end, oldest first, quick looks among them.
    pub drills: Vec<Arc<DrillRecord>>,
    /// Reviews that were started or signed, oldest first.
    pub reviews: Vec<(Timestamp, Event)>,
    /// What was sent to people, oldest first.
    pub attempts: Vec<Attempt>,
    /// The bytes of the plan's files when it was loaded last.
    pub file_digest: Option<Digest>,
}

impl Facts {
    /// Nothing known yet.
    pub fn about(plan: PlanId) -> Self {
        Self {
            plan,
            seq: 0,
            register: registers::Facts::default(),
            backups: BTreeMap::new(),
            drill_runs: BTreeMap::new(),
            drills: Vec::new(),
            reviews: Vec::new(),
            attempts: Vec::new(),
            file_digest: None,
        }
    }

    /// All that the journal knows about a plan.
    pub async fn gather(plan: PlanId, journal: &Journal) -> Result<Self, JournalError> {
        let mut facts = Self::about(plan);
        facts.advance(journal).await?;
        Ok(facts)
    }

    /// The plan that these facts are about.
    pub fn plan(&self) -> &PlanId {
        &self.plan
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
        self.register.take(&self.plan, at, &entry.event);
        match entry.event {
            Event::BackupStarted(e) => self.backup(e.source, e.repository).started(at),
            Event::BackupFinished(e) if e.complete => self.backup(e.source.clone(), e.repository.clone()).succeeded(Point::of(&e)),
            Event::BackupFinished(e) => self.backup(e.source, e.repository).failed(at),
            Event::BackupFailed(e) if e.interrupted => self.backup(e.source, e.repository).interrupted(),
            Event::BackupFailed(e) => self.backup(e.source, e.repository).failed(at),
            Event::DrillStarted(e) if e.quick => {}
            Event::DrillStarted(e) => self.drill_runs.entry(e.drill).or_default().started(at),
            Event::DrillFinished(e) => self.drill(*e.record),
            Event::DaemonStarted(_) => self.nothing_runs(),
            // A new repository has nothing of what an earlier one of its name held.
            Event::RepositoryCreated(e)
                if self.register.points.get(&e.repository).is_none_or(|points| points.wanted().next().is_none()) =>
            {
                self.backups.retain(|(_, repository), _| *repository != e.repository);
            }
            Event::PlanLoaded(e) if e.plan == self.plan => self.file_digest = Some(e.file_digest),
            event @ (Event::ReviewStarted(_) | Event::ReviewSigned(_)) => self.reviews.push((at, event)),
            event => self.attempts.extend(attempt_of(&event, at)),
        }
    }

    fn backup(&mut self, source: SourceId, repository: RepositoryId) -> &mut Runs<Point> {
        self.backups.entry((source, repository)).or_default()
    }

    fn drill(&mut self, record: DrillRecord) {
        if !record.identity.quick {
            let runs = self.drill_runs.entry(record.identity.drill.clone()).or_default();
            match record.outcome {
                // What was cut short is due again; a failed drill is a result.
                Verdict::Aborted => runs.failed(record.clocks.ended),
                Verdict::Pass | Verdict::Fail | Verdict::Void => runs.succeeded(record.clocks.started),
            }
        }
        if record.identity.plan == self.plan {
            self.drills.push(Arc::new(record));
        }
    }

    /// The daemon of this host starts: whatever was begun before it and did not end was cut short.
    fn nothing_runs(&mut self) {
        self.backups.values_mut().for_each(Runs::interrupted);
        self.drill_runs.values_mut().for_each(Runs::interrupted);
    }

    /// Whether a run began and is not known to have ended: it runs now, in this process or another, or its process was killed.
    pub fn is_open(&self) -> bool {
        self.backups.values().any(Runs::is_open) || self.drill_runs.values().any(Runs::is_open)
    }

    /// When each source was last begun to be backed up, for `plans::backup::due`; a failed run counts until it may be tried again.
    pub fn backup_starts(&self, now: Timestamp) -> BTreeMap<(SourceId, RepositoryId), Timestamp> {
        self.backups.iter().filter_map(|(key, runs)| Some((key.clone(), runs.counted_start(now)?))).collect()
    }

    /// When each drill was last begun, for `plans::drill::due`.
    pub fn drill_starts(&self, now: Timestamp) -> BTreeMap<DrillId, Timestamp> {
        self.drill_runs.iter().filter_map(|(key, runs)| Some((key.clone(), runs.counted_start(now)?))).collect()
    }

    /// The newest complete restore point of a source in any repository.
    pub fn newest_point(&self, source: &SourceId) -> Option<&Point> {
        self.backups.iter().filter(|((id, _), _)| id == source).filter_map(|(_, runs)| runs.last.as_ref()).max_by_key(|p| p.taken)
    }

    /// Drills as `plans::posture` asks for them: a quick look in another mode than the plan's is no proof.
    pub fn drill_facts(&self) -> Vec<DrillFact> {
        let fact = |record: &Arc<DrillRecord>| DrillFact {
            drill: record.identity.drill.clone(),
            services: record.scope.services.clone(),
            started: record.clocks.started,
            outcome: outcome(record.outcome),
            fingerprint: record.identity.plan_fingerprint,
        };
        self.drills.iter().filter(|record| !record.identity.quick).map(fact).collect()
    }

    /// The reviews of the plan. A signature that does not verify under the plan as it is counts for nothing.
    pub fn reviews(&self, plan: &plans::Plan) -> Vec<registers::review::Review> {
        let holds = |event: &&(Timestamp, Event)| !matches!(&event.1, Event::ReviewSigned(signed) if !signed::holds(plan, signed, self.inputs(&signed.review)));
        signed::under(plan, registers::review::fold(&self.plan, self.reviews.iter().filter(holds).map(|(at, event)| (*at, event))))
    }

    /// The reviews as they stood before `end`: what was written down later does not count.
    pub fn reviews_before(&self, plan: &plans::Plan, end: Timestamp) -> Vec<registers::review::Review> {
        let then = self.reviews.iter().filter(|(at, _)| *at < end).map(|(at, event)| (*at, event));
        signed::under(plan, registers::review::fold(&self.plan, then))
    }

    /// The digest of what the reviewers of a review were given to look at, as the journal has it now.
    fn inputs(&self, review: &str) -> Option<Digest> {
        self.reviews.iter().find_map(|(_, event)| match event {
            Event::ReviewStarted(started) if started.review == review && started.plan == self.plan => {
                Some(registers::review::inputs::digest(&started.inputs))
            }
            _ => None,
        })
    }

    /// Signatures that the journal has and that do not verify under the plan as it is, with when they were written down.
    pub fn doubted(&self, plan: &plans::Plan) -> Vec<(Timestamp, &records::event::ReviewSigned)> {
        let mut doubted = Vec::new();
        for (at, event) in &self.reviews {
            if let Event::ReviewSigned(signed) = event
                && signed.plan == self.plan
                && !signed::holds(plan, signed, self.inputs(&signed.review))
            {
                doubted.push((*at, signed));
            }
        }
        doubted
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

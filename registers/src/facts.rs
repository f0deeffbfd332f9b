//! What the journal says about a plan: its loads, the runs of its drills and backups, the checks of its repositories.
//!
//! The registers decide on these facts. They are folded from all events in the order in which they were written; an event
//! about something that the plan no longer has is kept, and simply never asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Digest;
use base::id::{DrillId, PlanId, RepositoryId, SourceId};
use jiff::Timestamp;
use plans::plan::Drill;
use records::Event;
use records::drill::{DrillRecord, FrozenObjective, Measured, Verdict};
use serde::Serialize;

use crate::incident::Incidents;
use crate::ledger::Ledger;

/// When an event was written, and the event.
pub type Dated<'a> = (Timestamp, &'a Event);

/// What the journal says about one plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Loads of the plan that changed what is material in it, oldest first.
    pub loads: Vec<PlanLoad>,
    /// Runs of drills that ended, oldest first, by drill; without quick looks in another mode than the plan's.
    pub drills: BTreeMap<DrillId, Vec<DrillRun>>,
    /// When each drill was first begun, whatever came of it.
    pub first_drills: BTreeMap<DrillId, Timestamp>,
    /// What is known about each backup.
    pub backups: BTreeMap<(SourceId, RepositoryId), BackupState>,
    /// The last check of each repository.
    pub checks: BTreeMap<RepositoryId, CheckState>,
    /// When each repository was last pruned as far as its retention asks; one that waits for a person is not.
    pub prunes: BTreeMap<RepositoryId, Timestamp>,
    /// When the last prune of each repository ended, whatever came of it.
    pub prune_ends: BTreeMap<RepositoryId, Timestamp>,
    /// When each recovery key last opened a repository in somebody's hands, by its public half, and by its name where the plan had it.
    pub keys_tried: BTreeMap<String, Timestamp>,
    /// The incident register.
    pub incidents: Incidents,
    /// The rows that people keep in the other registers.
    pub ledger: Ledger,
}

/// The plan came into force with this fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanLoad {
    /// When.
    pub at: Timestamp,
    /// Digest of its material sections.
    pub fingerprint: Digest,
}

/// A drill that ended, as far as the registers need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DrillRun {
    /// Unique id of the run.
    pub run: String,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How it ended.
    pub verdict: Verdict,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// What it measured.
    pub measured: Measured,
    /// The objectives as they were.
    pub objectives: Vec<FrozenObjective>,
    /// Material fingerprint of the plan it ran under.
    pub fingerprint: Digest,
}

/// What is known about the backup of one source to one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BackupState {
    /// When it was first begun, whatever came of it.
    pub first_begun: Option<Timestamp>,
    /// When the source of the newest complete restore point began to be read.
    pub newest_complete: Option<Timestamp>,
    /// The runs in a row, up to the last one, that stored nothing or not everything.
    pub failing: Option<Failing>,
}

/// Runs of a backup that went wrong one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failing {
    /// When the first of them ended.
    pub since: Timestamp,
    /// How many.
    pub n_runs: u32,
    /// What the last one said.
    pub error: String,
    /// What to do about it, where the backup knew.
    pub hint: Option<String>,
}

/// The last check of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckState {
    /// When it ended.
    pub at: Timestamp,
    /// Since when checks find damage without a clean one in between; none while the last one is clean.
    pub damaged_since: Option<Timestamp>,
    /// How many findings it has.
    pub n_findings: u64,
    /// The first finding.
    pub first: Option<String>,
}

impl Facts {
    /// Folds `events`, which come in the order in which they were written, into what is known about `plan`.
    pub fn of<'a>(plan: &PlanId, events: impl IntoIterator<Item = Dated<'a>>) -> Self {
        let mut facts = Self::default();
        for (at, event) in events {
            facts.take(plan, at, event);
        }
        facts
    }

    /// Folds in one event, written after all that were taken before.
    pub fn take(&mut self, plan: &PlanId, at: Timestamp, event: &Event) {
        match event {
            Event::PlanLoaded(loaded)
                if loaded.plan == *plan && self.loads.last().is_none_or(|last| last.fingerprint != loaded.fingerprint) =>
            {
                self.loads.push(PlanLoad { at, fingerprint: loaded.fingerprint });
            }
            Event::DrillStarted(started) if !started.quick => {
                self.first_drills.entry(started.drill.clone()).or_insert(at);
            }
            Event::BackupStarted(started) => {
                self.backups.entry((started.source.clone(), started.repository.clone())).or_default().first_begun.get_or_insert(at);
            }
            Event::DrillFinished(finished) if finished.record.identity.plan == *plan && !finished.record.identity.quick => {
                let run = DrillRun::of(&finished.record);
                self.drills.entry(finished.record.identity.drill.clone()).or_default().push(run);
            }
            Event::BackupFinished(done) => {
                let state = self.backups.entry((done.source.clone(), done.repository.clone())).or_default();
                if done.complete {
                    // In the order of writing, not the greatest: one run under a clock that was years ahead would hide all that follow.
                    state.newest_complete = Some(done.taken);
                    state.failing = None;
                } else {
                    state.fail(at, format!("{} paths could not be read", done.n_errors), None);
                }
            }
            // A run that was cut short did not go wrong; it is due again, and late if that does not help.
            Event::BackupFailed(failed) if !failed.interrupted => {
                let state = self.backups.entry((failed.source.clone(), failed.repository.clone())).or_default();
                state.fail(at, failed.error.clone(), failed.hint.clone());
            }
            Event::CheckFinished(check) => {
                let before = self.checks.get(&check.repository).and_then(|state| state.damaged_since);
                let state = CheckState {
                    at,
                    damaged_since: if check.n_findings == 0 { None } else { before.or(Some(at)) },
                    n_findings: check.n_findings,
                    first: check.findings.first().cloned(),
                };
                self.checks.insert(check.repository.clone(), state);
            }
            Event::MaintenanceFinished(done) if done.act == "prune" => {
                self.prune_ends.insert(done.repository.clone(), at);
                if done.waits.is_empty() {
                    self.prunes.insert(done.repository.clone(), at);
                }
            }
            Event::KeyTried(tried) if tried.opened => {
                self.keys_tried.extend(tried.key.iter().map(|key| (key.to_string(), at)));
                self.keys_tried.insert(tried.fingerprint.clone(), at);
            }
            Event::MaintenanceFailed(failed) if failed.act == "prune" => {
                self.prune_ends.insert(failed.repository.clone(), at);
            }
            event => {
                self.incidents.take(plan, at, event);
                self.ledger.take(plan, at, event);
            }
        }
    }

    /// When the plan first came into force.
    pub fn plan_since(&self) -> Option<Timestamp> {
        self.loads.first().map(|load| load.at)
    }

    /// When the plan came into force as it is now; none if what is in force was never recorded.
    pub fn changed_at(&self, fingerprint: Digest) -> Option<Timestamp> {
        self.loads.last().filter(|load| load.fingerprint == fingerprint).map(|load| load.at)
    }

    /// Since when something has been asked for that never came: since it was first begun, or else since the plan came into force.
    ///
    /// A change of the plan starts the second anew, because the change may be what asks for it; once it was begun, no change
    /// of the plan makes it look less late.
    pub fn asked_since(&self, begun: Option<Timestamp>, fingerprint: Digest) -> Option<Timestamp> {
        begun.or_else(|| self.changed_at(fingerprint)).or_else(|| self.plan_since())
    }

    /// The last run of `drill` that came to a verdict: an aborted run says nothing.
    pub fn last_verdict(&self, drill: &DrillId) -> Option<&DrillRun> {
        self.drills.get(drill)?.iter().rev().find(|run| run.verdict != Verdict::Aborted)
    }

    /// As [`Self::last_verdict`], of the runs that started by `now`, as in `plans::posture`: what a clock that was wrong dated ahead would
    /// otherwise hold until then.
    pub fn last_verdict_by(&self, drill: &DrillId, now: Timestamp) -> Option<&DrillRun> {
        self.drills.get(drill)?.iter().rev().find(|run| run.verdict != Verdict::Aborted && run.started <= now)
    }

    /// The last run of `drill` that passed.
    pub fn last_pass(&self, drill: &DrillId) -> Option<&DrillRun> {
        self.drills.get(drill)?.iter().rev().find(|run| run.verdict == Verdict::Pass)
    }
}

impl BackupState {
    fn fail(&mut self, at: Timestamp, error: String, hint: Option<String>) {
        let (since, n_runs) = self.failing.as_ref().map_or((at, 0), |failing| (failing.since, failing.n_runs));
        self.failing = Some(Failing { since, n_runs: n_runs.saturating_add(1), error, hint });
    }
}

impl DrillRun {
    fn of(record: &DrillRecord) -> Self {
        Self {
            run: record.identity.run.clone(),
            started: record.clocks.started,
            ended: record.clocks.ended,
            verdict: record.outcome,
            reasons: record.reasons.clone(),
            measured: record.measured,
            objectives: record.objectives.clone(),
            fingerprint: record.identity.plan_fingerprint,
        }
    }

    /// Until when the result of this run of `drill` holds.
    pub fn holds_until(&self, drill: &Drill) -> Timestamp {
        plans::drill::holds_until(drill, self.started)
    }
}

/// Time that a backup without an RPO may be late by before anyone is told: a tenth of its cadence, one hour to one day.
pub(crate) fn slack(gap: Duration) -> Duration {
    (gap / 10).clamp(Duration::from_hours(1), Duration::from_hours(24))
}

/// `by` after `from`, or the end of time.
pub(crate) fn later(from: Timestamp, by: Duration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

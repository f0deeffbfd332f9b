//! What the journal says about a plan: its loads, the runs of its drills and backups, the checks of its repositories.
//!
//! The registers decide on these facts. They are folded from all events in the order in which they were written; an event
//! about something that the plan no longer has is kept, and simply never asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::Digest;
use base::id::{DrillId, PlanId, RepositoryId, SourceId};
use jiff::Timestamp;
use plans::anomaly::{LOOK_BACK, Run};
use plans::lock::Looked;
use plans::plan::Drill;
use records::Event;
use records::drill::{DrillRecord, FrozenObjective, Measured, Verdict};
use records::event::{BackupFinished, LocksRenewed};
use serde::Serialize;

use crate::incident::Incidents;
use crate::ledger::Ledger;
use crate::suspicion::{Suspicion, run_of};

/// When an event was written, and the event.
pub type Dated<'a> = (Timestamp, &'a Event);

/// The act by which records of maintenance tell of a look at locks.
pub const LOCKS: &str = "lock";

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
    /// What of each repository is dead, as it was measured last.
    pub spaces: BTreeMap<RepositoryId, SpaceState>,
    /// What is known of the locks of each repository.
    pub locks: BTreeMap<RepositoryId, LockState>,
    /// When the binder was last written into each repository.
    pub binders: BTreeMap<RepositoryId, Timestamp>,
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
    /// The last complete runs that were not suspicious, oldest first.
    pub history: Vec<Run>,
    /// The last complete run, suspicious or not: what the next one is compared with.
    pub last: Option<Run>,
    /// Since a run looked as if something had gone through the files, and until somebody says that all is well.
    pub suspicion: Option<Suspicion>,
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

/// What of a repository is dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpaceState {
    /// When it was measured.
    pub at: Timestamp,
    /// Bytes of the packs that restore points need.
    pub stored_bytes: u64,
    /// Bytes in them of which no restore point needs anything.
    pub dead_bytes: u64,
}

/// What is known of the locks of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockState {
    /// How the last look at them ended.
    pub last: Option<Looked>,
    /// When every lock was last read.
    pub whole: Option<Timestamp>,
    /// The last renewal that left no lock out.
    pub renewed: Option<Renewal>,
    /// Since when looks find objects that are locked for less than was promised, without one in between that finds none.
    pub weak_since: Option<Timestamp>,
    /// How many the last of these looks found.
    pub n_weak: u64,
    /// The first of them, in words.
    pub first_weak: Option<String>,
}

/// A renewal of all locks of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// When it looked, by the store's clock.
    pub store_time: Timestamp,
    /// Who may lift the locks.
    pub mode: String,
    /// How long they hold.
    pub period: Duration,
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
            Event::BackupSuspicious(found) => {
                let state = self.backups.entry((found.source.clone(), found.repository.clone())).or_default();
                let begun = || Suspicion { since: at, reasons: found.reasons.clone(), snapshots: Vec::new() };
                state.suspicion.get_or_insert_with(begun).snapshots.push(found.snapshot.clone());
            }
            Event::SuspicionCleared(cleared) => {
                self.backups.entry((cleared.source.clone(), cleared.repository.clone())).or_default().suspicion = None;
            }
            Event::BackupFinished(done) => {
                let state = self.backups.entry((done.source.clone(), done.repository.clone())).or_default();
                state.remember(done);
                if done.complete {
                    // In the order of writing, not the greatest: one run under a clock that was years ahead would hide all that follow.
                    state.newest_complete = Some(done.taken);
                    state.failing = None;
                } else {
                    state.fail(
                        at,
                        match done.n_errors {
                            1 => "1 path could not be read".to_owned(),
                            n => format!("{n} paths could not be read"),
                        },
                        None,
                    );
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
            Event::LockWeakened(weak) => {
                let state = self.locks.entry(weak.repository.clone()).or_default();
                state.weak_since.get_or_insert(at);
                state.n_weak = weak.n_objects;
                state.first_weak = weak.objects.first().cloned();
            }
            Event::LocksRenewed(done) => self.locks.entry(done.repository.clone()).or_default().take(at, done),
            Event::MaintenanceFailed(failed) if failed.act == LOCKS => {
                self.locks.entry(failed.repository.clone()).or_default().last = Some(Looked::Failed(at));
            }
            Event::MaintenanceFailed(failed) if failed.act == "prune" => {
                self.prune_ends.insert(failed.repository.clone(), at);
            }
            Event::SpaceMeasured(told) => {
                let state = SpaceState { at, stored_bytes: told.stored_bytes, dead_bytes: told.dead_bytes };
                self.spaces.insert(told.repository.clone(), state);
            }
            Event::BinderWritten(written) if written.plan == *plan => {
                self.binders.insert(written.repository.clone(), at);
            }
            event => {
                self.incidents.take(plan, at, event);
                self.ledger.take(plan, at, event);
            }
        }
    }

    /// The ids of all restore points that are suspicious now.
    pub fn suspicious(&self) -> BTreeSet<String> {
        self.backups
            .values()
            .filter_map(|state| state.suspicion.as_ref())
            .flat_map(|suspicion| suspicion.snapshots.iter().cloned())
            .collect()
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

impl LockState {
    fn take(&mut self, at: Timestamp, done: &LocksRenewed) {
        if done.n_unread > 0 {
            self.last = Some(Looked::Failed(at));
            return;
        }
        (self.last, self.whole) = (Some(Looked::Whole(at)), Some(at));
        if done.n_refused == 0 {
            let period = Duration::from_secs(done.period_s);
            self.renewed = Some(Renewal { store_time: done.store_time, mode: done.mode.clone(), period });
        }
        if done.n_weak == 0 {
            (self.weak_since, self.n_weak, self.first_weak) = (None, 0, None);
        }
    }
}

impl BackupState {
    /// A restore point that follows a suspicious one holds its files, and is suspicious as well.
    fn remember(&mut self, done: &BackupFinished) {
        match &mut self.suspicion {
            Some(suspicion) if !suspicion.snapshots.contains(&done.snapshot) => suspicion.snapshots.push(done.snapshot.clone()),
            _ => {}
        }
        if !done.complete {
            return;
        }
        let run = run_of(&done.stats);
        self.last = Some(run);
        if self.suspicion.is_none() {
            let too_many = (self.history.len() + 1).saturating_sub(LOOK_BACK);
            self.history.drain(..too_many);
            self.history.push(run);
        }
    }

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

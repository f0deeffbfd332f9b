//! The course of a drill from its start to the wiped scratch folder.

use std::sync::Arc;
use std::time::Duration;

use base::{ByteSize, Clock, Hint};
use jiff::Timestamp;
use repository::keys::ReaderKey;
use repository::reader::{Reader, ReaderOptions};
use repository::repository::Repository;
use repository::snapshots::Snapshot;
use tokio_util::sync::CancellationToken;

use super::control;
use super::data::{self, Restored};
use super::judge::{Findings, ms, objectives};
use super::report::{
    CheckDone, CheckOutcome, CleanUp, Clocks, DrillReport, FrozenObjective, Integrity, MAX_LISTED, Measured, PointUsed, StepDone,
};
use super::spec::DrillSpec;
use crate::check::{self, Facts, Held};
use crate::choose::{ChooseError, choose};
use crate::damage;
use crate::point::PointFacts;
use crate::progress::{Progress, Quiet, Stage};
use crate::scratch::ISOLATION;

/// How the drill gets at the data.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// A key that opens it. A wrong one ends in a report: aborted, with the reason.
    pub key: &'a ReaderKey,
    /// How to read.
    pub options: &'a ReaderOptions,
}

/// Runs a drill. A drill that fails is a report and not an error; there is always a report.
///
/// Cancelling `cancel` ends it soon; the scratch folder is wiped all the same.
#[tracing::instrument(name = "recovery", skip_all, fields(drill = %spec.drill.id))]
pub async fn run(
    spec: &DrillSpec,
    access: Access<'_>,
    clock: &dyn Clock,
    progress: Arc<dyn Progress>,
    cancel: &CancellationToken,
) -> DrillReport {
    let mut course = Course::start(spec, clock, progress, cancel);
    let restored = course.restore(access).await;
    if let Some(restored) = restored {
        course.checks(&restored).await;
        control::run(&mut course, &restored.seen).await;
        course.wipe(restored).await;
    }
    let report = course.end(access.repository.store().location());
    tracing::info!(verdict = ?report.verdict, "drill done");
    report
}

/// The report of a drill that could not begin, such as when its repository does not answer: aborted, with the reason.
pub fn not_begun(spec: &DrillSpec, repository: String, clock: &dyn Clock, why: String) -> DrillReport {
    let cancel = CancellationToken::new();
    let mut course = Course::start(spec, clock, Arc::new(Quiet), &cancel);
    course.findings.aborts.push(why);
    course.end(repository)
}

/// A drill while it runs.
#[derive(Debug)]
pub(super) struct Course<'a> {
    pub spec: &'a DrillSpec,
    pub clock: &'a dyn Clock,
    pub cancel: &'a CancellationToken,
    pub progress: Arc<dyn Progress>,
    pub findings: Findings,
    pub points: Vec<PointUsed>,
    pub integrity: Integrity,
    pub checks: Vec<CheckDone>,
    pub control: Option<super::report::ControlDone>,
    pub started: Timestamp,
    began: Duration,
    steps: Vec<StepDone>,
    measured: Measured,
    data_restored: Option<Timestamp>,
    checks_done: Option<Timestamp>,
    clean_up: Option<CleanUp>,
}

impl<'a> Course<'a> {
    fn start(spec: &'a DrillSpec, clock: &'a dyn Clock, progress: Arc<dyn Progress>, cancel: &'a CancellationToken) -> Self {
        Self {
            spec,
            clock,
            cancel,
            progress,
            findings: Findings::default(),
            points: Vec::new(),
            integrity: Integrity::default(),
            checks: Vec::new(),
            control: None,
            started: clock.now(),
            began: clock.monotonic(),
            steps: Vec::new(),
            measured: Measured::default(),
            data_restored: None,
            checks_done: None,
            clean_up: None,
        }
    }

    /// Time since `mark`, in milliseconds.
    pub fn since(&self, mark: Duration) -> u64 {
        ms(self.clock.monotonic().saturating_sub(mark))
    }

    /// Writes down a step that has just ended.
    pub fn step(&mut self, name: &str, took_ms: u64, ok: bool, detail: String) {
        let took = Duration::from_millis(took_ms);
        let started = self.clock.now().checked_sub(took).unwrap_or(self.started);
        let detail = (!detail.is_empty()).then_some(detail);
        self.steps.push(StepDone { name: name.to_owned(), started, took_ms, ok, detail });
    }

    /// Opens, chooses and restores. `None` where there is nothing to check; the findings say why.
    async fn restore(&mut self, access: Access<'_>) -> Option<Restored> {
        let reader = self.open(access).await?;
        let snapshots = self.choose(&reader).await?;
        let restored = data::restore(self, &reader, &snapshots).await?;
        self.data_restored = Some(self.clock.now());
        // Time before the start, such as the wait for a person, belongs to the recovery.
        let before = self.spec.declared.map_or(Duration::ZERO, |declared| positive(self.started.duration_since(declared)));
        self.measured.rto_data_ms = Some(self.since(self.began).saturating_add(ms(before)));
        let from = self.spec.assumed_outage.or(self.spec.declared).unwrap_or(self.started);
        for point in &mut self.points {
            point.age_ms = Some(ms(positive(from.duration_since(point.facts.taken))));
        }
        Some(restored)
    }

    async fn open(&mut self, access: Access<'_>) -> Option<Reader> {
        let mark = self.clock.monotonic();
        let opened = tokio::select! {
            opened = Reader::open(access.repository, access.key, access.options.clone()) => opened,
            () = self.cancel.cancelled() => {
                self.interrupted();
                return None;
            }
        };
        match opened {
            Ok(reader) => {
                self.step("open", self.since(mark), true, access.repository.store().location());
                Some(reader)
            }
            Err(error) => {
                let mut text = damage::explain(&error);
                self.step("open", self.since(mark), false, text.clone());
                let found = if damage::is_damage(&error) { &mut self.findings.failures } else { &mut self.findings.aborts };
                if let Some(hint) = error.hint() {
                    text = format!("{text}; {hint}");
                }
                found.push(text);
                None
            }
        }
    }

    async fn choose(&mut self, reader: &Reader) -> Option<Vec<Snapshot>> {
        let mark = self.clock.monotonic();
        let listing = match reader.snapshots().await {
            Ok(listing) => listing,
            Err(error) => {
                let text = damage::explain(&error);
                self.step("choose", self.since(mark), false, text.clone());
                if damage::is_damage(&error) {
                    self.findings.failures.push(text);
                } else {
                    self.findings.aborts.push(text);
                }
                return None;
            }
        };
        let mut chosen = Vec::new();
        for pick in &self.spec.picks {
            match choose(&listing.snapshots, &pick.choice) {
                Ok(snapshot) if snapshot.source != pick.source => {
                    self.findings.aborts.push(format!(
                        "restore point {} is of source {} and not of {}",
                        snapshot.id.short(),
                        snapshot.source,
                        pick.source
                    ));
                }
                Ok(snapshot) => {
                    // Measured against such a date nothing would ever be too old, and "the newest" would be it for ever.
                    let ahead = positive(snapshot.taken.duration_since(self.started));
                    if ahead > check::SKEW {
                        let (point, ahead) = (snapshot.id.short(), base::span::human(ahead));
                        self.findings.failures.push(format!("restore point {point} is dated {ahead} ahead, so that its age is not known"));
                    }
                    self.points.push(PointUsed {
                        facts: PointFacts::from(snapshot),
                        canary: snapshot.canary.clone(),
                        root: snapshot.root.chunks.first().map(|chunk| chunk.id.to_string()).unwrap_or_default(),
                        rule: pick.choice.to_string(),
                        resolved: self.clock.now(),
                        rpo: pick.rpo,
                        age_ms: None,
                    });
                    chosen.push(snapshot.clone());
                }
                // Data that should be there and is not: just what a drill is for.
                Err(error @ (ChooseError::None { .. } | ChooseError::Unknown { .. })) => self.findings.failures.push(error.to_string()),
                Err(error @ (ChooseError::Ambiguous { .. } | ChooseError::BadPrefix { .. })) => {
                    self.findings.aborts.push(error.to_string());
                }
            }
        }
        if self.spec.picks.is_empty() {
            self.findings.voids.push("the drill restores no source".to_owned());
        }
        let all = chosen.len() == self.spec.picks.len() && !chosen.is_empty();
        let names: Vec<String> = chosen.iter().map(|snapshot| format!("{} of {}", snapshot.id.short(), snapshot.source)).collect();
        let hidden = listing.damaged.len();
        let more = if hidden == 0 { String::new() } else { format!("; {hidden} objects of the list are damaged or not to be believed") };
        self.step("choose", self.since(mark), all, names.join(", ") + &more);
        all.then_some(chosen)
    }

    /// Runs the checks, stage by stage; a stage in which one fails stops the next.
    async fn checks(&mut self, restored: &Restored) {
        let mark = self.clock.monotonic();
        let mut checks: Vec<_> = self.spec.drill.checks.iter().collect();
        checks.sort_by_key(|check| check.stage);
        self.progress.begin(Stage::Check, checks.len() as u64, 0);
        let mut failed_in = None;
        for check in checks {
            let began = self.clock.monotonic();
            let skipped = failed_in.is_some_and(|stage| stage < check.stage) || self.cancel.is_cancelled();
            let seen = if skipped {
                None
            } else {
                let facts = Facts { started: self.started, points: &self.points };
                Some(check::run(check, &restored.seen, &facts, self.cancel).await)
            };
            let (expected, observed, result) = match seen {
                None if self.cancel.is_cancelled() => (String::new(), "interrupted".to_owned(), CheckOutcome::Skipped),
                None => (String::new(), "a stage before it failed".to_owned(), CheckOutcome::Skipped),
                Some(seen) => match seen.outcome {
                    Held::Yes => (seen.expected, seen.observed, CheckOutcome::Pass),
                    Held::No if self.cancel.is_cancelled() => (seen.expected, seen.observed, CheckOutcome::Skipped),
                    Held::No => {
                        failed_in = failed_in.or(Some(check.stage));
                        self.findings.failures.push(format!("check \"{}\" did not hold: {}", check.id, seen.observed));
                        (seen.expected, seen.observed, CheckOutcome::Fail)
                    }
                    Held::Unknown => {
                        self.findings.voids.push(format!("check \"{}\" could not be run: {}", check.id, seen.observed));
                        (seen.expected, seen.observed, CheckOutcome::Skipped)
                    }
                },
            };
            self.checks.push(CheckDone {
                check: check.id.clone(),
                stage: format!("{:?}", check.stage).to_lowercase(),
                kind: check::kind(check).to_owned(),
                claim: check.proves.clone(),
                query_digest: check::query_digest(check),
                expected,
                observed,
                result,
                took_ms: self.since(began),
            });
            self.progress.advance(1, 0);
        }
        if self.checks.is_empty() {
            self.findings.voids.push("the drill has no check, so that it could not fail".to_owned());
        }
        if self.cancel.is_cancelled() {
            self.interrupted();
        } else {
            self.checks_done = Some(self.clock.now());
        }
        let held = self.checks.iter().filter(|check| check.result == CheckOutcome::Pass).count();
        self.step("checks", self.since(mark), held == self.checks.len(), format!("{held} of {} held", self.checks.len()));
    }

    /// Notes that somebody asked to stop, once.
    pub fn interrupted(&mut self) {
        let text = "it was interrupted".to_owned();
        if !self.findings.aborts.contains(&text) {
            self.findings.aborts.push(text);
        }
    }

    /// Wipes the scratch folder. Data in clear that stays behind fails the drill: its own promise is broken.
    pub async fn wipe(&mut self, restored: Restored) {
        let Some(scratch) = restored.scratch else { return };
        let (mark, folder) = (self.clock.monotonic(), scratch.path().display().to_string());
        let wiped = crate::apply::blocking(move || scratch.wipe()).await;
        if !wiped.done {
            self.findings.failures.push(format!("the scratch folder was not wiped: {}", wiped.proof));
        }
        let took_ms = self.since(mark);
        self.step("wipe", took_ms, wiped.done, wiped.proof.clone());
        self.clean_up = Some(CleanUp { folder, wiped, took_ms });
    }

    /// Notes what was read and compared of one restore point.
    pub fn compared(&mut self, files: u64, chunks: u64, bytes: u64, problems: &[crate::report::Problem]) {
        self.integrity.files += files;
        self.integrity.chunks += chunks;
        self.integrity.bytes = self.integrity.bytes.saturating_add(bytes);
        self.integrity.n_problems += problems.len() as u64;
        let room = MAX_LISTED.saturating_sub(self.integrity.problems.len());
        self.integrity.problems.extend(problems.iter().take(room).cloned());
    }

    /// "18,204 files" is for the terminal; here it is plain.
    pub fn amount(files: u64, bytes: u64) -> String {
        format!("{}, {}", crate::report::files(files), ByteSize(bytes))
    }

    fn end(mut self, repository: String) -> DrillReport {
        let missed = objectives(&self.spec.objectives, &self.points, &mut self.measured);
        self.findings.failures.extend(missed);
        let (verdict, reasons) = self.findings.verdict();
        let as_ms = |span: base::Span| ms(span.at_least());
        let frozen =
            |o: &super::spec::Objective| FrozenObjective { service: o.service.clone(), rto_ms: o.rto.map(as_ms), rpo_ms: o.rpo.map(as_ms) };
        DrillReport {
            v: 1,
            drill: self.spec.drill.id.clone(),
            mode: format!("{:?}", self.spec.drill.mode).to_lowercase(),
            verdict,
            reasons,
            repository,
            objectives: self.spec.objectives.iter().map(frozen).collect(),
            clocks: Clocks {
                assumed_outage: self.spec.assumed_outage,
                declared: self.spec.declared,
                started: self.started,
                data_restored: self.data_restored,
                checks_done: self.checks_done,
                ended: self.clock.now(),
                took_ms: self.since(self.began),
            },
            points: self.points,
            measured: self.measured,
            steps: self.steps,
            checks: self.checks,
            negative_control: self.control,
            integrity: self.integrity,
            isolation: ISOLATION.to_owned(),
            clean_up: self.clean_up,
        }
    }
}

/// The length of a span, none when it runs backwards.
fn positive(span: jiff::SignedDuration) -> Duration {
    if span.is_negative() { Duration::ZERO } else { span.unsigned_abs() }
}

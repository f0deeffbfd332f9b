//! Answers "can we recover?".
use std::collections::BTreeMap;

use base::Digest;
use base::id::{DrillId, RepositoryId, ServiceId};
use jiff::Timestamp;
use serde::Serialize;

use crate::Plan;
use crate::plan::Service;

/// How a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything held, and the negative control failed as it should.
    Pass,
    /// Something did not hold.
    Fail,
    /// It proved nothing.
    Void,
    /// It was stopped.
    Aborted,
}

/// One drill that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillFact {
    /// Which.
    pub drill: DrillId,
    /// Services it covered.
    pub services: Vec<ServiceId>,
    /// When it started.
    pub started: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Material fingerprint of the plan it ran under.
    pub fingerprint: Digest,
}

/// Whether a service is proven recoverable. Worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Posture {
    /// Its latest drill passed, on the plan as it is, within its cadence.
    Proven,
    /// It passed once, but the plan changed or the cadence has passed.
    Stale,
    /// No drill of it ever came to an end.
    Never,
    /// Its latest drill did not pass.
    Failed,
}

/// The posture of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServicePosture {
    /// Which.
    pub service: ServiceId,
    /// The word.
    pub posture: Posture,
    /// Why it is not proven, in words.
    pub reason: Option<String>,
    /// The drill that it rests on.
    pub drill: Option<DrillId>,
    /// When that drill started.
    pub started: Option<Timestamp>,
    /// Its copies.
    pub copies: Copies,
}

/// 3-2-1-1-0 as five numbers, those of the weakest source of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Copies {
    /// Repositories that hold it.
    pub copies: u32,
    /// Different media.
    pub media: u32,
    /// Copies at another site than the first one.
    pub offsite: u32,
    /// Copies under a separate account.
    pub isolated: u32,
    /// Errors that the last check of these repositories found; `None` while one of them was never checked.
    pub errors: Option<u64>,
}

/// Facts for the one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Every service that has to be recovered, worst first.
    pub services: Vec<ServicePosture>,
}

/// The posture of one service at `now`.
pub fn of_service(
    plan: &Plan,
    service: &Service,
    drills: &[DrillFact],
    errors: &BTreeMap<RepositoryId, u64>,
    now: Timestamp,
) -> ServicePosture {
    let _ = (plan, service, drills, errors, now);
    todo!()
}

/// The facts of the one sentence at `now`.
pub fn answer(plan: &Plan, drills: &[DrillFact], errors: &BTreeMap<RepositoryId, u64>, now: Timestamp) -> Answer {
    let _ = (plan, drills, errors, now);
    todo!()
}

impl Answer {
    /// "web can be recovered, but only from this host."
    pub fn sentence(&self) -> String {
        todo!()
    }
}

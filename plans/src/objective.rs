//! Judges a measured recovery against its objectives.
use std::time::Duration;

use base::Span;
use serde::Serialize;

/// What became of an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Measured and within.
    Met,
    /// Measured and beyond.
    Missed,
    /// Not measured, or no objective is set.
    Unknown,
}

/// One objective and what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// What was promised.
    pub objective: Option<Span>,
    /// What came.
    pub measured: Option<Duration>,
    /// What became of it.
    pub verdict: Verdict,
}

/// Judges one objective.
pub fn judge(objective: Option<Span>, measured: Option<Duration>) -> Judgement {
    let _ = (objective, measured);
    todo!()
}

//! Runs a recovery drill: restore points chosen now, data read back for real, checks that can fail, a control that proves it.
//!
//! `orchestrator` and `cli` call [`run`] and record what it reports. A drill that fails, is void or is aborted is a report and
//! never an error. Nothing is decided here about when drills are due, and nothing is recorded.

mod control;
mod data;
mod judge;
mod report;
mod run;
mod spec;

pub use report::{
    CheckDone, CheckOutcome, CleanUp, Clocks, ControlDone, DrillReport, FrozenObjective, Integrity, MAX_LISTED, Measured, PointUsed,
    StepDone, Verdict,
};
pub use run::{Access, not_begun, run};
pub use spec::{DrillSpec, Objective, Pick};

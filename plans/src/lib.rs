//! What should be true: the plan language, and every decision that follows from a plan.
//!
//! [`load::load`] turns texts into a checked [`plan::Plan`] or into *all* of its faults; the other modules decide, as pure functions of
//! facts and `now`, what is due, met, kept or proven. `orchestrator`, `backup`, `restore`, `registers`, `alerts` and `cli` call them.
//! Nothing here does I/O, reads a clock or the environment; `clippy.toml` beside this crate's manifest holds it to that.

pub mod anomaly;
pub mod article;
pub mod backup;
pub mod change;
mod check;
mod document;
pub mod drill;
pub mod fault;
pub mod fingerprint;
pub mod load;
pub mod lock;
pub mod objective;
pub mod plan;
pub mod posture;
pub mod retention;
pub mod retry;
pub mod review;
pub mod roster;
pub mod rules;
pub mod schedule;
pub mod schema;
pub mod supported;
pub mod workflow;

pub use fault::{Fault, Faults, Severity};
pub use load::{Loaded, Text, load};
pub use plan::Plan;

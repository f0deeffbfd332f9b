//! The standing tasks over a simulated installation: a manual clock, stores in memory, a real journal, a channel that remembers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

extern crate lifeboat_orchestrator as orchestrator;

mod backups;
mod daemon;
mod drills;
mod installation;
mod notices;
mod plan;

//! The standing tasks over a simulated installation: a manual clock, stores in memory, a real journal, a channel that remembers.

#![cfg(test)] // tells clippy that this is all tests, helpers included

extern crate lifeboat_orchestrator as orchestrator;

mod backups;
mod daemon;
mod drills;
mod dropped;
mod installation;
mod locks;
mod notices;
mod plan;
mod retention;
mod year;

//! Takes data out of a repository again: for real, or as a drill that proves it can be done.
//!
//! `cli` and `orchestrator` call it. It decides before it writes ([`plan`]), writes below its target only ([`apply`],
//! [`beneath`]), compares everything it wrote ([`verify`]), and tells what came of it in reports. It writes no records, knows no
//! journal, and never prints.

pub mod address;
pub mod apply;
pub mod aside;
pub mod beneath;
pub mod check;
pub mod choose;
pub mod copies;
pub mod damage;
pub mod database;
pub mod diff;
pub mod drill;
pub mod list;
pub mod marker;
mod metadata;
pub mod owners;
mod parallel;
pub mod path;
pub mod pattern;
pub mod plan;
pub mod point;
pub mod progress;
pub mod report;
pub mod scratch;
pub mod seen;
mod stream;
pub mod target;
pub mod tree;
pub mod undo;
pub mod verify;

//! What happened: the journal with its hash chain, signatures, and the evidence pack for an auditor.
//!
//! The orchestrator and the commands append [`event::Event`]s to a [`journal::Journal`]; `evidence` turns a period of it
//! into a signed folder that stock tools verify. Nothing here decides what should happen, and nothing here changes or
//! removes what was once written down.

pub mod binder;
pub mod chain;
pub mod drill;
pub mod event;
pub mod evidence;
pub mod journal;
pub mod seal;

pub use chain::{Actor, ActorKind, Entry};
pub use event::Event;
pub use journal::Journal;

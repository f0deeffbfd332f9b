//! What the daemon and the commands do: one file a kind of job. Each does one thing and writes into the journal what came of it.

pub mod attest;
pub mod backup;
pub mod binder;
pub mod check;
pub mod database;
pub mod drill;
mod error;
pub mod lock;
pub mod open;
pub mod prune;
pub mod register;
pub mod restore;
pub mod review;
pub mod space;
pub mod statement;

pub use error::JobError;

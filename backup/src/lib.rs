//! Puts a source into a repository: walks it, reads what changed, hands it to `repository::writer`, and reports.
//!
//! `orchestrator` and `cli` call [`run::run`] for folders and [`stream::run`] for everything else. This crate writes no records, knows no journal and names no concrete store.

mod assemble;
mod attributes;
mod canary;
mod directory;
pub mod eta;
mod exclude;
pub mod hook;
mod links;
mod lock;
mod owners;
mod pipeline;
pub mod progress;
mod read;
pub mod report;
mod roots;
pub mod run;
mod shared;
pub mod source;
pub mod sparse;
mod spec;
mod stat;
pub mod stream;
mod trouble;
mod unchanged;
mod walk;

pub use lock::is_busy;
pub use progress::{Progress, Silent, Status};
pub use report::BackupReport;
pub use run::{BackupError, run};
pub use spec::{BackupOptions, BackupSpec, Files};
pub use stream::StreamSpec;

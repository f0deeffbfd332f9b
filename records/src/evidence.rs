//! The evidence pack: a folder that says whether an organisation can recover, with the records that show it.
//!
//! `evidence export` of the command writes one from the plan's facts and a period of the journal; `evidence verify` and any
//! host with `sha256sum` and `ssh-keygen` check it. Everything in a pack but its signature is a function of facts and
//! records: it can be made again to the byte, and no figure can be set by hand.

mod chart;
pub mod export;
pub mod figures;
pub mod input;
mod manifest;
mod page;
mod render;
mod table;
pub(crate) mod text;
pub mod verify;

pub use export::{ExportError, Exported, export};
pub use input::{Facts, OverdueItem, PackInput, Period, PlanFacts, PlannedDrill, ReviewFacts, Reviewer, ServiceFacts, ThreatFacts};
pub use verify::{Trust, VerifyError, VerifyReport, verify};

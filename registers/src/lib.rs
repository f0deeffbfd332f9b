//! What people must look at: threats, impacts, reviews, and everything that is late or went wrong.
//!
//! Each register is folded from the plan and the journal's events, and answers at an instant that the caller names. The
//! orchestrator asks [`overdue`] and [`trouble`] for what to tell people, `lifeboat register` and `review` show the rest.
//!
//! Nothing here does I/O, reads a clock, verifies a signature (`records::seal` does) or remembers anything.

pub mod capa;
pub mod change;
pub mod facts;
pub mod feedback;
pub mod impact;
pub mod incident;
pub mod knowledge;
pub mod ledger;
pub mod matter;
pub mod overdue;
pub mod review;
pub mod settings;
pub mod sla;
pub mod suspicion;
pub mod threat;
pub mod trouble;

pub use facts::Facts;
pub use matter::{Kind, Matter};

//! When things happen: gathers what the journal knows, asks the pure decisions of `plans` and `registers` what is due, and does it.
//!
//! It holds no rule of its own, and no timer that matters. `cli` gives it its parts.

pub mod facts;
pub mod parts;

pub use facts::Facts;
pub use parts::{Connect, ConnectError, ConnectKind, Parts};

//! When things happen: gathers what the journal knows, asks the pure decisions of `plans` and `registers` what is due, and does it.
//!
//! [`daemon`] drives the standing [`task`]s; [`jobs`] do one thing each and write down what came of it, for the daemon and for
//! the commands alike. It holds no rule of its own, and no timer that matters. `cli` gives it its [`parts`].

pub mod binder;
mod caught;
pub mod daemon;
pub mod desk;
pub mod evidence;
pub mod facts;
pub mod jobs;
pub mod parts;
pub mod running;
pub mod task;
pub mod tasks;

pub use facts::Facts;
pub use jobs::JobError;
pub use parts::{Connect, ConnectError, ConnectKind, Parts};

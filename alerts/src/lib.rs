//! Who is told, how, and how often.
//!
//! [`route`] and [`pace`] decide and touch nothing: which targets an event has, and what to send now. [`notice`] writes the
//! text, [`channel`] carries it, and [`outbox`] joins them so that a notice arrives at least once. `orchestrator` calls the
//! outbox with the conditions that are open; this crate never finds out by itself that something is late.
//!
//! It is the only crate with a mail and an HTTP client.

pub mod channel;
pub mod condition;
pub mod notice;
pub mod outbox;
pub mod pace;
pub mod route;

pub use channel::{Channel, ChannelError, Delivered};
pub use condition::{Attempt, Condition, Destination, Kind, NoticeId, Outcome};
pub use notice::{Notice, Origin};
pub use outbox::{DeliveryLog, LogError, Outbox, Summary};
pub use pace::Pending;
pub use route::Routing;

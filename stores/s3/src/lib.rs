//! A store in S3, or in any server that speaks its protocol.
//!
//! This is the only crate that links the AWS SDK; `cli`'s wiring is the only one that names it. It does not retry and keeps
//! no rate: `stores::retry` and `stores::limit` do. Every wait has a limit.

mod client;
pub mod config;
mod credential;
mod failure;
mod retain;
mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use config::{ConnectError, Credential, Patience, S3Config, StaticKey};
pub use store::S3Store;

//! Bytes as they are stored, and the types that they become. Pure: no store, no key, no clock.
//!
//! The writer, the reader, `check` and the index use it. Every parser takes any bytes, within [`limits`], and answers
//! with a [`FormatError`]; none panics. `docs/format.md` describes the same bytes for people who write a reader of their own.

mod cbor;
pub mod chunk;
mod content;
pub mod error;
pub mod index;
pub mod limits;
mod meta;
pub mod names;
pub mod pack;
pub mod snapshot;
pub mod statement;
pub mod tree;

pub use error::FormatError;

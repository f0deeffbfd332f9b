//! How bytes are kept: keys, trust, packs, index, snapshots, and the checks that show they are sound.
//!
//! The engine is usable and auditable alone: it knows no plan, no journal and no concrete store. Functions that need no
//! key take no key. [`writer::Writer`] stores and [`reader::Reader`] reads; `docs/format.md` describes the bytes.

pub mod binder;
pub mod check;
pub mod chunk;
pub mod copy;
pub mod fence;
pub mod finding;
pub mod format;
pub mod heal;
pub mod healed;
pub mod index;
pub mod keys;
pub mod lock;
pub mod pack;
pub mod prune;
pub mod reader;
pub mod repository;
pub mod seal;
pub mod snapshots;
pub mod space;
pub mod trust;
pub mod writer;

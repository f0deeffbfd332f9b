//! How bytes are kept: keys, trust, packs, index, snapshots, and the checks that show they are sound.
//!
//! The engine is usable and auditable alone: it knows no plan, no journal and no concrete store. Functions that need no
//! key take no key.

pub mod keys;
pub mod repository;
pub mod trust;

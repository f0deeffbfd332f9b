//! A plan as people write it: YAML read into located nodes, measured against the shapes of the language, and turned into typed parts.
//!
//! [`crate::load`] alone calls this. Every step notes its faults and goes on, so that all of them are found in one run;
//! what could not be read is left at a default, and no check judges what stands at a faulty place.

pub(crate) mod formats;
pub(crate) mod merge;
pub(crate) mod node;
pub(crate) mod parse;
pub(crate) mod places;
pub(crate) mod reuse;
pub(crate) mod secrets;
pub(crate) mod section;
pub(crate) mod shape;
pub(crate) mod week;

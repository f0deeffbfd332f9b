//! Packs: filled by the workers of a writer, read by readers and `check`.

pub mod fill;
pub mod read;
mod squeeze;

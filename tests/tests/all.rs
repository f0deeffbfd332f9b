//! Scenarios across crates, and the rules of the house, in one test binary.

mod house;
mod readme;

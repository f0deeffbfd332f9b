//! Scenarios across crates, and the rules of the house, in one test binary.

#![cfg(test)]

mod bad_input;
mod daemon;
mod demo;
mod full_disk;
mod house;
mod kills;
mod network;
mod place;
mod policies;
mod readme;
mod s3;
mod stops;

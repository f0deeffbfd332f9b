//! Restores and drills through the API that commands and the daemon use, on real repositories in memory.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

extern crate lifeboat_restore as restore;

mod damaged;
mod drills;
mod hostile;
mod in_place;
mod interrupted;
mod looking;
mod restored;
mod world;

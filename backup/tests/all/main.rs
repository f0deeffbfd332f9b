//! What a backup does, seen from outside: real folders go in, a reader with a person's key looks at what came out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

extern crate lifeboat_backup as backup; // as other crates name it

mod contents;
mod excludes;
mod host;
mod kinds;
mod large;
mod mounts;
mod moving;
mod random;
mod refusals;
mod stopping;
mod trouble;
mod unchanged;

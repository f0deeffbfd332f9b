//! `lifeboat` as people run it: the binary itself, in a temporary folder, against a real repository.

#![cfg(test)]

#[path = "all/place.rs"]
mod place;

#[path = "all/first.rs"]
mod first;

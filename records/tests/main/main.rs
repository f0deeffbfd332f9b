//! Tests of the crate at the border that others use.
#![cfg(test)]

extern crate lifeboat_records as records;

mod answer;
mod docs;
mod evidence;
mod journal;
mod sample;
mod seal;

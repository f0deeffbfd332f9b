//! A deterministic simulation of the engine: many hosts, those who maintain, hostile stores, crashes at any call. A seed names a schedule.
//!
//! `SIM_SEED=… SIM_RUNS=…` repeats one schedule, or runs that many from a seed on. It is a binary of its own because a run takes minutes
//! where the other scenarios take seconds.

#![cfg(test)]

extern crate lifeboat_tests as _;

mod simulation {
    pub mod ending;
    pub mod faults;
    pub mod ledger;
    pub mod net;
    pub mod oracle;
    pub mod random;
    pub mod schedule;
    pub mod seeds;
    pub mod upkeep;
    pub mod work;
}

//! What the repository promises when things go wrong: processes and storage that end at any call, servers that refuse, stall and cut
//! connections, parsers that are given anything, and sequences of everything at random.

#![cfg(test)]

extern crate lifeboat_tests as _;

mod proof {
    pub mod content;
    pub mod every_call;
    pub mod fuzzed;
    pub mod model;
    pub mod server;
}

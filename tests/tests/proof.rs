//! What the repository promises when things go wrong: processes and storage that end at any call, servers that refuse, stall and cut
//! connections, disks that are full, `kill -9`, and sequences of everything at random.

#![cfg(test)]

extern crate lifeboat_tests as _;

mod proof {
    pub mod content;
    pub mod every_call;
    pub mod server;
}

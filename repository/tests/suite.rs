//! The repository as its users see it. One binary; each file of `suite/` is one topic.

extern crate lifeboat_repository as repository; // as all other crates of the house name it

#[cfg(test)] // clippy then knows that all of it is tests
mod suite {
    pub mod age_vectors;
    pub mod by_hand;
    pub mod check;
    pub mod content;
    pub mod copy;
    pub mod copy_aside;
    pub mod crash;
    pub mod create_and_open;
    pub mod damage;
    pub mod damage_matrix;
    pub mod ended;
    pub mod every_bit;
    pub mod format_page;
    pub mod formats;
    pub mod golden;
    pub mod golden_make;
    pub mod heal;
    pub mod index_cache;
    pub mod index_memory;
    pub mod keys;
    pub mod lock;
    pub mod numbers;
    pub mod poisoning;
    pub mod prune;
    pub mod rotation;
    pub mod space;
    pub mod stewards;
    pub mod stock_tools;
    pub mod stocked;
    pub mod store_and_read;
    pub mod twice;
    pub mod write_only;
}

//! Where bytes are: the contract that every store keeps, two plain stores, and stores that wrap stores.
//!
//! `repository` reads and writes through [`Store`] alone; only the wiring of a program names a concrete store. A store knows
//! names and bytes; it knows nothing of keys, packs or plans, and it never retries by itself.

pub mod error;
pub mod folder;
pub mod key;
pub mod memory;
pub mod store;

pub use error::{Attempt, Operation, StoreError};
pub use folder::FolderStore;
pub use key::{Key, Prefix};
pub use memory::MemoryStore;
pub use store::{Cursor, Delete, Entry, Head, Lock, Page, Put, Store, list_all};

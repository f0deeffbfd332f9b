//! Where bytes are: the contract that every store keeps, two plain stores, and stores that wrap stores.
//!
//! `repository` reads and writes through [`Store`] alone; only the wiring of a program names a concrete store. A store knows
//! names and bytes; it knows nothing of keys, packs or plans, and it never retries by itself.

pub mod contract;
pub mod error;
pub mod fault;
pub mod folder;
pub mod key;
pub mod limit;
pub mod lock;
pub mod memory;
pub mod probe;
pub mod retention;
pub mod retry;
pub mod store;
pub mod tally;

pub use error::{Attempt, Operation, StoreError};
pub use fault::FaultStore;
pub use folder::FolderStore;
pub use key::{Key, Prefix};
pub use limit::LimitStore;
pub use lock::LockStore;
pub use memory::MemoryStore;
pub use retention::{Mode, Retain, Retention};
pub use retry::RetryStore;
pub use store::{Cursor, Delete, Entry, Head, Lock, Page, Put, Store, list_all};
pub use tally::TallyStore;

//! Chunks: where files are cut, and what the pieces are called. Both depend on the domain's keys, so that neither the
//! lengths nor the names of chunks tell a stranger which known files are there.

pub mod cut;
pub mod id;

pub use cut::Chunker;
pub use id::ChunkHasher;

//! Age files, written and read in place: the header by hand over age's own stanzas, the payload by our own STREAM codec.
//!
//! The age crate's payload codec is half as fast, and it cannot open a part of a file without its beginning. What is written
//! here is an ordinary age v1 file (<https://age-encryption.org/v1>), and tests hold it to the age crate and the age program.

pub mod domain;
pub mod header;
pub mod stream;

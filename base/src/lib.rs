//! The words that every other crate of lifeboat shares: ids, sizes, spans of time, the clock, digests, hints, names of files as text.
//!
//! It does no I/O, apart from [`clock::SystemClock`], which only `cli` names. It stays under 600 lines.

pub mod clock;
pub mod digest;
pub mod hint;
pub mod id;
pub mod name;
pub mod size;
pub mod span;

pub use clock::Clock;
pub use digest::Digest;
pub use hint::Hint;
pub use size::ByteSize;
pub use span::Span;

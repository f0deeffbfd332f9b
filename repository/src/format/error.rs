//! What is wrong with stored bytes.

use super::limits::{DRAFT, FORMAT};

/// Bytes that are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// More bytes, rows or levels than the format allows.
    #[error("a {what} of {size} is over the limit of {limit}")]
    TooLarge {
        /// "tree", "pack table", "index object"…
        what: &'static str,
        /// What was found.
        size: u64,
        /// What is allowed.
        limit: u64,
    },
    /// Bytes that are not CBOR of the right shape.
    #[error("this is no {what}")]
    Cbor {
        /// "tree", "pack table", "index object"…
        what: &'static str,
        /// Where the decoder gave up.
        source: minicbor::decode::Error,
    },
    /// Bytes that are not JSON of the right shape.
    #[error("this is no {what}")]
    Json {
        /// "snapshot"…
        what: &'static str,
        /// Where the parser gave up.
        source: serde_json::Error,
    },
    /// Values of the right shape that contradict each other or the format.
    #[error("a {what} {fault}")]
    Wrong {
        /// "tree", "pack table", "index object"…
        what: &'static str,
        /// The rule that is broken: "has two nodes of one name"…
        fault: &'static str,
    },
    /// Written by a newer lifeboat. Unknown is not corrupt.
    #[error("a {what} of format {found} is newer than this program, which reads format {known}")]
    Newer {
        /// "tree", "pack table", "index object"…
        what: &'static str,
        /// The format found.
        found: u32,
        /// The newest format that this program reads.
        known: u32,
    },
    /// Written by a program that was never released.
    #[error("a {what} is of format 0, an unreleased draft that this program does not read")]
    Draft {
        /// "tree", "pack table", "index object"…
        what: &'static str,
    },
    /// Written by a newer lifeboat within the same format: it has something that an older reader must not pass over.
    #[error("a {what} has {member}, which this program does not know; a newer lifeboat reads it")]
    Unknown {
        /// "tree".
        what: &'static str,
        /// What is not known.
        member: Member,
    },
}

impl FormatError {
    /// Refuses a format that this program does not read, before anything else of the bytes is believed.
    pub(super) fn refuse_other(what: &'static str, found: u32) -> Result<(), Self> {
        match found {
            FORMAT => Ok(()),
            DRAFT => Err(Self::Draft { what }),
            _ => Err(Self::Newer { what, found, known: FORMAT }),
        }
    }
}

/// Something that a reader does not know, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// A kind of node.
    Kind(u32),
    /// A member of a node's metadata.
    Meta(u64),
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "a node of kind {kind}"),
            Self::Meta(member) => write!(f, "a node with metadata of kind {member}"),
        }
    }
}

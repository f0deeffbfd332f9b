//! Fetches what is damaged or missing from other copies of the repository. Needs no key.
//!
//! `lifeboat heal` calls [`look`], which reads the repository and finds sound bytes for what is not, shows the plan, and calls
//! [`apply`]. Good bytes are put beside damaged ones ([`crate::healed`]), never over them, and missing objects under their own names.
//! Nothing is ever deleted. Every object is verified before it is planned and again before it is stored, as [`crate::copy`] does.

mod apply;
mod find;

use base::{Digest, Hint};
use stores::key::Key;

use crate::copy::CopyError;
use crate::finding::Finding;
use crate::repository::OpenError;

pub use apply::{HealReport, apply};
pub use find::look;

/// A damaged object for which a copy has the right bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mend {
    /// Its name.
    pub key: Key,
    /// What is wrong with it.
    pub what: String,
    /// SHA-256 of the right bytes.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    /// Which of the copies has them.
    pub copy: usize,
}

/// What is damaged or missing, and where it can be had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealPlan {
    /// Damaged objects that can be healed, in the order in which they are needed.
    pub mends: Vec<Mend>,
    /// Objects that a copy has and this repository lacks, with their bytes.
    pub missing: Vec<(Key, u64)>,
    /// Damaged objects of which no copy has the right bytes.
    pub hopeless: Vec<Finding>,
    /// Objects that were healed before.
    pub healed_before: u64,
    /// Objects that were read.
    pub objects: u64,
    /// Bytes that were read.
    pub bytes: u64,
}

/// Why nothing, or not everything, was healed.
#[derive(Debug, thiserror::Error)]
pub enum HealError {
    /// It is not there, is of another format, or its store does not answer.
    #[error("cannot look at {location}")]
    Open {
        /// Where.
        location: String,
        /// Why.
        source: Box<OpenError>,
    },
    /// A copy of another repository.
    #[error("{copy} holds another repository than {location}")]
    Another {
        /// The copy.
        copy: String,
        /// What is to be healed.
        location: String,
    },
    /// Its configuration or its trust documents are damaged, and nothing else shows that the copies are copies of it.
    #[error("{location} has no object in common with {copy}")]
    Stranger {
        /// The copy.
        copy: String,
        /// What is to be healed.
        location: String,
    },
    /// Fetching or storing failed.
    #[error(transparent)]
    Copy(#[from] CopyError),
}

impl Hint for HealError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Open { source, .. } => match &**source {
                OpenError::NoRepository { .. } => {
                    Some("nothing is there to be healed: lifeboat copy makes a copy of the other one".to_owned())
                }
                source => source.hint(),
            },
            Self::Another { .. } | Self::Stranger { .. } => Some("name a copy of this very repository; nothing was changed".to_owned()),
            Self::Copy(source) => source.hint(),
        }
    }
}

//! Gives back the space of packs that are mostly dead: of which restore points need a part and nobody the rest.
//!
//! A key holder measures ([`measure`]) and may [`publish`] what it saw; [`choose`] decides which packs are to go (pure). Without a key
//! they are retired ([`retire`]): writers then use nothing of them and store anew what they need, and the packs go by the usual prune
//! when retention has dropped the restore points that name them. With a reader's and a writer's key [`compact`] does it at once: it
//! stores live chunks anew and each restore point again with another pack set. Nothing here deletes; nothing here is needed for safety.

mod choose;
mod compact;
mod measure;
mod say;

use base::Hint;
use base::id::DomainId;

pub use choose::{Limits, PackUse, Waste, choose, uses, waste};
pub use compact::{COMPACTED, Compacted, Keys, compact, empty};
pub use measure::{Live, measure};
pub use say::{Published, publish, published, retire, retired, told};

use crate::prune::PruneError;
use crate::reader::ReadError;
use crate::snapshots::SnapshotId;
use crate::writer::WriteError;

/// Why space could not be measured or given back. Whatever was stored by then is sound, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum SpaceError {
    /// What was said in the repository cannot be read, or nothing can be said.
    #[error("cannot look at what is needed")]
    Prune(#[from] PruneError),
    /// A restore point cannot be read.
    #[error("cannot read {snapshot}")]
    Read {
        /// The restore point.
        snapshot: SnapshotId,
        /// Why.
        source: ReadError,
    },
    /// The repository cannot be read.
    #[error("cannot read the repository")]
    Open(#[from] ReadError),
    /// A chunk is in no pack of the set: the restore point is damaged, and nothing of it is moved.
    #[error("a chunk that {snapshot} needs is in none of its packs")]
    Lacks {
        /// The restore point.
        snapshot: SnapshotId,
    },
    /// What is live could not be stored anew.
    #[error("cannot store live chunks of domain {domain} anew")]
    Write {
        /// Whose chunks.
        domain: DomainId,
        /// Why.
        source: WriteError,
    },
    /// A thread ended before its time.
    #[error("a thread has stopped")]
    Stopped,
}

impl Hint for SpaceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Prune(source) => source.hint(),
            Self::Read { source, .. } | Self::Open(source) => source.hint(),
            Self::Write { source, .. } => source.hint(),
            Self::Lacks { .. } => Some("see what is damaged: lifeboat check --read-data".to_owned()),
            Self::Stopped => None,
        }
    }
}

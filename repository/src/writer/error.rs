//! Why something could not be written.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base::Hint;
use stores::error::StoreError;

use crate::fence::FenceError;
use crate::format::FormatError;
use crate::format::tree::ChunkId;
use crate::index;
use crate::keys::KeyError;
use crate::pack::fill::FillError;

/// A write that failed. One failure ends the run; it is told to everybody who waits, so it can be cloned.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// The host's key does not open its domain keys.
    #[error("cannot open the keys of this host")]
    Key(#[source] Arc<KeyError>),
    /// An object could not be read or listed.
    #[error("cannot read {object}")]
    Read {
        /// Its key, or the prefix that was listed.
        object: String,
        /// What the store said.
        source: StoreError,
    },
    /// An object could not be stored.
    #[error("cannot store {object}")]
    Store {
        /// Its key.
        object: String,
        /// What the store said.
        source: StoreError,
    },
    /// What was just written to the cache folder does not read back.
    #[error("the index cannot be put in order in {}", folder.display())]
    Cache {
        /// The cache folder.
        folder: PathBuf,
        /// What went wrong.
        source: Arc<io::Error>,
    },
    /// A pack could not be made.
    #[error("cannot make a pack")]
    Fill(#[from] Arc<FillError>),
    /// Nodes that cannot be a directory.
    #[error("cannot store a directory")]
    Tree(#[from] Arc<FormatError>),
    /// A directory or snapshot that names what is not there.
    #[error("chunk {0} is named and is not in the repository")]
    Unknown(ChunkId),
    /// Storage holds a name with the highest number there is.
    #[error("no number is left behind {object}")]
    Numbers {
        /// The object with the highest number.
        object: String,
    },
    /// Packs that the run relied on are being deleted, or are gone. Nothing is lost: whoever reads the source again stores what was in them.
    #[error("{n_packs} packs that this backup relied on were condemned or lost while it ran")]
    Condemned {
        /// How many.
        n_packs: usize,
    },
    /// The snapshot is in the store, and came too late to count: packs that it needs may have been deleted meanwhile.
    #[error("the snapshot was stored {late_s} seconds after the last look at what is being deleted, and {limit_s} are the most")]
    Late {
        /// Seconds of the store's clock.
        late_s: i64,
        /// Seconds.
        limit_s: u64,
    },
    /// What the store has condemned could not be read.
    #[error("cannot tell which packs are being deleted")]
    Fence(#[from] FenceError),
    /// The lock that keeps two processes of this host from giving one number twice.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// The operating system gave no threads or no random bytes.
    #[error("the operating system refuses what the writer needs")]
    System(#[source] Arc<io::Error>),
    /// A worker ended before its time.
    #[error("the writer has stopped")]
    Stopped,
}

impl Hint for WriteError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Key(source) => source.hint(),
            Self::Cache { folder, .. } => Some(index::disk_hint(folder)),
            Self::Read { source, .. } | Self::Store { source, .. } => source.hint(),
            Self::Fill(source) => source.hint(),
            Self::Unknown(_) => Some("delete the cache of this host, then run it again: everything is read anew".to_owned()),
            Self::Numbers { object } => Some(format!("nothing of ours counts so far: find out who stored {object}, and delete it")),
            Self::Fence(source) => source.hint(),
            Self::Condemned { .. } => Some("run the backup again: it stores anew what was in them".to_owned()),
            Self::Late { .. } => Some("this snapshot does not count; run the backup again".to_owned()),
            Self::Lock { .. } => Some("let the user that backs up own its cache folder, on a disk of this host".to_owned()),
            Self::Tree(_) | Self::System(_) | Self::Stopped => None,
        }
    }
}

/// A file that could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreFileError {
    /// The file could not be read: a fault of the source, and other files go on.
    #[error("cannot read the file")]
    Source(#[source] io::Error),
    /// The repository could not be written: nothing goes on.
    #[error("cannot store the file")]
    Write(#[from] WriteError),
}

impl Hint for StoreFileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Source(_) => None,
            Self::Write(source) => source.hint(),
        }
    }
}

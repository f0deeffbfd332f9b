//! Why something could not be read.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use base::Hint;
use stores::error::StoreError;

use crate::format::FormatError;
use crate::format::tree::ChunkId;
use crate::index;
use crate::keys::KeyError;
use crate::pack::read::PackError;

/// What a sink says when it takes no more. It ends the stream.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// A read that failed. One damaged pack fails many chunks, so it can be cloned.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The key at hand opens nothing here, or its objects are damaged.
    #[error("cannot open the keys of the repository")]
    Key(#[source] Arc<KeyError>),
    /// No index object that can be believed names the chunk.
    #[error("chunk {0} is in no pack that the index knows")]
    Unknown(ChunkId),
    /// The store failed.
    #[error("cannot read {object}")]
    Store {
        /// Its key, or the prefix that was listed.
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
    /// A pack whose bytes are not what they should be.
    #[error("{object} is damaged")]
    Damaged {
        /// Its key.
        object: String,
        /// What does not fit.
        source: Arc<PackError>,
    },
    /// A directory whose bytes make no sense.
    #[error("the directory in chunk {chunk} is damaged")]
    Tree {
        /// The first of its chunks.
        chunk: ChunkId,
        /// What does not fit.
        source: Arc<FormatError>,
    },
    /// Whoever takes the bytes takes no more.
    #[error("what was read could not be used")]
    Sink(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// Somebody asked to stop.
    #[error("reading was cancelled")]
    Cancelled,
    /// A thread ended before its time.
    #[error("a thread of the reader has stopped")]
    Stopped,
}

impl Hint for ReadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Key(source) => source.hint(),
            Self::Cache { folder, .. } => Some(index::disk_hint(folder)),
            Self::Store { source, .. } => source.hint(),
            Self::Unknown(_) | Self::Damaged { .. } | Self::Tree { .. } => {
                Some("see what is affected: lifeboat check --read-data; another copy of the repository may have it whole".to_owned())
            }
            Self::Sink(_) | Self::Cancelled | Self::Stopped => None,
        }
    }
}

//! The protocol that keeps backups and prunes apart without locks, and the fence that a writer passes before its snapshot.
//!
//! Order of writes: packs, index, fence, snapshot. A prune names the packs that it means to delete in `condemned/` and waits longer
//! than any writer may take between looking there and having its snapshot in the store. Only instants of the store's own clock are
//! compared; what a client's clock says decides nothing. [`crate::writer`] passes the fence.

use base::Hint;
use jiff::Timestamp;
use stores::error::StoreError;
use stores::key::Prefix;

use crate::format::names::{self, Name};
pub use crate::format::snapshot::Fence;
use crate::repository::Repository;

/// The names below `condemned/`, and when the store gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generations {
    /// The store's own instant at its first answer: whatever is condemned later is not in the list.
    pub(crate) read: Timestamp,
    /// Ascending.
    pub(crate) names: Vec<Name>,
}

impl Generations {
    /// As a snapshot tells of it.
    pub(crate) fn fence(&self) -> Fence {
        Fence { read: self.read, generation: self.names.last().map(|name| name.seq) }
    }
}

/// What stands in the way of reading the condemned lists.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FenceError {
    /// The store did not answer.
    #[error("cannot read {object}")]
    Store {
        /// The key, or the prefix that was listed.
        object: String,
        /// What the store said.
        source: StoreError,
    },
    /// Without the store's time nobody can tell whether a snapshot came in time.
    #[error("the store at {location} does not tell its time")]
    NoTime {
        /// Where.
        location: String,
    },
}

impl Hint for FenceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Store { source, .. } => source.hint(),
            Self::NoTime { .. } => Some(
                "let the header Date of its answers through, or, for a folder, give the user that backs up the right to write to it; \
                 lifeboat probe shows what a store tells"
                    .to_owned(),
            ),
        }
    }
}

/// Lists `condemned/`.
pub(crate) async fn generations(repository: &Repository) -> Result<Generations, FenceError> {
    let prefix: Prefix = names::CONDEMNED.parse().expect("a plain prefix");
    let failed = |source| FenceError::Store { object: prefix.to_string(), source };
    let (mut read, mut found, mut after) = (None, Vec::new(), None);
    loop {
        let page = repository.store().list(&prefix, after.as_ref()).await.map_err(failed)?;
        read = read.or(page.date);
        found.extend(page.entries.iter().filter_map(|entry| entry.key.name().parse::<Name>().ok()));
        match page.next {
            None => break,
            next if next == after => break,
            next => after = next,
        }
    }
    found.sort_unstable();
    let read = read.ok_or_else(|| FenceError::NoTime { location: repository.store().location() })?;
    Ok(Generations { read, names: found })
}

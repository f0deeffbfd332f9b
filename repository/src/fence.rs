//! The protocol that keeps backups and prunes apart without locks, and the fence that a writer passes before its snapshot.
//!
//! Order of writes: packs, index, fence, snapshot. A prune names the packs that it means to delete in `condemned/` and waits longer
//! than any writer may take between looking there and having its snapshot in the store. Only instants of the store's own clock are
//! compared; what a client's clock says decides nothing. [`crate::writer`] passes the fence.

mod condemned;

use std::time::Duration;

use base::Hint;
use base::span::Span;
use jiff::Timestamp;
use stores::error::StoreError;
use stores::key::Prefix;
use stores::store::Store;

use crate::format::names::{self, Name};
pub use crate::format::snapshot::Fence;

pub use condemned::Condemned;
pub(crate) use condemned::{CondemnedAt, at as condemned_at};

/// How the two sides keep apart. Everything follows from one span, the grace period G.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocol {
    grace: Duration,
    fence: bool,
    waits: bool,
    remembers: bool,
}

impl Protocol {
    /// The protocol with grace period `grace`, which is at least the longest backup and a day.
    pub fn new(grace: Span) -> Self {
        Self { grace: grace.at_least(), fence: true, waits: true, remembers: true }
    }

    /// G: a pack that no snapshot names may be condemned when it is older.
    pub fn grace(&self) -> Duration {
        if self.waits { self.grace } else { Duration::ZERO }
    }

    /// A snapshot counts only when the store has it sooner than this after its writer had read the condemned lists: 0.8 G.
    pub fn in_time(&self) -> Duration {
        self.grace * 4 / 5
    }

    /// A condemned list is acted upon when it is this old: 1.05 G. Whoever had not seen it then has its snapshot in the store, or is late.
    pub fn sweep_after(&self) -> Duration {
        if self.waits { self.grace + self.grace / 20 } else { Duration::ZERO }
    }

    /// Whether writers look at the condemned lists.
    pub(crate) fn is_fenced(&self) -> bool {
        self.fence
    }

    /// Whether a condemned name stays condemned when its pack is deleted.
    pub(crate) fn remembers(&self) -> bool {
        self.remembers
    }

    /// Writers do not look whether their packs are condemned. For the simulation alone, which has to see data lost by it.
    #[doc(hidden)]
    #[must_use]
    pub fn without_fence(self) -> Self {
        Self { fence: false, ..self }
    }

    /// A prune waits for nothing. For the simulation alone, which has to see data lost by it.
    #[doc(hidden)]
    #[must_use]
    pub fn without_grace(self) -> Self {
        Self { waits: false, ..self }
    }

    /// A prune takes a condemned list away when all its packs are deleted. For the simulation alone, which has to see data lost by it.
    #[doc(hidden)]
    #[must_use]
    pub fn without_memory(self) -> Self {
        Self { remembers: false, ..self }
    }
}

/// The names below `condemned/`, and when the store gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Generations {
    /// The store's own instant at its first answer, if it told: whatever is condemned later is not in the list.
    read: Option<Timestamp>,
    /// Ascending, each with when the store had it.
    names: Vec<(Name, Option<Timestamp>)>,
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
async fn generations(store: &dyn Store) -> Result<Generations, FenceError> {
    let prefix: Prefix = names::CONDEMNED.parse().expect("a plain prefix");
    let failed = |source| FenceError::Store { object: prefix.to_string(), source };
    let (mut read, mut found, mut after) = (None, Vec::new(), None);
    loop {
        let page = store.list(&prefix, after.as_ref()).await.map_err(failed)?;
        read = read.or(page.date);
        found.extend(page.entries.iter().filter_map(|entry| Some((entry.key.name().parse::<Name>().ok()?, entry.modified))));
        match page.next {
            None => break,
            next if next == after => break,
            next => after = next,
        }
    }
    found.sort_unstable();
    Ok(Generations { read, names: found })
}

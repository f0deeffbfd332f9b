//! Copies a repository byte for byte to another store, without a key.
//!
//! `lifeboat copy` calls [`list`] on both stores, [`plan::plan`] compares the lists, and [`run`] stores what the plan
//! names. What a copy holds already is never touched: nothing is overwritten and nothing is deleted. Each object is verified on
//! the way: its bytes have the digest in its name, are signed by those who may, or are vouched for by the owners. A copy that is
//! cut short is taken up where it ended, since the next plan names what is still missing.

pub mod place;
pub mod plan;
mod run;
pub(crate) mod verify;

use base::Hint;
use stores::error::StoreError;
use stores::key::Prefix;
use stores::store::{Entry, Store};

pub use plan::{CopyPlan, Item, Lag};
pub use run::{CopyReport, Limits, Progress, run};

/// The most objects that are listed of one store: a list that does not end must not fill the memory.
pub const OBJECTS_MAX: usize = 20_000_000;

/// Why nothing, or not everything, was copied. What is stored by then stays, and the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store did not do what it was asked to.
    #[error("cannot copy {object}")]
    Store {
        /// Its key, or the leading part that was listed.
        object: String,
        /// The store's error.
        source: StoreError,
    },
    /// More objects than a repository has.
    #[error("{location} lists more than {OBJECTS_MAX} objects")]
    TooMany {
        /// The store.
        location: String,
    },
    /// The copy holds a repository already, and it is another one.
    #[error("{location} holds another repository than {source_location}")]
    Another {
        /// The copy.
        location: String,
        /// What was to be copied.
        source_location: String,
    },
    /// The copy knows of later changes of keys and writers than the original does.
    #[error("{location} has trust document {here}, and {source_location} has none after {there}")]
    RolledBack {
        /// The copy.
        location: String,
        /// What was to be copied.
        source_location: String,
        /// The newest version in the copy.
        here: u64,
        /// The newest version in the original.
        there: u64,
    },
    /// What says who may write is damaged in the original, so that nothing else in it can be believed.
    #[error("{object} is damaged: {what}")]
    Damaged {
        /// The object.
        object: String,
        /// What is wrong with it.
        what: String,
    },
}

impl Hint for CopyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Store { source, .. } => source.hint(),
            Self::TooMany { .. } => Some("this is no repository of ours: ask whoever runs the storage".to_owned()),
            Self::Another { .. } => Some("give the copy an empty place of its own; nothing was changed".to_owned()),
            Self::RolledBack { .. } => {
                Some("the original was rolled back: ask whoever runs its storage, and copy the other way when that is settled".to_owned())
            }
            Self::Damaged { object, .. } => Some(format!("fetch {object} from another copy first; nothing was copied")),
        }
    }
}

/// Lists everything of a repository that is copied, restore points first: whatever one of them needs was stored before it, and
/// is therefore in the lists that are read after it.
pub async fn list(store: &dyn Store) -> Result<Vec<Entry>, CopyError> {
    let mut entries = Vec::new();
    for place in place::ORDER.iter().rev() {
        let prefix: Prefix = place.parse().expect("a plain prefix");
        let mut after = None;
        loop {
            let page = store.list(&prefix, after.as_ref()).await;
            let page = page.map_err(|source| CopyError::Store { object: (*place).to_owned(), source })?;
            entries.extend(page.entries.into_iter().filter(|entry| place::of(&entry.key).is_some()));
            if entries.len() > OBJECTS_MAX {
                return Err(CopyError::TooMany { location: store.location() });
            }
            match page.next {
                None => break,
                // A server that sends the same page for ever must not keep us for ever.
                next if next == after => return Err(CopyError::TooMany { location: store.location() }),
                next => after = next,
            }
        }
    }
    Ok(entries)
}

//! Copies a repository byte for byte to another store, without a key.
//!
//! `lifeboat copy` calls [`look`], which lists both stores and compares the lists ([`plan::plan`]), and [`run`], which stores what the
//! plan names. What a copy holds already is never touched: nothing is overwritten and nothing is deleted. Each object is verified on
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

use crate::fence::{self, FenceError};
use crate::format::names::pack_at;
use crate::healed;
use crate::repository::Repository;
use verify::Verifier;

pub use plan::{CopyPlan, Item, Lag};
pub use run::{CopyReport, Limits, Progress, run};
pub(crate) use run::{carry, ends_it};

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
    /// What says which repository the copy holds is damaged there.
    #[error("{object} is damaged in {location}: {what}")]
    DamagedCopy {
        /// The copy.
        location: String,
        /// The object.
        object: String,
        /// What is wrong with it.
        what: String,
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
    /// The lists of packs that are being deleted in the copy cannot be read.
    #[error("cannot tell which packs are being deleted in the copy")]
    Fence(#[from] FenceError),
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
            Self::Fence(source) => source.hint(),
            Self::TooMany { .. } => Some("this is no repository of ours: ask whoever runs the storage".to_owned()),
            Self::Another { .. } => Some("give the copy an empty place of its own; nothing was changed".to_owned()),
            Self::RolledBack { .. } => {
                Some("the original was rolled back: ask whoever runs its storage, and copy the other way when that is settled".to_owned())
            }
            Self::DamagedCopy { object, .. } => Some(format!(
                "name the place as a repository of the plan, and lifeboat heal COPY --from ORIGINAL puts a sound {object} beside it; nothing was changed"
            )),
            Self::Damaged { object, .. } => {
                Some(format!("lifeboat heal --from COPY fetches {object} from another copy; nothing was copied"))
            }
        }
    }
}

/// Why a pack is not copied that the copy once deleted.
const DELETED_HERE: &str = "it was deleted in the copy, which never takes a name again";

/// Lists `source` and `target`, and says what is to be done. Objects that nobody believes, or that the copy once deleted, are left out.
pub async fn look(source: &Repository, target: &dyn Store) -> Result<CopyPlan, CopyError> {
    let there = list(&**source.store()).await?;
    let source = run::newest(source, run::highest(there.iter().map(|entry| &entry.key))).await?;
    compare(&Verifier::of(&source).await?, &there, target).await
}

/// As [`look`], with the list of the original and what tells sound objects from others at hand.
pub(crate) async fn compare(verifier: &Verifier, there: &[Entry], target: &dyn Store) -> Result<CopyPlan, CopyError> {
    let mut here = list(target).await?;
    let beside = healed::list(target).await.map_err(|source| CopyError::Store { object: healed::HEALED.to_owned(), source })?;
    for entry in &mut here {
        let goods = beside.get(&entry.key).map(|goods| &goods[..]).unwrap_or_default();
        if let Some(good) = goods.iter().find(|good| verifier.expects(&entry.key, &good.digest)) {
            entry.size = good.size; // readers of the copy read these bytes
        }
    }
    let condemned = fence::condemned_at(verifier.repository(), target).await?;
    let aside = |key: &stores::key::Key| match pack_at(key) {
        Some(at) => condemned.packs.contains(&at).then_some(DELETED_HERE),
        None => verifier.disbelieved(key),
    };
    Ok(plan::plan_without(there, &here, &aside))
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

//! The binder in a repository: `binder/<time>-<sha256>.age`, one age file that every recovery key opens.
//!
//! The orchestrator writes it with no key but the public ones that the trust document lists, so a host that may only store can do it. No
//! reader needs it, nothing refers to it, and prune leaves it alone: it is for people who have a repository, a recovery key, and nothing else.

use base::{Digest, Hint};
use jiff::Timestamp;
use stores::StoreError;
use stores::key::Key;

use crate::keys::KeyError;
use crate::keys::wrap::{distinct, seal};
use crate::repository::Repository;

/// The leading part of the names of all binders.
pub const BINDERS: &str = "binder/";
/// The most bytes of the page.
pub const MAX_BYTES: usize = 8 << 20;

/// Why a binder was not written.
#[derive(Debug, thiserror::Error)]
pub enum BinderError {
    /// It is longer than any binder.
    #[error("the binder has {bytes} bytes, and at most {MAX_BYTES} are stored")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It could not be encrypted.
    #[error("the binder could not be encrypted to the recovery keys")]
    Seal(#[from] KeyError),
    /// The store did not take it.
    #[error("the binder could not be stored")]
    Store(#[from] StoreError),
}

impl Hint for BinderError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::TooLong { .. } => Some("split the plan; a binder of this length helps nobody".to_owned()),
            Self::Seal(error) => error.hint(),
            Self::Store(error) => error.hint(),
        }
    }
}

/// Encrypts a page to all recovery keys of the repository and stores it; where it lies then.
pub async fn put(repository: &Repository, page: &[u8], now: Timestamp) -> Result<Key, BinderError> {
    if page.len() > MAX_BYTES {
        return Err(BinderError::TooLong { bytes: page.len() });
    }
    let recipients = distinct(repository.trust().recipients())?;
    let sealed = seal("binder", &recipients, page)?;
    let digest = Digest::of(&sealed);
    let name = format!("{BINDERS}{}-{digest}.age", now.strftime("%Y%m%dT%H%M%SZ"));
    let key: Key = name.parse().expect("a time and digits are characters that keys allow");
    repository.store().put_new(&key, sealed.into(), digest).await?;
    Ok(key)
}

//! The contract between those who keep bytes and those who read and write them.
//!
//! Whoever implements [`Store`] runs the suite in `stores::contract`. Cancelling a call at any `.await` leaves the store
//! valid: an object is there whole or not at all.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use base::Digest;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Attempt, Operation, StoreError};
use crate::key::{Key, Prefix};
use crate::retention::Retain;

/// Objects that are written once and read many times.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// Where it is, for people and for the journal: `file:///mnt/backup`, `s3://bucket/prefix`, `memory:`. No secret in it.
    fn location(&self) -> String;

    /// Stores `body` under a name that does not exist yet; it is durable when this answers.
    ///
    /// `digest` is the SHA-256 of `body`; the store checks it where it can and answers [`StoreError::Corrupt`].
    /// [`StoreError::Exists`] means that nothing was changed.
    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError>;

    /// The whole object, if it is at most [`MAX_GET_BYTES`] long: what is read into memory has a limit.
    async fn get(&self, key: &Key) -> Result<Bytes, StoreError>;

    /// Exactly the bytes `range` of the object, or an error: [`StoreError::OutOfRange`] where the object is shorter.
    /// An empty range at most at the end of the object is no bytes.
    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// What the store knows of an object without reading it.
    async fn head(&self, key: &Key) -> Result<Head, StoreError>;

    /// The objects whose keys begin with `prefix`, one page at a time, in no promised order. Objects that come or go while
    /// the pages are read may be in the list or not; all others are in it once.
    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError>;

    /// Deleting is a capability of its own: most holders of a store do not have it.
    fn deleter(&self) -> Option<&dyn Delete> {
        None
    }

    /// Keeping objects from being deleted is a capability, too.
    fn retainer(&self) -> Option<&dyn Retain> {
        None
    }

    /// Whether the place keeps objects from being deleted for a time (S3 Object Lock).
    async fn lock(&self) -> Result<Lock, StoreError> {
        Ok(Lock::Unknown)
    }
}

/// The capability to delete.
#[async_trait]
pub trait Delete: Send + Sync {
    /// Deletes an object. A key that names no object is deleted already: success, since S3 cannot tell.
    async fn delete(&self, key: &Key) -> Result<(), StoreError>;
}

/// The answer of a wrapping store that is asked to delete in a store that does not.
pub(crate) fn no_delete(store: &dyn Store, key: &Key) -> StoreError {
    let attempt = Attempt::new(Operation::Delete, key.as_str(), store.location());
    StoreError::Unsupported { attempt, source: None }
}

/// The answer to a put.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Put {
    /// The store's own clock at the answer, if it told. A client's clock decides nothing.
    pub date: Option<Timestamp>,
}

/// What a store knows of an object without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// In bytes.
    pub size: u64,
    /// When it was stored, by the store's clock.
    pub modified: Option<Timestamp>,
    /// The SHA-256 that the store checked and kept when the object was stored.
    pub digest: Option<Digest>,
    /// The store's own clock at the answer, if it told.
    pub date: Option<Timestamp>,
}

/// One object of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub key: Key,
    /// In bytes.
    pub size: u64,
    /// When it was stored, by the store's clock.
    pub modified: Option<Timestamp>,
}

/// A part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// May be empty although more follow.
    pub entries: Vec<Entry>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
    /// The store's own clock at the answer, if it told.
    pub date: Option<Timestamp>,
}

/// A place in a list. Only the store that gave it can read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cursor(pub String);

/// Whether a place keeps objects from being deleted for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    /// It does; `default` is what new objects get unless they say otherwise, in the store's words.
    Present { default: Option<String> },
    /// It does not.
    Absent,
    /// It cannot be asked.
    Unknown,
}

/// The longest object that `Store::get` reads, in bytes. Longer ones are read by `Store::get_range`, or are not ours.
pub const MAX_GET_BYTES: u64 = 1 << 30;

/// An object or range that is longer than [`MAX_GET_BYTES`].
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it has {size} bytes, more than are read at once")]
pub struct TooLong {
    /// In bytes.
    pub size: u64,
}

/// The most pages that [`list_all`] reads; a list that is longer is an error, since it was meant to be small.
pub const MAX_PAGES: usize = 100_000;

/// All pages in one `Vec`, for prefixes that are known to be small.
pub async fn list_all(store: &dyn Store, prefix: &Prefix) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    let mut after = None;
    for _ in 0..MAX_PAGES {
        let page = store.list(prefix, after.as_ref()).await?;
        entries.extend(page.entries);
        match page.next {
            None => return Ok(entries),
            // A server that sends the same page for ever must not keep us for ever.
            next if next == after => break,
            next => after = next,
        }
    }
    let attempt = Attempt::new(Operation::List, prefix.as_str(), store.location());
    Err(StoreError::Other { attempt, source: Some(Arc::new(EndlessList)) })
}

/// A list that does not end.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the list does not end")]
pub struct EndlessList;

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    fn location(&self) -> String {
        (**self).location()
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        (**self).put_new(key, body, digest).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        (**self).get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        (**self).get_range(key, range).await
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        (**self).head(key).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        (**self).list(prefix, after).await
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        (**self).deleter()
    }

    fn retainer(&self) -> Option<&dyn Retain> {
        (**self).retainer()
    }

    async fn lock(&self) -> Result<Lock, StoreError> {
        (**self).lock().await
    }
}

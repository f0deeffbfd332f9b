//! Retention: until when a store refuses to delete an object, whoever asks (S3 Object Lock).
//!
//! A store that can do it offers [`Retain`] by [`crate::Store::retainer`], as it offers to delete; [`crate::LockStore`] puts all that
//! it stores under retention. Nothing here shortens a lock or makes it weaker.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use base::Digest;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Attempt, Operation, StoreError};
use crate::key::Key;
use crate::store::{Put, Store};

/// Who may lift a lock before its end. The stronger one is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Whoever has a right of its own for that.
    Governance,
    /// Nobody.
    Compliance,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        })
    }
}

/// The lock of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Who may lift it.
    pub mode: Mode,
    /// Its end, by the store's clock.
    pub until: Timestamp,
}

impl Retention {
    /// A lock that ends `period` after `now`, at a whole second: servers keep no finer time, and a lock must not end early for that.
    pub fn beginning(mode: Mode, now: Timestamp, period: Duration) -> Self {
        let end = now.checked_add(period).unwrap_or(Timestamp::MAX);
        let second = if end.subsec_nanosecond() > 0 { end.as_second() + 1 } else { end.as_second() };
        Self { mode, until: Timestamp::from_second(second).unwrap_or(Timestamp::MAX) }
    }

    /// What the lock `found` becomes where this one is wanted: never one that ends earlier or is weaker. `None`: it is enough already.
    pub fn over(self, found: Option<Self>) -> Option<Self> {
        let Some(found) = found else { return Some(self) };
        let both = Self { mode: self.mode.max(found.mode), until: self.until.max(found.until) };
        (both != found).then_some(both)
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, until {}", self.mode, self.until)
    }
}

/// The capability to keep objects from being deleted.
#[async_trait]
pub trait Retain: Send + Sync {
    /// As [`Store::put_new`], and the object is locked from its first moment.
    async fn put_retained(&self, key: &Key, body: Bytes, digest: Digest, retention: Retention) -> Result<Put, StoreError>;

    /// The lock of an object; `None` where it has none.
    async fn retention(&self, key: &Key) -> Result<Option<Retention>, StoreError>;

    /// Extends the lock of an object to `retention` at least, and answers what it is now. Never shortens it, never weakens it.
    async fn retain(&self, key: &Key, retention: Retention) -> Result<Retention, StoreError>;

    /// Deletes the object for good: itself, not by a mark that hides it. [`StoreError::Denied`] while it is locked.
    async fn destroy(&self, key: &Key) -> Result<(), StoreError>;
}

/// The capability of `store`, or the error that it lacks it.
pub fn retainer<'a>(store: &'a dyn Store, operation: Operation, key: &Key) -> Result<&'a dyn Retain, StoreError> {
    store.retainer().ok_or_else(|| StoreError::Unsupported {
        attempt: Attempt::new(operation, key.as_str(), store.location()),
        source: Some(std::sync::Arc::new(NoLocks)),
    })
}

/// The place locks nothing.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("this kind of place locks no objects")]
pub struct NoLocks;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_never_made_shorter_or_weaker() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let lock = |mode, hour: u8| Retention { mode, until: at(&format!("2026-11-24T{hour:02}:00:00Z")) };
        let (weak, strong) = (Mode::Governance, Mode::Compliance);
        assert_eq!(lock(weak, 5).over(None), Some(lock(weak, 5)));
        assert_eq!(lock(weak, 6).over(Some(lock(weak, 5))), Some(lock(weak, 6)));
        assert_eq!(lock(weak, 4).over(Some(lock(weak, 5))), None);
        assert_eq!(lock(weak, 6).over(Some(lock(strong, 5))), Some(lock(strong, 6)));
        assert_eq!(lock(strong, 4).over(Some(lock(weak, 5))), Some(lock(strong, 5)));
        let begun = Retention::beginning(weak, at("2026-11-24T05:00:00.5Z"), Duration::from_secs(3));
        assert_eq!(begun.until, at("2026-11-24T05:00:04Z"));
    }
}

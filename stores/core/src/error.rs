//! What can go wrong with a store, in words that decide what to do next: retry, give up, ask a person.
//!
//! Every store maps its own failures to [`StoreError`]; `retry` asks [`StoreError::is_transient`]. The cause that the file
//! system or the server gave stays in `source`.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use base::Hint;

use crate::key::Key;

/// What a store is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Looking at the place itself before it is used.
    Open,
    /// `Store::put_new`
    Put,
    /// `Store::get`
    Get,
    /// `Store::get_range`
    GetRange,
    /// `Store::head`
    Head,
    /// `Store::list`
    List,
    /// `Delete::delete`
    Delete,
    /// `Store::lock`
    Lock,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Open => "open",
            Self::Put => "store",
            Self::Get => "read",
            Self::GetRange => "read a part of",
            Self::Head => "look at",
            Self::List => "list",
            Self::Delete => "delete",
            Self::Lock => "read the lock of",
        })
    }
}

/// What was tried, for messages: `store packs/lab/0a/… in s3://backups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What the store was asked to do.
    pub operation: Operation,
    /// The key or prefix it was asked for; empty for the place as a whole.
    pub subject: String,
    /// Where the store is, as `Store::location` says.
    pub location: String,
}

impl Attempt {
    /// An attempt at `subject` (a key, a prefix, or "") in the store at `location`.
    pub fn new(operation: Operation, subject: impl Into<String>, location: impl Into<String>) -> Self {
        Self { operation, subject: subject.into(), location: location.into() }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subject.is_empty() {
            write!(f, "{} {}", self.operation, self.location)
        } else {
            write!(f, "{} {} in {}", self.operation, self.subject, self.location)
        }
    }
}

/// What the file system or the server said. Shared, so that one failed upload can answer several waiting callers.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why a store did not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No object has this name.
    #[error("there is no object {key}")]
    NotFound { key: Key },
    /// An object with this name exists already; it was left as it is.
    #[error("the object {key} exists already")]
    Exists { key: Key },
    /// The object is shorter than the range that was asked for, in bytes.
    #[error("the object {key} has no bytes {} to {}", .range.start, .range.end)]
    OutOfRange { key: Key, range: Range<u64> },
    /// The bucket or folder itself is missing, or is not one.
    #[error("there is no bucket or folder at {location}")]
    NoPlace { location: String, source: Option<Cause> },
    /// The credential or the user may not do this.
    #[error("not allowed to {attempt}")]
    Denied { attempt: Attempt, source: Option<Cause> },
    /// No space or quota is left.
    #[error("no space left to {attempt}")]
    Full { attempt: Attempt, source: Option<Cause> },
    /// The place is mounted or switched to read-only.
    #[error("cannot {attempt}, which is read-only")]
    ReadOnly { attempt: Attempt, source: Option<Cause> },
    /// The bytes do not have the SHA-256 that was named; nothing was stored, or what was read is not what was stored.
    #[error("wrong checksum in the attempt to {attempt}")]
    Corrupt { attempt: Attempt, source: Option<Cause> },
    /// No connection, no answer in time, or the store is too busy: the same call may succeed later.
    #[error("no answer in the attempt to {attempt}")]
    Unavailable { attempt: Attempt, source: Option<Cause> },
    /// The store has no such ability.
    #[error("the store is unable to {attempt}")]
    Unsupported { attempt: Attempt, source: Option<Cause> },
    /// Anything else; not worth a retry.
    #[error("failed to {attempt}")]
    Other { attempt: Attempt, source: Option<Cause> },
}

impl StoreError {
    /// Whether the same call may succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether the object does not exist. A missing bucket or folder is another matter: [`StoreError::NoPlace`].
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether an object with the name exists already.
    pub fn exists_already(&self) -> bool {
        matches!(self, Self::Exists { .. })
    }
}

impl Hint for StoreError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } | Self::Exists { .. } | Self::OutOfRange { .. } | Self::Other { .. } => None,
            Self::NoPlace { location, .. } if location.starts_with("file:") => {
                Some("mount the disk, or correct the path; a new repository in this place would hide that one is lost".to_owned())
            }
            Self::NoPlace { .. } => Some("make the bucket, or correct its name, region and endpoint".to_owned()),
            Self::Denied { attempt, .. } if attempt.location.starts_with("file:") => {
                Some("check who owns the folder, and which user this runs as".to_owned())
            }
            Self::Denied { .. } => Some("check the credential, and that its policy allows this in the bucket".to_owned()),
            Self::Full { .. } => Some("free some space or raise the quota, then run it again".to_owned()),
            Self::ReadOnly { .. } => Some("mount the place for writing, then run it again".to_owned()),
            Self::Corrupt { .. } => Some("check memory and network of this machine; run it again to send the bytes anew".to_owned()),
            Self::Unavailable { attempt, .. } if attempt.location.starts_with("file:") => {
                Some("check that the disk or the network share answers, then run it again".to_owned())
            }
            Self::Unavailable { .. } => Some("check the endpoint, the network and the state of the service, then run it again".to_owned()),
            Self::Unsupported { .. } => Some("see what the store can do: lifeboat repo probe".to_owned()),
        }
    }
}

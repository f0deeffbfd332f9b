//! What an error of the file system means for a store in a folder.
//!
//! `EIO` is never transient: after a failed write or fsync the kernel may have dropped the pages, and a second fsync that
//! succeeds proves nothing (the `PostgreSQL` fsync problem of 2018).

use std::io::{self, ErrorKind};
use std::sync::Arc;

use rustix::io::Errno;

use crate::error::{Attempt, Cause, StoreError};
use crate::key::Key;

/// An error about one object.
pub(super) fn of_object(error: io::Error, key: &Key, attempt: &Attempt) -> StoreError {
    match error.kind() {
        // A segment of the key that is an object itself: there is nothing behind it.
        ErrorKind::NotFound | ErrorKind::NotADirectory => StoreError::NotFound { key: key.clone() },
        ErrorKind::AlreadyExists => StoreError::Exists { key: key.clone() },
        _ => of_place(error, attempt.clone()),
    }
}

/// An error about the place as a whole, or about a step that has no object yet.
pub(super) fn of_place(error: io::Error, attempt: Attempt) -> StoreError {
    let errno = Errno::from_io_error(&error);
    let kind = error.kind();
    let cause: Cause = Arc::new(error);
    let source = Some(cause);
    match kind {
        ErrorKind::NotFound | ErrorKind::NotADirectory => StoreError::NoPlace { location: attempt.location, source },
        ErrorKind::PermissionDenied => StoreError::Denied { attempt, source },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StoreError::Full { attempt, source },
        ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { attempt, source },
        ErrorKind::TimedOut | ErrorKind::StaleNetworkFileHandle | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            StoreError::Unavailable { attempt, source }
        }
        ErrorKind::Unsupported => StoreError::Unsupported { attempt, source },
        _ if matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::AGAIN | Errno::HOSTDOWN)) => {
            StoreError::Unavailable { attempt, source }
        }
        _ => StoreError::Other { attempt, source },
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Operation;

    #[test]
    fn each_error_of_the_file_system_says_whether_to_wait_or_to_act() {
        for (errno, expected) in [
            (Errno::NOENT, "NoPlace"),
            (Errno::ACCESS, "Denied"),
            (Errno::PERM, "Denied"),
            (Errno::NOSPC, "Full"),
            (Errno::DQUOT, "Full"),
            (Errno::ROFS, "ReadOnly"),
            (Errno::STALE, "Unavailable"),
            (Errno::TIMEDOUT, "Unavailable"),
            (Errno::MFILE, "Unavailable"),
            (Errno::HOSTDOWN, "Unavailable"),
            (Errno::IO, "Other"),
            (Errno::XDEV, "Other"),
        ] {
            let error = of_place(errno.into(), Attempt::new(Operation::Put, "a", "file:///x"));
            assert!(format!("{error:?}").starts_with(expected), "{errno:?}: {error:?}");
            assert_eq!(error.is_transient(), expected == "Unavailable");
        }
    }
}

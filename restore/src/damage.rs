//! Tells data that is lost from a repository that cannot be reached at the moment.
//!
//! A drill fails on the first and is aborted by the second; a restore lists both.

use repository::keys::KeyError;
use repository::reader::ReadError;
use stores::error::StoreError;

use crate::report::Step;

/// Whether the repository answered and what it has is missing or damaged.
pub fn is_damage(error: &ReadError) -> bool {
    match error {
        ReadError::Unknown(_) | ReadError::Damaged { .. } | ReadError::Tree { .. } => true,
        ReadError::Store { source, .. } => {
            matches!(source, StoreError::NotFound { .. } | StoreError::OutOfRange { .. } | StoreError::Corrupt { .. })
        }
        // A key object that is lost is lost data; a key that does not fit is a key that does not fit.
        ReadError::Key(error) => matches!(&**error, KeyError::Missing { .. } | KeyError::Damaged { .. }),
        ReadError::Cache { .. } | ReadError::Sink(_) | ReadError::Cancelled | ReadError::Stopped => false,
    }
}

/// The step of a problem that comes from `error`.
pub(crate) fn step(error: &ReadError) -> Step {
    if is_damage(error) { Step::Read } else { Step::Reach }
}

/// An error with its causes, in one line.
pub(crate) fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += ": ";
        text += &error.to_string();
        cause = error.source();
    }
    text
}

//! A fault that was found in a repository, in a form that is reported and never thrown.

use crate::snapshots::SnapshotId;

/// One damaged or missing object, and who needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its key in the store.
    pub object: String,
    /// What is wrong with it.
    pub what: String,
    /// Snapshots that need it, where that is known.
    pub snapshots: Vec<SnapshotId>,
    /// Paths that need it, where they are known.
    pub paths: Vec<String>,
}

impl Finding {
    /// A finding of which only the object is known.
    #[expect(clippy::needless_pass_by_value, reason = "keys and texts come as they are at hand, borrowed or not")]
    pub fn new(object: impl ToString, what: impl ToString) -> Self {
        Self { object: object.to_string(), what: what.to_string(), snapshots: Vec::new(), paths: Vec::new() }
    }
}

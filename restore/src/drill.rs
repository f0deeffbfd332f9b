//! Runs a recovery drill.
mod report;
mod spec;
pub use report::*;
pub use spec::*;

use std::sync::Arc;

use base::Clock;
use repository::keys::ReaderKey;
use repository::reader::ReaderOptions;
use repository::repository::Repository;
use tokio_util::sync::CancellationToken;

use crate::progress::Progress;

/// How the drill gets at the data.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// A key that opens it. A wrong one ends in a report: aborted, with the reason.
    pub key: &'a ReaderKey,
    /// How to read.
    pub options: &'a ReaderOptions,
}

/// Runs a drill. A drill that fails is a report and not an error; there is always a report.
pub async fn run(
    spec: &DrillSpec,
    access: Access<'_>,
    clock: &dyn Clock,
    progress: Arc<dyn Progress>,
    cancel: &CancellationToken,
) -> DrillReport {
    todo!("{spec:?} {access:?} {clock:?} {progress:?} {cancel:?}")
}

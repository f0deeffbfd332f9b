//! The facts of a restore point that reports carry.

use base::id::{DomainId, SourceId, WriterId};
use jiff::Timestamp;
use repository::snapshots::Snapshot;
use serde::{Deserialize, Serialize};

/// What identifies a restore point, as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointFacts {
    /// 64 hexadecimal digits.
    pub snapshot: String,
    /// What was backed up.
    pub source: SourceId,
    /// Who wrote it.
    pub writer: WriterId,
    /// Whose keys name its chunks.
    pub domain: DomainId,
    /// The host as it called itself.
    pub host: String,
    /// The paths that were backed up.
    pub paths: Vec<String>,
    /// When its source began to be read.
    pub taken: Timestamp,
    /// When the backup ended.
    pub finished: Timestamp,
    /// Whether everything of the source is in it.
    pub complete: bool,
}

impl From<&Snapshot> for PointFacts {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            snapshot: snapshot.id.to_string(),
            source: snapshot.source.clone(),
            writer: snapshot.writer.clone(),
            domain: snapshot.domain.clone(),
            host: snapshot.host.clone(),
            paths: snapshot.paths.clone(),
            taken: snapshot.taken,
            finished: snapshot.finished,
            complete: snapshot.complete,
        }
    }
}

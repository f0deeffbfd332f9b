//! Decides which restore points are kept, and why each.
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use crate::plan::Keep;

/// A restore point, as retention sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointInTime {
    /// Its name.
    pub id: String,
    /// When its source was read.
    pub taken: Timestamp,
    /// Whether everything of the source is in it.
    pub complete: bool,
}

/// What becomes of one restore point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name.
    pub id: String,
    /// When its source was read.
    pub taken: Timestamp,
    /// Why it is kept, like "daily 2026-11-24"; empty: it may go.
    pub reasons: Vec<String>,
}

/// Says for each point whether and why it is kept, newest first. Days, weeks and months are those of `zone`.
pub fn keep(keep: &Keep, points: &[PointInTime], zone: &TimeZone) -> Vec<Kept> {
    let _ = (keep, points, zone);
    todo!()
}

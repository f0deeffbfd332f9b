//! Legal holds and waivers: what is kept, and what is let pass, by someone's word.

use base::id::{ContactId, HoldId, SourceId};
use jiff::civil::Date;
use serde::Serialize;

/// Restore points that must not go, whatever retention says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegalHold {
    /// How the plan calls it.
    pub id: HoldId,
    /// Whose restore points.
    pub sources: Vec<SourceId>,
    /// The first day of the restore points that it holds.
    pub from: Date,
    /// The last of them; all later ones unless set.
    pub until: Option<Date>,
    /// Who ordered it.
    pub by: ContactId,
    /// Why.
    pub reason: String,
}

/// A rule of `plan check` that is let pass at one place, for a reason and a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiver {
    /// The rule, like "LB2104".
    pub rule: String,
    /// The part of the plan, like "sources/lims-pg"; it holds for all below.
    pub place: String,
    /// Why it is let pass.
    pub reason: String,
    /// Who answers for that.
    pub by: ContactId,
    /// The last day on which it holds.
    pub until: Date,
}

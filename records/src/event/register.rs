//! Records about rows of the registers: added, changed, archived, never deleted. `registers::ledger` folds them.
//!
//! All registers share these three, so that each row has the same history: who, when, why, what it held before and after.

use std::collections::BTreeMap;

use base::id::PlanId;
use serde::{Deserialize, Serialize};

/// What a row holds: the value of each field that is not empty, by the field's name.
pub type Row = BTreeMap<String, String>;

/// A row was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowAdded {
    /// Which register: "capa".
    pub register: String,
    /// The row's name: "CAPA-3".
    pub id: String,
    /// The plan it belongs to.
    pub plan: PlanId,
    /// What it holds.
    pub row: Row,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
}

/// Fields of a row were changed. Both values are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChanged {
    /// Which register.
    pub register: String,
    /// The row's name.
    pub id: String,
    /// The plan it belongs to.
    pub plan: PlanId,
    /// What the changed fields held; a field that was empty is absent.
    pub old: Row,
    /// What they hold now; a field that was emptied is absent.
    pub new: Row,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
}

/// A row is of no more use. It stays readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowArchived {
    /// Which register.
    pub register: String,
    /// The row's name.
    pub id: String,
    /// The plan it belongs to.
    pub plan: PlanId,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
}

//! When the plan is activated and stood down, and by whom (ISO 22301:2019, 8.4.2).

use serde::Serialize;

use super::Role;

/// A decision that the plan leaves to people: to activate it, or to stand it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Activation {
    /// The condition, in words.
    pub when: String,
    /// Roles whose holders may decide.
    pub by: Vec<Role>,
}

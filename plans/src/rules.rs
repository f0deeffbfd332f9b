//! The rules that a plan is checked by.
use crate::Severity;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// "LB2101"
    pub id: &'static str,
    /// How bad it is to break it.
    pub severity: Severity,
    /// One line.
    pub title: &'static str,
    /// One paragraph.
    pub explanation: &'static str,
}

/// What stands behind a rule's id.
pub fn explain(id: &str) -> Option<&'static Rule> {
    let _ = id;
    todo!()
}

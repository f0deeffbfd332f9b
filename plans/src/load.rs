//! Texts in, plan or faults out.

use crate::{Fault, Faults, Plan};

/// One text of a plan; a plan may be spread over several, which are merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// File name, for messages.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// A plan that passed, with what could still be better.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// What it promises less than it seems to, in the order of files and lines.
    pub warnings: Vec<Fault>,
}

/// Reads and checks a plan.
///
/// # Errors
/// Every fault at once, where at least one is an error.
pub fn load(texts: &[Text]) -> Result<Loaded, Faults> {
    let _ = texts;
    todo!()
}

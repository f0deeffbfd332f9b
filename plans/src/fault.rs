//! A fault in a plan: where, what, why, and the way out.
//!
//! `cli` draws them with the line and a caret, and writes them as JSON; nothing here prints.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The plan is usable, but promises less than it seems to.
    Warning,
    /// The plan is refused.
    Error,
}

/// One thing that is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The rule that was broken, like "LB2101"; [`crate::rules::explain`] knows more.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Name of the text, as it was given to [`crate::load::load`].
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The bytes of that text that a caret should point to.
    pub span: Range<usize>,
    /// The fact, lower case, one line.
    pub what: String,
    /// Why it matters, where that is not plain.
    pub why: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    /// "plan.yaml:3:8: error[LB2003]: what": one line, as compilers write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{}:{}:{}: {word}[{}]: {}", self.file, self.line, self.column, self.rule, self.what)
    }
}

/// Every fault of a plan that was refused, errors and warnings, in the order of files and lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// How many of them are errors.
    pub fn n_errors(&self) -> usize {
        self.0.iter().filter(|fault| fault.severity == Severity::Error).count()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.n_errors(), self.0.iter().find(|fault| fault.severity == Severity::Error)) {
            (1, Some(first)) => write!(f, "the plan has one error: {first}"),
            (n, Some(first)) => write!(f, "the plan has {n} errors, the first is {first}"),
            (_, None) => f.write_str("the plan has no error"),
        }
    }
}

impl std::error::Error for Faults {}

impl base::Hint for Faults {
    fn hint(&self) -> Option<String> {
        Some("see them all: lifeboat plan check".to_owned())
    }
}

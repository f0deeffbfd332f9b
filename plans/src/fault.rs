//! A fault in a plan: where, what, why, and the way out.
//!
//! `cli` draws them with the line and a caret, and writes them as JSON; nothing here prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use serde::Serialize;

use crate::document::node::At;
use crate::rules::Rule;

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
    /// The path of keys to the part that it is about, where it is about one: "sources/web/schedule". Waivers name it.
    pub place: Option<String>,
    /// The fact, lower case, one line.
    pub what: String,
    /// Why it matters, where that is not plain.
    pub why: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Fault {
    /// Whether the bytes that the span covers look like a secret. Whoever shows the line masks them: output of checks ends up in logs.
    pub fn covers_secret(&self) -> bool {
        self.rule == crate::rules::language::SECRET.id
    }
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

/// The most errors that are told, and the most warnings; what comes later is counted. Five of each for each of 10,000 services are told, and
/// beyond it a text is not a plan with mistakes but something else.
const MAX_OF_EACH: usize = 50_000;
/// The most names that a near one is looked for in any case, and the most that are compared beyond it: each takes a walk through all names that
/// there are, which in a plan of thousands of services would take minutes.
const MAX_LOOKUPS: usize = 400;
const MAX_COMPARED: usize = 100_000;

/// Takes faults in while a plan is read and checked.
#[derive(Debug)]
pub(crate) struct Collector {
    files: Vec<String>,
    faults: Vec<(usize, Fault)>,
    /// Where errors begin, in each file, and how many there: asked for every part of the plan.
    errors: BTreeMap<(usize, usize), usize>,
    rules: BTreeSet<&'static str>,
    n_lookups: usize,
    n_compared: usize,
    spare: Option<Fault>,
    warnings: Count,
    errors_told: Count,
}

/// How many faults of a severity were kept, and how many were not.
#[derive(Debug, Default)]
struct Count {
    kept: usize,
    dropped: usize,
}

impl Collector {
    /// Knows the names of the texts by their position.
    pub fn new(files: Vec<String>) -> Self {
        Self {
            files,
            faults: Vec::new(),
            errors: BTreeMap::new(),
            rules: BTreeSet::new(),
            n_lookups: 0,
            n_compared: 0,
            spare: None,
            warnings: Count::default(),
            errors_told: Count::default(),
        }
    }

    /// Takes a fault in, and hands it back so that a reason and a remedy can be added.
    pub fn add(&mut self, rule: &'static Rule, at: &At, what: String) -> &mut Fault {
        let file = self.file_name(at.file).to_owned();
        let severity = rule.severity;
        let fault = Fault {
            rule: rule.id,
            severity,
            file,
            line: at.line,
            column: at.column,
            span: at.span.clone(),
            place: None,
            what,
            why: None,
            hint: None,
        };
        self.rules.insert(rule.id);
        let count = if severity == Severity::Error { &mut self.errors_told } else { &mut self.warnings };
        if count.kept >= MAX_OF_EACH {
            count.dropped += 1;
            return self.spare.insert(fault); // only the place to write to is needed, not its history
        }
        count.kept += 1;
        if severity == Severity::Error {
            *self.errors.entry((at.file, at.span.start)).or_default() += 1;
        }
        &mut self.faults.push_mut((at.file, fault)).1
    }

    /// Name of a text.
    pub fn file_name(&self, file: usize) -> &str {
        self.files.get(file).map_or("plan", String::as_str)
    }

    /// Whether a rule was broken by now.
    pub fn has(&self, rule: &Rule) -> bool {
        self.rules.contains(rule.id)
    }

    /// Whether a near one of so many names is still looked for.
    pub fn looks_for_a_near_name(&mut self, n_names: usize) -> bool {
        self.n_lookups += 1;
        self.n_compared += n_names;
        self.n_lookups <= MAX_LOOKUPS || self.n_compared <= MAX_COMPARED
    }

    /// Takes out the faults that `waived` names, and hands them over.
    pub fn take(&mut self, waived: impl Fn(&Fault) -> bool) -> Vec<Fault> {
        let out: Vec<(usize, Fault)> = self.faults.extract_if(.., |(_, fault)| waived(fault)).collect();
        for (file, fault) in out.iter().filter(|(_, fault)| fault.severity == Severity::Error) {
            if let Some(n) = self.errors.get_mut(&(*file, fault.span.start)) {
                *n -= 1;
            }
        }
        self.errors.retain(|_, n| *n > 0);
        out.into_iter().map(|(_, fault)| fault).collect()
    }

    /// Whether an error was noted within some bytes of a text.
    pub fn any_error_within(&self, file: usize, bytes: Range<usize>) -> bool {
        self.errors_within(file, bytes).next().is_some()
    }

    /// Where errors were noted within some bytes of a text.
    pub fn errors_within(&self, file: usize, bytes: Range<usize>) -> impl Iterator<Item = usize> {
        // The end of a mapping in blocks is where the next key begins, which is no part of it.
        let within = self.errors.range((file, bytes.start)..(file, bytes.end.max(bytes.start + 1)));
        within.map(|((_, at), _)| *at)
    }

    /// What stands where a secret stands is told by the secret alone: other faults of that value may quote it.
    fn leave_secrets_alone(&mut self) {
        let secrets: BTreeSet<(usize, usize, usize)> = self
            .faults
            .iter()
            .filter(|(_, fault)| fault.covers_secret())
            .map(|(file, fault)| (*file, fault.span.start, fault.span.end))
            .collect();
        self.faults.retain(|(file, fault)| fault.covers_secret() || !secrets.contains(&(*file, fault.span.start, fault.span.end)));
    }

    /// The faults in the order of files, lines and columns, each once, and the count of those that are not told.
    pub fn finish(mut self) -> Vec<Fault> {
        self.leave_secrets_alone();
        self.faults.sort_by_key(|(file, fault)| (*file, fault.line, fault.column));
        self.faults.dedup_by(|(_, a), (_, b)| a == b);
        let what = match (self.errors_told.dropped, self.warnings.dropped) {
            (0, 0) => None,
            (0, warnings) => Some(format!("and {warnings} more, none of them an error")),
            (errors, 0) => Some(format!("and {errors} more errors")),
            (errors, warnings) => Some(format!("and {} more, {errors} of them errors", errors + warnings)),
        };
        if let Some((what, (file, last))) = what.zip(self.faults.last().cloned()) {
            let rule = &crate::rules::language::TOO_MANY_FAULTS;
            let hint = Some("mend the first ones and check again: one early slip often causes many".to_owned());
            self.faults.push((file, Fault { rule: rule.id, severity: rule.severity, place: None, what, why: None, hint, ..last }));
        }
        self.faults.into_iter().map(|(_, fault)| fault).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::language::{DUPLICATE, NOT_DONE, TOO_MANY_FAULTS};

    fn at(n: usize) -> At {
        At { file: 0, line: u32::try_from(n).unwrap(), column: 1, span: n..n + 1 }
    }

    /// Errors have a room of their own: no number of warnings hides one, so that none is let pass because there are too many of them.
    #[test]
    fn warnings_beyond_count_hide_no_error() {
        let mut faults = Collector::new(vec!["plan.yaml".to_owned()]);
        for n in 1..=MAX_OF_EACH + 7 {
            faults.add(&NOT_DONE, &at(n), "not done".to_owned());
        }
        faults.add(&DUPLICATE, &at(MAX_OF_EACH + 9), "twice".to_owned()).hint = Some("keep one".to_owned());
        assert!(faults.any_error_within(0, 0..usize::MAX));
        let told = faults.finish();
        assert_eq!(told.len(), MAX_OF_EACH + 2);
        let error = told.iter().find(|fault| fault.severity == Severity::Error).unwrap();
        assert_eq!((error.rule, error.hint.as_deref()), (DUPLICATE.id, Some("keep one")));
        let last = told.last().unwrap();
        assert_eq!((last.rule, last.what.as_str()), (TOO_MANY_FAULTS.id, "and 7 more, none of them an error"));
    }
}

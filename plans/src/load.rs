//! Texts in, plan or faults out.
//!
//! `cli` and `orchestrator` read the files and call [`load`]. It touches no file itself: what it says depends on the texts alone.

use jiff::civil::Date;
use serde::Serialize;

use crate::document::node::At;
use crate::document::places::Places;
use crate::document::shape::{self, Type};
use crate::document::{merge, parse, reuse, secrets, section};
use crate::fault::Collector;
use crate::plan::Waiver;
use crate::rules::language as rules;
use crate::{Fault, Faults, Plan, Severity, check, fingerprint};

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
    /// What waivers let pass.
    pub waived: Vec<Waived>,
}

/// A fault that a waiver lets pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waived {
    /// What was found.
    pub fault: Fault,
    /// By whose word it passes.
    pub waiver: Waiver,
}

/// The most texts that make up one plan.
pub const MAX_TEXTS: usize = 64;

/// Reads and checks a plan.
///
/// A text that is not YAML, or is too large, ends the reading after the faults of all texts were told, since the sections that it
/// holds would be missed everywhere. Every other fault is told in one go: keys, kinds, values, names, and what the plan means.
///
/// # Errors
/// Every fault at once, warnings among them, where at least one is an error.
pub fn load(texts: &[Text]) -> Result<Loaded, Faults> {
    load_on(texts, None)
}

/// Reads and checks a plan as [`load`] does, and refuses waivers that have ended by `today`. `plan check` asks so; the daemon does not, as
/// backups must not stop because a day has passed.
///
/// # Errors
/// Every fault at once, as for [`load`].
pub fn load_on(texts: &[Text], today: Option<Date>) -> Result<Loaded, Faults> {
    let mut faults = Collector::new(texts.iter().map(|text| text.name.clone()).collect());
    let read = read(texts, today, &mut faults);
    let found = faults.finish();
    match read {
        Some((plan, waived)) if found.iter().all(|fault| fault.severity == Severity::Warning) => {
            Ok(Loaded { plan, warnings: found, waived })
        }
        _ => Err(Faults(found)),
    }
}

fn read(texts: &[Text], today: Option<Date>, faults: &mut Collector) -> Option<(Plan, Vec<Waived>)> {
    let start = At { file: 0, line: 1, column: 1, span: 0..0 };
    if texts.len() > MAX_TEXTS {
        faults.add(&rules::TOO_LARGE, &start, format!("the plan is spread over {} files, at most {MAX_TEXTS} are read", texts.len()));
        return None;
    }
    let mut budget = parse::Budget::default();
    let parsed: Vec<_> = texts.iter().enumerate().map(|(file, text)| parse::parse(file, &text.text, &mut budget, faults)).collect();
    let documents: Vec<_> = parsed.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten().collect();
    if documents.is_empty() {
        faults.add(&rules::MISSING_KEY, &start, "the plan is empty".to_owned()).hint = Some("begin with \"lifeboat: 1\"".to_owned());
        return None;
    }
    let root = merge::merge(documents, faults);
    secrets::refuse(&root, faults);
    let fingerprint = fingerprint::material(&root);
    let root = reuse::expand(&root, &section::ROOT, faults);
    let top = At { span: root.at.span.start..root.at.span.start, ..root.at.clone() };
    shape::check(&root, &Type::Record(&section::ROOT), "the plan", &top, faults);
    let places = Places::of(&root);
    let plan = section::read(&root, fingerprint)?;
    let waived = check::run(&plan, &places, today, faults);
    Some((plan, waived))
}

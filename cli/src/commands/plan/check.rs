//! `lifeboat plan check`: every fault at once, with its line and a caret; or in the forms that continuous integration reads.

mod junit;
mod sarif;

use std::fmt::Write as _;
use std::path::PathBuf;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use plans::load::{Text, Waived};
use plans::{Fault, Severity};

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::plan_files;
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// Plan file or folder, instead of this host's plan
    path: Option<PathBuf>,
    /// Fail on warnings, too
    #[arg(long)]
    strict: bool,
    /// Write what was found in a form for continuous integration
    #[arg(long, value_enum, default_value_t = Format::Text, conflicts_with = "json")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Each fault with its line and a caret
    Text,
    /// One object, as with --json
    Json,
    /// SARIF 2.1.0, which code hosts show beside the changed lines
    Sarif,
    /// `JUnit` XML, one case a rule
    Junit,
}

#[derive(serde::Serialize)]
struct Checked<'a> {
    valid: bool,
    errors: usize,
    warnings: usize,
    faults: &'a [Fault],
    waived: &'a [Waived],
}

pub(crate) fn run(args: &CheckArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let output = if args.format == Format::Json { output.in_json() } else { output };
    let path = args.path.as_ref().unwrap_or(&settings.plan);
    let texts = plan_files::read(path)?;
    let today = crate::wiring::clock().now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let mut waived = Vec::new();
    let (plan, faults) = match plans::load::load_on(&texts, Some(today)) {
        Ok(loaded) => {
            waived = loaded.waived;
            (Some(loaded.plan), loaded.warnings)
        }
        Err(faults) => (None, faults.0),
    };
    let errors = faults.iter().filter(|fault| fault.severity == Severity::Error).count();
    let warnings = faults.len() - errors;
    let valid = plan.is_some() && !(args.strict && warnings > 0);
    let checked = Checked { valid, errors, warnings, faults: &faults, waived: &waived };
    match args.format {
        Format::Sarif => output.data(&format!("{:#}", sarif::log(&faults, &waived, &texts))),
        Format::Junit => output.data(&junit::suite(&faults, &waived, args.strict)),
        Format::Text | Format::Json => output.answer("plan_check", &checked, || tell(plan.as_ref(), &faults, &waived, &texts)),
    }
    if errors + warnings > 0 {
        output.note(&format!("{}, {} in {}", count(errors, "error"), count(warnings, "warning"), path.display()));
    }
    Ok(if valid { Exit::Done } else { Exit::PlanInvalid })
}

fn tell(plan: Option<&plans::Plan>, faults: &[Fault], waived: &[Waived], texts: &[Text]) -> String {
    let texts = masked(texts, faults);
    let mut text: String = faults.iter().map(|fault| draw(fault, &texts) + "\n\n").collect();
    for Waived { fault, waiver } in waived {
        let _ =
            writeln!(text, "waived[{}] until {} by {}: {}\n  reason: {}\n", fault.rule, waiver.until, waiver.by, fault.what, waiver.reason); // a String takes all
    }
    if let Some(plan) = plan {
        let _ = writeln!(
            text, // a String takes all
            "The plan {} holds: {}, {}, {}, {}.",
            plan.id,
            count(plan.services.len(), "service"),
            count(plan.sources.len(), "source"),
            count(plan.drills.len(), "drill"),
            count(plan.threats.len(), "threat"),
        );
    }
    text
}

/// The texts with stars for whatever looks like a secret: what a check prints ends up in logs, and another fault may be drawn on the same line.
fn masked(texts: &[Text], faults: &[Fault]) -> Vec<Text> {
    let mut masked = texts.to_vec();
    for fault in faults.iter().filter(|fault| fault.covers_secret()) {
        for text in masked.iter_mut().filter(|text| text.name == fault.file) {
            let hidden = |part: &str| part.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect::<String>();
            if let Some(part) = text.text.get(fault.span.clone()).map(hidden) {
                text.text.replace_range(fault.span.clone(), &part); // as many bytes, so that all other places stay where they are
            }
        }
    }
    masked
}

/// What, why and the way out, for forms that have room for one text.
fn sentence(fault: &Fault) -> String {
    let why = fault.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let hint = fault.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}{why}{hint}", fault.what)
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// A fault with the line that it is in and a caret below the place.
fn draw(fault: &Fault, texts: &[Text]) -> String {
    let level = match fault.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(fault.what.as_str()).id(fault.rule);
    let mut group = match texts.iter().find(|text| text.name == fault.file) {
        Some(text) => {
            // Only the lines of the fault: whoever draws them counts every line that it is given, for each fault of a large plan anew.
            let end = fault.span.end.min(text.text.len());
            let start = fault.span.start.min(end);
            let from = text.text[..start].rfind('\n').map_or(0, |at| at + 1);
            let until = text.text[end..].find('\n').map_or(text.text.len(), |at| end + at);
            let mark = AnnotationKind::Primary.span(start - from..end - from);
            let mark = match &fault.why {
                Some(why) => mark.label(why.as_str()),
                None => mark,
            };
            title
                .element(Snippet::source(&text.text[from..until]).line_start(fault.line as usize).path(text.name.as_str()).annotation(mark))
        }
        None => Group::with_title(title),
    };
    if let Some(hint) = &fault.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    Renderer::styled().render(&[group])
}

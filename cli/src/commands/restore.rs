//! `lifeboat restore`: shown first, confirmed, restored to a new place, compared.
//!
//! Nothing is written before the preview was shown. What is there already is touched only on the word of whoever asked.

mod into;
mod tell;

use std::ffi::OsString;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use base::id::RepositoryId;
use orchestrator::jobs::restore::{Order, apply, prepare};
use orchestrator::{Facts, Parts};
use plans::Plan;
use repository::snapshots::Snapshot;
use restore::address::Address;
use restore::pattern::Pattern;
use restore::plan::{InTheWay, PlanOptions, Preview};
use restore::report::{Outcome, RestoreReport, Step};
use restore::tree::{Layout, Selection};

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::output::progress::RestoreBar;
use crate::points::Chosen;
use crate::settings::Settings;
use crate::{moment, plan_files, points, signals, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// Restore point, by the beginning of its id or as a source or service (its newest), and a path in it
    #[arg(value_name = "POINT[:PATH]")]
    point: OsString,
    /// Folder to restore to; ./restore-SOURCE-POINT when left out
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// The newest restore point at or before this time, with its zone: 2026-11-24T01:00Z, or 01:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Only what matches, like '*.conf' or '/srv/**/x'; several times for several patterns
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,
    /// Read from this repository of the plan
    #[arg(long, value_name = "REPOSITORY")]
    from: Option<RepositoryId>,
    /// What to do with files that are there already; without it the folder must be new or empty
    #[arg(long, value_name = "WHAT")]
    existing: Option<Existing>,
    #[command(flatten)]
    fill: into::IntoArgs,
    /// Show what would be done, and do nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Restore what gives rights, too: setuid and setgid bits, capabilities, devices, immutable and append-only flags
    #[arg(long)]
    special_bits: bool,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Look at the restore points that there were at this time, with its zone, those among them that were dropped since
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Existing {
    /// Stop if anything is at a place that would be written to
    Refuse,
    /// Write over files that differ from the restore point
    Replace,
    /// Leave what is there, restore the rest around it
    Keep,
}

pub(crate) async fn run(args: &RestoreArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let stop = signals::stop();
    let address = points::address(&args.point)?;
    let patterns = args.include.iter().map(|text| Pattern::parse(text).map_err(|error| Failure::of("LB0003", Exit::Usage, &error)));
    let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
    let at = args.at.as_deref().map(|text| moment::parse(text, wiring::clock().now())).transpose()?;
    let as_of = points::as_of(args.as_of.as_deref(), wiring::clock().now())?;
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    let rule = points::rule(&plan, &address.point, at)?;
    // A store that does not answer must not keep whoever says stop.
    let found = stop.run_until_cancelled(points::find(&parts, &plan, &rule, args.from.as_ref(), as_of, output)).await;
    let chosen = found.unwrap_or_else(|| Err(Failure::interrupted().fix(from_the_start(args))))?;
    if let Some(into) = &args.fill.into {
        let asked = into::Asked { args, into, address: &address };
        return into::run(asked, &plan, &parts, &chosen, &stop, output).await;
    }
    let order = order(args, &address, patterns, &chosen, &facts);
    let again = again(args, &order, &chosen.snapshot);
    let interrupted = |failure: Failure| if failure.exit == Exit::Interrupted { failure.fix(again.clone()) } else { failure };
    let planned = prepare(&chosen.reader, &chosen.snapshot, &order, &stop).await.map_err(|error| interrupted(error.into()))?;
    show(planned.preview(), &chosen, &plan, &facts, &parts, args, output);
    if let Some(refusal) = planned.refusals().first() {
        return Err(refused(refusal, args.existing));
    }
    if args.dry_run {
        return Ok(if planned.preview().findings.is_empty() { Exit::Done } else { Exit::Damage });
    }
    if !args.yes {
        confirm(planned.preview(), output)?;
    }
    let bar = Arc::new(RestoreBar::new(output));
    let done = apply(&parts, planned, &chosen.reader, &order, Arc::<RestoreBar>::clone(&bar), &stop).await;
    bar.clear();
    let report = done.map_err(|error| interrupted(error.into()))?;
    let whole = order.selection.paths.is_empty() && order.selection.patterns.is_empty();
    output.answer("restore", &report, || tell::result(&report, whole.then_some(chosen.snapshot.stats.files)));
    tell::problems(&report, output);
    if exit(&report) == Exit::Damage {
        tell::another(&chosen, output);
    }
    Ok(exit(&report))
}

/// What cannot be had from the repository is damage; what could not be written may work the next time.
fn exit(report: &RestoreReport) -> Exit {
    let lost = |step: Step| matches!(step, Step::Refuse | Step::Read | Step::Compare);
    match report.outcome {
        Outcome::Complete => Exit::Done,
        Outcome::Incomplete if report.problems.iter().any(|problem| lost(problem.step)) => Exit::Damage,
        Outcome::Incomplete => Exit::Incomplete,
    }
}

fn refused(refusal: &restore::plan::Refusal, existing: Option<Existing>) -> Failure {
    use restore::plan::Refusal;
    let failure = Failure::of("LB0250", Exit::Failed, refusal);
    match refusal {
        Refusal::NotEmpty { other: None, .. } | Refusal::InTheWay { .. } => {
            // What was asked for has been refused: to offer it again helps nobody.
            failure.fix(match existing {
                None | Some(Existing::Refuse) => "choose a new folder with --to FOLDER, or say what to do: --existing replace, or --existing keep",
                Some(Existing::Replace) => {
                    "choose a new folder with --to FOLDER, or move away what is in the way: a file is not written over a folder, nor a folder over a file"
                }
                Some(Existing::Keep) => "choose a new folder with --to FOLDER",
            })
        }
        _ => failure,
    }
}

fn order(args: &RestoreArgs, address: &Address, patterns: Vec<Pattern>, chosen: &Chosen, facts: &Facts) -> Order {
    let snapshot = &chosen.snapshot;
    let new_place = || PathBuf::from(format!("./restore-{}-{}", snapshot.source, snapshot.id.short()));
    let in_the_way = match args.existing {
        None => InTheWay::NewPlace,
        Some(Existing::Refuse) => InTheWay::Refuse,
        Some(Existing::Replace) => InTheWay::Replace,
        Some(Existing::Keep) => InTheWay::Keep,
    };
    Order {
        target: args.to.clone().unwrap_or_else(new_place),
        selection: Selection {
            paths: address.path.clone().into_iter().filter(|path| !path.is_root()).collect(),
            patterns,
            // A path that was named goes to the target itself; everything goes below it under its whole path.
            layout: address.path.clone().filter(|path| !path.is_root()).map_or(Layout::Full, Layout::Below),
        },
        options: PlanOptions { in_the_way, rate: rate(facts, snapshot), ignore_space: false },
        special_bits: args.special_bits,
        reason: args.reason.clone(),
    }
}

/// Bytes a second that the last drill of the same source reached.
fn rate(facts: &Facts, snapshot: &Snapshot) -> Option<u64> {
    let of = |record: &&Arc<records::drill::DrillRecord>| record.recovery_points.iter().any(|point| point.source == snapshot.source);
    let record = facts.drills.iter().rev().filter(of).find(|record| record.measured.rto_data_ms.is_some())?;
    record.integrity.bytes.checked_mul(1000)?.checked_div(record.measured.rto_data_ms?)
}

/// The command that goes on: the newest restore point may be another one by then, so it names this one.
fn again(args: &RestoreArgs, order: &Order, snapshot: &Snapshot) -> String {
    let path = order.selection.paths.first().map(|path| format!(":{path}")).unwrap_or_default();
    let include = args.include.iter().fold(String::new(), |text, pattern| text + " --include '" + pattern + "'");
    format!(
        "the same restore goes on where it stopped: lifeboat restore {}{path} --to {}{include}",
        snapshot.id.short(),
        order.target.display()
    )
}

/// How to restore after nothing was written: as it was typed.
fn from_the_start(args: &RestoreArgs) -> String {
    let to = args.to.as_ref().map(|to| format!(" --to {}", to.display())).unwrap_or_default();
    let include = args.include.iter().fold(String::new(), |text, pattern| text + " --include '" + pattern + "'");
    format!("nothing was written yet; begin again: lifeboat restore {}{to}{include}", args.point.display())
}

fn show(preview: &Preview, chosen: &Chosen, plan: &Plan, facts: &Facts, parts: &Parts, args: &RestoreArgs, output: Output) {
    let is_whole = args.include.is_empty() && args.point.to_string_lossy().find(':').is_none();
    let text = || tell::preview(preview, chosen, is_whole, plan, facts, parts.clock.now());
    if args.dry_run {
        output.answer("restore_preview", preview, text);
    } else {
        output.note(&text());
    }
}

/// Asks on a terminal. Without one, only a restore to a new place goes on without `--yes`.
fn confirm(preview: &Preview, output: Output) -> Result<(), Failure> {
    if output.is_json() || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let touches = !preview.replaces.is_empty() || !preview.keeps.is_empty() || preview.compares > 0;
        return if touches && !preview.resumes {
            Err(Failure::new("LB0252", Exit::Usage, "things are in the way, and nobody is there to be asked")
                .fix("look at them with --dry-run, then give --yes"))
        } else {
            Ok(())
        };
    }
    answer(output)
}

/// Asks on a terminal whether to go on; without one nobody is asked.
fn ask(output: Output) -> Result<(), Failure> {
    let is_script = output.is_json() || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal();
    if is_script { Ok(()) } else { answer(output) }
}

fn answer(output: Output) -> Result<(), Failure> {
    output.question("Restore? [y/N] ");
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    let yes = read.is_ok() && matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if yes {
        Ok(())
    } else {
        Err(Failure::new("LB0253", Exit::Failed, "nothing was restored: the answer was no").fix("answer y, or give --yes"))
    }
}

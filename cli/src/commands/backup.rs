//! `lifeboat backup`: back up what is named, or what is due.

use std::os::fd::AsFd as _;
use std::sync::Arc;

use base::ByteSize;
use base::id::{RepositoryId, SourceId};
use base::span::human;
use orchestrator::jobs::backup::{Input, Order, run_with as back_up};
use orchestrator::jobs::open::unknown;
use orchestrator::{Facts, Parts};
use plans::Plan;
use plans::plan::{Source, SourceKind};
use records::event::Trigger;

use crate::failure::{Exit, Failure};
use crate::output::progress::BackupBar;
use crate::output::{Output, counted};
use crate::settings::Settings;
use crate::{plan_files, signals, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// Services or sources of the plan; all when left out
    #[arg(value_name = "SERVICE|SOURCE")]
    what: Vec<String>,
    /// Only what the schedule asks for now, as the daemon would
    #[arg(long)]
    due: bool,
    /// Read standard input to its end and back it up as this one source, whose kind in the plan is stdin
    ///
    /// Whether the program before the pipe failed cannot be seen from here. Where that matters, let lifeboat start
    /// the program: a source of kind command, whose exit code decides.
    #[arg(long, conflicts_with = "due", requires = "what")]
    stdin: bool,
    /// Only to this repository of the plan
    #[arg(long, value_name = "ID")]
    to: Option<RepositoryId>,
    /// Say what would be backed up where, and do nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

/// How many notes and errors are shown; all are in the restore point.
const MAX_SHOWN: usize = 20;

#[derive(serde::Serialize)]
struct Planned {
    source: SourceId,
    repository: RepositoryId,
}

#[derive(serde::Serialize)]
struct Done {
    source: SourceId,
    repository: RepositoryId,
    snapshot: String,
    complete: bool,
    files: u64,
    files_new: u64,
    files_changed: u64,
    files_unchanged: u64,
    bytes: u64,
    bytes_new: u64,
    bytes_stored: u64,
    vanished: u64,
    changed_while_read: u64,
    grew_while_read: u64,
    errors: u64,
    took_ms: u64,
}

pub(crate) async fn run(args: &BackupArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    let orders = orders(args, &plan, &facts, &parts)?;
    if args.dry_run {
        let planned: Vec<_> =
            orders.iter().map(|order| Planned { source: order.source.clone(), repository: order.repository.clone() }).collect();
        output.answer("backup_plan", &planned, || {
            planned.iter().map(|p| format!("would back up {} to {}\n", p.source, p.repository)).collect::<Vec<_>>().concat()
        });
        return Ok(Exit::Done);
    }
    if orders.is_empty() {
        output.note("nothing is due");
    }
    if args.stdin && orders.len() != 1 {
        let what = format!("standard input can be read once, and goes to {} places", orders.len());
        return Err(
            Failure::new("LB0003", Exit::Usage, what).fix("name one source and one repository: lifeboat backup SOURCE --stdin --to ID")
        );
    }
    let stop = signals::stop();
    let mut worst: Result<Exit, Failure> = Ok(Exit::Done);
    for order in orders {
        let bar = Arc::new(BackupBar::new(output, &order.source));
        let input = args.stdin.then(standard_input).transpose()?;
        match back_up(&parts, &plan, &order, input, Arc::<BackupBar>::clone(&bar), stop.child_token()).await {
            Ok(report) => {
                bar.clear();
                tell(&order, &report, output);
                if !report.complete && worst.is_ok() {
                    worst = Ok(Exit::Incomplete);
                }
                if let Some(failure) = hooks_failed(&order, &report)
                    && let Err(earlier) = std::mem::replace(&mut worst, Err(failure))
                {
                    output.failure(&earlier);
                }
            }
            Err(error) => {
                bar.clear();
                let failure = Failure::from(error);
                // One source that fails stops no other; the last failure ends the command, those before it are told here.
                if let Err(earlier) = std::mem::replace(&mut worst, Err(failure)) {
                    output.failure(&earlier);
                }
            }
        }
        if stop.is_cancelled() {
            break;
        }
    }
    let exit = worst?;
    next(&plan, &facts, output);
    Ok(exit)
}

/// Standard input, read on threads that may block.
fn standard_input() -> Result<Input, Failure> {
    let own = std::io::stdin().as_fd().try_clone_to_owned();
    let own = own.map_err(|error| Failure::from_error("LB0001", Exit::Failed, &error))?;
    Ok(Box::new(tokio::fs::File::from_std(std::fs::File::from(own))))
}

/// What is to be done: the named sources, to each of their repositories.
fn orders(args: &BackupArgs, plan: &Plan, facts: &Facts, parts: &Parts) -> Result<Vec<Order>, Failure> {
    let sources = sources(plan, &args.what)?;
    if let Some(id) = &args.to
        && !plan.repositories.contains_key(id)
    {
        return Err(unknown("repository", id.as_str(), plan.repositories.keys()).into());
    }
    let wanted = |repository: &RepositoryId| args.to.as_ref().is_none_or(|to| to == repository);
    if args.due {
        let now = parts.clock.now();
        let due = plans::backup::due(plan, &facts.backup_starts(now), now).into_iter();
        let due = due.filter(|due| sources.contains(&due.source) && wanted(&due.repository));
        let order = |due: plans::backup::BackupDue| Order {
            trigger: if due.missed > 1 { Trigger::CatchUp } else { Trigger::Schedule },
            planned_at: Some(due.planned_at),
            source: due.source,
            repository: due.repository,
        };
        return Ok(due.map(order).collect());
    }
    let mut orders = Vec::new();
    // What is piped in is backed up when somebody pipes it in, and not when everything is.
    let started = |source: &&Source| !args.what.is_empty() || !matches!(source.kind, SourceKind::Stdin(_));
    for source in sources.iter().filter_map(|id| plan.sources.get(id)).filter(started) {
        for repository in source.to.iter().filter(|id| wanted(id)) {
            let (source, repository) = (source.id.clone(), repository.clone());
            orders.push(Order { source, repository, trigger: Trigger::Manual, planned_at: None });
        }
    }
    Ok(orders)
}

/// The sources that the words name; a service stands for all of its sources.
fn sources(plan: &Plan, words: &[String]) -> Result<Vec<SourceId>, Failure> {
    if words.is_empty() {
        return Ok(plan.sources.keys().cloned().collect());
    }
    let mut sources = Vec::new();
    for word in words {
        let named: Vec<SourceId> = match (plan.services.get(word.as_str()), plan.sources.get(word.as_str())) {
            (Some(service), _) => service.sources.clone(),
            (None, Some(source)) => vec![source.id.clone()],
            (None, None) => {
                let known: Vec<String> =
                    plan.services.keys().map(ToString::to_string).chain(plan.sources.keys().map(ToString::to_string)).collect();
                return Err(unknown("service or source", word, known.iter()).into());
            }
        };
        sources.extend(named.into_iter().filter(|id| !sources.contains(id)).collect::<Vec<_>>());
    }
    Ok(sources)
}

fn tell(order: &Order, report: &backup::BackupReport, output: Output) {
    let stats = &report.snapshot.stats;
    let done = Done {
        source: order.source.clone(),
        repository: order.repository.clone(),
        snapshot: report.snapshot.id.to_string(),
        complete: report.complete,
        files: stats.files,
        files_new: stats.files_new,
        files_changed: stats.files_changed,
        files_unchanged: stats.files_unchanged,
        bytes: stats.bytes,
        bytes_new: stats.bytes_new,
        bytes_stored: stats.bytes_stored,
        vanished: report.vanished,
        changed_while_read: report.n_changed,
        grew_while_read: report.n_grown,
        errors: report.n_errors,
        took_ms: u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
    };
    // What is incomplete is wrong, and is told with --quiet, too.
    let say =
        |text: &dyn Fn() -> String| if report.complete { output.done("backup", &done, text) } else { output.answer("backup", &done, text) };
    say(&|| {
        let word = if report.complete { "done" } else { "INCOMPLETE" };
        format!(
            "{}  {word} in {}, restore point {} in {}\n     {} files: {} new, {} changed, {} unchanged; {} in all, {} new, {} stored\n",
            order.source,
            human(report.took),
            report.snapshot.id.short(),
            order.repository,
            stats.files,
            stats.files_new,
            stats.files_changed,
            stats.files_unchanged,
            ByteSize(stats.bytes),
            ByteSize(stats.bytes_new),
            ByteSize(stats.bytes_stored),
        )
    });
    if report.vanished > 0 {
        output.note(&format!("     {} vanished before they were read; that is not an error", counted(report.vanished, "file")));
    }
    if report.n_grown > 0 {
        let files = counted(report.n_grown, "file");
        output.note(&format!("     {files} grew while they were read, and are stored as long as they were then"));
    }
    if report.n_changed > 0 {
        output.warn(&format!(
            "{} kept changing while they were read: what is stored of them may be half old and half new; back up a \
             snapshot of the file system, or a dump of what writes to them",
            counted(report.n_changed, "file")
        ));
    }
    for note in report.notes.iter().take(MAX_SHOWN) {
        output.note(&format!("     note: {} {}: {}", crate::output::printable(&note.path), note.kind, note.detail));
    }
    if report.notes.len() > MAX_SHOWN {
        output.note(&format!("     and {} more notes", report.notes.len() - MAX_SHOWN));
    }
    for error in report.errors.iter().take(MAX_SHOWN) {
        output.warn(&format!("{} {}: {}", crate::output::printable(&error.path), error.kind, error.detail));
    }
    let unnamed = report.n_errors.saturating_sub(MAX_SHOWN as u64);
    if unnamed > 0 {
        output.warn(&format!("and {unnamed} more that could not be read"));
    }
    if !report.complete {
        output.warn("this restore point misses what is named above and counts for no objective");
    }
}

/// The data is safe, and something on this host may not be as it was: a person has to look.
fn hooks_failed(order: &Order, report: &backup::BackupReport) -> Option<Failure> {
    if report.hook_failures.is_empty() {
        return None;
    }
    let what = format!("{} is backed up to {}, and a hook after it failed", order.source, order.repository);
    let failure = Failure { causes: report.hook_failures.clone(), ..Failure::new("LB0242", Exit::Failed, what) };
    Some(failure.fix("see what the hook was to put in order, and run it by hand"))
}

fn next(plan: &Plan, facts: &Facts, output: Output) {
    let unproven =
        plan.drills.values().find(|drill| !facts.drills.iter().any(|record| record.identity.drill == drill.id && !record.identity.quick));
    match unproven {
        Some(drill) => output.next(&format!("lifeboat drill run {} --key-file FILE", drill.id), "prove that it can be restored"),
        None => output.next("lifeboat status", "can we recover?"),
    }
}

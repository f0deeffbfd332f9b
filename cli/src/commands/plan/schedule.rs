//! `lifeboat plan schedule`: the next runs of backups and drills.

use std::time::Duration;

use jiff::Timestamp;

use super::calendar;
use crate::failure::{Exit, Failure};
use crate::output::table::Table;
use crate::output::{Output, instant};
use crate::plan_files;
use crate::settings::Settings;
use crate::wiring;

#[derive(Debug, clap::Args)]
pub(crate) struct ScheduleArgs {
    /// How many runs of each to show
    #[arg(long, short = 'n', default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// Show runs of this kind alone
    #[arg(long, value_enum)]
    only: Option<Kind>,
    /// Write an iCalendar (RFC 5545) for a calendar to import; the same run always has the same UID
    #[arg(long, conflicts_with = "json")]
    ics: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// Backups of sources
    Backup,
    /// Drills that are announced
    Drill,
}

#[derive(serde::Serialize)]
struct Run {
    at: Timestamp,
    kind: &'static str,
    id: String,
    #[serde(skip)]
    lasts: Duration,
    #[serde(skip)]
    text: String,
}

/// How long a drill stands in a calendar: the plan does not say how long one takes.
const DRILL: Duration = Duration::from_hours(1);

pub(crate) fn run(args: &ScheduleArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let now = wiring::clock().now();
    let sources = plan.sources.values().map(|source| {
        let text = format!("Backs up {} to {}.", source.id, join(&source.to));
        ("backup", source.id.to_string(), &source.schedule, source.expect_run.at_least(), text)
    });
    let drills = plan.drills.values().filter(|drill| !drill.schedule.is_unannounced()).map(|drill| {
        let scenario = drill.scenario.as_ref().map(|scenario| format!(" {scenario}")).unwrap_or_default();
        ("drill", drill.id.to_string(), &drill.schedule, DRILL, format!("Recovers {}.{scenario}", join(&drill.services)))
    });
    let wanted = |kind: &str| match args.only {
        None => true,
        Some(Kind::Backup) => kind == "backup",
        Some(Kind::Drill) => kind == "drill",
    };
    let mut runs = Vec::new();
    for (kind, id, schedule, lasts, text) in sources.chain(drills).filter(|(kind, ..)| wanted(kind)) {
        let mut at = now;
        for _ in 0..args.count {
            let Some(next) = schedule.next_after(at) else { break };
            runs.push(Run { at: next, kind, id: id.clone(), lasts, text: text.clone() });
            at = next;
        }
    }
    runs.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    if args.ics {
        let entry = |run: Run| calendar::Entry { at: run.at, lasts: run.lasts, kind: run.kind, id: run.id, text: run.text };
        let entries: Vec<calendar::Entry> = runs.into_iter().map(entry).collect();
        output.data(&calendar::write(plan.id.as_str(), &plan.title, &entries, now));
        return Ok(Exit::Done);
    }
    output.answer("schedule", &runs, || {
        let mut table = Table::new(["UTC", "LOCAL", "WHAT", "OF"]);
        for run in &runs {
            table.row([instant::utc(run.at), instant::local(run.at, &plan.timezone), run.kind.to_owned(), run.id.clone()]);
        }
        table.render()
    });
    Ok(Exit::Done)
}

fn join<T: ToString>(ids: &[T]) -> String {
    ids.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

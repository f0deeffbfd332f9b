//! `lifeboat plan schedule`: the next runs of backups and drills.

use jiff::Timestamp;

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
}

#[derive(serde::Serialize)]
struct Run {
    at: Timestamp,
    kind: &'static str,
    id: String,
}

pub(crate) fn run(args: &ScheduleArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let now = wiring::clock().now();
    let sources = plan.sources.values().map(|source| ("backup", source.id.to_string(), &source.schedule));
    let drills =
        plan.drills.values().filter(|drill| !drill.schedule.is_unannounced()).map(|drill| ("drill", drill.id.to_string(), &drill.schedule));
    let mut runs = Vec::new();
    for (kind, id, schedule) in sources.chain(drills) {
        let mut at = now;
        for _ in 0..args.count {
            let Some(next) = schedule.next_after(at) else { break };
            runs.push(Run { at: next, kind, id: id.clone() });
            at = next;
        }
    }
    runs.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    output.answer("schedule", &runs, || {
        let mut table = Table::new(["UTC", "LOCAL", "WHAT", "OF"]);
        for run in &runs {
            table.row([instant::utc(run.at), instant::local(run.at, &plan.timezone), run.kind.to_owned(), run.id.clone()]);
        }
        table.render()
    });
    Ok(Exit::Done)
}

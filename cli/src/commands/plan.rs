//! `lifeboat plan …`: look at the plan without doing anything.

mod calendar;
mod check;
mod diff;
mod graph;
mod schedule;
mod schema;
mod show;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PlanCommand {
    /// Check the plan and name every fault at once
    Check(check::CheckArgs),
    /// Show what the plan changes against a commit of git, and what that does to RTO, RPO and copies
    Diff(diff::DiffArgs),
    /// Draw services and what they need, or the steps of a recovery workflow
    Graph(graph::GraphArgs),
    /// Show the plan as it is understood, defaults filled in
    Show,
    /// Show when backups and drills run next
    Schedule(schedule::ScheduleArgs),
    /// Print the JSON Schema of the plan language, for editors
    Schema,
}

pub(crate) fn run(command: &PlanCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    match command {
        PlanCommand::Check(args) => check::run(args, settings, output),
        PlanCommand::Diff(args) => diff::run(args, settings, output),
        PlanCommand::Graph(args) => graph::run(args, settings, output),
        PlanCommand::Show => show::run(settings, output),
        PlanCommand::Schedule(args) => schedule::run(args, settings, output),
        PlanCommand::Schema => schema::run(output),
    }
}

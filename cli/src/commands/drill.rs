//! `lifeboat drill …`: prove that what was backed up comes back.

mod list;
mod run;
mod show;
mod tell;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum DrillCommand {
    /// Run a drill now and record what came of it
    Run(run::RunArgs),
    /// Show each drill of the plan: last run, verdict, next
    List,
    /// Show the whole record of a run
    Show(show::ShowArgs),
}

pub(crate) async fn run(command: &DrillCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    match command {
        DrillCommand::Run(args) => run::run(args, settings, output).await,
        DrillCommand::List => list::run(settings, output).await,
        DrillCommand::Show(args) => show::run(args, settings, output).await,
    }
}

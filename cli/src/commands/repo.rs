//! `lifeboat repo …`: the places where copies live.

mod add;
mod list;
mod probe;

pub(crate) use probe::location;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum RepoCommand {
    /// Make a repository that the plan names, or let this host write to one that is there
    Add(add::AddArgs),
    /// List the plan's repositories, and whether this host reaches them and may write
    List,
    /// Find out what a store really does: some overwrite, some check nothing
    Probe(probe::ProbeArgs),
}

pub(crate) async fn run(command: &RepoCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    match command {
        RepoCommand::Add(args) => add::run(args, settings, output).await,
        RepoCommand::List => list::run(settings, output).await,
        RepoCommand::Probe(args) => probe::run(args, settings, output).await,
    }
}

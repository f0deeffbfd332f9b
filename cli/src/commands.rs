//! One file a command, and the one place where they are listed.

pub(crate) mod completions;
pub(crate) mod explain;
mod man;
pub(crate) mod plan;
mod version;

use crate::arguments::{Arguments, Command};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments, output: &Output) -> Result<Exit, Failure> {
    let output = *output;
    let settings = || Settings::resolve(&arguments.global);
    match arguments.command {
        Command::Plan(command) => plan::run(&command, &settings()?, output),
        Command::Explain(args) => explain::run(&args, output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Man => man::run(output),
        Command::Version => version::run(output),
    }
}

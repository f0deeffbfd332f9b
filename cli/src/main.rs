//! The `lifeboat` command: reads arguments and settings, wires the parts together, prints, and chooses the exit code.
//!
//! It decides nothing of its own: every rule lives in the crates that it calls.

mod arguments;
mod commands;
mod failure;
mod output;
mod plan_files;
mod private_file;
mod secrets;
mod settings;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = output::Output::new(&arguments.global);
    match commands::run(arguments, &output) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

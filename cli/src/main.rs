//! The `lifeboat` command: reads arguments and settings, wires the parts together, prints, and chooses the exit code.
//!
//! It decides nothing of its own: every rule lives in the crates that it calls.

mod arguments;
mod commands;
mod failure;
mod key_files;
mod logs;
mod look;
mod maintain;
mod moment;
mod next_steps;
mod output;
mod plan_files;
mod points;
mod private_file;
mod secrets;
mod settings;
mod signals;
mod signing_key;
mod who;
mod wiring;

use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::failure::{Exit, Failure};

fn main() -> ExitCode {
    let arguments = Arguments::from_people();
    let output = output::Output::new(&arguments.global);
    logs::start(&arguments);
    // The one TLS backend. A second call would fail, and there is none.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.map_err(|error| Failure::from_error("LB0001", Exit::Failed, &error)).and_then(|runtime| {
        let result = runtime.block_on(commands::run(arguments, output));
        // A thread that waits for a store that hangs must not keep a cancelled command.
        runtime.shutdown_timeout(std::time::Duration::from_secs(2));
        result
    });
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

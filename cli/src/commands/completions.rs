//! `lifeboat completions SHELL`.

use clap::CommandFactory as _;

use crate::arguments::Arguments;
use crate::failure::{Exit, Failure};
use crate::output::Output;

#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell that the script is for
    shell: clap_complete::Shell,
}

#[expect(clippy::unnecessary_wraps, reason = "all commands answer alike")]
pub(crate) fn run(args: &CompletionsArgs, output: Output) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "lifeboat", &mut script);
    output.data(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

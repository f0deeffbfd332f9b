//! `lifeboat key …`: keys of people and of this host.

mod check;
mod new;
mod revoke;
pub(crate) mod role;
mod rotate;
mod sheet;
mod show;
mod split;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key: for recovery, for signing evidence or reviews, or for a host or steward of a repository
    New(new::NewArgs),
    /// Show the keys of this host and of the plan; with --key-file, prove that the key opens the repositories
    Show,
    /// End the right of a host to write, or of a steward to sign
    Revoke(revoke::RevokeArgs),
    /// Bring those who can open a repository in line with the plan, and encrypt to a new key from then on
    Rotate(rotate::RotateArgs),
    /// Key drill: prove that the keys at hand open all that they must, and write it down
    Check(check::CheckArgs),
    /// Split a recovery key into shares for several people, of which some give it back
    Split(split::SplitArgs),
    /// Put a recovery key together again from its shares
    Combine(split::CombineArgs),
    /// Print the recovery sheet of a key, for paper
    Sheet(sheet::SheetArgs),
}

pub(crate) async fn run(command: &KeyCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    match command {
        KeyCommand::New(args) => new::run(args, settings, output).await,
        KeyCommand::Show => show::run(settings, output).await,
        KeyCommand::Revoke(args) => revoke::run(args, settings, output).await,
        KeyCommand::Rotate(args) => rotate::run(args, settings, output).await,
        KeyCommand::Check(args) => check::run(args, settings, output).await,
        KeyCommand::Split(args) => split::split(args, settings, output),
        KeyCommand::Combine(args) => split::combine(args, output),
        KeyCommand::Sheet(args) => sheet::run(args, settings, output).await,
    }
}

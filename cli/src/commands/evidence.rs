//! `lifeboat evidence …`: a pack for an auditor, and the verification of one.

mod export;
mod verify;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum EvidenceCommand {
    /// Write a signed pack about a period: report, records, tables, and a script that verifies it
    Export(export::ExportArgs),
    /// Verify a pack: files, signature, chain of records, and every figure computed again
    Verify(verify::VerifyArgs),
}

pub(crate) async fn run(command: &EvidenceCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    match command {
        EvidenceCommand::Export(args) => export::run(args, settings, output).await,
        EvidenceCommand::Verify(args) => verify::run(args, output),
    }
}

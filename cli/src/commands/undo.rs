//! `lifeboat undo`: puts back what a restore in place moved aside.
//!
//! What the restore had put there goes into the same folder, so that nothing is deleted and no question is needed.

use std::path::PathBuf;

use orchestrator::jobs::restore::undo;
use restore::undo::UndoReport;
use serde::Serialize;

use crate::failure::{Exit, Failure};
use crate::output::number::counted;
use crate::output::{Output, printable};
use crate::settings::Settings;
use crate::{signals, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct UndoArgs {
    /// Folders that a restore in place named: .lifeboat-aside-…
    #[arg(value_name = "FOLDER", required = true)]
    folders: Vec<PathBuf>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    undone: &'a [UndoReport],
}

pub(crate) async fn run(args: &UndoArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let stop = signals::stop();
    let parts = wiring::parts(settings, wiring::person()).await?;
    let mut reports = Vec::new();
    for folder in &args.folders {
        reports.push(undo(&parts, folder, args.reason.clone(), &stop).await?);
    }
    output.answer("undo", &Answer { undone: &reports }, || reports.iter().map(told).collect());
    for report in &reports {
        for problem in &report.problems {
            output.warn(&format!("{}: {}", printable(&problem.path), printable(&problem.what)));
        }
        for gap in &report.gaps {
            output.note(&format!("  {}: {} ({})", printable(&gap.path), printable(&gap.why), printable(&gap.what)));
        }
    }
    let is_whole = reports.iter().all(|report| report.problems.is_empty());
    if !is_whole {
        output.note("Everything else is back. The same command tries again what is not.");
    }
    Ok(if is_whole { Exit::Done } else { Exit::Incomplete })
}

fn told(report: &UndoReport) -> String {
    let back = counted(report.put_back, "thing");
    let out = counted(report.taken_out, "thing");
    let folder = printable(&report.folder.display().to_string());
    format!("Put back {back}; {out} that the restore had brought lie in {folder} now\n")
}

//! `lifeboat suspicion`: restore points that look as if something had gone through the files, until a person says that all is well.

use std::fmt::Write as _;

use base::id::{RepositoryId, SourceId};
use jiff::Timestamp;
use orchestrator::jobs::JobError;
use orchestrator::jobs::backup::suspicion::{clear, known};
use serde::Serialize;

use crate::failure::{Exit, Failure};
use crate::output::number::counted;
use crate::output::{Output, instant};
use crate::settings::Settings;
use crate::{plan_files, points, wiring};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum SuspicionCommand {
    /// List the sources with suspicious restore points, and why they are
    List,
    /// Say that all is well with a source, after a look at what changed
    Clear(ClearArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ClearArgs {
    /// Service or source
    #[arg(value_name = "SERVICE|SOURCE")]
    what: String,
    /// Why all is well, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Serialize)]
struct Line {
    source: SourceId,
    repository: RepositoryId,
    since: Timestamp,
    reasons: Vec<String>,
    snapshots: Vec<String>,
}

pub(crate) async fn run(command: &SuspicionCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    match command {
        SuspicionCommand::List => {
            let backups = known(&parts, &plan).await.map_err(JobError::from)?.backups;
            let lines: Vec<Line> = backups
                .into_iter()
                .filter_map(|((source, repository), state)| {
                    let suspicion = state.suspicion?;
                    Some(Line { source, repository, since: suspicion.since, reasons: suspicion.reasons, snapshots: suspicion.snapshots })
                })
                .collect();
            output.answer("suspicions", &lines, || lines.iter().map(told).collect());
            if lines.is_empty() {
                output.note("no restore point is suspicious");
            }
        }
        SuspicionCommand::Clear(args) => {
            let mut n_cleared = 0;
            for source in points::sources_of(&plan, &args.what)? {
                let cleared = clear(&parts, &plan, &source, &args.reason).await.map_err(JobError::from)?;
                n_cleared += cleared.iter().map(|(_, n)| n).sum::<usize>();
            }
            let n = n_cleared as u64;
            output.answer("suspicion_cleared", &n, || format!("{} suspicious no more\n", counted(n, "restore point")));
        }
    }
    Ok(Exit::Done)
}

fn told(line: &Line) -> String {
    let first = line.snapshots.first().map_or("", |id| id.get(..8).unwrap_or(id));
    let n = counted(line.snapshots.len() as u64, "restore point");
    let mut text = format!("{} in {}  since {first} of {}, {n}\n", line.source, line.repository, instant::utc(line.since));
    for reason in &line.reasons {
        let _ = writeln!(text, "    {reason}"); // writing to a String cannot fail
    }
    text
}

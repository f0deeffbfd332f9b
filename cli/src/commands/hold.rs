//! `lifeboat hold`: restore points that stay whatever retention says, until somebody releases them.

use base::Digest;
use base::id::RepositoryId;
use jiff::Timestamp;
use orchestrator::jobs::statement::{Saying, Speaker, say};
use orchestrator::jobs::{JobError, open};
use repository::prune::say::{at_risk, held};

use crate::failure::{Exit, Failure};
use crate::maintain::{self, Maintainer};
use crate::output::table::Table;
use crate::output::{Output, instant, printable};
use crate::settings::Settings;
use crate::{plan_files, points, who, wiring};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum HoldCommand {
    /// Hold restore points, for a reason
    Add(AddArgs),
    /// List the holds that nobody has released
    List(ListArgs),
    /// End a hold, for a reason
    Release(ReleaseArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Restore points of one repository, by the beginnings of their ids
    #[arg(value_name = "POINT", required = true)]
    points: Vec<String>,
    /// Why, for whoever wonders later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    maintainer: Maintainer,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only this repository of the plan
    #[arg(long, short, value_name = "ID")]
    repository: Option<RepositoryId>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReleaseArgs {
    /// The hold, by the beginning of its name
    #[arg(value_name = "HOLD")]
    hold: String,
    /// Why, for whoever wonders later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    maintainer: Maintainer,
}

#[derive(serde::Serialize)]
struct Line {
    hold: String,
    repository: RepositoryId,
    at: Timestamp,
    who: String,
    reason: String,
    snapshots: Vec<String>,
}

pub(crate) async fn run(command: &HoldCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    match command {
        HoldCommand::Add(args) => add(args, settings, output).await,
        HoldCommand::List(args) => list(args, settings, output).await,
        HoldCommand::Release(args) => release(args, settings, output).await,
    }
}

async fn add(args: &AddArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let who = who::named(args.maintainer.by.as_deref(), &plan, &parts)?;
    let (id, opened, snapshots) = maintain::find(&parts, &plan, args.maintainer.repository.as_ref(), &args.points).await?;
    let steward = args.maintainer.steward(&parts, &plan, &id, &opened).await?;
    let speaker = Speaker { steward: &steward, who: &who, reason: &args.reason };
    let saying = Saying::Hold(snapshots.clone());
    let hold = say(&parts, &id, &opened, speaker, &saying).await?.map(|hold| hold.to_string()).unwrap_or_default();
    for snapshot in at_risk(&opened, &snapshots).await.map_err(JobError::prune(&id))? {
        output.warn(&format!(
            "{} was dropped longer ago than the grace period: a prune that runs now may still delete its packs. Look again when none runs: \
             lifeboat check",
            snapshot.short()
        ));
    }
    let line = Line {
        hold,
        repository: id,
        at: parts.clock.now(),
        who,
        reason: args.reason.clone(),
        snapshots: snapshots.iter().map(ToString::to_string).collect(),
    };
    output.answer("hold", &line, || {
        let points: Vec<String> = snapshots.iter().map(repository::snapshots::SnapshotId::short).collect();
        format!("held in {}: {}\nhold        {}\n", line.repository, points.join(", "), short(&line.hold))
    });
    Ok(Exit::Done)
}

async fn all(parts: &orchestrator::Parts, plan: &plans::Plan, named: Option<&RepositoryId>) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for id in points::repositories(plan, named)? {
        let opened = open::repository(parts, plan, &id).await?;
        for (hold, told) in held(&opened).await.map_err(JobError::prune(&id))? {
            lines.push(Line {
                hold: hold.to_string(),
                repository: id.clone(),
                at: told.at,
                who: told.who,
                reason: told.reason,
                snapshots: told.snapshots.iter().map(ToString::to_string).collect(),
            });
        }
    }
    Ok(lines)
}

async fn list(args: &ListArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let lines = all(&parts, &plan, args.repository.as_ref()).await?;
    output.answer("holds", &lines, || {
        if lines.is_empty() {
            return String::new();
        }
        let mut table = Table::new(["HOLD", "IN", "SINCE", "BY", "POINTS", "REASON"]);
        for line in &lines {
            let points: Vec<&str> = line.snapshots.iter().map(|id| short(id)).collect();
            let (who, reason) = (printable(&line.who), printable(&line.reason));
            table.row([short(&line.hold).to_owned(), line.repository.to_string(), instant::utc(line.at), who, points.join(" "), reason]);
        }
        table.render()
    });
    if lines.is_empty() {
        output.note("nothing is held");
    }
    Ok(Exit::Done)
}

async fn release(args: &ReleaseArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let who = who::named(args.maintainer.by.as_deref(), &plan, &parts)?;
    let lines = all(&parts, &plan, args.maintainer.repository.as_ref()).await?;
    let mut named = lines.iter().filter(|line| args.hold.len() >= 4 && line.hold.starts_with(&args.hold));
    let (line, hold) = match (named.next(), named.next()) {
        (Some(line), None) => (line, line.hold.parse::<Digest>().ok()),
        (Some(_), Some(_)) => {
            return Err(Failure::new("LB0232", Exit::Usage, format!("several holds begin with {}", args.hold)).fix("type more digits"));
        }
        (None, _) => {
            return Err(Failure::new("LB0232", Exit::Failed, format!("there is no hold {}", args.hold)).fix("lifeboat hold list"));
        }
    };
    let Some(hold) = hold else { return Err(Failure::new("LB0232", Exit::Failed, format!("there is no hold {}", args.hold))) };
    let opened = open::repository(&parts, &plan, &line.repository).await?;
    let steward = args.maintainer.steward(&parts, &plan, &line.repository, &opened).await?;
    let speaker = Speaker { steward: &steward, who: &who, reason: &args.reason };
    say(&parts, &line.repository, &opened, speaker, &Saying::Release(hold)).await?;
    output.answer("release", line, || format!("released in {}: {}\n", line.repository, short(&line.hold)));
    Ok(Exit::Done)
}

fn short(name: &str) -> &str {
    name.get(..8).unwrap_or(name)
}

//! `lifeboat prune`: retention applied, and what nothing needs any more deleted, in two steps with a grace period between them.
//!
//! It says what becomes of each restore point and why, and then does it; in JSON there is one answer, after it is done. It needs a maintainer's key and none that reads; with one that
//! reads at hand it attests restore points first.

mod compact;
mod tell;

use base::id::RepositoryId;
use orchestrator::Parts;
use orchestrator::jobs::prune::{Confirmed, Done, Fate, Looked, Order, PointFate, carry_out, look};
use orchestrator::jobs::statement::{Saying, Speaker, say};
use orchestrator::jobs::{attest, open};
use plans::Plan;

use crate::failure::{Exit, Failure};
use crate::maintain::{self, Maintainer};
use crate::output::Output;
use crate::settings::Settings;
use crate::{plan_files, points, who, wiring};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct PruneArgs {
    #[command(subcommand)]
    other: Option<PruneCommand>,
    #[command(flatten)]
    apply: ApplyArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PruneCommand {
    /// Take back that a restore point was dropped, within the grace period
    Undo(UndoArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// Say for each restore point why it stays or goes, and do nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// A second person of the plan, who agrees that more goes than is usual; with --reason and --saw
    #[arg(long, value_name = "CONTACT", requires_all = ["reason", "saw"])]
    confirmed_by: Option<String>,
    /// What the second person has seen: the digits that --dry-run ends with, of each repository
    #[arg(long, value_name = "DIGITS", requires = "confirmed_by")]
    saw: Vec<String>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Store what is live in packs that are mostly dead anew, at once; needs keys that read and write
    #[arg(long, conflicts_with = "dry_run")]
    compact: bool,
    /// A writer's key of the domain that is compacted; this host's own when left out
    #[arg(long, value_name = "FILE", requires = "compact")]
    writer_key: Vec<std::path::PathBuf>,
    #[command(flatten)]
    maintainer: Maintainer,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UndoArgs {
    /// The restore point, by the beginning of its id
    #[arg(value_name = "POINT")]
    point: String,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", default_value = "it is still wanted")]
    reason: String,
    #[command(flatten)]
    maintainer: Maintainer,
}

#[derive(serde::Serialize)]
struct Answer {
    repository: RepositoryId,
    dry_run: bool,
    points: Vec<Line>,
    /// Restore points that are dropped now.
    dropped: u64,
    /// Packs that are named to be deleted later.
    condemned: u64,
    /// Packs that are deleted now.
    deleted: u64,
    deleted_bytes: u64,
    stored_bytes: u64,
    /// Bytes of packs that no restore point needs which is still to be had.
    unneeded_bytes: u64,
    attested: u64,
    /// What a compaction did; absent where none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    compacted: Option<compact::Told>,
    /// Packs that could be deleted and are locked.
    locked: u64,
    /// When the last of these locks ends.
    locked_until: Option<jiff::Timestamp>,
    /// Restore points that had been dropped, and are held from now on.
    held: u64,
    /// What a second person agrees to with --saw, where one is asked.
    agreement: Option<String>,
    waits: Vec<String>,
    refused: Vec<String>,
}

#[derive(serde::Serialize)]
struct Line {
    snapshot: String,
    source: Option<base::id::SourceId>,
    stored: Option<jiff::Timestamp>,
    fate: Fate,
    why: Vec<String>,
}

pub(crate) async fn run(args: &PruneArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    match &args.other {
        Some(PruneCommand::Undo(args)) => undo(args, settings, output).await,
        None => apply(&args.apply, settings, output).await,
    }
}

async fn apply(args: &ApplyArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    wiring::facts(&parts, &plan, settings).await?;
    let asks = who::named(args.maintainer.by.as_deref(), &plan, &parts)?;
    let confirmed = confirmed(args, &asks, &plan, &parts)?;
    let mut exit = Exit::Done;
    for id in points::repositories(&plan, args.maintainer.repository.as_ref())? {
        let order = Order { repository: id, who: asks.clone(), confirmed: confirmed.clone() };
        let ended = one(args, &parts, &plan, &order, output).await?;
        exit = if ended == Exit::Waits || exit == Exit::Done { ended } else { exit };
    }
    if exit == Exit::Waits {
        output.next("lifeboat prune --dry-run", "for a second person to look at; it ends with the digits for --saw");
        output.next("lifeboat prune --confirmed-by CONTACT --reason TEXT --saw DIGITS", "when that person agrees");
    }
    Ok(exit)
}

/// The second person: somebody of the plan who is not the one that asks.
fn confirmed(args: &ApplyArgs, asks: &str, plan: &Plan, parts: &Parts) -> Result<Option<Confirmed>, Failure> {
    let Some(by) = &args.confirmed_by else { return Ok(None) };
    let by = who::named(Some(by), plan, parts)?;
    if by == asks {
        return Err(Failure::new("LB0273", Exit::Waits, format!("{by} asks for it, and cannot be the second person as well"))
            .fix("name two: --by CONTACT --confirmed-by CONTACT"));
    }
    Ok(Some(Confirmed { by, reason: args.reason.clone().unwrap_or_default() }))
}

async fn one(args: &ApplyArgs, parts: &Parts, plan: &Plan, order: &Order, output: Output) -> Result<Exit, Failure> {
    let id = &order.repository;
    let opened = open::repository(parts, plan, id).await?;
    let key = parts.connect.reader_key().map_err(|error| Failure::of_connect(&error))?;
    let steward = if args.dry_run { None } else { Some(args.maintainer.steward(parts, plan, id, &opened).await?) };
    let mut attested = attest::Attested::default();
    if let (Some(steward), Some(_)) = (&steward, &key) {
        let reader = open::reader(parts, plan, id).await?;
        attested = attest::run(parts, id, &opened, &reader, steward).await?;
    }
    let looked = look(parts, plan, id, &opened, key.as_ref(), order.confirmed.is_some()).await?;
    if let (Some(confirmed), Some(wanted)) = (&order.confirmed, looked.agreement())
        && !args.saw.contains(&wanted)
    {
        return Err(Failure::new("LB0273", Exit::Waits, format!("what would go of {id} now is not what {} has seen", confirmed.by))
            .fix("lifeboat prune --dry-run shows it, and ends with the digits for --saw"));
    }
    // What goes is shown before it goes: whatever fails then, it is known which restore points it was about.
    if !output.is_json() {
        output.data(&tell::points(&looked.points.iter().map(line).collect::<Vec<_>>(), args.dry_run));
    }
    let done = match &steward {
        Some(steward) => carry_out(parts, plan, &opened, &looked, steward, order).await?,
        None => would_do(&looked),
    };
    let mut answer = answer(args, id, &looked, &done, attested.attested);
    if let (true, Some(steward)) = (args.compact, &steward) {
        answer.compacted = Some(compact::run(&args.writer_key, parts, plan, order, &opened, steward).await?);
    }
    output.answer("prune", &answer, || tell::text(&answer));
    for (object, what) in &attested.failed {
        output.warn(&format!("{id}: {object} {what}"));
    }
    for hinders in looked.hindrances().iter().chain(&done.refused) {
        output.warn(&format!("{id}: {hinders}"));
    }
    for waits in looked.plan.unattested.values().filter(|one| one.n_packs == 0) {
        output.note(&format!("{id}: {waits}; until somebody does, with lifeboat check --key-file FILE, nothing of its domain that is condemned later is deleted"));
    }
    if args.dry_run {
        return Ok(Exit::Done);
    }
    if !looked.alarms.is_empty() {
        return Ok(Exit::Waits);
    }
    if looked.hindrances().is_empty() && done.refused.is_empty() {
        return Ok(Exit::Done);
    }
    output.next("lifeboat check --key-file FILE", "attests restore points, and names what is damaged");
    Ok(Exit::Incomplete)
}

fn would_do(looked: &Looked) -> Done {
    Done {
        dropped: looked.drops.len() as u64,
        held: looked.holds.len() as u64,
        condemned: looked.plan.condemn.len() as u64,
        deleted: looked.plan.delete.len() as u64,
        deleted_bytes: looked.plan.delete_bytes,
        ..Done::default()
    }
}

fn line(point: &PointFate) -> Line {
    Line {
        snapshot: point.snapshot.to_string(),
        source: point.source.clone(),
        stored: point.stored,
        fate: point.fate,
        why: point.why.clone(),
    }
}

fn answer(args: &ApplyArgs, id: &RepositoryId, looked: &Looked, done: &Done, attested: u64) -> Answer {
    Answer {
        repository: id.clone(),
        dry_run: args.dry_run,
        points: looked.points.iter().map(line).collect(),
        dropped: done.dropped,
        condemned: done.condemned,
        deleted: done.deleted,
        deleted_bytes: done.deleted_bytes,
        stored_bytes: looked.stored_bytes,
        unneeded_bytes: looked.unneeded_bytes,
        attested,
        compacted: None,
        locked: done.locked,
        locked_until: done.locked_until,
        held: done.held,
        agreement: looked.agreement(),
        waits: looked.hindrances(),
        refused: done.refused.clone(),
    }
}

#[derive(serde::Serialize)]
struct Undone {
    repository: RepositoryId,
    snapshot: String,
}

async fn undo(args: &UndoArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let who = who::named(args.maintainer.by.as_deref(), &plan, &parts)?;
    let named = std::slice::from_ref(&args.point);
    let (id, opened, found) = maintain::find(&parts, &plan, args.maintainer.repository.as_ref(), named).await?;
    let steward = args.maintainer.steward(&parts, &plan, &id, &opened).await?;
    for snapshot in found {
        let speaker = Speaker { steward: &steward, who: &who, reason: &args.reason };
        say(&parts, &id, &opened, speaker, &Saying::Undo(snapshot)).await?;
        let undone = Undone { repository: id.clone(), snapshot: snapshot.to_string() };
        output.answer("undo", &undone, || format!("{} stays in {id}\n", snapshot.short()));
        output.note("While the plan's rule does not keep it, the next prune drops it again: lifeboat hold add keeps it.");
    }
    Ok(Exit::Done)
}

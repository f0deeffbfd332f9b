//! `lifeboat lock …`: whether what is needed is locked against deletion for as long as the plan says, and locks extended.

use base::id::RepositoryId;
use jiff::Timestamp;
use orchestrator::jobs::lock::{Looked, Renewed, declared, failed, look, renew, tell_weak};
use orchestrator::jobs::open;
use orchestrator::{JobError, Parts};
use plans::Plan;
use registers::facts::LockState;
use repository::finding::Finding;
use repository::repository::Repository;

use crate::failure::{Exit, Failure};
use crate::output::number::counted;
use crate::output::{Output, instant, printable};
use crate::settings::Settings;
use crate::{plan_files, points, wiring};

/// The most objects that are printed; `--json` has them all.
const MAX_SHOWN: usize = 20;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum LockCommand {
    /// Read the locks of all that is needed, and name those that are missing or shorter than promised
    Status(LockArgs),
    /// Extend the locks that are due, and mend those that are weaker than promised
    Renew(RenewArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct LockArgs {
    /// Only this repository of the plan
    #[arg(long, short, value_name = "ID")]
    repository: Option<RepositoryId>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RenewArgs {
    #[command(flatten)]
    which: LockArgs,
    /// Say which locks would be extended, and until when, and do nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

#[derive(serde::Serialize)]
struct Answer {
    repository: RepositoryId,
    mode: String,
    period_s: u64,
    /// The store's time when it was looked at.
    store_time: Timestamp,
    /// When a renewal last left no lock out, by the store's time.
    renewed_at: Option<Timestamp>,
    dry_run: bool,
    objects: u64,
    /// Packs that nothing needs: their locks run out.
    unneeded: u64,
    /// Locks that are due to be extended.
    due: u64,
    renewed: u64,
    /// Objects that are locked for less than was promised.
    weak: Vec<Line>,
    refused: Vec<Line>,
    unread: Vec<Line>,
    /// Why all packs count as needed.
    unclear: Vec<String>,
}

#[derive(serde::Serialize)]
struct Line {
    object: String,
    what: String,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Status,
    DryRun,
    Renew,
}

pub(crate) async fn run(command: &LockCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let (args, wish) = match command {
        LockCommand::Status(args) => (args, Wish::Status),
        LockCommand::Renew(args) => (&args.which, if args.dry_run { Wish::DryRun } else { Wish::Renew }),
    };
    let plan = plan_files::load(&settings.plan)?.plan;
    let chosen = chosen(&plan, args.repository.as_ref())?;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    if chosen.is_empty() {
        output.note("the plan declares no lock; one looks like this: lock: {mode: compliance, for: 90d}");
    }
    let mut exit = Exit::Done;
    for id in chosen {
        let ended = one(wish, &parts, &plan, &id, facts.register.locks.get(&id), output).await?;
        exit = if exit == Exit::Done || ended == Exit::Damage { ended } else { exit };
    }
    if exit == Exit::Damage && wish != Wish::Renew {
        output.next("lifeboat lock renew", "locks what is locked for too short a time; find out first who did that");
    }
    Ok(exit)
}

/// The repository that was named, which must have a lock, or all that have one.
fn chosen(plan: &Plan, named: Option<&RepositoryId>) -> Result<Vec<RepositoryId>, Failure> {
    let mut chosen = points::repositories(plan, named)?;
    if let Some(id) = named {
        declared(plan, id)?;
    }
    chosen.retain(|id| plan.repositories.get(id).is_some_and(|repository| repository.lock.is_some()));
    Ok(chosen)
}

async fn one(
    wish: Wish,
    parts: &Parts,
    plan: &Plan,
    id: &RepositoryId,
    known: Option<&LockState>,
    output: Output,
) -> Result<Exit, Failure> {
    output.note(&format!("reading the locks of {id} …"));
    let (opened, looked) = match at(parts, plan, id, known).await {
        Ok(found) => found,
        Err(error) => {
            if wish == Wish::Renew {
                failed(parts, id, &error).await?;
            }
            return Err(error.into());
        }
    };
    let done = match wish {
        Wish::Renew => renew(parts, id, &opened, &looked).await?,
        Wish::Status | Wish::DryRun => {
            tell_weak(parts, id, &looked).await?;
            Renewed::default()
        }
    };
    let answer = answer(wish, id, &looked, &done);
    output.answer("locks", &answer, || text(wish, &looked, &answer));
    for what in &answer.unclear {
        output.warn(&format!("{id}: all packs count as needed, since {}", printable(what)));
    }
    Ok(match wish {
        Wish::Renew if done.refused.is_empty() && looked.locks.unread.is_empty() => Exit::Done,
        Wish::Renew => Exit::Incomplete,
        _ if !looked.locks.weak.is_empty() => Exit::Damage,
        _ if !looked.locks.unread.is_empty() => Exit::Incomplete,
        _ => Exit::Done,
    })
}

async fn at(parts: &Parts, plan: &Plan, id: &RepositoryId, known: Option<&LockState>) -> Result<(Repository, Looked), JobError> {
    let opened = open::repository(parts, plan, id).await?;
    let looked = look(parts, plan, id, &opened, known).await?;
    Ok((opened, looked))
}

fn answer(wish: Wish, id: &RepositoryId, looked: &Looked, done: &Renewed) -> Answer {
    let lines = |findings: &[Finding]| -> Vec<Line> {
        findings.iter().map(|finding| Line { object: finding.object.clone(), what: finding.what.clone() }).collect()
    };
    Answer {
        repository: id.clone(),
        mode: looked.promise.mode.to_string(),
        period_s: looked.promise.period.as_secs(),
        store_time: looked.locks.now,
        renewed_at: if wish == Wish::Renew && done.refused.is_empty() { Some(looked.locks.now) } else { looked.promise.renewed },
        dry_run: wish == Wish::DryRun,
        objects: looked.locks.objects,
        unneeded: looked.locks.unneeded,
        due: looked.locks.due.len() as u64,
        renewed: done.renewed,
        weak: lines(&looked.locks.weak),
        refused: lines(&done.refused),
        unread: lines(&looked.locks.unread),
        unclear: looked.locks.unclear.clone(),
    }
}

fn text(wish: Wish, looked: &Looked, answer: &Answer) -> String {
    let mut out = String::new();
    let mut say = |line: String| {
        out.push_str(&line);
        out.push('\n');
    };
    let verdict = match (answer.weak.len() as u64, answer.unread.len() as u64) {
        (0, 0) => "all that is needed is locked for as long as promised".to_owned(),
        (0, n) => format!("the locks of {} could not be read", counted(n, "object")),
        (n, _) => format!("{} LOCKED FOR LESS than promised", counted(n, "object")),
    };
    say(format!("{}: {verdict}", answer.repository));
    let period = base::span::human(looked.promise.period);
    say(format!(
        "     {} read; each is locked for {period} when it is stored or renewed, {}",
        counted(answer.objects, "object"),
        answer.mode
    ));
    if answer.unneeded > 0 {
        say(format!("     {} that nothing needs: left to run out", counted(answer.unneeded, "pack")));
    }
    match (wish, answer.due) {
        (_, 0) => say("     none is due to be extended".to_owned()),
        (Wish::Renew, _) => say(format!("     {} extended", counted(answer.renewed, "lock"))),
        (_, n) => say(format!("     {} due to be extended", counted(n, "lock"))),
    }
    if let Some(at) = answer.renewed_at {
        say(format!("     last looked after at {}", instant::utc(at)));
    }
    if wish == Wish::DryRun {
        for (key, lock) in looked.locks.due.iter().take(MAX_SHOWN) {
            say(format!("  {key}  would be locked until {}", instant::utc(lock.until)));
        }
    }
    for (heading, lines) in [("weaker than promised", &answer.weak), ("refused", &answer.refused), ("not read", &answer.unread)] {
        if !lines.is_empty() {
            say(heading.to_owned());
        }
        for line in lines.iter().take(MAX_SHOWN) {
            say(format!("  {}\n    {}", printable(&line.object), printable(&line.what)));
        }
        if lines.len() > MAX_SHOWN {
            say(format!("  and {} more; --json has all", lines.len() - MAX_SHOWN));
        }
    }
    out
}

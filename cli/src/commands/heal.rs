//! `lifeboat heal`: fetch what is damaged or missing from other copies, put it beside what is damaged, and delete nothing.

use std::fmt::Write as _;

use base::ByteSize;
use base::span::human;
use repository::check::Level;
use repository::heal::{HealError, HealPlan, HealReport, apply, look};
use repository::repository::Repository;

use super::copy;
use super::repo::location;
use crate::failure::{Exit, Failure};
use crate::output::number::counted;
use crate::output::{Output, printable};
use crate::settings::Settings;
use crate::{signals, wiring};

/// The most objects that are named under one heading; `--json` has them all.
const MAX_SHOWN: usize = 20;

#[derive(Debug, clap::Args)]
pub(crate) struct HealArgs {
    /// What is to be healed: a repository of the plan, or a place: a folder or the URL of a bucket
    #[arg(value_name = "ID|PLACE")]
    repository: String,
    /// A copy of it, from which sound objects are fetched; may be given several times
    #[arg(long, value_name = "ID|PLACE", required = true)]
    from: Vec<String>,
    /// Read no pack whose length is the right one: finds what is missing or cut short, and not every flipped bit
    #[arg(long)]
    quick: bool,
    /// Say what is damaged and where it can be had, and store nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

#[derive(serde::Serialize)]
struct Answer {
    repository: String,
    from: Vec<String>,
    dry_run: bool,
    /// Damaged objects that have, or with `dry_run` would get, sound bytes beside them.
    damaged: Vec<Mended>,
    /// Missing objects that are there again, or would be.
    missing: Vec<String>,
    /// Damaged objects that were healed before.
    healed_before: u64,
    healed: u64,
    returned: u64,
    bytes: u64,
    /// What no copy has.
    hopeless: Vec<Line>,
    /// Restore points that stay away because something that they need is in no copy.
    held_back: Vec<Line>,
    objects_read: u64,
    bytes_read: u64,
    took_ms: u64,
}

#[derive(serde::Serialize)]
struct Mended {
    object: String,
    what: String,
    from: String,
}

#[derive(serde::Serialize)]
struct Line {
    object: String,
    what: String,
}

pub(crate) async fn run(args: &HealArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let target = wiring::open_store(&location(&args.repository, settings)?).await?;
    let mut copies = Vec::new();
    for from in &args.from {
        let store = wiring::open_store(&location(from, settings)?).await?;
        copies.push(Repository::open(store).await.map_err(|error| Failure::of_open(&error))?);
    }
    let clock = wiring::clock();
    let (began, stop) = (clock.monotonic(), signals::stop());
    let level = if args.quick { Level::Presence } else { Level::Names };
    output.note(&format!("looking at {} …", printable(&target.location())));
    let work = async {
        let plan = look(&target, &copies, level).await?;
        let found = plan.mends.len() + plan.missing.len();
        let report = if args.dry_run || found == 0 { HealReport::default() } else { apply(&target, &copies, &plan).await? };
        Ok((plan, report))
    };
    // What is stored by then stays, and each object is there whole or not at all.
    let done = stop.run_until_cancelled(work).await.ok_or_else(Failure::interrupted)?;
    let (plan, report) = done.map_err(|error| failed(&error))?;
    let took = clock.monotonic().saturating_sub(began);
    let answer = answer(args, &target.location(), &copies, &plan, &report, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    output.answer("heal", &answer, || text(&answer, &human(took)));
    if !answer.hopeless.is_empty() {
        output.next("lifeboat heal … --from ANOTHER", "does another copy have them? A restore takes all the rest");
        return Ok(Exit::Damage);
    }
    Ok(match (answer.held_back.is_empty(), args.dry_run && !(answer.damaged.is_empty() && answer.missing.is_empty())) {
        (false, _) => Exit::Incomplete,
        (true, true) => Exit::Damage,
        (true, false) => Exit::Done,
    })
}

fn failed(error: &HealError) -> Failure {
    match error {
        HealError::Open { source, .. } => Failure::of_open(source),
        HealError::Another { .. } | HealError::Stranger { .. } => Failure::of("LB0215", Exit::Failed, error),
        HealError::Copy(error) => copy::failed(error),
    }
}

fn answer(args: &HealArgs, target: &str, copies: &[Repository], plan: &HealPlan, report: &HealReport, took_ms: u64) -> Answer {
    let line = |finding: &repository::finding::Finding| Line { object: finding.object.clone(), what: finding.what.clone() };
    let from: Vec<String> = copies.iter().map(|copy| copy.store().location()).collect();
    let mended = |mend: &repository::heal::Mend| Mended {
        object: mend.key.to_string(),
        what: mend.what.clone(),
        from: from.get(mend.copy).cloned().unwrap_or_default(),
    };
    Answer {
        repository: target.to_owned(),
        dry_run: args.dry_run,
        damaged: plan.mends.iter().map(mended).collect(),
        missing: plan.missing.iter().map(|(key, _)| key.to_string()).collect(),
        healed_before: plan.healed_before,
        healed: report.healed.len() as u64,
        returned: report.returned,
        bytes: report.bytes,
        hopeless: plan.hopeless.iter().chain(&report.failed).map(line).collect(),
        held_back: report.held_back.iter().map(line).collect(),
        objects_read: plan.objects,
        bytes_read: plan.bytes,
        took_ms,
        from,
    }
}

fn text(answer: &Answer, took: &str) -> String {
    let (n_damaged, n_missing) = (answer.damaged.len() as u64, answer.missing.len() as u64);
    let place = printable(&answer.repository);
    let nothing = n_damaged + n_missing == 0 && answer.hopeless.is_empty();
    let mut out = match (nothing, answer.dry_run) {
        (true, _) => format!("{place} has nothing to heal\n"),
        (false, true) => format!("{place} has {} damaged and {n_missing} missing that a copy has\n", counted(n_damaged, "object")),
        (false, false) => {
            format!(
                "{place} healed: {}, {} missing put back, {}\n",
                counted(answer.healed, "object"),
                answer.returned,
                ByteSize(answer.bytes)
            )
        }
    };
    let read = format!("{} read, {} in {took}", counted(answer.objects_read, "object"), ByteSize(answer.bytes_read));
    let _ = writeln!(out, "     {read}; healed before: {}", answer.healed_before);
    heading(&mut out, "damaged, and whole in a copy; the damaged bytes stay where they are", &answer.damaged, |mended| {
        (&mended.object, &mended.what)
    });
    let missing: Vec<Line> = answer.missing.iter().map(|key| Line { object: key.clone(), what: "it is missing".to_owned() }).collect();
    heading(&mut out, "missing, and in a copy", &missing, |line| (&line.object, &line.what));
    heading(&mut out, "damaged, and whole in no copy", &answer.hopeless, |line| (&line.object, &line.what));
    heading(&mut out, "restore points held back", &answer.held_back, |line| (&line.object, &line.what));
    out
}

fn heading<T>(out: &mut String, heading: &str, lines: &[T], of: impl Fn(&T) -> (&String, &String)) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "{heading}");
    for (object, what) in lines.iter().take(MAX_SHOWN).map(of) {
        let _ = writeln!(out, "  {}\n    {}", printable(object), printable(what));
    }
    if lines.len() > MAX_SHOWN {
        let _ = writeln!(out, "  and {} more; --json has all", lines.len() - MAX_SHOWN);
    }
}

//! `lifeboat drill run`: a drill that fails is a result with a record, and exit code 30.

use std::sync::Arc;

use base::id::{DrillId, RepositoryId};
use orchestrator::Parts;
use orchestrator::jobs::drill::{Order, run as drill};
use orchestrator::jobs::open::unknown;
use plans::Plan;
use plans::plan::Mode;
use records::drill::Verdict;
use records::event::{Event, Trigger};
use records::journal::Filter;

use super::tell;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::output::progress::RestoreBar;
use crate::settings::Settings;
use crate::{plan_files, points, signals, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// A drill of the plan, or a service for all of its drills; all drills when left out
    #[arg(value_name = "DRILL|SERVICE")]
    what: Option<String>,
    /// Another mode than the plan's, for a quick look that is no proof
    #[arg(long, value_name = "MODE")]
    mode: Option<ModeArg>,
    /// Read this repository of the plan, whatever the drill says
    #[arg(long, value_name = "REPOSITORY")]
    from: Option<RepositoryId>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ModeArg {
    /// Read every byte back, write nothing to disk
    Stream,
    /// Restore to a scratch folder and compare
    Scratch,
}

pub(crate) async fn run(args: &RunArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let stop = signals::stop();
    let plan = plan_files::load(&settings.plan)?.plan;
    let drills = drills(&plan, args.what.as_deref())?;
    points::repositories(&plan, args.from.as_ref())?;
    let parts = wiring::parts(settings, wiring::person()).await?;
    wiring::facts(&parts, &plan, settings).await?;
    let mut exit = Exit::Done;
    let several = drills.len() > 1;
    for id in drills {
        let order = Order {
            drill: id.clone(),
            trigger: Trigger::Manual,
            planned_at: None,
            from: args.from.clone(),
            mode: args.mode.map(|mode| match mode {
                ModeArg::Stream => Mode::Stream,
                ModeArg::Scratch => Mode::Scratch,
            }),
        };
        let bar = Arc::new(RestoreBar::new(output));
        let done = drill(&parts, &plan, &order, Arc::<RestoreBar>::clone(&bar), &stop).await;
        bar.clear();
        let record = done.map_err(|error| points::with_names(&plan, error.into()))?;
        let number = number(&parts, &record.identity.run).await?;
        output.answer("drill_record", &record, || {
            let heading = if several { format!("{id}\n") } else { String::new() };
            format!("{heading}{}", tell::outcome(&record, number))
        });
        if record.outcome != Verdict::Pass {
            exit = Exit::DrillFailed;
        }
        if stop.is_cancelled() {
            return Err(Failure::interrupted().fix("run the drill again when there is time for it; an aborted one proves nothing"));
        }
    }
    match exit {
        Exit::Done => output.next("lifeboat status", "can we recover?"),
        _ => output.next("lifeboat drill show", "the whole record"),
    }
    Ok(exit)
}

/// The drills that a word names: the drill itself, or all that recover a service.
fn drills(plan: &Plan, word: Option<&str>) -> Result<Vec<DrillId>, Failure> {
    let Some(word) = word else {
        return match plan.drills.len() {
            0 => {
                Err(Failure::new("LB0260", Exit::Usage, "the plan has no drill")
                    .fix("add one under drills:; lifeboat plan schema shows how"))
            }
            _ => Ok(plan.drills.keys().cloned().collect()),
        };
    };
    if let Some(drill) = plan.drills.get(word) {
        return Ok(vec![drill.id.clone()]);
    }
    if plan.services.contains_key(word) {
        let found: Vec<DrillId> = plan
            .drills
            .values()
            .filter(|drill| drill.services.iter().any(|service| service.as_str() == word))
            .map(|drill| drill.id.clone())
            .collect();
        if found.is_empty() {
            return Err(Failure::new("LB0260", Exit::Usage, format!("the service {word} has no drill"))
                .fix("add one under drills:; until then nothing proves that it can be recovered"));
        }
        return Ok(found);
    }
    let known: Vec<String> = plan.drills.keys().map(ToString::to_string).chain(plan.services.keys().map(ToString::to_string)).collect();
    Err(unknown("drill or service", word, known.iter()).into())
}

/// The number of the journal's entry that holds the record of this run.
async fn number(parts: &Parts, run: &str) -> Result<Option<u64>, Failure> {
    let newest = Filter { limit: Some(16), newest_first: true, ..Filter::actions(["drill.finished"]) };
    let entries = parts.journal.entries(newest).await.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
    let is_it = |event: &Event| matches!(event, Event::DrillFinished(done) if done.record.identity.run == run);
    Ok(entries.iter().find(|entry| is_it(&entry.event)).map(|entry| entry.seq))
}

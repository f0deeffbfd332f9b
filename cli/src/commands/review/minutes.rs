//! `lifeboat review show | minutes | update | archive`: one review, its document, what was decided.

use std::fmt::Write as _;
use std::path::PathBuf;

use orchestrator::jobs::register::{CommitError, commit};
use orchestrator::{Facts, Parts};
use plans::Plan;
use records::Event;
use registers::review::Review;
use registers::review::minutes::{self, MinutesRefused};

use super::super::rows::Why;
use crate::articles::read_text;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::{private_file, who};

#[derive(Debug, clap::Args)]
pub(crate) struct MinutesArgs {
    /// Which review, by its name or the end of it; the newest when left out
    id: Option<String>,
    /// Write the document to this new file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UpdateArgs {
    /// Which review, by its name or the end of it; the newest when left out
    id: Option<String>,
    /// What was decided
    #[arg(long, value_name = "TEXT", required_unless_present = "minutes")]
    decisions: Option<String>,
    /// Take what was decided from this document, as review minutes wrote it and somebody edited it
    #[arg(long, value_name = "FILE", conflicts_with = "decisions")]
    minutes: Option<PathBuf>,
    #[command(flatten)]
    why: Why,
}

fn refused(error: &MinutesRefused) -> Failure {
    Failure::of("LB0310", if matches!(error, MinutesRefused::Unknown { .. }) { Exit::Usage } else { Exit::Failed }, error)
}

pub(super) fn show(id: Option<&str>, plan: &Plan, facts: &Facts, output: Output) -> Result<(), Failure> {
    let reviews = facts.reviews(plan);
    let review = minutes::find(&reviews, id).map_err(|error| refused(&error))?;
    output.answer("review", review, || {
        let mut text = minutes::document(plan, review);
        if !review.history.is_empty() {
            text += "\n## History\n\n";
            for step in &review.history {
                let _ = writeln!(text, "- {} by {}: {} ({})", step.at.strftime("%Y-%m-%d %H:%M UTC"), step.by, step.what, step.reason);
            }
        }
        text
    });
    Ok(())
}

pub(super) fn write(args: &MinutesArgs, plan: &Plan, facts: &Facts, output: Output) -> Result<(), Failure> {
    let reviews = facts.reviews(plan);
    let review = minutes::find(&reviews, args.id.as_deref()).map_err(|error| refused(&error))?;
    let text = minutes::document(plan, review);
    match &args.output {
        Some(file) => {
            private_file::write_public(file, &text)?;
            output.note(&format!("The minutes are in {}.", file.display()));
            if review.signatures.is_empty() {
                let take = format!("lifeboat review update --minutes {} --reason TEXT", file.display());
                output.next(&take, "when the decisions are written there");
            }
        }
        None => output.data(&text),
    }
    Ok(())
}

pub(super) async fn update(args: &UpdateArgs, parts: &Parts, plan: &Plan, facts: &Facts, output: Output) -> Result<(), Failure> {
    let decisions = match (&args.decisions, &args.minutes) {
        (_, Some(file)) => {
            let text = read_text(file).map_err(|why| Failure {
                causes: vec![why],
                ..Failure::new("LB0006", Exit::Failed, format!("cannot read {}", file.display()))
            })?;
            minutes::read(&text).map_err(|error| refused(&error))?
        }
        (text, None) => text.clone().unwrap_or_default(),
    };
    let by = who::named(args.why.by.as_deref(), plan, parts)?;
    let decide = |review: &Review| minutes::decide(plan, review, &decisions, &args.why.reason, &by);
    let review = write_down(args.id.as_deref(), parts, plan, facts, decide).await?;
    output.answer("review", &review, || format!("The minutes of review {} have the decisions.\n", super::short(&review.id)));
    output.next("lifeboat review sign --by CONTACT", "sign plan, inputs and minutes");
    Ok(())
}

pub(super) async fn archive(id: &str, why: &Why, parts: &Parts, plan: &Plan, facts: &Facts, output: Output) -> Result<(), Failure> {
    let by = who::named(why.by.as_deref(), plan, parts)?;
    let decide = |review: &Review| minutes::archive(plan, review, &why.reason, &by);
    let review = write_down(Some(id), parts, plan, facts, decide).await?;
    output.answer("review", &review, || format!("Review {} is archived.\n", super::short(&review.id)));
    Ok(())
}

async fn write_down(
    id: Option<&str>,
    parts: &Parts,
    plan: &Plan,
    facts: &Facts,
    decide: impl Fn(&Review) -> Result<Event, MinutesRefused>,
) -> Result<Review, Failure> {
    let mut facts = facts.clone();
    let written = commit(parts, &mut facts, |facts| Ok(vec![decide(minutes::find(&facts.reviews(plan), id)?)?])).await;
    written.map_err(|error: CommitError<MinutesRefused>| match &error {
        CommitError::Refused(error) => refused(error),
        CommitError::Journal(_) => Failure::of("LB0301", Exit::Failed, &error),
    })?;
    let reviews = facts.reviews(plan);
    minutes::find(&reviews, id).cloned().map_err(|error| refused(&error))
}

//! `lifeboat review …`: is the plan reviewed, open a review, sign it.

mod minutes;
mod sign;

use jiff::Timestamp;
use orchestrator::jobs::review as job;
use orchestrator::{Facts, Parts};
use plans::Plan;
use plans::review::{OverdueReason, ReviewStatus};
use registers::review::{Review, Standing};
use std::fmt::Write as _;

use crate::failure::{Exit, Failure};
use crate::output::{Output, instant};
use crate::settings::Settings;
use crate::{plan_files, wiring};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ReviewCommand {
    /// Is the plan reviewed, when is it due, who must still sign
    List {
        /// Also what is archived
        #[arg(long)]
        all: bool,
    },
    /// Show one: what was looked at, what was decided, who has signed
    Show {
        /// Which, by its name or the end of it; the newest when left out
        id: Option<String>,
    },
    /// Open a review of the plan as it is, with its inputs gathered
    #[command(visible_alias = "add")]
    Start,
    /// Print the minutes as Markdown, or write them to a file
    Minutes(minutes::MinutesArgs),
    /// Write down what was decided, before the first signature
    Update(minutes::UpdateArgs),
    /// It is of no more use; it stays readable
    Archive {
        /// Which, by its name or the end of it
        id: String,
        #[command(flatten)]
        why: super::rows::Why,
    },
    /// Write the statement to sign, or take a signature
    Sign(sign::SignArgs),
}

#[derive(serde::Serialize)]
struct Listed {
    status: ReviewStatus,
    reviews: Vec<Row>,
}

#[derive(serde::Serialize)]
struct Row {
    review: String,
    started: Timestamp,
    state: String,
    missing: Vec<String>,
    signed: Vec<String>,
    /// Signatures that the journal has and that do not verify with the keys of the plan; they count for nothing.
    refused: Vec<String>,
}

pub(crate) async fn run(command: &ReviewCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    match command {
        ReviewCommand::List { all } => list(&plan, &facts, *all, parts.clock.now(), output),
        ReviewCommand::Show { id } => minutes::show(id.as_deref(), &plan, &facts, output)?,
        ReviewCommand::Minutes(args) => minutes::write(args, &plan, &facts, output)?,
        ReviewCommand::Update(args) => minutes::update(args, &parts, &plan, &facts, output).await?,
        ReviewCommand::Archive { id, why } => minutes::archive(id, why, &parts, &plan, &facts, output).await?,
        ReviewCommand::Start => return start(&parts, &plan, &facts, output).await,
        ReviewCommand::Sign(args) => return sign::run(args, &parts, &plan, &facts, settings, output).await,
    }
    Ok(Exit::Done)
}

fn list(plan: &Plan, facts: &Facts, all: bool, now: Timestamp, output: Output) {
    let reviews = facts.reviews(plan);
    let last = registers::review::last_signed(&reviews, &plan.review.sign);
    let status = registers::overdue::review_status(plan, &facts.register, last.as_ref(), now);
    let binder = plan.repositories.keys().filter_map(|id| facts.register.binders.get(id)).min().copied();
    let listed = Listed {
        status,
        reviews: reviews.iter().rev().filter(|review| all || review.archived.is_none()).map(|review| row(plan, facts, review)).collect(),
    };
    output.answer("reviews", &listed, || {
        let mut text = format!("{}\n", sentence(plan, last.is_some(), &listed.status, now));
        for row in &listed.reviews {
            let _ = write!(text, "\n{}  opened {}  {}\n", short(&row.review), instant::utc(row.started), row.state);
            for signed in &row.signed {
                let _ = writeln!(text, "    + {signed}");
            }
            for refused in &row.refused {
                let _ = writeln!(text, "    ! {refused}");
            }
            if !row.missing.is_empty() {
                let _ = writeln!(text, "    ? still to sign: {}", row.missing.join(", "));
            }
        }
        let written = binder.map_or_else(|| "not written yet".to_owned(), |at| format!("last written {}", instant::utc(at)));
        let _ = writeln!(text, "\nBinder: {written}");
        text
    });
    match (&listed.status, registers::review::open(&reviews, plan)) {
        (_, Some(_)) => output.next("lifeboat review sign --by CONTACT", "write the statement and sign it"),
        (ReviewStatus::Fresh { .. }, None) => {}
        (_, None) => output.next("lifeboat review start", "gather the inputs"),
    }
}

fn sentence(plan: &Plan, is_reviewed: bool, status: &ReviewStatus, now: Timestamp) -> String {
    match status {
        ReviewStatus::Fresh { due_at } | ReviewStatus::Soon { due_at, .. } if !is_reviewed => {
            format!("{} was never reviewed; the first review is due {}, {}.", plan.id, day(*due_at), instant::distance(*due_at, now))
        }
        ReviewStatus::Fresh { due_at } => {
            format!("The review of {} is in order; the next one is due {}, {}.", plan.id, day(*due_at), instant::distance(*due_at, now))
        }
        ReviewStatus::Soon { due_at, .. } => {
            format!("The review of {} is due soon: {}, {}.", plan.id, day(*due_at), instant::distance(*due_at, now))
        }
        ReviewStatus::Overdue { since, reason } => {
            let why = match reason {
                OverdueReason::Calendar => format!("the last one is more than {} old", plan.review.every),
                OverdueReason::Changed => "the plan was changed in what matters since it was signed".to_owned(),
                OverdueReason::NeverReviewed => "the plan was never reviewed".to_owned(),
            };
            format!("! The review of {} is OVERDUE since {} ({}): {why}.", plan.id, day(*since), instant::distance(*since, now))
        }
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// The last eight digits: those of one hour differ there.
fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}

fn row(plan: &Plan, facts: &Facts, review: &Review) -> Row {
    let (state, missing) = match review.standing(&plan.review.sign, plan.fingerprint) {
        Standing::Done { at } => (format!("signed {}", instant::utc(at)), Vec::new()),
        Standing::Superseded => ("superseded: the plan changed while it was open".to_owned(), Vec::new()),
        Standing::Archived => ("archived before it was completed".to_owned(), Vec::new()),
        Standing::Open { missing, .. } => ("open".to_owned(), missing.iter().map(ToString::to_string).collect()),
    };
    let signed = review.signatures.iter().map(|signed| {
        let name = signed.name.clone().unwrap_or_else(|| signed.by.to_string());
        format!("{name} as {}, {} UTC: {}", signed.role, signed.at.strftime("%Y-%m-%d %H:%M"), signed.meaning)
    });
    let doubted = facts.doubted(plan).into_iter().filter(|(_, signed)| signed.review == review.id);
    let refused = doubted.map(|(at, signed)| {
        format!(
            "{} as {}, written down {}: not a signature of theirs under this plan; it does not count",
            signed.by,
            signed.role,
            instant::utc(at)
        )
    });
    let refused = refused.collect();
    Row { review: review.id.clone(), started: review.started, state, missing, signed: signed.collect(), refused }
}

async fn start(parts: &Parts, plan: &Plan, facts: &Facts, output: Output) -> Result<Exit, Failure> {
    let started = job::start(parts, plan, facts).await.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
    let Some(started) = started else {
        return Err(
            Failure::new("LB0310", Exit::Failed, "a review of the plan is open already").fix("sign it: lifeboat review sign --by CONTACT")
        );
    };
    output.answer("review_started", &started, || {
        let inputs = started.inputs.iter().fold(String::new(), |text, line| text + "  " + line + "\n");
        format!("Review {} of {} is open. What there is to look at:\n{inputs}", short(&started.review), plan.id)
    });
    output.next("lifeboat review minutes --output FILE", "write down what is decided; then lifeboat review sign");
    Ok(Exit::Done)
}

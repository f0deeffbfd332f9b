//! `lifeboat binder`: everything on one page for the day when nothing else works, as a file and in every repository.

use std::path::{Path, PathBuf};

use orchestrator::jobs::binder::{BinderFailed, Kept, keep, page};
use orchestrator::{Facts, Parts};
use plans::Plan;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;
use crate::{plan_files, private_file, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct BinderArgs {
    /// Write the page to this new file; it names people and telephone numbers, so only its owner may read it
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Store it in no repository
    #[arg(long, requires = "output")]
    only_file: bool,
}

#[derive(serde::Serialize)]
struct Answer<'a> {
    file: Option<&'a Path>,
    repositories: &'a [Kept],
}

pub(crate) async fn run(args: &BinderArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    let html = html(&parts, &plan, &facts, settings).await?;
    if let Some(file) = &args.output {
        private_file::write_new(file, &html)?;
    }
    let kept = if args.only_file { Vec::new() } else { keep(&parts, &plan, &html).await.map_err(|error| failure(&error))? };
    output.answer("binder", &Answer { file: args.output.as_deref(), repositories: &kept }, || {
        let file = args.output.as_ref().map(|file| format!("The binder is in {}. Print it.\n", file.display())).unwrap_or_default();
        file + &told(&kept)
    });
    Ok(if kept.iter().all(|one| one.object.is_some()) { Exit::Done } else { Exit::Incomplete })
}

async fn html(parts: &Parts, plan: &Plan, facts: &Facts, settings: &Settings) -> Result<String, Failure> {
    let texts = plan_files::read(&settings.plan)?;
    page(parts, plan, &texts, facts).await.map_err(|error| failure(&error))
}

/// Writes the binder into every repository after a review, and says where. What could not be written stays overdue.
pub(crate) async fn after_review(parts: &Parts, plan: &Plan, facts: &Facts, settings: &Settings, output: Output) -> Result<(), Failure> {
    let html = html(parts, plan, facts, settings).await?;
    let kept = keep(parts, plan, &html).await.map_err(|error| failure(&error))?;
    for line in told(&kept).lines() {
        output.note(line);
    }
    if kept.iter().any(|one| one.object.is_none()) {
        output.next("lifeboat binder", "write it there when they can be reached");
    }
    Ok(())
}

fn told(kept: &[Kept]) -> String {
    kept.iter().fold(String::new(), |text, one| match (&one.object, &one.error) {
        (Some(object), _) => format!("{text}+ {}: the binder is at {object}, encrypted to the recovery keys\n", one.repository),
        (None, why) => format!("{text}! {}: no binder: {}\n", one.repository, why.as_deref().unwrap_or("not known why")),
    })
}

fn failure(error: &BinderFailed) -> Failure {
    Failure::of("LB0316", Exit::Failed, error)
}

//! `lifeboat key rotate`: who can open a repository follows the plan, and new packs are encrypted to a new key.

use base::id::RepositoryId;
use orchestrator::jobs::open::{self, reader_key};
use records::event::KeyRotated;
use repository::keys::{PeopleChange, change_people, plan_people};

use super::role::{one_repository, refused};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::Settings;
use crate::{plan_files, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct RotateArgs {
    /// The repository, where the plan has several
    #[arg(long, value_name = "ID")]
    repository: Option<RepositoryId>,
    /// Make a new epoch only where a recovery key left the plan
    #[arg(long)]
    people_only: bool,
    /// Accept that the loss of the plan's one recovery key loses all data
    #[arg(long)]
    accept_single_key: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(serde::Serialize)]
struct Rotated {
    repository: RepositoryId,
    added: Vec<String>,
    removed: Vec<String>,
    new_epoch: Option<u32>,
    n_recipients: usize,
    dry_run: bool,
}

pub(crate) async fn run(args: &RotateArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let id = one_repository(&plan, args.repository.as_ref())?;
    let parts = wiring::parts(settings, wiring::person()).await?;
    let opened = open::repository(&parts, &plan, id).await?;
    let recipients: Vec<String> = plan.recovery_keys.values().map(|key| key.recipient.clone()).collect();
    let change = plan_people(&opened, &recipients, !args.people_only, args.accept_single_key).map_err(|error| refused(&error))?;
    if !args.dry_run && !change.is_nothing() {
        let reader = reader_key(&parts, &plan, id)?;
        change_people(&opened, &reader, &change, parts.clock.now()).await.map_err(|error| refused(&error))?;
        let PeopleChange { added, removed, new_epoch, .. } = change.clone();
        let event = KeyRotated { repository: id.clone(), added, removed, new_epoch };
        parts.record(event).await.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
    }
    let n_recipients = change.recipients.len();
    let rotated = Rotated {
        repository: id.clone(),
        added: change.added,
        removed: change.removed,
        new_epoch: change.new_epoch,
        n_recipients,
        dry_run: args.dry_run,
    };
    output.answer("rotated", &rotated, || tell(&rotated));
    if !rotated.removed.is_empty() {
        output.warn("a key that was removed still opens what was stored before: encrypting a key anew takes nothing back");
    }
    Ok(Exit::Done)
}

fn tell(rotated: &Rotated) -> String {
    let Rotated { repository, added, removed, new_epoch, n_recipients, dry_run } = rotated;
    let would = if *dry_run { "would be " } else { "" };
    let mut lines: Vec<String> = added.iter().map(|one| format!("{would}added    {one}")).collect();
    lines.extend(removed.iter().map(|one| format!("{would}removed  {one}")));
    if let Some(epoch) = new_epoch {
        let tense = if *dry_run { "would be" } else { "are" };
        lines.push(format!("new packs {tense} encrypted to epoch {epoch}, which {n_recipients} recovery keys open"));
    }
    if lines.is_empty() { format!("{repository} is as the plan wants it already\n") } else { lines.join("\n") + "\n" }
}

//! Looks whether the plan's files changed. A good plan comes into force and is recorded; a bad one never replaces a good one.

use std::time::Duration;

use async_trait::async_trait;
use base::Digest;
use base::digest::Digester;
use plans::load::{Text, load};
use plans::{Faults, Plan};
use records::event::{Event, PlanLoaded, PlanRefused};
use records::journal::{Filter, JournalError};

use crate::desk::Desk;
use crate::facts::Facts;
use crate::parts::Parts;
use crate::task::{Task, TaskError};

const NAME: &str = "plan";

/// Keeps the plan in force up to date with its files.
#[derive(Debug)]
pub(super) struct PlanTask;

#[async_trait]
impl Task for PlanTask {
    fn name(&self) -> &'static str {
        NAME
    }

    fn every(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn activate(&self, desk: &Desk) -> Result<usize, TaskError> {
        let texts = desk.parts.connect.plan_texts().map_err(TaskError::at(NAME, "read the plan"))?;
        match load(&texts) {
            Ok(loaded) => {
                let facts = desk.facts(&loaded.plan).await.map_err(TaskError::at(NAME, "read the journal"))?;
                let new = record(&desk.parts, &facts, &loaded.plan, &texts).await.map_err(TaskError::at(NAME, "record the plan"))?;
                // Not only what is new to the journal: a command may have recorded these files before this daemon saw them.
                desk.lay(loaded.plan, file_digest(&texts));
                Ok(usize::from(new))
            }
            Err(faults) => {
                let new = refuse(&desk.parts, &faults, &texts).await.map_err(TaskError::at(NAME, "record the faults of the plan"))?;
                Ok(usize::from(new))
            }
        }
    }
}

/// The digest of the plan's files, names and texts.
pub fn file_digest(texts: &[Text]) -> Digest {
    let mut digester = Digester::default();
    for text in texts {
        for part in [&text.name, &text.text] {
            digester.update(&(part.len() as u64).to_be_bytes());
            digester.update(part.as_bytes());
        }
    }
    digester.finish()
}

/// Writes down that the plan is in force, unless the journal says so already.
pub async fn record(parts: &Parts, facts: &Facts, plan: &Plan, texts: &[Text]) -> Result<bool, JournalError> {
    let digest = file_digest(texts);
    let last = facts.register.loads.last();
    if facts.file_digest == Some(digest) && last.is_some_and(|last| last.fingerprint == plan.fingerprint) {
        return Ok(false);
    }
    let previous = last.map(|last| last.fingerprint).filter(|previous| *previous != plan.fingerprint);
    let loaded = PlanLoaded { plan: plan.id.clone(), fingerprint: plan.fingerprint, file_digest: digest, previous, revision: None };
    tracing::info!(plan = %plan.id, fingerprint = %plan.fingerprint.short(), "plan in force");
    parts.record(loaded).await?;
    Ok(true)
}

/// Writes down that the files on disk are no plan, once for each state of the files.
async fn refuse(parts: &Parts, faults: &Faults, texts: &[Text]) -> Result<bool, JournalError> {
    let digest = file_digest(texts);
    let last =
        parts.journal.entries(Filter { limit: Some(1), newest_first: true, ..Filter::actions(["plan.refused", "plan.loaded"]) }).await?;
    if last.iter().any(|entry| matches!(&entry.event, Event::PlanRefused(refused) if refused.file_digest == digest)) {
        return Ok(false);
    }
    tracing::error!(%faults, "the plan on disk has faults; the last good one stays in force");
    let first = faults.0.first().map(ToString::to_string).unwrap_or_default();
    let refused = PlanRefused { plan: None, file_digest: digest, n_faults: faults.n_errors() as u64, first };
    parts.record(refused).await?;
    Ok(true)
}

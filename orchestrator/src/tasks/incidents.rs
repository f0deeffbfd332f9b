//! Opens an incident for trouble that the plan names, ends it when the trouble is over, and opens a CAPA where a promise was broken.

use std::convert::Infallible;
use std::time::Duration;

use async_trait::async_trait;
use registers::capa;
use registers::incident::open;
use registers::ledger::act::Act;
use registers::ledger::field;
use registers::settings::IncidentRules;

use super::notices::matters;
use crate::desk::Desk;
use crate::facts::Facts;
use crate::jobs::register::{CommitError, commit};
use crate::task::{Task, TaskError};

const NAME: &str = "incidents";

/// Who has acted, in records of this task.
const BY: &str = "lifeboat";

/// The most that is opened or ended in one look; the rest is due at the next.
const MAX_EVENTS: usize = 256;

/// Appends what `registers::incident::open` and `registers::capa` say is due.
#[derive(Debug)]
pub(super) struct IncidentsTask;

#[async_trait]
impl Task for IncidentsTask {
    fn name(&self) -> &'static str {
        NAME
    }

    fn every(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn activate(&self, desk: &Desk) -> Result<usize, TaskError> {
        let Some(plan) = desk.plan() else { return Ok(0) };
        let rules = IncidentRules::of(&plan);
        let mut facts = Facts::clone(&*desk.facts(&plan).await.map_err(TaskError::at(NAME, "read the journal"))?);
        let decide = |facts: &Facts| -> Result<_, Infallible> {
            let matters = matters(&plan, facts, desk.parts.clock.now());
            let due = open::due(&plan, &facts.register.incidents, &rules, &matters, BY);
            if !due.is_empty() {
                return Ok(due);
            }
            let act = Act { ledger: &facts.register.ledger, register: &field::CAPA, plan: &plan, by: BY };
            Ok(capa::opens(&act, &facts.register, &rules, desk.parts.clock.now()).into_iter().collect())
        };
        let mut done = 0;
        while done < MAX_EVENTS {
            let written = commit(&desk.parts, &mut facts, decide).await.map_err(|error| match error {
                CommitError::Journal(error) => TaskError::at(NAME, "write into the journal")(error),
                CommitError::Refused(never) => match never {},
            })?;
            if written.is_empty() {
                break;
            }
            done += written.len();
        }
        Ok(done)
    }
}

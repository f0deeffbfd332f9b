//! Tells people what is wrong: once when it begins, again as the route says, and once when it is over.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use alerts::outbox::{DeliveryLog, LogError, Outbox};
use alerts::{Attempt, Channel, Condition, Origin, Routing, Summary};
use async_trait::async_trait;
use base::id::ChannelId;
use jiff::Timestamp;
use plans::Plan;
use registers::{Matter, overdue, trouble};

use crate::desk::Desk;
use crate::facts::{Facts, event_of};
use crate::parts::Parts;
use crate::task::{Task, TaskError};

const NAME: &str = "notices";
/// The most articles that a notice names.
const MAX_ARTICLES: usize = 3;

/// Sends what `alerts::pace` names about what `registers` find.
#[derive(Debug, Default)]
pub(super) struct NoticesTask {
    one_at_a_time: tokio::sync::Mutex<()>,
}

#[async_trait]
impl Task for NoticesTask {
    fn name(&self) -> &'static str {
        NAME
    }

    fn every(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn activate(&self, desk: &Desk) -> Result<usize, TaskError> {
        let Some(plan) = desk.plan() else { return Ok(0) };
        let _alone = self.one_at_a_time.lock().await;
        let facts = desk.facts(&plan).await.map_err(TaskError::at(NAME, "read the journal"))?;
        let summary = send(&desk.parts, &plan, &facts).await.map_err(TaskError::at(NAME, "send notices"))?;
        Ok(summary.delivered)
    }
}

/// Everything that people must look at now: what went wrong first, then what is late.
pub fn matters(plan: &Plan, facts: &Facts, now: Timestamp) -> Vec<Matter> {
    let last = registers::review::last_signed(&facts.reviews(plan), &plan.review.sign);
    let mut matters = trouble::list(plan, &facts.register);
    matters.extend(overdue::list(plan, &facts.register, last.as_ref(), now));
    matters
}

/// Sends what is pending and records each attempt.
pub async fn send(parts: &Parts, plan: &Plan, facts: &Facts) -> Result<Summary, LogError> {
    let open: Vec<Condition> = matters(plan, facts, parts.clock.now()).into_iter().map(|matter| condition(plan, facts, matter)).collect();
    let routing = Routing::of(plan);
    if alerts::pace::decide(&open, &routing, &facts.attempts, parts.clock.now()).is_empty() {
        return Ok(Summary::default()); // channels are made, and their secrets read, only for something to send
    }
    let origin = Origin { plan: plan.id.clone(), title: plan.title.clone(), host: parts.host.clone(), zone: plan.timezone.clone() };
    let log = JournalLog { parts, attempts: &facts.attempts };
    Outbox::new(channels(parts, plan)).activate(&open, &routing, &origin, &log, &*parts.clock).await
}

/// The channels of the plan. One that cannot be made is left out: its notices fail, are recorded, and are tried again.
fn channels(parts: &Parts, plan: &Plan) -> BTreeMap<ChannelId, Arc<dyn Channel>> {
    let make = |(id, channel): (&ChannelId, &plans::plan::Channel)| match parts.connect.channel(id, channel) {
        Ok(made) => Some((id.clone(), made)),
        Err(error) => {
            tracing::error!(channel = %id, error = %base::hint::whole_story(&error), "the channel cannot be used");
            None
        }
    };
    plan.alerts.channels.iter().filter_map(make).collect()
}

fn condition(plan: &Plan, facts: &Facts, mut matter: Matter) -> Condition {
    let known = registers::knowledge::of_matter(plan, &facts.register, &matter);
    for kept in known.into_iter().take(MAX_ARTICLES) {
        let title = kept.text("title").unwrap_or_default();
        let _ = write!(matter.what, "; known: {title} (lifeboat kb show {})", kept.id); // writing to a String cannot fail
    }
    let name = |id: base::id::ContactId| plan.contacts.get(&id).map_or_else(|| id.to_string(), |contact| contact.name.clone());
    Condition {
        event: matter.kind.event().to_owned(),
        object: matter.object,
        since: matter.since,
        what: matter.what,
        owner: matter.owner.map(name),
        remedy: Some(matter.todo),
    }
}

/// The journal as the outbox's memory.
struct JournalLog<'a> {
    parts: &'a Parts,
    attempts: &'a [Attempt],
}

#[async_trait]
impl DeliveryLog for JournalLog<'_> {
    async fn attempts(&self) -> Result<Vec<Attempt>, LogError> {
        Ok(self.attempts.to_vec())
    }

    async fn record(&self, attempt: &Attempt) -> Result<(), LogError> {
        self.parts.record(event_of(attempt)).await.map_err(|error| LogError { what: "written", source: Box::new(error) })
    }
}

//! Sends what is pending and remembers what arrived: at least once, and never twice at the same time.
//!
//! `orchestrator::tasks::notices` activates it with the conditions that are open. One activation gathers the history,
//! decides ([`crate::pace`]), sends, and records each attempt as soon as it ended. If the program dies between sending and
//! recording, the same notice goes out again under the same name. It retries nothing itself: the next activation does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use base::id::ChannelId;
use base::{Clock, Hint};

use crate::channel::{Channel, ChannelError, Delivered};
use base::hint::whole_story;

use crate::condition::{Attempt, Condition, Outcome};
use crate::notice::{self, Notice, Origin};
use crate::pace;
use crate::route::Routing;

/// The most notices that one activation sends; the rest is pending at the next one.
pub const MAX_NOTICES: usize = 100;

/// Where attempts are remembered: the journal.
#[async_trait]
pub trait DeliveryLog: Send + Sync {
    /// All attempts about conditions that may still be open, in the order in which they happened.
    async fn attempts(&self) -> Result<Vec<Attempt>, LogError>;

    /// Remembers an attempt, durably before it returns.
    async fn record(&self, attempt: &Attempt) -> Result<(), LogError>;
}

/// The log of deliveries cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the history of notices cannot be {what}")]
pub struct LogError {
    /// "read", "written".
    pub what: &'static str,
    /// What the log found.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Hint for LogError {}

/// What one activation did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many notices were delivered.
    pub delivered: usize,
    /// How many failed and will be tried again.
    pub failed: usize,
    /// How many were left for the next activation: beyond [`MAX_NOTICES`], or on a channel that had just not answered in time.
    pub left: usize,
    /// Another activation was at work, and this one did nothing.
    pub busy: bool,
}

/// The channels of a plan and the gate that lets one activation through at a time.
#[derive(Debug)]
pub struct Outbox {
    channels: BTreeMap<ChannelId, Arc<dyn Channel>>,
    at_work: AtomicBool,
}

/// Opens the gate again, also when the activation is cancelled.
struct Gate<'a>(&'a AtomicBool);

impl<'a> Gate<'a> {
    fn enter(at_work: &'a AtomicBool) -> Option<Self> {
        at_work.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).ok().map(|_| Self(at_work))
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Outbox {
    /// An outbox with these channels, named as in the plan.
    pub fn new(channels: BTreeMap<ChannelId, Arc<dyn Channel>>) -> Self {
        Self { channels, at_work: AtomicBool::new(false) }
    }

    /// Sends everything that is pending, given what is open now.
    ///
    /// A channel that fails is in the history and in the summary; an error means that the history itself could not be used.
    pub async fn activate(
        &self,
        open: &[Condition],
        routing: &Routing<'_>,
        from: &Origin,
        log: &dyn DeliveryLog,
        clock: &dyn Clock,
    ) -> Result<Summary, LogError> {
        let Some(_gate) = Gate::enter(&self.at_work) else {
            return Ok(Summary { busy: true, ..Summary::default() });
        };
        let attempts = log.attempts().await?;
        let pending = pace::decide(open, routing, &attempts, clock.now());
        let mut summary = Summary { left: pending.len().saturating_sub(MAX_NOTICES), ..Summary::default() };
        // Channels that did not answer in time. Each further notice would wait as long, and hold up those of the channels that work.
        let mut silent: BTreeSet<&ChannelId> = BTreeSet::new();
        for pending in pending.iter().take(MAX_NOTICES) {
            if silent.contains(&pending.to.channel) {
                summary.left += 1;
                continue;
            }
            let notice = notice::compose(pending, from, clock.now());
            let result = self.send(&notice).await;
            match &result {
                Ok(_) => summary.delivered += 1,
                Err(error) => {
                    summary.failed += 1;
                    if matches!(error, ChannelError::TimedOut { .. }) {
                        silent.insert(&pending.to.channel);
                    }
                }
            }
            log.record(&attempt(&notice, pending.condition.clone(), result, clock)).await?;
        }
        Ok(summary)
    }

    /// Sends one test notice to everyone on a route, and tells how each went. Nothing is remembered but the attempts.
    pub async fn test(
        &self,
        to: &[crate::condition::Destination],
        from: &Origin,
        nonce: &str,
        log: &dyn DeliveryLog,
        clock: &dyn Clock,
    ) -> Result<Vec<Attempt>, LogError> {
        let mut attempts = Vec::new();
        for destination in to.iter().take(MAX_NOTICES) {
            let notice = notice::test(destination, from, clock.now(), nonce);
            let result = self.send(&notice).await;
            let attempt = attempt(&notice, notice.condition.clone(), result, clock);
            log.record(&attempt).await?;
            attempts.push(attempt);
        }
        Ok(attempts)
    }

    async fn send(&self, notice: &Notice) -> Result<Delivered, ChannelError> {
        match self.channels.get(&notice.to.channel) {
            Some(channel) => channel.send(notice).await,
            None => Err(ChannelError::Unsendable { what: format!("there is no channel {}", notice.to.channel) }),
        }
    }
}

/// What is remembered. The condition's own texts are kept, not the cleaned ones, because they tell conditions apart.
fn attempt(notice: &Notice, condition: Condition, result: Result<Delivered, ChannelError>, clock: &dyn Clock) -> Attempt {
    let outcome = match result {
        Ok(Delivered { detail }) => {
            tracing::info!(notice = %notice.id, kind = notice.kind.as_str(), to = %notice.to, event = %notice.condition.event, "notice delivered");
            Outcome::Delivered { detail }
        }
        Err(error) => {
            let error = whole_story(&error);
            tracing::warn!(notice = %notice.id, kind = notice.kind.as_str(), to = %notice.to, event = %notice.condition.event, error, "notice not delivered");
            Outcome::Failed { error }
        }
    };
    Attempt {
        notice: notice.id.clone(),
        kind: notice.kind,
        event: condition.event,
        object: condition.object,
        since: condition.since,
        to: notice.to.clone(),
        subject: notice.subject.clone(),
        at: clock.now(),
        outcome,
    }
}

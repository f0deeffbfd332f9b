//! The parts of an installation that jobs and tasks work with, and how they ask for what only the wiring can make.
//!
//! Nothing here names a concrete store, clock or channel: [`Connect`] is implemented by `cli`, and by tests.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use base::{Clock, Hint};
use plans::load::Text;
use records::chain::Actor;
use records::event::Event;
use records::journal::{Journal, JournalError};
use repository::keys::{ReaderKey, StewardKey, WriterKey};
use secrecy::SecretString;
use stores::Store;

/// A part that could not be had, with what to do about it.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct ConnectError {
    /// What is missing or wrong.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
    /// What kind of trouble it is, for the exit code.
    pub kind: ConnectKind,
    /// Why.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What kind of trouble kept a part away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectKind {
    /// A key is missing or wrong.
    Key,
    /// There is no repository.
    NoRepository,
    /// The store did not answer in time.
    Unavailable,
    /// The plan or the settings are wrong.
    Plan,
    /// Anything else.
    Other,
}

impl Hint for ConnectError {
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// Makes the parts that only the wiring can name.
#[async_trait]
pub trait Connect: Debug + Send + Sync {
    /// The texts of the plan as they are on disk now.
    fn plan_texts(&self) -> Result<Vec<Text>, ConnectError>;
    /// The store of a repository of the plan, with retries and limits around it.
    async fn store(&self, repository: &plans::plan::Repository) -> Result<Arc<dyn Store>, ConnectError>;
    /// The key with which this host writes to the repository with this id.
    fn writer_key(&self, repository: &str) -> Result<WriterKey, ConnectError>;
    /// The maintainer's key that the plan names for the repository, if it names one.
    fn maintainer_key(&self, repository: &plans::plan::Repository) -> Result<Option<StewardKey>, ConnectError>;
    /// The key with which this host may read, if it was given one. Only drill runners and operators have it.
    fn reader_key(&self) -> Result<Option<ReaderKey>, ConnectError>;
    /// The text behind a reference of the plan: a connection string, a password.
    fn secret(&self, reference: &plans::plan::SecretRef) -> Result<SecretString, ConnectError>;
    /// A channel of the plan, with its secrets.
    fn channel(&self, id: &base::id::ChannelId, channel: &plans::plan::Channel) -> Result<Arc<dyn alerts::Channel>, ConnectError>;
}

/// What every job and task is given.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Wall time and durations.
    pub clock: Arc<dyn Clock>,
    /// Where everything that happens is written down.
    pub journal: Journal,
    /// Makes stores, keys and channels.
    pub connect: Arc<dyn Connect>,
    /// Who acts: the daemon, or a person at a terminal.
    pub actor: Actor,
    /// The name of this host, as snapshots and records carry it.
    pub host: String,
    /// Caches, always safe to delete.
    pub cache: PathBuf,
    /// Scratch folders of drills are made below this.
    pub scratch: PathBuf,
}

impl Parts {
    /// Writes down what happened, now.
    pub async fn record(&self, event: impl Into<Event>) -> Result<(), JournalError> {
        self.journal.append(&self.actor, event, self.clock.now()).await.map(|_| ())
    }
}

/// A new name for a run of a job: ordered by time, unique on all hosts (UUID version 7, RFC 9562).
pub fn run_id(clock: &dyn Clock) -> String {
    let now = clock.now();
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)).to_string()
}

//! Makes for the orchestrator what only this crate can name: stores, keys, channels, the texts of the plan.

use std::sync::Arc;

use alerts::Channel;
use async_trait::async_trait;
use base::Hint as _;
use base::id::ChannelId;
use orchestrator::{Connect, ConnectError, ConnectKind};
use plans::load::Text;
use plans::plan;
use repository::keys::{ReaderKey, WriterKey};
use stores::{Store, StoreError};

use super::channels;
use super::places::{self, PlaceError};
use crate::settings::Settings;
use crate::{plan_files, secrets};

/// The connections of this installation.
#[derive(Debug, Clone)]
pub(crate) struct Wiring {
    settings: Settings,
}

impl Wiring {
    /// The connections that these settings describe.
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

#[async_trait]
impl Connect for Wiring {
    fn plan_texts(&self) -> Result<Vec<Text>, ConnectError> {
        plan_files::read(&self.settings.plan).map_err(|failure| ConnectError {
            what: failure.what,
            hint: failure.fix,
            kind: ConnectKind::Plan,
            source: None,
        })
    }

    async fn store(&self, repository: &plan::Repository) -> Result<Arc<dyn Store>, ConnectError> {
        places::open_store(repository).await.map_err(|error| ConnectError {
            what: format!("the repository {} cannot be reached", repository.id),
            hint: error.hint(),
            kind: match &error {
                PlaceError::Store { source: StoreError::NoPlace { .. }, .. } => ConnectKind::NoRepository,
                PlaceError::Store { source, .. } if source.is_transient() => ConnectKind::Unavailable,
                PlaceError::Secret { source, .. } => source.kind,
                _ => ConnectKind::Other,
            },
            source: Some(Box::new(error)),
        })
    }

    fn writer_key(&self, repository: &str) -> Result<WriterKey, ConnectError> {
        let path = self.settings.writer_key(repository);
        if !path.exists() {
            return Err(ConnectError {
                what: format!("this host holds no key to write to the repository {repository}"),
                hint: Some("let a custodian add this host: lifeboat repo add ID --key-file FILE".to_owned()),
                kind: ConnectKind::Key,
                source: None,
            });
        }
        WriterKey::parse(&secrets::read_private(&path)?).map_err(|error| ConnectError {
            what: format!("the writer key {} cannot be used", path.display()),
            hint: error.hint(),
            kind: ConnectKind::Key,
            source: Some(Box::new(error)),
        })
    }

    fn reader_key(&self) -> Result<Option<ReaderKey>, ConnectError> {
        if self.settings.key_files.is_empty() {
            return Ok(None);
        }
        let mut text = String::new();
        for path in &self.settings.key_files {
            text.push_str(&secrets::read_private(path)?);
            text.push('\n');
        }
        ReaderKey::parse(&text).map(Some).map_err(|error| ConnectError {
            what: "the key file cannot be used".to_owned(),
            hint: error.hint(),
            kind: ConnectKind::Key,
            source: Some(Box::new(error)),
        })
    }

    fn channel(&self, id: &ChannelId, channel: &plan::Channel) -> Result<Arc<dyn Channel>, ConnectError> {
        channels::make(id, channel)
    }
}

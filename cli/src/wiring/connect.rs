//! Makes for the orchestrator what only this crate can name: stores, keys, channels, the texts of the plan.

use std::sync::{Arc, OnceLock};

use alerts::Channel;
use async_trait::async_trait;
use base::Hint as _;
use base::id::ChannelId;
use orchestrator::{Connect, ConnectError, ConnectKind};
use plans::load::Text;
use plans::plan;
use repository::keys::{ReaderKey, StewardKey, WriterKey};
use secrecy::SecretString;
use stores::{Store, StoreError};

use super::channels;
use super::places::{self, PlaceError};
use crate::settings::Settings;
use crate::{key_files, plan_files, secrets};

/// The connections of this installation.
#[derive(Debug, Clone)]
pub(crate) struct Wiring {
    settings: Settings,
    reader: Arc<OnceLock<Option<ReaderKey>>>,
}

impl Wiring {
    /// The connections that these settings describe.
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, reader: Arc::default() }
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

    fn maintainer_key(&self, repository: &plan::Repository) -> Result<Option<StewardKey>, ConnectError> {
        let Some(reference) = &repository.maintainer else { return Ok(None) };
        parse_maintainer(&secrets::resolve(reference)?).map(Some)
    }

    fn reader_key(&self) -> Result<Option<ReaderKey>, ConnectError> {
        // Asked for once: a passphrase is typed once, and its work is done once.
        if let Some(known) = self.reader.get() {
            return Ok(known.clone());
        }
        let key = key_files::reader_key(&self.settings)?;
        Ok(self.reader.get_or_init(|| key).clone())
    }

    fn secret(&self, reference: &plan::SecretRef) -> Result<SecretString, ConnectError> {
        secrets::resolve(reference).map(SecretString::from)
    }

    fn channel(&self, id: &ChannelId, channel: &plan::Channel) -> Result<Arc<dyn Channel>, ConnectError> {
        channels::make(id, channel)
    }
}

/// A maintainer's key out of its file.
pub(crate) fn parse_maintainer(text: &str) -> Result<StewardKey, ConnectError> {
    StewardKey::parse(text).map_err(|error| ConnectError {
        what: "the maintainer's key cannot be used".to_owned(),
        hint: error.hint(),
        kind: ConnectKind::Key,
        source: Some(Box::new(error)),
    })
}

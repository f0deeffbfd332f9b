//! Stores by their place: a folder or a bucket, with retries around them.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use plans::plan::{Repository, Url};
use stores::folder::FolderStore;
use stores::retry::{RetryLimits, RetryStore};
use stores::{LockStore, Store, StoreError};
use stores_s3::{Credential, S3Config, S3Store};

use crate::failure::{Exit, Failure};

/// Why a store could not be reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("cannot open {location}")]
    Store { location: String, source: StoreError },
    #[error("cannot reach {location}")]
    S3 { location: String, source: stores_s3::ConnectError },
    #[error("the credential of {location} cannot be had")]
    Secret { location: String, source: orchestrator::ConnectError },
}

impl base::Hint for PlaceError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Store { source, .. } => source.hint(),
            Self::S3 { source, .. } => source.hint(),
            Self::Secret { source, .. } => source.hint(),
        }
    }
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        match &error {
            PlaceError::Store { source: StoreError::NoPlace { .. }, .. } => Self::of("LB0210", Exit::NoRepository, &error),
            PlaceError::Store { source, .. } if source.is_transient() => Self::of("LB0212", Exit::TryAgain, &error),
            _ => Self::of("LB0213", Exit::Failed, &error),
        }
    }
}

/// A place as a person types it: a path, `file:///path`, or `s3://bucket/prefix?region=…&endpoint=…&path_style=…`.
pub(crate) fn parse_url(text: &str) -> Result<Url, Failure> {
    let absolute = |path: &str| std::path::absolute(path).map_err(|error| Failure::from_error("LB0002", Exit::Usage, &error));
    if text.contains("://") {
        text.parse::<Url>().map_err(|error| {
            Failure::new("LB0002", Exit::Usage, format!("\"{text}\" is not a place for a repository: {error}"))
                .fix("write a path, file:///path, or s3://bucket/prefix?region=eu-central-1")
        })
    } else {
        Ok(Url::File { path: absolute(text)? })
    }
}

/// The store of a repository that should be there.
pub(crate) async fn open_store(repository: &Repository) -> Result<Arc<dyn Store>, PlaceError> {
    bare(repository, false).await.map(|store| locked(repository, patient(store, RetryLimits::default())))
}

/// The store of a repository for somebody who only looks at it: one that does not answer is told so soon, with its reason.
pub(crate) async fn glance_store(repository: &Repository) -> Result<Arc<dyn Store>, PlaceError> {
    const TWICE: RetryLimits = RetryLimits {
        attempts: NonZeroU32::MIN.saturating_add(1),
        first_wait: Duration::from_millis(500),
        longest_wait: Duration::from_secs(1),
    };
    bare(repository, false).await.map(|store| patient(store, TWICE))
}

/// The store for a new repository; a folder is made.
pub(crate) async fn create_store(repository: &Repository) -> Result<Arc<dyn Store>, PlaceError> {
    bare(repository, true).await.map(|store| locked(repository, patient(store, RetryLimits::default())))
}

/// All that is stored is locked for as long as the plan says.
fn locked(repository: &Repository, store: Arc<dyn Store>) -> Arc<dyn Store> {
    let Some(lock) = repository.lock else { return store };
    Arc::new(LockStore::new(store, orchestrator::jobs::lock::mode(&lock), lock.period.at_least(), super::clock()))
}

fn patient(store: Arc<dyn Store>, limits: RetryLimits) -> Arc<dyn Store> {
    Arc::new(RetryStore::new(store, limits, seed()))
}

async fn bare(repository: &Repository, create: bool) -> Result<Arc<dyn Store>, PlaceError> {
    let location = repository.url.to_string();
    let store: Arc<dyn Store> = match &repository.url {
        Url::File { path } => {
            let opened = if create { FolderStore::create(path).await } else { FolderStore::open(path).await };
            Arc::new(opened.map_err(|source| PlaceError::Store { location, source })?)
        }
        Url::S3 { bucket, prefix, region, endpoint, path_style } => {
            let credential = credential(repository).map_err(|source| PlaceError::Secret { location: location.clone(), source })?;
            let config = S3Config {
                prefix: prefix.clone(),
                region: region.clone(),
                endpoint: endpoint.clone(),
                path_style: *path_style,
                credential,
                ca: repository.ca.clone(),
                ..S3Config::new(bucket.clone())
            };
            Arc::new(S3Store::connect(config).await.map_err(|source| PlaceError::S3 { location, source })?)
        }
    };
    Ok(store)
}

fn credential(repository: &Repository) -> Result<Credential, orchestrator::ConnectError> {
    match &repository.credential {
        None => Ok(Credential::Chain),
        Some(reference) => crate::secrets::path_of(reference).map(|path: PathBuf| Credential::File(path)),
    }
}

/// Where the random waits between retries begin. Without random bytes all hosts wait alike, which only costs time.
fn seed() -> u64 {
    getrandom::u64().unwrap_or_default()
}

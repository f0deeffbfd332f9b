//! Opens a repository of the plan, with the key that the job needs.

use std::path::PathBuf;

use base::id::RepositoryId;
use plans::Plan;
use repository::keys::ReaderKey;
use repository::reader::{Reader, ReaderOptions};
use repository::repository::Repository;
use tokio_util::sync::CancellationToken;

use super::JobError;
use crate::parts::Parts;

/// Threads that compress, encrypt and hash. More than the cores of a small server only cost memory.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get().clamp(1, 16))
}

/// A repository of the plan, opened without a key.
pub async fn repository(parts: &Parts, plan: &Plan, id: &RepositoryId) -> Result<Repository, JobError> {
    let known = plan.repositories.get(id).ok_or_else(|| unknown("repository", id.as_str(), plan.repositories.keys()))?;
    let store = parts.connect.store(known).await?;
    Repository::open(store).await.map_err(|source| JobError::Open { repository: id.clone(), source: Box::new(source) })
}

/// The same for a job that may be told to end while the store is waited for.
pub async fn repository_unless(parts: &Parts, plan: &Plan, id: &RepositoryId, cancel: &CancellationToken) -> Result<Repository, JobError> {
    cancel.run_until_cancelled(repository(parts, plan, id)).await.unwrap_or(Err(JobError::Cancelled))
}

/// The key that reads, or an error that says who holds one.
pub fn reader_key(parts: &Parts, plan: &Plan, id: &RepositoryId) -> Result<ReaderKey, JobError> {
    parts.connect.reader_key()?.ok_or_else(|| JobError::NoReaderKey { repository: id.clone(), holders: holders(plan) })
}

/// A reader of a repository, for those who have a key.
pub async fn reader(parts: &Parts, plan: &Plan, id: &RepositoryId) -> Result<Reader, JobError> {
    let key = reader_key(parts, plan, id)?;
    let repository = repository(parts, plan, id).await?;
    let opened = Reader::open(&repository, &key, reader_options(parts)).await;
    opened.map_err(|source| JobError::Read { repository: id.clone(), source: Box::new(source) })
}

/// How readers of this installation work.
pub fn reader_options(parts: &Parts) -> ReaderOptions {
    ReaderOptions { cache_dir: repository_cache(parts), threads: threads() }
}

/// Where indexes are cached.
pub fn repository_cache(parts: &Parts) -> PathBuf {
    parts.cache.clone()
}

/// Who holds a key that opens what was backed up: "Joy Okafor (HSM token, safe B2)".
pub fn holders(plan: &Plan) -> Vec<String> {
    let holder = |key: &plans::plan::RecoveryKey| {
        let name = key.custodian.as_ref().and_then(|id| plan.contacts.get(id)).map_or_else(|| key.id.to_string(), |c| c.name.clone());
        key.kept.as_ref().map_or_else(|| name.clone(), |kept| format!("{name} ({kept})"))
    };
    plan.recovery_keys.values().map(holder).collect()
}

/// An id that the plan does not have, with the nearest that it has.
pub fn unknown<'a, T: ToString + 'a>(kind: &'static str, id: &str, known: impl Iterator<Item = &'a T>) -> JobError {
    let nearest =
        known.map(T::to_string).min_by_key(|name| strsim::levenshtein(name, id)).filter(|name| strsim::levenshtein(name, id) <= 3);
    JobError::Unknown { kind, id: id.to_owned(), nearest }
}

//! Ends the right of a writer or a steward: the next trust document says since when, and which objects of a writer are the
//! last that are believed.
//!
//! Storage must refuse the credential of the host, too: this keeps lies out, and no one from filling the storage.

use base::id::{DomainId, StewardId, WriterId};
use jiff::Timestamp;
use stores::key::Prefix;
use stores::store::list_all;

use super::believed::{Keeps, believed};
use super::change::{ChangeError, Next};
use super::{ReaderKey, StewardRole};
use crate::format::names::{self, Name, numbered};
use crate::repository::Repository;
use crate::trust::Last;

/// What the end of a writer's right does to what it stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The last objects that are believed.
    pub last: Last,
    /// Objects that are not believed any more.
    pub n_dropped: usize,
    /// Restore points that stay believed.
    pub n_points: usize,
    /// Restore points that are not believed any more, in the order in which they were made.
    pub points_dropped: Vec<Name>,
}

/// What [`end_writer`] would do, which no later document takes back.
pub async fn plan_end(
    repository: &Repository,
    domain: &DomainId,
    writer: &WriterId,
    since: Option<Timestamp>,
) -> Result<Ended, ChangeError> {
    let who = || format!("writer {writer} of domain {domain}");
    let listed = repository.trust().writer(domain, writer).ok_or_else(|| ChangeError::NotListed { who: who() })?;
    if listed.to.is_some() {
        return Err(ChangeError::EndedAlready { who: who() });
    }
    let (index, dropped) = parted(repository, "index", &names::index_by(domain, writer), since).await?;
    let (snapshots, points_dropped) = parted(repository, "snapshots", &names::snapshots_of(domain, writer), since).await?;
    let last = Last { index: index.last().copied(), snapshot: snapshots.last().copied() };
    Ok(Ended { last, n_dropped: dropped.len() + points_dropped.len(), n_points: snapshots.len(), points_dropped })
}

/// Ends the right of `writer` of `domain` at `now`. What the store holds of it by then stays believed, or, with `since`, only
/// what the store dates earlier; what has no date then counts as later. `repository` still shows the old document.
pub async fn end_writer(
    repository: &Repository,
    reader: &ReaderKey,
    domain: &DomainId,
    writer: &WriterId,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Result<Ended, ChangeError> {
    let ended = plan_end(repository, domain, writer, since).await?;
    let owner = reader.open_owner(repository).await?;
    let mut next = Next::begin(repository, owner, now);
    for listed in next.document.writers.iter_mut().filter(|listed| listed.domain == *domain && listed.writer == *writer) {
        (listed.to, listed.last) = (Some(now), Some(ended.last));
    }
    next.store(repository).await?;
    Ok(ended)
}

/// The names below `prefix` before the first one that is dated `since` or later, and those from it on.
async fn parted(
    repository: &Repository,
    first: &str,
    prefix: &Prefix,
    since: Option<Timestamp>,
) -> Result<(Vec<Name>, Vec<Name>), ChangeError> {
    let entries = list_all(repository.store().as_ref(), prefix).await;
    let entries = entries.map_err(|source| ChangeError::List { prefix: prefix.to_string(), source })?;
    let late = |modified: Option<Timestamp>| since.is_some_and(|since| modified.is_none_or(|modified| modified >= since));
    let mut found: Vec<(Name, bool)> =
        entries.iter().filter_map(|entry| Some((numbered(first, &entry.key)?.name, late(entry.modified)))).collect();
    found.sort_unstable();
    let n = found.iter().position(|(_, late)| *late).unwrap_or(found.len());
    let mut names: Vec<Name> = found.into_iter().map(|(name, _)| name).collect();
    let later = names.split_off(n);
    Ok((names, later))
}

/// Ends the right of the steward `name` to sign in `role`, at `now`. What stores hold of it stays believed, as far as `keeps` says; the next
/// trust document names it, so that a statement which it makes up later, under an earlier date, counts for nothing. Gives how many there are.
pub async fn end_steward(
    repository: &Repository,
    reader: &ReaderKey,
    role: StewardRole,
    name: &StewardId,
    keeps: &Keeps,
    now: Timestamp,
) -> Result<usize, ChangeError> {
    let who = || format!("{role} {name}");
    let key = match repository.trust().stewards(role).iter().find(|listed| listed.name == *name) {
        None => return Err(ChangeError::NotListed { who: who() }),
        Some(listed) if listed.to.is_some() => return Err(ChangeError::EndedAlready { who: who() }),
        Some(listed) => listed.key,
    };
    let owner = reader.open_owner(repository).await?;
    let mut next = Next::begin(repository, owner, now);
    let list = match role {
        StewardRole::Maintainer => &mut next.document.maintainers,
        StewardRole::Verifier => &mut next.document.verifiers,
    };
    for listed in list.iter_mut().filter(|listed| listed.name == *name) {
        listed.to = Some(now);
    }
    let believed = believed(repository, key, keeps, now).await?;
    next.believes(repository, &believed)?;
    next.store(repository).await?;
    Ok(believed.statements.len())
}

//! Lets a further host write, or a further steward sign: makes its key and signs the next trust document.

use base::id::{DomainId, StewardId, WriterId};
use jiff::Timestamp;

use super::change::{ChangeError, Next};
use super::{DomainKeys, KeyError, ReaderKey, StewardKey, StewardRole, WriterKey};
use crate::repository::Repository;
use crate::trust::ListedSteward;

/// Adds `writer` to `domain` and gives its key, which the caller brings to the host. `reader` opens the owner key.
///
/// Two writes: the host's domain keys, then the next trust document, create-only. Cut short between the two, nothing is
/// trusted and the name is used up. `repository` still shows the old document: open it again to see the new one.
pub async fn add_writer(
    repository: &Repository,
    reader: &ReaderKey,
    writer: WriterId,
    domain: DomainId,
    now: Timestamp,
) -> Result<WriterKey, ChangeError> {
    let trust = repository.trust();
    if trust.writer(&domain, &writer).is_some() {
        return Err(ChangeError::Listed { who: format!("writer {writer} of domain {domain}") });
    }
    let owner = reader.open_owner(repository).await?;
    let keys = reader.open(repository).await?;
    let domain_keys = match keys.domains.get(&domain) {
        Some(shared) => shared.clone(),
        None => match keys.closed.into_iter().find(|(closed, _)| *closed == domain) {
            Some((closed, why)) => return Err(ChangeError::Closed { domain: closed.to_string(), why }),
            None => DomainKeys::generate()?,
        },
    };
    let newest = trust.newest_epoch();
    let epoch = keys.epochs.get(&newest.epoch).ok_or_else(|| KeyError::Missing { object: newest.object.clone() })?;

    let mut next = Next::begin(repository, owner, now);
    let writer_key = WriterKey::generate(repository.id(), next.document.version, writer, domain)?;
    let listed = next.sealed.add_writer(&writer_key, &domain_keys, epoch, now)?;
    next.document.writers.push(listed);
    next.store(repository).await?;
    Ok(writer_key)
}

/// Lists a new steward under `name` and gives its key. `reader` opens the owner key. One write, create-only; `repository`
/// still shows the old document: open it again to see the new one.
pub async fn add_steward(
    repository: &Repository,
    reader: &ReaderKey,
    role: StewardRole,
    name: StewardId,
    now: Timestamp,
) -> Result<StewardKey, ChangeError> {
    if repository.trust().stewards(role).iter().any(|listed| listed.name == name) {
        return Err(ChangeError::Listed { who: format!("{role} {name}") });
    }
    let owner = reader.open_owner(repository).await?;
    let mut next = Next::begin(repository, owner, now);
    let key = StewardKey::generate(repository.id(), next.document.version, role, name.clone())?;
    let list = match role {
        StewardRole::Maintainer => &mut next.document.maintainers,
        StewardRole::Verifier => &mut next.document.verifiers,
    };
    list.push(ListedSteward { from: now, key: key.public(), name, to: None });
    next.store(repository).await?;
    Ok(key)
}

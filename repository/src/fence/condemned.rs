//! The packs of a domain that must not be relied on, as the condemned lists name them.

use std::collections::BTreeSet;

use base::Digest;
use base::id::DomainId;
use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use stores::key::Key;
use stores::store::Store;

use super::{Fence, FenceError, Generations, generations};
use crate::format::names::{CONDEMNED, Name};
use crate::format::statement;
use crate::prune::{Lies, believed};
use crate::repository::Repository;

/// Lists that are fetched at once.
const AT_ONCE: usize = 4;

/// What is known of the packs that are being deleted, or were: a name stays here for ever.
#[derive(Debug, Clone)]
pub struct Condemned {
    domain: DomainId,
    read: Option<Timestamp>,
    newest: Option<u64>,
    names: BTreeSet<Name>,
    packs: BTreeSet<Digest>,
}

impl Condemned {
    /// Reads all lists.
    pub async fn read(repository: &Repository, domain: &DomainId) -> Result<Self, FenceError> {
        let none = Self { domain: domain.clone(), read: None, newest: None, names: BTreeSet::new(), packs: BTreeSet::new() };
        none.again(repository).await
    }

    /// Reads what came since. Lists are never changed, so those that were read are not read again.
    pub async fn again(mut self, repository: &Repository) -> Result<Self, FenceError> {
        let listed: Generations = generations(&**repository.store()).await?;
        (self.read, self.newest) = (listed.read, listed.names.last().map(|(name, _)| name.seq));
        if !repository.protocol().is_fenced() {
            return Ok(self);
        }
        let new: Vec<_> = listed.names.into_iter().filter(|(name, _)| !self.names.contains(name)).collect();
        let mut fetched = stream::iter(new).map(|name| fetch(repository, &**repository.store(), name)).buffer_unordered(AT_ONCE);
        while let Some((name, found)) = fetched.next().await {
            // One that nobody who may has signed condemns nothing; one that was taken away is a finding of `check`.
            if let Some(list) = found? {
                self.packs.extend(list.of(&self.domain).unwrap_or_default());
            }
            self.names.insert(name);
        }
        drop(fetched);
        Ok(self)
    }

    /// Whether a pack is condemned.
    pub fn has(&self, pack: &Digest) -> bool {
        self.packs.contains(pack)
    }

    /// As a snapshot tells of it. Only here the store must have told its time: a folder that cannot be written tells none, and what
    /// stops a run there is better said by the first write that fails.
    pub fn fence(&self, repository: &Repository) -> Result<Fence, FenceError> {
        let read = self.read.ok_or_else(|| FenceError::NoTime { location: repository.store().location() })?;
        Ok(Fence { read, generation: self.newest })
    }
}

/// What a store of the same repository condemns, such as a copy's own lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct CondemnedAt {
    /// The store's own instant when the names of the lists were read.
    pub(crate) read: Option<Timestamp>,
    /// Of all domains.
    pub(crate) packs: BTreeSet<(DomainId, Digest)>,
}

/// Reads all lists of `store`, which holds the repository or a copy of it.
pub(crate) async fn at(repository: &Repository, store: &dyn Store) -> Result<CondemnedAt, FenceError> {
    let listed = generations(store).await?;
    let mut found = CondemnedAt { read: listed.read, packs: BTreeSet::new() };
    let mut fetched = stream::iter(listed.names).map(|name| fetch(repository, store, name)).buffer_unordered(AT_ONCE);
    while let Some((_, list)) = fetched.next().await {
        let Some(list) = list? else { continue };
        for domain in list.packs.keys() {
            found.packs.extend(list.of(domain).unwrap_or_default().into_iter().map(|pack| (domain.clone(), pack)));
        }
    }
    drop(fetched);
    Ok(found)
}

/// The list of that name, if it counts: one that does not condemns nothing.
async fn fetch(
    repository: &Repository,
    store: &dyn Store,
    (name, stored): (Name, Option<Timestamp>),
) -> (Name, Result<Option<statement::Condemned>, FenceError>) {
    let key: Key = format!("{CONDEMNED}{name}").parse().expect("a name is made of characters that keys allow");
    let found = match store.get(&key).await {
        Ok(object) => {
            let told = believed::<statement::Condemned>(repository, Lies { digest: name.digest, object: &object, stored });
            Ok(told
                .inspect_err(|doubt| {
                    tracing::warn!(object = %key, what = %doubt.what, "a list of condemned packs cannot be believed; it condemns nothing");
                })
                .ok())
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(source) => Err(FenceError::Store { object: key.to_string(), source }),
    };
    (name, found)
}

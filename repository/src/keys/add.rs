//! Lets a further host write: makes its key and signs the next trust document.

use base::id::{DomainId, WriterId};
use base::{Digest, Hint};
use bytes::Bytes;
use jiff::Timestamp;
use stores::error::StoreError;
use stores::key::Key;

use super::{DomainKeys, KeyError, ReaderKey, WriterKey};
use crate::repository::{Repository, Sealed};
use crate::trust;

/// Why a writer was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddWriterError {
    /// The name is taken, perhaps by a host that is gone.
    #[error("writer {writer} of domain {domain} is listed already")]
    Listed {
        /// The domain.
        domain: String,
        /// The writer.
        writer: String,
    },
    /// A key could not be made or opened.
    #[error("cannot make the key of the new writer")]
    Key(#[from] KeyError),
    /// The domain exists and its keys cannot be opened: the new host could not share its chunks.
    #[error("the keys of domain {domain} cannot be opened: {why}")]
    Closed {
        /// The domain.
        domain: String,
        /// The reason.
        why: String,
    },
    /// Somebody else signed the next trust document first, or an earlier attempt left its key object.
    #[error("{object} is there already")]
    Raced {
        /// The object.
        object: String,
    },
    /// The store did not take an object.
    #[error("cannot write {object}")]
    Store {
        /// The object.
        object: String,
        /// The store's error.
        source: StoreError,
    },
}

impl Hint for AddWriterError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Listed { .. } => Some("choose another name; names are never used twice".to_owned()),
            Self::Key(error) => error.hint(),
            Self::Closed { .. } => Some("fetch the key object from another copy, or choose a domain of its own".to_owned()),
            Self::Raced { object } if object.starts_with("trust/") => Some("run it again".to_owned()),
            Self::Raced { .. } => Some("choose another name: an earlier attempt was cut short".to_owned()),
            Self::Store { source, .. } => source.hint(),
        }
    }
}

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
) -> Result<WriterKey, AddWriterError> {
    let old = repository.trust();
    if old.writer(&domain, &writer).is_some() {
        return Err(AddWriterError::Listed { domain: domain.to_string(), writer: writer.to_string() });
    }
    let owner = reader.open_owner(repository).await?;
    let keys = reader.open(repository).await?;
    let domain_keys = match keys.domains.get(&domain) {
        Some(shared) => shared.clone(),
        None => match keys.closed.into_iter().find(|(closed, _)| *closed == domain) {
            Some((closed, why)) => return Err(AddWriterError::Closed { domain: closed.to_string(), why }),
            None => DomainKeys::generate()?,
        },
    };
    let newest = old.newest_epoch();
    let epoch = keys.epochs.get(&newest.epoch).ok_or_else(|| KeyError::Missing { object: newest.object.clone() })?;

    let version = old.version() + 1;
    let writer_key = WriterKey::generate(repository.id(), version, writer, domain)?;
    let mut sealed = Sealed::default();
    let listed = sealed.add_writer(&writer_key, &domain_keys, epoch, now)?;
    let mut document = old.document().clone();
    document.version = version;
    document.created = now;
    document.objects.append(&mut sealed.listed);
    document.writers.push(listed);

    for (object, bytes) in sealed.objects {
        put(repository, object, bytes).await?;
    }
    put(repository, trust::document_key(version), trust::seal(&owner, &document.to_bytes())).await?;
    Ok(writer_key)
}

async fn put(repository: &Repository, object: String, bytes: Vec<u8>) -> Result<(), AddWriterError> {
    let key: Key = object.parse().expect("names of ours are keys");
    let digest = Digest::of(&bytes);
    match repository.store().put_new(&key, Bytes::from(bytes), digest).await {
        Ok(_) => Ok(()),
        Err(error) if error.exists_already() => Err(AddWriterError::Raced { object }),
        Err(source) => Err(AddWriterError::Store { object, source }),
    }
}

//! The next trust document: made from the newest one, signed by an owner, stored create-only after what it names.

use base::{Digest, Hint};
use bytes::Bytes;
use jiff::Timestamp;
use stores::error::StoreError;
use stores::key::Key;

use super::{KeyError, OwnerKey, random};
use crate::repository::{Repository, Sealed};
use crate::trust::{self, BELIEVED, Believed, Document};

/// Why the next trust document was not signed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The name is taken, perhaps by somebody who is gone.
    #[error("{who} is listed already")]
    Listed {
        /// Whose name: "writer web of domain web", "maintainer ops".
        who: String,
    },
    /// There is nobody of that name.
    #[error("{who} is not listed")]
    NotListed {
        /// Whose name.
        who: String,
    },
    /// Its right has ended before.
    #[error("the right of {who} has ended already")]
    EndedAlready {
        /// Whose.
        who: String,
    },
    /// Too few people could open the repository.
    #[error("a repository needs two recovery keys, and {given} would be left")]
    TooFewRecipients {
        /// Distinct recipients given.
        given: usize,
    },
    /// The store could not be listed.
    #[error("cannot list {prefix}")]
    List {
        /// What was listed.
        prefix: String,
        /// The store's error.
        source: StoreError,
    },
    /// A key could not be made or opened.
    #[error("cannot make or open the keys that this needs")]
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

impl Hint for ChangeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Listed { .. } => Some("choose another name; names are never used twice".to_owned()),
            Self::NotListed { .. } => Some("lifeboat key show names all who are listed".to_owned()),
            Self::EndedAlready { .. } => None,
            Self::TooFewRecipients { .. } => Some(
                "name a second key in the plan, kept elsewhere by someone else, or say that one is accepted: --accept-single-key"
                    .to_owned(),
            ),
            Self::Key(error) => error.hint(),
            Self::Closed { .. } => Some("fetch the key object from another copy, or choose a domain of its own".to_owned()),
            Self::Raced { object } if object.starts_with("trust/") => Some("run it again".to_owned()),
            Self::Raced { .. } => Some("choose another name: an earlier attempt was cut short".to_owned()),
            Self::List { source, .. } | Self::Store { source, .. } => source.hint(),
        }
    }
}

/// The next trust document in the making.
pub(super) struct Next {
    pub(super) owner: OwnerKey,
    pub(super) sealed: Sealed,
    pub(super) document: Document,
}

impl Next {
    /// The newest document with the next number, before anything else is changed.
    pub(super) fn begin(repository: &Repository, owner: OwnerKey, now: Timestamp) -> Self {
        let mut document = repository.trust().document().clone();
        document.version += 1;
        document.created = now;
        Self { owner, sealed: Sealed::default(), document }
    }

    /// Names what is believed of a key whose right to sign ends.
    pub(super) fn believes(&mut self, repository: &Repository, believed: &Believed) -> Result<(), KeyError> {
        // A name of its own, so that what a run that was cut short has left is in nobody's way.
        let name = format!("{BELIEVED}{}.{}.json", self.document.version, hex::encode(random::<4>()?));
        self.sealed.push(&name, Vec::new(), believed.to_bytes(repository.id()));
        Ok(())
    }

    /// Stores the objects that it names, then the document. Cut short between the two, nothing of it is trusted.
    pub(super) async fn store(mut self, repository: &Repository) -> Result<(), ChangeError> {
        self.document.objects.append(&mut self.sealed.listed);
        for (object, bytes) in self.sealed.objects {
            put(repository, object, bytes).await?;
        }
        let object = trust::document_key(self.document.version);
        put(repository, object, trust::seal(&self.owner, &self.document.to_bytes())).await
    }
}

async fn put(repository: &Repository, object: String, bytes: Vec<u8>) -> Result<(), ChangeError> {
    let key: Key = object.parse().expect("names of ours are keys");
    let digest = Digest::of(&bytes);
    match repository.store().put_new(&key, Bytes::from(bytes), digest).await {
        Ok(_) => Ok(()),
        Err(error) if error.exists_already() => Err(ChangeError::Raced { object }),
        Err(source) => Err(ChangeError::Store { object, source }),
    }
}

//! Fetches key objects and opens them: the domain keys for a host, everything for a reader, the canary for a key drill.
//!
//! Each object is compared with the digest in the trust document before it is opened, so that storage cannot put an
//! older or another one in its place.

use std::collections::BTreeMap;

use base::Digest;
use base::id::DomainId;
use zeroize::Zeroizing;

use super::wrap::{self, Closed};
use super::{DomainKeys, EpochIdentity, KeyError, OwnerKey, ReaderKey, Steward, WriterKey};
use crate::repository::Repository;
use crate::trust::ListedObject;

/// What a reader's key opens.
#[derive(Debug, Clone)]
pub struct OpenKeys {
    /// The identities of all epochs, by number.
    pub epochs: BTreeMap<u32, EpochIdentity>,
    /// The keys of every domain that could be opened.
    pub domains: BTreeMap<DomainId, DomainKeys>,
    /// Domains whose keys are all missing or damaged: their backups cannot be listed, the others can.
    pub closed: Vec<(DomainId, String)>,
}

impl WriterKey {
    /// Opens this host's domain keys. Fails when the key is for another repository, when the trust document does not
    /// list it, or when the store offers an older trust document than the one that issued the key.
    pub async fn open(&self, repository: &Repository) -> Result<DomainKeys, KeyError> {
        self.belongs_to(repository)?;
        let trust = repository.trust();
        let not_listed = || KeyError::NotListed { domain: self.domain().to_string(), writer: self.writer().to_string() };
        let listed = trust.writer(self.domain(), self.writer()).filter(|listed| listed.key == self.public()).ok_or_else(not_listed)?;
        if listed.to.is_some() {
            return Err(KeyError::Ended { who: format!("writer {} of domain {}", self.writer(), self.domain()) });
        }
        let object = trust.object(&listed.object)?;
        let sealed = fetch(repository, object).await?;
        let text = wrap::open(&sealed, &[self.identity()]).map_err(|closed| explain(object, closed, &[self.recipient().to_string()]))?;
        DomainKeys::parse(&text).map_err(|error| damaged(object, &error))
    }

    fn belongs_to(&self, repository: &Repository) -> Result<(), KeyError> {
        if self.repository() != repository.id() {
            return Err(KeyError::OtherRepository { wanted: self.repository(), found: repository.id() });
        }
        let found = repository.trust().version();
        if found < self.trust_version() {
            return Err(KeyError::RolledBack { found, needed: self.trust_version() });
        }
        Ok(())
    }
}

impl ReaderKey {
    /// Opens the epoch keys, and with them every domain's keys. [`KeyError::WrongKey`] names who can open the repository.
    pub async fn open(&self, repository: &Repository) -> Result<OpenKeys, KeyError> {
        let trust = repository.trust();
        let mut epochs = BTreeMap::new();
        for epoch in trust.epochs() {
            let object = trust.object(&epoch.object)?;
            let text = self.open_object(repository, object).await?;
            let identity = EpochIdentity::parse(&text).map_err(|error| damaged(object, &error))?;
            if identity.recipient() != epoch.recipient {
                return Err(KeyError::Damaged {
                    object: object.key.clone(),
                    what: "it holds another key than the trust document names".to_owned(),
                });
            }
            epochs.insert(epoch.epoch, identity);
        }
        let (mut domains, mut failures) = (BTreeMap::new(), BTreeMap::new());
        for writer in trust.writers() {
            if domains.contains_key(&writer.domain) {
                continue; // each writer has a copy of the same keys; one is enough
            }
            match open_domain(repository, &writer.object, &epochs).await {
                Ok(keys) => drop(domains.insert(writer.domain.clone(), keys)),
                Err(error @ KeyError::Store { .. }) => return Err(error),
                Err(error) => drop(failures.insert(writer.domain.clone(), error.to_string())),
            }
        }
        let closed = failures.into_iter().filter(|(domain, _)| !domains.contains_key(domain)).collect();
        Ok(OpenKeys { epochs, domains, closed })
    }

    /// Opens the owner key, which signs the next trust document.
    pub(crate) async fn open_owner(&self, repository: &Repository) -> Result<OwnerKey, KeyError> {
        let object = repository.trust().owner_object()?;
        let text = self.open_object(repository, object).await?;
        OwnerKey::parse(&text).map_err(|error| damaged(object, &error))
    }

    /// The owners' right to sign maintenance statements.
    pub async fn steward(&self, repository: &Repository) -> Result<Steward, KeyError> {
        self.open_owner(repository).await.map(Steward::owner)
    }

    async fn open_object(&self, repository: &Repository, object: &ListedObject) -> Result<Zeroizing<String>, KeyError> {
        let sealed = fetch(repository, object).await?;
        let key = self.clone();
        // A plugin may wait for its device to be touched: not on a thread of the runtime.
        let opened = tokio::task::spawn_blocking(move || wrap::open(&sealed, &key.identities())).await;
        let opened = opened.unwrap_or_else(|error| Err(Closed::Broken(format!("opening it was cut short: {error}"))));
        opened.map_err(|closed| explain(object, closed, &self.recipients()))
    }
}

/// What a key drill shows: this key still opens what was encrypted to it when the repository was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The object that was opened.
    pub object: String,
    /// Public halves of the key that was tried.
    pub recipients: Vec<String>,
}

/// Opens the canary with `reader` and compares it with the digest that the owners signed.
pub async fn prove(repository: &Repository, reader: &ReaderKey) -> Result<Proof, KeyError> {
    let canary = repository.trust().canary();
    let object = repository.trust().object(&canary.object)?;
    let text = reader.open_object(repository, object).await?;
    if Digest::of(text.as_bytes()) != canary.plaintext {
        return Err(KeyError::Damaged { object: object.key.clone(), what: "it holds another text than the owners signed".to_owned() });
    }
    Ok(Proof { object: object.key.clone(), recipients: reader.recipients() })
}

/// What a whole key drill shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Every object that the key opened.
    pub objects: Vec<String>,
}

/// Opens with `reader` all that a recovery key must open: the canary, the key of every epoch, the owner key, and behind them the keys of
/// every domain. The first that stays closed is the error.
pub async fn prove_all(repository: &Repository, reader: &ReaderKey) -> Result<Proven, KeyError> {
    let mut objects = vec![prove(repository, reader).await?.object];
    let opened = reader.open(repository).await?;
    objects.extend(repository.trust().epochs().iter().map(|epoch| epoch.object.clone()));
    reader.open_owner(repository).await?;
    objects.push(repository.trust().owner_object()?.key.clone());
    if let Some((domain, what)) = opened.closed.into_iter().next() {
        return Err(KeyError::Damaged { object: format!("keys/domain/{domain}/"), what });
    }
    Ok(Proven { objects })
}

async fn open_domain(repository: &Repository, key: &str, epochs: &BTreeMap<u32, EpochIdentity>) -> Result<DomainKeys, KeyError> {
    let object = repository.trust().object(key)?;
    let sealed = fetch(repository, object).await?;
    let identities: Vec<&dyn age::Identity> = epochs.values().map(|epoch| epoch.as_age() as &dyn age::Identity).collect();
    let text = wrap::open(&sealed, &identities).map_err(|closed| explain(object, closed, &[]))?;
    DomainKeys::parse(&text).map_err(|error| damaged(object, &error))
}

async fn fetch(repository: &Repository, object: &ListedObject) -> Result<Vec<u8>, KeyError> {
    let what = |what: &str| KeyError::Damaged { object: object.key.clone(), what: what.to_owned() };
    let key = object.key.parse().map_err(|_| what("its name is not one that a store accepts"))?;
    let bytes = match repository.store().get(&key).await {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Err(KeyError::Missing { object: object.key.clone() }),
        Err(source) => return Err(KeyError::Store { object: object.key.clone(), source }),
    };
    if Digest::of(&bytes) != object.sha256 {
        return Err(what("its SHA-256 is not the one that the trust document names"));
    }
    Ok(bytes.to_vec())
}

fn explain(object: &ListedObject, closed: Closed, held: &[String]) -> KeyError {
    match closed {
        Closed::NotForUs => KeyError::WrongKey { object: object.key.clone(), held: held.to_vec(), can_open: object.recipients.clone() },
        Closed::Plugin(what) => {
            let names: Vec<&str> = held.iter().filter_map(|one| one.strip_prefix("plugin ")).collect();
            KeyError::Plugin { plugin: names.join(" or "), what }
        }
        Closed::Broken(what) => KeyError::Damaged { object: object.key.clone(), what },
    }
}

fn damaged(object: &ListedObject, error: &KeyError) -> KeyError {
    KeyError::Damaged { object: object.key.clone(), what: error.to_string() }
}

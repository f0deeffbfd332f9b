//! Verifies one object without a key: by the digest in its name, by its signature, or by what the owners vouch for.

use std::collections::{BTreeMap, BTreeSet};

use base::Digest;
use base::hint::whole_story;
use stores::key::Key;
use stores::store::Store;

use super::place;
use super::{CopyError, Item};
use crate::check::verified_index;
use crate::format::names::numbered;
use crate::format::snapshot::Public;
use crate::format::statement::{Attestation, Hold, Release, Tombstone, Undo};
use crate::prune::is_copied;
use crate::repository::Repository;
use crate::snapshots::open::public;
use crate::trust::{self, Numbering};

/// What an object was found to be.
#[derive(Debug)]
pub(crate) enum Sound {
    /// A restore point.
    Snapshot(Box<Public>),
    /// A key file that no trust document names, as a change of keys leaves that was cut short. Nobody needs it.
    Unnamed,
    /// Anything else.
    Other,
}

/// What objects of a repository are verified against.
#[derive(Debug)]
pub(crate) struct Verifier {
    repository: Repository,
    /// Trust documents by their names; the whole chain was verified.
    documents: BTreeMap<String, Digest>,
    /// Digests that any version of the trust document gives for a key file or script.
    vouched: BTreeMap<String, BTreeSet<Digest>>,
}

impl Verifier {
    /// Reads and verifies the trust documents of `repository`.
    pub(crate) async fn of(repository: &Repository) -> Result<Self, CopyError> {
        let (mut found, mut documents, mut vouched) = (Vec::new(), BTreeMap::new(), BTreeMap::<String, BTreeSet<Digest>>::new());
        for version in 1..=repository.trust().version() {
            let name = trust::document_key(version);
            let key: Key = name.parse().expect("names of ours are keys");
            let size = repository.store().head(&key).await.map(|head| head.size);
            let bytes = match size {
                Ok(size) => fetch(&**repository.store(), &Item { place: place::named("trust/"), key: key.clone(), size }).await,
                Err(error) => Err(error),
            };
            let bytes = bytes.map_err(|source| CopyError::Store { object: name.clone(), source })?;
            for (key, digests) in trust::vouched_in(&bytes) {
                vouched.entry(key).or_default().extend(digests);
            }
            documents.insert(name, Digest::of(&bytes));
            found.push(Some(bytes.to_vec()));
        }
        let config = repository.config();
        trust::follow(config.id, config.owner, &found).map_err(|damage| CopyError::Damaged { object: damage.object, what: damage.what })?;
        Ok(Self { repository: repository.clone(), documents, vouched })
    }

    /// Whether `body` is what lies, or should lie, at `key`. The error says what is wrong with it.
    pub(crate) fn verify(&self, key: &Key, body: &[u8]) -> Result<Sound, String> {
        let digest = Digest::of(body);
        if let Some(named) = digest_in(key)
            && named != digest
        {
            return Err(format!("its SHA-256 is {digest}"));
        }
        let name = key.as_str();
        match place::of(key).map(place::Place::prefix) {
            Some("repository.json") => self.config(body),
            Some("trust/") if self.documents.get(name) == Some(&digest) => Ok(Sound::Other),
            Some("trust/") => Err("it is not in the chain of trust documents".to_owned()),
            Some("keys/" | "recover/") => match self.vouched.get(name) {
                Some(digests) if digests.contains(&digest) => Ok(Sound::Other),
                Some(_) => Err("its SHA-256 is not the one that the trust document names".to_owned()),
                None => Ok(Sound::Unnamed),
            },
            Some("packs/" | "heads/" | "audit/") if digest_in(key).is_some() => Ok(Sound::Other),
            Some("index/") => match numbered("index", key) {
                Some(at) => verified_index(&self.repository, &at, body).map(|()| Sound::Other),
                None => Err("its name is not one that such an object has".to_owned()),
            },
            Some("snapshots/") => match numbered("snapshots", key) {
                Some(at) => {
                    public(&self.repository, &at, body).map(|public| Sound::Snapshot(Box::new(public))).map_err(|error| whole_story(&error))
                }
                None => Err("its name is not one that such an object has".to_owned()),
            },
            Some(place @ ("holds/" | "tombstones/" | "attest/")) => self.said(place, digest, body).map(|()| Sound::Other),
            _ => Err("its name is not one that such an object has".to_owned()),
        }
    }

    /// The repository whose trust it goes by.
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Whether bytes with this digest are what should lie at `key`, as far as names and owners tell.
    pub(crate) fn expects(&self, key: &Key, digest: &Digest) -> bool {
        let name = key.as_str();
        let vouched = || self.vouched.get(name).is_some_and(|digests| digests.contains(digest));
        match digest_in(key) {
            Some(named) => named == *digest,
            None => vouched() || self.documents.get(name) == Some(digest) || name == "repository.json",
        }
    }

    /// Why an object that is sound or not is believed by nobody, as far as its name tells.
    pub(crate) fn disbelieved(&self, key: &Key) -> Option<&'static str> {
        let numbering = match place::of(key)?.prefix() {
            "keys/" if !self.vouched.contains_key(key.as_str()) => {
                return Some("no trust document names it: a change of keys was cut short");
            }
            "index/" => (Numbering::Index, numbered("index", key)?),
            "snapshots/" => (Numbering::Snapshot, numbered("snapshots", key)?),
            _ => return None,
        };
        let ended = self.repository.trust().believes(numbering.0, &numbering.1).is_err();
        ended.then_some("the right of its writer has ended, and it is not among what is believed of it")
    }

    /// A statement of those who maintain: signed by somebody who may say this.
    fn said(&self, place: &str, digest: Digest, body: &[u8]) -> Result<(), String> {
        let repository = &self.repository;
        match place {
            "attest/" => is_copied::<Attestation>(repository, digest, body),
            "holds/" => {
                is_copied::<Hold>(repository, digest, body).or_else(|what| is_copied::<Release>(repository, digest, body).map_err(|_| what))
            }
            _ => is_copied::<Tombstone>(repository, digest, body)
                .or_else(|what| is_copied::<Undo>(repository, digest, body).map_err(|_| what)),
        }
    }

    fn config(&self, body: &[u8]) -> Result<Sound, String> {
        let (document, _) = trust::split(body)?;
        if document != self.repository.config().to_bytes() {
            return Err("it is not the configuration of this repository".to_owned());
        }
        trust::signed_by_any(std::slice::from_ref(&self.repository.config().owner), body).map(|_| Sound::Other)
    }
}

/// The digest that ends the last segment of a name: `<sha256>`, `<number>-<sha256>`.
pub(crate) fn digest_in(key: &Key) -> Option<Digest> {
    let name = key.name();
    let digits = name.rsplit_once('-').map_or(name, |(_, digits)| digits);
    // One digest has one spelling.
    digits.parse::<Digest>().ok().filter(|digest| digest.to_string() == digits)
}

/// The bytes of an object that the list says has `size` bytes, and never more than that: a hostile store must not fill the memory.
pub(crate) async fn fetch(store: &dyn Store, item: &Item) -> Result<bytes::Bytes, stores::error::StoreError> {
    if item.size > item.place.limit() {
        let attempt = stores::Attempt::new(stores::Operation::GetRange, item.key.as_str(), store.location());
        let source = Some(std::sync::Arc::new(stores::store::TooLong { size: item.size }) as stores::error::Cause);
        return Err(stores::error::StoreError::Unsupported { attempt, source });
    }
    store.get_range(&item.key, 0..item.size).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_in_a_digest_in_one_spelling() {
        let digest = Digest::of(b"x");
        for name in [format!("packs/lab/aa/{digest}"), format!("index/lab/h/0000000001-{digest}")] {
            assert_eq!(digest_in(&name.parse().unwrap()), Some(digest), "{name}");
        }
        for name in ["index/lab/h/0000000001".to_owned(), format!("packs/{}", digest.to_string().to_uppercase())] {
            assert_eq!(digest_in(&name.parse().unwrap()), None, "{name}");
        }
    }
}

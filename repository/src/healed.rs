//! Good bytes that lie beside damaged ones: `healed/<key>/<sha256>`, where nothing is ever overwritten.
//!
//! [`crate::heal`] puts them there. A [`Repository`](crate::repository::Repository) that is opened reads through [`Healed`], so that the
//! reader, the index, snapshots, copies and `check` all see the good bytes under the old name, and none of them has to know. An object
//! here counts only when its SHA-256 is the one in its name, and when that digest is the one that the name of the damaged object says,
//! or that a signature vouches for: who may only add objects cannot hide a sound one behind a false one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base::Digest;
use bytes::Bytes;
use stores::error::StoreError;
use stores::key::{Key, Prefix};
use stores::retention::Retain;
use stores::store::{Cursor, Delete, Entry, Head, Lock, Page, Put, Store, list_all};

use crate::copy::place;

/// The leading part of the names of all good bytes that lie beside damaged ones.
pub const HEALED: &str = "healed/";

/// More of them are not looked at: a repository with so much damage is copied anew.
const MAX: usize = 100_000;

/// One object below `healed/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Good {
    /// Its own name.
    pub at: Key,
    /// Its SHA-256, as its name says.
    pub digest: Digest,
    /// In bytes, as the store lists it.
    pub size: u64,
}

/// What lies below `healed/`, by the names of the damaged objects.
pub type Beside = BTreeMap<Key, Vec<Good>>;

/// The name of good bytes with `digest` beside the object `key`; `None` where that is longer than a name may be.
pub fn beside(key: &Key, digest: &Digest) -> Option<Key> {
    format!("{HEALED}{key}/{digest}").parse().ok()
}

/// Lists what was healed. A credential that may not look there sees nothing of it.
pub(crate) async fn list(store: &dyn Store) -> Result<Beside, StoreError> {
    let prefix: Prefix = HEALED.parse().expect("a plain prefix");
    let entries = match list_all(store, &prefix).await {
        Ok(entries) => entries,
        Err(StoreError::Denied { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut found = Beside::new();
    for Entry { key: at, size, .. } in entries.into_iter().take(MAX) {
        let Some((key, digest)) = stands_for(&at) else { continue };
        if place::of(&key).is_some_and(|place| size <= place.limit()) {
            found.entry(key).or_default().push(Good { at, digest, size });
        }
    }
    Ok(found)
}

fn stands_for(at: &Key) -> Option<(Key, Digest)> {
    let (key, digits) = at.as_str().strip_prefix(HEALED)?.rsplit_once('/')?;
    Some((key.parse().ok()?, digits.parse::<Digest>().ok().filter(|digest| digest.to_string() == digits)?))
}

/// The bytes of `good`, if they are what its name says.
pub(crate) async fn read(store: &dyn Store, good: &Good) -> Result<Option<Bytes>, StoreError> {
    match store.get_range(&good.at, 0..good.size).await {
        Ok(bytes) => Ok((Digest::of(&bytes) == good.digest).then_some(bytes)),
        Err(StoreError::NotFound { .. } | StoreError::OutOfRange { .. } | StoreError::Denied { .. } | StoreError::Corrupt { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A store that answers with good bytes where the ones under the name itself are damaged.
#[derive(Debug)]
pub(crate) struct Healed {
    inner: Arc<dyn Store>,
    /// One for each damaged object.
    good: BTreeMap<Key, Good>,
    /// Whether the bytes of each were read and fit.
    fits: Mutex<BTreeMap<Key, bool>>,
}

impl Healed {
    /// Of `found` those count whose digest is the right one: that in the name, or one of `vouched`.
    pub(crate) fn new(inner: Arc<dyn Store>, found: &Beside, vouched: &BTreeMap<String, BTreeSet<Digest>>) -> Self {
        let right = |key: &Key, digest: &Digest| match crate::copy::verify::digest_in(key) {
            Some(named) => named == *digest,
            None => vouched.get(key.as_str()).is_some_and(|digests| digests.contains(digest)),
        };
        let one = |(key, goods): (&Key, &Vec<Good>)| Some((key.clone(), goods.iter().find(|good| right(key, &good.digest))?.clone()));
        Self { inner, good: found.iter().filter_map(one).collect(), fits: Mutex::default() }
    }

    async fn fitting(&self, key: &Key) -> Result<Option<&Good>, StoreError> {
        let Some(good) = self.good.get(key) else { return Ok(None) };
        let known = self.fits.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied();
        let fits = if let Some(fits) = known { fits } else { read(&*self.inner, good).await?.is_some() };
        self.fits.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), fits);
        Ok(fits.then_some(good))
    }
}

#[async_trait]
impl Store for Healed {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put_new(&self, key: &Key, body: Bytes, digest: Digest) -> Result<Put, StoreError> {
        self.inner.put_new(key, body, digest).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        if let Some(good) = self.good.get(key)
            && let Some(bytes) = read(&*self.inner, good).await?
        {
            return Ok(bytes);
        }
        self.inner.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        let at = self.fitting(key).await?.map_or(key, |good| &good.at);
        self.inner.get_range(at, range).await
    }

    async fn head(&self, key: &Key) -> Result<Head, StoreError> {
        let at = self.fitting(key).await?.map_or(key, |good| &good.at);
        self.inner.head(at).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Cursor>) -> Result<Page, StoreError> {
        let mut page = self.inner.list(prefix, after).await?;
        for entry in &mut page.entries {
            if let Some(good) = self.fitting(&entry.key).await? {
                entry.size = good.size;
            }
        }
        Ok(page)
    }

    fn deleter(&self) -> Option<&dyn Delete> {
        self.inner.deleter().map(|_| self as &dyn Delete)
    }

    fn retainer(&self) -> Option<&dyn Retain> {
        // A lock belongs to the object itself; what lies beside it has its own.
        self.inner.retainer()
    }

    async fn lock(&self) -> Result<Lock, StoreError> {
        self.inner.lock().await
    }
}

#[async_trait]
impl Delete for Healed {
    /// What is no longer needed goes with what lies beside it: the good bytes first, so that none are left that nobody names.
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let Some(deleter) = self.inner.deleter() else {
            let attempt = stores::Attempt::new(stores::Operation::Delete, key.as_str(), self.location());
            return Err(StoreError::Unsupported { attempt, source: None });
        };
        if let Some(good) = self.good.get(key) {
            deleter.delete(&good.at).await?;
        }
        deleter.delete(key).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_beside_another_says_for_what_it_stands_and_is_read_in_one_spelling() {
        let (key, digest): (Key, _) = ("trust/1.json".parse().unwrap(), Digest::of(b"x"));
        let at = beside(&key, &digest).unwrap();
        assert_eq!(at.as_str(), format!("healed/trust/1.json/{digest}"));
        assert_eq!(stands_for(&at), Some((key, digest)));
        for bad in ["healed/trust/1.json".to_owned(), format!("healed/{digest}"), format!("trust/1.json/{digest}")] {
            assert_eq!(stands_for(&bad.parse().unwrap()), None, "{bad}");
        }
    }
}

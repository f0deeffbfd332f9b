//! Finds the statements that stay believed of a key whose right to sign is about to end: all that stores hold of it now.
//!
//! [`super::end_steward`] and a change of owners put them into the trust document's own words, see [`crate::trust`].

use std::sync::Arc;

use base::Digest;
use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use stores::key::Prefix;
use stores::store::{Store, list_all};

use super::PublicKey;
use super::change::ChangeError;
use crate::format::names::Name;
use crate::format::statement::STATEMENT_MAX;
use crate::repository::Repository;
use crate::trust::{Believed, is_signed_by};

/// Where statements lie.
const PLACES: [&str; 6] = ["condemned/", "tombstones/", "holds/", "attest/", "retired/", "usage/"];
/// Statements that are fetched at once.
const AT_ONCE: usize = 16;

/// Which statements of a key stay believed when its right to sign ends.
#[derive(Debug, Clone, Default)]
pub struct Keeps {
    /// Only those that the store dates earlier, such as before the key was stolen; without an instant, all that are there.
    pub since: Option<Timestamp>,
    /// Stores of copies, whose own statements are believed as well.
    pub copies: Vec<Arc<dyn Store>>,
}

/// What is believed of `key`.
pub(super) async fn believed(repository: &Repository, key: PublicKey, keeps: &Keeps, now: Timestamp) -> Result<Believed, ChangeError> {
    let mut found = Believed { key, until: now, statements: std::collections::BTreeSet::new() };
    for (n, store) in std::iter::once(repository.store()).chain(&keeps.copies).enumerate() {
        for place in PLACES {
            let prefix: Prefix = place.parse().expect("a plain prefix");
            let failed = |source| ChangeError::List { prefix: format!("{place} at {}", store.location()), source };
            if n == 0 && place == "condemned/" {
                // The store's own time, before anything was listed: what comes later is not among what is named.
                let date = store.list(&prefix, None).await.map_err(failed)?.date;
                found.until = date.unwrap_or(now).min(now);
            }
            let entries = list_all(store.as_ref(), &prefix).await.map_err(failed)?;
            let is_early = |stored: Option<Timestamp>| keeps.since.is_none_or(|since| stored.is_some_and(|stored| stored < since));
            let early = entries.into_iter().filter(|entry| is_early(entry.modified) && entry.size <= STATEMENT_MAX);
            let named = early.filter_map(|entry| {
                let name = entry.key.name();
                let digest = name.parse::<Digest>().ok().or_else(|| name.parse::<Name>().ok().map(|name| name.digest))?;
                Some((entry.key, digest))
            });
            let mut fetched =
                stream::iter(named).map(|(at, digest)| async move { (store.get(&at).await, digest) }).buffer_unordered(AT_ONCE);
            while let Some((answer, digest)) = fetched.next().await {
                match answer {
                    Ok(object) if Digest::of(&object) == digest && is_signed_by(&key, &object) => drop(found.statements.insert(digest)),
                    Ok(_) => {}
                    Err(error) if error.is_not_found() => {}
                    Err(source) => return Err(failed(source)),
                }
            }
        }
    }
    found.until = keeps.since.map_or(found.until, |since| since.min(found.until));
    Ok(found)
}

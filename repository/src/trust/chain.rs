//! Follows the chain of trust documents from the first, which the key behind the repository's id signed, to the newest.
//! Pure: [`crate::repository`] fetches the bytes.

use std::collections::{BTreeMap, BTreeSet};

use base::Digest;

use super::Trust;
use super::document::Document;
use super::signed::{signed_by_any, split};
use super::steward::OwnerSpan;
use crate::keys::PublicKey;
use crate::repository::RepositoryUid;

/// The name of trust document `version`.
pub(crate) fn document_key(version: u64) -> String {
    format!("trust/{version}.json")
}

/// The objects that a trust document vouches for, each with its digest. Says nothing of who signed it.
pub(crate) fn vouched_in(object: &[u8]) -> BTreeMap<String, BTreeSet<Digest>> {
    let mut vouched = BTreeMap::<_, BTreeSet<_>>::new();
    let document = split(object).and_then(|(document, _)| Document::parse(document));
    for object in document.map(|document| document.objects).unwrap_or_default() {
        vouched.entry(object.key).or_default().insert(object.sha256);
    }
    vouched
}

/// What is wrong with a trust document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustDamage {
    /// The object at fault.
    pub object: String,
    /// What is wrong with it.
    pub what: String,
}

/// Verifies versions 1, 2, 3… in `found`, none of which may be missing, and gives the newest.
pub(crate) fn follow(repository: RepositoryUid, first_owner: PublicKey, found: &[Option<Vec<u8>>]) -> Result<Trust, TrustDamage> {
    let mut newest: Option<Document> = None;
    let mut spans: Vec<OwnerSpan> = Vec::new();
    for (version, bytes) in (1..).zip(found) {
        let object = document_key(version);
        let damage = |what: String| TrustDamage { object: object.clone(), what };
        let bytes = bytes.as_deref().ok_or_else(|| damage("it is missing".to_owned()))?;
        let owners = newest.as_ref().map_or(std::slice::from_ref(&first_owner), |previous| &previous.owners);
        let document = signed_by_any(owners, bytes).and_then(Document::parse).map_err(damage)?;
        if document.repository != repository {
            return Err(damage(format!("it belongs to repository {}", document.repository)));
        }
        if document.version != version {
            return Err(damage(format!("it says that it is version {}", document.version)));
        }
        for span in spans.iter_mut().filter(|span| span.to.is_none() && !document.owners.contains(&span.key)) {
            span.to = Some(document.created);
        }
        for key in &document.owners {
            match spans.iter_mut().find(|span| span.key == *key) {
                Some(span) => span.to = None,
                None => spans.push(OwnerSpan { key: *key, to: None }),
            }
        }
        newest = Some(document);
    }
    newest
        .map(|document| Trust::new(document, spans))
        .ok_or_else(|| TrustDamage { object: document_key(1), what: "it is missing".to_owned() })
}

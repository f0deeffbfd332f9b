//! One trust document, `trust/<n>.json`: bytes to types and back. Pure.
//!
//! Canonical JSON: the members of every object in the order of their names, no white space.
//! Bytes that are not exactly what [`Document::to_bytes`] makes of them are refused.

use std::collections::BTreeSet;

use base::Digest;
use base::id::{DomainId, StewardId, WriterId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::format::limits::FORMAT;
use crate::format::names::Name;
use crate::keys::{EpochRecipient, PublicKey};
use crate::repository::RepositoryUid;

/// The largest trust document that is read, in bytes: some ten thousand writers.
pub const MAX_DOCUMENT: u64 = 8 << 20;

/// A trust document. Its members stand in the order of their names, which makes the JSON canonical.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// What a key drill opens.
    pub canary: Canary,
    /// When it was signed, by the clock of who made it.
    pub created: Timestamp,
    /// All epochs, oldest first; at least one.
    pub epochs: Vec<Epoch>,
    /// The format of the repository: 1.
    pub format: u32,
    /// All who were ever listed to sign tombstones, holds, condemned lists and attestations.
    pub maintainers: Vec<ListedSteward>,
    /// The objects that the owners vouch for.
    pub objects: Vec<ListedObject>,
    /// The object that holds the owner key.
    pub owner: String,
    /// Who may sign the next version.
    pub owners: Vec<PublicKey>,
    /// The repository that it is about.
    pub repository: RepositoryUid,
    /// All who were ever listed to sign attestations.
    pub verifiers: Vec<ListedSteward>,
    /// 1 for the first; each later one is one more.
    pub version: u64,
    /// All writers that were ever listed.
    pub writers: Vec<ListedWriter>,
}

/// A text that everyone with a recovery key can open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// The object that holds it.
    pub object: String,
    /// SHA-256 of the text.
    pub plaintext: Digest,
}

/// A key that packs are encrypted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epoch {
    /// Its number; the first is 1.
    pub epoch: u32,
    /// The object that holds the secret half, encrypted to people.
    pub object: String,
    /// The public half.
    pub recipient: EpochRecipient,
}

/// An object that the owners vouch for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedObject {
    /// Its name.
    pub key: String,
    /// Public keys of those it is encrypted to; empty for plain text.
    pub recipients: Vec<String>,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// Somebody who signs what maintenance says. The list in which it stands is its role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedSteward {
    /// Since when it may sign.
    pub from: Timestamp,
    /// Verifies what it signs.
    pub key: PublicKey,
    /// Its name, which its role does not use twice.
    pub name: StewardId,
    /// When its right to sign ended.
    pub to: Option<Timestamp>,
}

/// The last objects of a writer that are believed. What has a later name was written after its right ended, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Last {
    /// Its last index object.
    pub index: Option<Name>,
    /// Its last snapshot.
    pub snapshot: Option<Name>,
}

/// A host that writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedWriter {
    /// The hosts whose chunks it shares.
    pub domain: DomainId,
    /// Since when it may write.
    pub from: Timestamp,
    /// Verifies what it signs.
    pub key: PublicKey,
    /// What is believed of it once its right to write has ended; null while it may write.
    pub last: Option<Last>,
    /// The object that holds its domain keys.
    pub object: String,
    /// Public half of its age identity.
    pub recipient: String,
    /// When its right to write ended.
    pub to: Option<Timestamp>,
    /// Its name.
    pub writer: WriterId,
}

impl Document {
    /// The canonical bytes, which are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("maps with text keys always become JSON")
    }

    /// Reads a document that [`Self::to_bytes`] wrote, or says what is wrong with it. Does not check who signed it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let document: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if document.to_bytes() != bytes {
            return Err("it is not in canonical form".to_owned());
        }
        document.consistent()?;
        Ok(document)
    }

    fn consistent(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("it is of format {}, not {FORMAT}", self.format));
        }
        if self.epochs.is_empty() || self.owners.is_empty() {
            return Err("it names no epoch or no owner".to_owned());
        }
        if !self.epochs.iter().zip(1..).all(|(epoch, number)| epoch.epoch == number) {
            return Err("its epochs are not numbered 1, 2, 3…".to_owned());
        }
        let writers: BTreeSet<_> = self.writers.iter().map(|writer| (&writer.domain, &writer.writer)).collect();
        if writers.len() != self.writers.len() {
            return Err("it lists a writer twice".to_owned());
        }
        if self.writers.iter().any(|writer| writer.last.is_some() != writer.to.is_some()) {
            return Err("it ends a writer without its last objects, or the other way round".to_owned());
        }
        for stewards in [&self.maintainers, &self.verifiers] {
            let names: BTreeSet<_> = stewards.iter().map(|steward| &steward.name).collect();
            if names.len() != stewards.len() {
                return Err("it lists a steward twice".to_owned());
            }
        }
        // One key has one role: whose word a statement is must not depend on where one looks first.
        let keys = self.maintainers.iter().chain(&self.verifiers).map(|steward| &steward.key).chain(&self.owners);
        let distinct: BTreeSet<_> = keys.clone().map(PublicKey::as_bytes).collect();
        if distinct.len() != keys.count() {
            return Err("it lists a signing key twice".to_owned());
        }
        let objects: BTreeSet<_> = self.objects.iter().map(|object| object.key.as_str()).collect();
        if objects.len() != self.objects.len() {
            return Err("it lists an object twice".to_owned());
        }
        let named = [&self.owner, &self.canary.object].into_iter();
        let mut named = named.chain(self.epochs.iter().map(|epoch| &epoch.object)).chain(self.writers.iter().map(|writer| &writer.object));
        named.find(|key| !objects.contains(key.as_str())).map_or(Ok(()), |key| Err(format!("it names {key} without its digest")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn steward() -> ListedSteward {
        let key = crate::keys::OwnerKey::generate().unwrap().public();
        ListedSteward { from: "2026-11-24T06:00:00Z".parse().unwrap(), key, name: "scrub".parse().unwrap(), to: None }
    }

    fn document() -> Document {
        let listed = |key: &str| ListedObject { key: key.to_owned(), recipients: Vec::new(), sha256: Digest::of(b""), size: 0 };
        Document {
            canary: Canary { object: "c".to_owned(), plaintext: Digest::of(b"canary") },
            created: "2026-11-24T06:00:00Z".parse().unwrap(),
            epochs: vec![Epoch { epoch: 1, object: "e".to_owned(), recipient: crate::keys::EpochIdentity::generate().recipient() }],
            format: FORMAT,
            maintainers: Vec::new(),
            objects: ["c", "e", "o"].map(listed).to_vec(),
            owner: "o".to_owned(),
            owners: vec![crate::keys::OwnerKey::generate().unwrap().public()],
            repository: "00112233445566778899aabbccddeeff".parse().unwrap(),
            verifiers: vec![steward()],
            version: 1,
            writers: Vec::new(),
        }
    }

    #[test]
    fn a_document_that_contradicts_itself_is_refused() {
        let sound = document();
        assert_eq!(Document::parse(&sound.to_bytes()), Ok(sound.clone()));
        for (fault, break_it) in [
            ("no epoch", (|d: &mut Document| d.epochs.clear()) as fn(&mut Document)),
            ("no owner", |d| d.owners.clear()),
            ("not numbered", |d| d.epochs[0].epoch = 2),
            ("of format 2", |d| d.format = 2),
            ("an object twice", |d| d.objects.push(d.objects[0].clone())),
            ("a steward twice", |d| d.verifiers.push(steward())),
            ("a signing key twice", |d| d.maintainers.push(d.verifiers[0].clone())),
            ("a signing key twice", |d| d.owners.push(d.verifiers[0].key)),
            ("without its digest", |d| d.owner = "elsewhere".to_owned()),
        ] {
            let mut broken = sound.clone();
            break_it(&mut broken);
            let refused = Document::parse(&broken.to_bytes()).unwrap_err();
            assert!(refused.contains(fault), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_document_or_an_error(bytes in any::<Vec<u8>>()) {
            let _ = Document::parse(&bytes);
        }

        #[test]
        fn what_is_read_is_written_back_as_it_was(at in any::<prop::sample::Index>(), change in 1_u8..) {
            let mut bytes = document().to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            if let Ok(read) = Document::parse(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes);
            }
        }
    }
}

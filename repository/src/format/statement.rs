//! What maintenance says: lists of packs that are being deleted, tombstones, holds, attestations. Documents of one line of JSON,
//! signed by stewards as [`crate::trust`] tells. Pure.
//!
//! The first member says what a document is, so that a hold never passes for a tombstone.

use std::collections::{BTreeMap, BTreeSet};

use base::Digest;
use base::id::DomainId;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::FormatError;

const WHAT: &str = "statement";

/// The most bytes of a statement with its signatures.
pub const STATEMENT_MAX: u64 = 64 << 20;
/// The most packs that one list condemns; what is left comes into the next.
pub const CONDEMNED_MAX: usize = 500_000;

/// A document of one kind.
pub trait Document: Serialize + DeserializeOwned {
    /// The value of its member `lifeboat`.
    const KIND: &'static str;
    /// That member, as it was read.
    fn kind(&self) -> &str;
    /// The repository that it is about.
    fn repository(&self) -> &str;
    /// When it was signed, by the clock of who signed.
    fn at(&self) -> Timestamp;
}

macro_rules! documents {
    ($($(#[$doc:meta])* $name:ident $kind:literal { $($(#[$member_doc:meta])* $member:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// What this is.
            pub lifeboat: String,
            /// The repository's id.
            pub repository: String,
            /// When it was signed, by the clock of who signed.
            pub at: Timestamp,
            $($(#[$member_doc])* pub $member: $type,)*
        }

        impl Document for $name {
            const KIND: &'static str = $kind;
            fn kind(&self) -> &str {
                &self.lifeboat
            }
            fn repository(&self) -> &str {
                &self.repository
            }
            fn at(&self) -> Timestamp {
                self.at
            }
        }
    )*};
}

documents! {
    /// Packs that a prune means to delete. No writer uses a name again that was ever in such a list.
    Condemned "condemned 1" {
        /// The number in its name.
        generation: u64,
        /// Base64 of the digests, 32 bytes each, ascending; by domain.
        packs: BTreeMap<DomainId, String>,
    }
    /// A snapshot that may go.
    Tombstone "tombstone 1" {
        /// Its id.
        snapshot: Digest,
        /// Why, in a person's words or the rule's.
        reason: String,
        /// The rule that it follows from, such as "keep daily 7, weekly 5", or "by hand".
        rule: String,
        /// Who asked for it.
        who: String,
    }
    /// A tombstone that no longer counts.
    Undo "undo 1" {
        /// The snapshot that stays after all.
        snapshot: Digest,
        /// SHA-256 of the tombstone's object.
        tombstone: Digest,
        /// Who asked for it.
        who: String,
    }
    /// Snapshots that stay until the hold is released, whatever else is said.
    Hold "hold 1" {
        /// Their ids, ascending.
        snapshots: BTreeSet<Digest>,
        /// Why.
        reason: String,
        /// Who asked for it.
        who: String,
    }
    /// The end of a hold.
    Release "release 1" {
        /// SHA-256 of the hold's object.
        hold: Digest,
        /// Why.
        reason: String,
        /// Who asked for it.
        who: String,
    }
    /// Somebody with a key has walked the snapshot's trees, and its pack set has every pack that they need.
    Attestation "attestation 1" {
        /// Its id, which is the digest of its pack set, too.
        snapshot: Digest,
        /// Packs that the trees need.
        needed: u64,
        /// Packs of the set.
        named: u64,
    }
    /// Packs that are mostly dead: writers use nothing of them any more, and store anew what they need of it.
    Retired "retired 1" {
        /// As in [`Condemned`].
        packs: BTreeMap<DomainId, String>,
        /// Why.
        reason: String,
    }
    /// How much of packs the restore points need that were live: somebody with a key has walked their trees.
    Usage "usage 1" {
        /// How many restore points were walked.
        snapshots: u64,
        /// Base64 of rows of 40 bytes, ascending: the digest of a pack, and the bytes of its frames that somebody needs, big-endian; by
        /// domain. Packs of which nothing is dead are not named.
        live: BTreeMap<DomainId, String>,
    }
}

/// The line that is signed, without its line feed.
pub fn encode(document: &impl Document) -> Vec<u8> {
    serde_json::to_vec(document).expect("strings, numbers and instants are always JSON")
}

/// Reads what [`encode`] wrote; other spellings are refused, so that every changed bit is noticed.
pub fn decode<D: Document>(line: &[u8]) -> Result<D, FormatError> {
    let document: D = serde_json::from_slice(line).map_err(|source| FormatError::Json { what: WHAT, source })?;
    if document.kind() != D::KIND || encode(&document) != line {
        return Err(FormatError::Wrong { what: WHAT, fault: "is of another kind, or spelled in another way" });
    }
    Ok(document)
}

/// [`Condemned::packs`] of these packs.
pub fn pack_lists(packs: &BTreeSet<(DomainId, Digest)>) -> BTreeMap<DomainId, String> {
    let mut bytes: BTreeMap<DomainId, Vec<u8>> = BTreeMap::new();
    for (domain, pack) in packs {
        bytes.entry(domain.clone()).or_default().extend_from_slice(pack.as_bytes());
    }
    bytes.into_iter().map(|(domain, bytes)| (domain, BASE64_STANDARD.encode(bytes))).collect()
}

/// The packs of one domain in a list that [`pack_lists`] made.
fn listed(packs: &BTreeMap<DomainId, String>, domain: &DomainId) -> Result<Vec<Digest>, FormatError> {
    let wrong = FormatError::Wrong { what: WHAT, fault: "has a list of packs that is not base64 of digests" };
    let Some(list) = packs.get(domain) else { return Ok(Vec::new()) };
    let Ok(bytes) = BASE64_STANDARD.decode(list) else { return Err(wrong) };
    let (packs, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() { Ok(packs.iter().map(|pack| Digest::from_bytes(*pack)).collect()) } else { Err(wrong) }
}

impl Condemned {
    /// The packs of one domain.
    pub fn of(&self, domain: &DomainId) -> Result<Vec<Digest>, FormatError> {
        listed(&self.packs, domain)
    }
}

impl Retired {
    /// The packs of one domain.
    pub fn of(&self, domain: &DomainId) -> Result<Vec<Digest>, FormatError> {
        listed(&self.packs, domain)
    }
}

/// [`Usage::live`] of these packs and bytes.
pub fn live_lists(live: &BTreeMap<(DomainId, Digest), u64>) -> BTreeMap<DomainId, String> {
    let mut rows: BTreeMap<DomainId, Vec<u8>> = BTreeMap::new();
    for ((domain, pack), live) in live {
        let rows = rows.entry(domain.clone()).or_default();
        rows.extend_from_slice(pack.as_bytes());
        rows.extend_from_slice(&live.to_be_bytes());
    }
    rows.into_iter().map(|(domain, rows)| (domain, BASE64_STANDARD.encode(rows))).collect()
}

impl Usage {
    /// The packs and the live bytes of each.
    pub fn rows(&self) -> Result<BTreeMap<(DomainId, Digest), u64>, FormatError> {
        let wrong = || FormatError::Wrong { what: WHAT, fault: "has rows that are not base64 of digests and numbers" };
        let mut found = BTreeMap::new();
        for (domain, list) in &self.live {
            let bytes = BASE64_STANDARD.decode(list).map_err(|_| wrong())?;
            let (rows, rest) = bytes.as_chunks::<40>();
            if !rest.is_empty() {
                return Err(wrong());
            }
            for row in rows {
                let (pack, live) = row.split_first_chunk::<32>().ok_or_else(wrong)?;
                let live = live.first_chunk::<8>().ok_or_else(wrong)?;
                found.insert((domain.clone(), Digest::from_bytes(*pack)), u64::from_be_bytes(*live));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn condemned() -> Condemned {
        let packs = [1, 2].map(|n: u8| ("lab".parse().unwrap(), Digest::of(&[n]))).into();
        Condemned {
            lifeboat: Condemned::KIND.to_owned(),
            repository: "uid".to_owned(),
            at: "2026-11-24T07:00:00Z".parse().unwrap(),
            generation: 3,
            packs: pack_lists(&packs),
        }
    }

    #[test]
    fn a_list_is_read_as_it_was_written_and_passes_for_nothing_else() {
        let list = condemned();
        let line = encode(&list);
        assert_eq!(decode::<Condemned>(&line).unwrap(), list);
        let mut packs = list.of(&"lab".parse().unwrap()).unwrap();
        packs.sort_unstable();
        let mut wanted = vec![Digest::of(&[1]), Digest::of(&[2])];
        wanted.sort_unstable();
        assert_eq!(packs, wanted);
        assert_eq!(list.of(&"other".parse().unwrap()).unwrap(), []);
        assert!(decode::<Tombstone>(&line).is_err());
        let other = String::from_utf8(line).unwrap().replace("condemned 1", "condemned 2");
        assert!(decode::<Condemned>(other.as_bytes()).is_err());
    }

    #[test]
    fn live_bytes_of_packs_are_read_as_they_were_written() {
        let live: BTreeMap<_, _> =
            [(1_u8, 0_u64), (2, u64::MAX), (3, 70_000)].map(|(n, live)| (("lab".parse().unwrap(), Digest::of(&[n])), live)).into();
        let usage = Usage {
            lifeboat: Usage::KIND.to_owned(),
            repository: "uid".to_owned(),
            at: "2026-11-24T07:00:00Z".parse().unwrap(),
            snapshots: 3,
            live: live_lists(&live),
        };
        let again: Usage = decode(&encode(&usage)).unwrap();
        assert_eq!(again.rows().unwrap(), live);
        assert!(Usage { live: [("lab".parse().unwrap(), "AAAA".to_owned())].into(), ..usage }.rows().is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_statement_or_an_error(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), change in 1_u8..) {
            let _ = decode::<Hold>(&bytes);
            let mut line = encode(&condemned());
            let at = at.index(line.len());
            line[at] ^= change;
            if let Ok(read) = decode::<Condemned>(&line) {
                prop_assert_eq!(encode(&read), line);
                let _ = read.of(&"lab".parse().unwrap());
            }
        }
    }
}

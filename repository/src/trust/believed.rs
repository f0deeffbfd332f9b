//! The statements of a key that stay believed when its right to sign ends: one object for each key, which the trust document
//! that ends it names with its digest. Pure; [`crate::keys`] makes it, [`crate::repository`] reads it.
//!
//! What a signer says of its time it could have made up, and what a store says of its time is no proof in another store, to which
//! the statement was copied later. So the owners name what counts.

use std::collections::BTreeSet;

use base::Digest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keys::PublicKey;
use crate::repository::RepositoryUid;

/// The beginning of the names of such objects.
pub(crate) const BELIEVED: &str = "keys/believed-";
/// The largest that is read, in bytes: some million statements.
pub(crate) const BELIEVED_MAX: u64 = 64 << 20;
const KIND: &str = "believed 1";

/// What is believed of a key whose right to sign has ended. Its members stand in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    key: PublicKey,
    lifeboat: String,
    repository: RepositoryUid,
    statements: String,
    until: Timestamp,
}

/// What is believed of a key whose right to sign has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Believed {
    /// The key.
    pub(crate) key: PublicKey,
    /// A statement that a store dates earlier counts in that store: it was there before the right ended.
    pub(crate) until: Timestamp,
    /// SHA-256 of the statements that count wherever they lie.
    pub(crate) statements: BTreeSet<Digest>,
}

impl Believed {
    /// The bytes of the object: one line of JSON.
    pub(crate) fn to_bytes(&self, repository: RepositoryUid) -> Vec<u8> {
        let digests: Vec<u8> = self.statements.iter().flat_map(|digest| *digest.as_bytes()).collect();
        let (key, lifeboat, statements) = (self.key, KIND.to_owned(), BASE64_STANDARD.encode(digests));
        let written = Written { key, lifeboat, repository, statements, until: self.until };
        let mut bytes = serde_json::to_vec(&written).expect("strings and instants are always JSON");
        bytes.push(b'\n');
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote. The error says what is wrong with it.
    pub(crate) fn parse(repository: RepositoryUid, bytes: &[u8]) -> Result<Self, String> {
        let written: Written = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let digests = BASE64_STANDARD.decode(&written.statements).map_err(|error| error.to_string())?;
        let (digests, rest) = digests.as_chunks::<32>();
        if written.lifeboat != KIND || written.repository != repository || !rest.is_empty() {
            return Err("it is of another kind or repository, or its digests are cut short".to_owned());
        }
        let statements = digests.iter().map(|digest| Digest::from_bytes(*digest)).collect();
        Ok(Self { key: written.key, until: written.until, statements })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_believed_is_read_as_it_was_written() {
        let uid: RepositoryUid = "00112233445566778899aabbccddeeff".parse().unwrap();
        let other: RepositoryUid = "10112233445566778899aabbccddeeff".parse().unwrap();
        let key = crate::keys::OwnerKey::generate().unwrap().public();
        let statements = [1_u8, 2].map(|n| Digest::of(&[n])).into();
        let believed = Believed { key, until: "2026-11-24T07:00:00Z".parse().unwrap(), statements };
        let bytes = believed.to_bytes(uid);
        assert_eq!(Believed::parse(uid, &bytes), Ok(believed.clone()));
        assert!(Believed::parse(other, &bytes).is_err());
    }

    #[test]
    fn the_golden_object_is_read_as_it_always_was_and_written_as_it_is() {
        let golden = include_bytes!("../../tests/golden/format-1-believed/believed.json");
        let uid: RepositoryUid = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let believed = Believed::parse(uid, golden).unwrap();
        assert_eq!(believed.statements, [1_u8, 2].map(|n| Digest::of(&[n])).into());
        assert_eq!((believed.until.to_string().as_str(), believed.to_bytes(uid)), ("2026-11-24T07:00:00Z", golden.to_vec()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_believed_statements_or_an_error(bytes in any::<Vec<u8>>()) {
            let _ = Believed::parse("00112233445566778899aabbccddeeff".parse().unwrap(), &bytes);
        }
    }
}

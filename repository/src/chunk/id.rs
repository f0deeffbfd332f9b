//! The names of chunks.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::format::chunk::{ChunkId, Kind};

/// Computes ids under one domain's `K_id`: HMAC-SHA-256 of a byte for the kind and the plaintext.
///
/// The writer names chunks with it, the reader and `check` compare, and `restore` compares files on disk with what was recorded.
#[derive(Clone)]
pub struct ChunkHasher {
    /// The key and not the state that HMAC makes of it, since that one would not be cleared when it is dropped.
    k_id: Zeroizing<[u8; 32]>,
}

impl ChunkHasher {
    /// For the domain whose key is `k_id`.
    pub fn new(k_id: &[u8; 32]) -> Self {
        Self { k_id: Zeroizing::new(*k_id) }
    }

    /// The id of `plaintext` as part of a file.
    pub fn id(&self, plaintext: &[u8]) -> ChunkId {
        self.id_of(Kind::Data, plaintext)
    }

    /// The id of `plaintext` as a chunk of `kind`.
    pub fn id_of(&self, kind: Kind, plaintext: &[u8]) -> ChunkId {
        let mut mac = <Hmac<Sha256>>::new_from_slice(&*self.k_id).expect("HMAC takes a key of any length");
        mac.update(&[kind.tag()]);
        mac.update(plaintext);
        ChunkId::from_bytes(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for ChunkHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkHasher(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_key_kind_and_every_byte() {
        let hasher = ChunkHasher::new(&[7; 32]);
        // Computed with python3: hmac.digest(b"\x07" * 32, b"\x00abc", "sha256").hex()
        assert_eq!(hasher.id(b"abc").to_string(), GOLDEN);
        assert_ne!(hasher.id(b"abc"), hasher.id(b"abd"));
        assert_ne!(hasher.id(b"abc"), hasher.id_of(Kind::Tree, b"abc"));
        assert_ne!(hasher.id(b"abc"), ChunkHasher::new(&[8; 32]).id(b"abc"));
    }

    const GOLDEN: &str = "fb33ee699cf959acde86f0e8bae9dc86d6d634179ecd3db7fac1c07d56704a45";
}

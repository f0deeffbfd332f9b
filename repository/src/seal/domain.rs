//! Sealing under a domain's `K_index`: index objects, and the private part of snapshots.
//!
//! ChaCha20-Poly1305 with a random nonce; a domain writes far fewer than 2^32 objects, so nonces do not meet. What an object
//! is and where it lies goes in as additional data, so that no sealed part passes for another one.

use std::fmt;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// What is sealed; each has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The packs that an index object lists.
    Index,
    /// The private part of a snapshot.
    Snapshot,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Index => b"lifeboat index 1",
            Self::Snapshot => b"lifeboat snapshot 1",
        }
    }
}

/// A key that seals and opens for one purpose.
pub struct DomainSeal {
    cipher: LessSafeKey,
}

impl fmt::Debug for DomainSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DomainSeal(…)")
    }
}

/// Bytes that do not open with the domain's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed part does not open with the key of the domain")]
pub struct SealBroken;

impl DomainSeal {
    /// The seal for `purpose`: HKDF-SHA-256 of `k_index` with no salt and the purpose's label.
    pub fn new(k_index: &[u8; 32], purpose: Purpose) -> Self {
        let key = Zeroizing::new(age_core::primitives::hkdf(&[], purpose.label(), k_index));
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.as_ref()).expect("the key has the length that the cipher wants");
        Self { cipher: LessSafeKey::new(key) }
    }

    /// Seals `plaintext` in place. `place` must be given again to open it. Returns the nonce.
    pub fn seal(&self, place: &str, plaintext: &mut Vec<u8>) -> Result<[u8; 12], getrandom::Error> {
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce)?;
        let sealed = self.cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), plaintext);
        sealed.expect("what an object holds is far below the cipher's limit");
        Ok(nonce)
    }

    /// Opens `sealed` in place and leaves the plaintext in it.
    pub fn open(&self, place: &str, nonce: [u8; 12], sealed: &mut Vec<u8>) -> Result<(), SealBroken> {
        let opened = self.cipher.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(place), sealed);
        let len = opened.map_err(|_| SealBroken)?.len();
        sealed.truncate(len);
        Ok(())
    }
}

/// The additional data: repository, domain, writer and number, so that an object is bound to its place.
pub fn place(repository: &str, domain: &str, writer: &str, seq: u64) -> String {
    format!("{repository}/{domain}/{writer}/{seq}")
}

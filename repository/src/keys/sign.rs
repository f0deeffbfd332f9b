//! Ed25519 keys (RFC 8032) that sign statements: one of a host for index objects and snapshots, one of the owners for
//! `repository.json` and trust documents, one of each steward for what maintenance says.
//!
//! Every signature covers a line that says who speaks, so that a host's statement never passes for an owner's.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::KeyError;

/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;

/// Who makes a statement. The name is part of what is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// An owner: `repository.json`, trust documents.
    Owner,
    /// A host that writes: index objects, snapshots.
    Writer,
    /// A steward, or an owner who acts as one: tombstones, holds, condemned lists, attestations.
    Steward,
}

impl Speaker {
    fn preamble(self) -> &'static [u8] {
        match self {
            Self::Owner => b"lifeboat owner statement 1\n",
            Self::Writer => b"lifeboat writer statement 1\n",
            Self::Steward => b"lifeboat steward statement 1\n",
        }
    }

    fn statement(self, message: &[u8]) -> Vec<u8> {
        [self.preamble(), message].concat()
    }
}

/// A public Ed25519 key, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether an owner with this key signed `message`.
    pub(crate) fn accepts_owner(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        self.accepts(Speaker::Owner, message, signature)
    }

    /// Whether a writer with this key signed `message`.
    pub(crate) fn accepts_writer(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        self.accepts(Speaker::Writer, message, signature)
    }

    /// Whether a steward with this key signed `message`.
    pub(crate) fn accepts_steward(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        self.accepts(Speaker::Steward, message, signature)
    }

    /// Strict: no small-order keys, one encoding of a signature.
    fn accepts(&self, speaker: Speaker, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        self.0.verify_strict(&speaker.statement(message), &Signature::from_bytes(signature)).is_ok()
    }
}

/// Text that is not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a public signing key is 64 hexadecimal digits that name a point of Ed25519")]
pub struct BadPublicKey;

impl FromStr for PublicKey {
    type Err = BadPublicKey;

    fn from_str(text: &str) -> Result<Self, BadPublicKey> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadPublicKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| BadPublicKey)?;
        if key.is_weak() { Err(BadPublicKey) } else { Ok(Self(key)) }
    }
}

impl TryFrom<String> for PublicKey {
    type Error = BadPublicKey;
    fn try_from(text: String) -> Result<Self, BadPublicKey> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A secret Ed25519 key. `ed25519_dalek` clears it from memory when it is dropped.
#[derive(Clone)]
pub(crate) struct SecretSigningKey(SigningKey);

impl SecretSigningKey {
    /// A new key from the operating system's randomness.
    pub(crate) fn generate() -> Result<Self, KeyError> {
        Ok(Self(SigningKey::from_bytes(&random()?)))
    }

    /// The key with these secret 32 bytes, as 64 hexadecimal digits.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, seed.as_mut()).ok()?;
        Some(Self(SigningKey::from_bytes(&seed)))
    }

    /// The secret bytes as hexadecimal digits. Only for text that is encrypted or written with mode 0600.
    pub(crate) fn to_hex(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(hex::encode(self.0.as_bytes()))
    }

    /// The public half.
    pub(crate) fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs `message` as `speaker`.
    pub(crate) fn sign(&self, speaker: Speaker, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.0.sign(&speaker.statement(message)).to_bytes()
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hosts_statement_never_passes_for_an_owners() {
        let key = SecretSigningKey::generate().unwrap();
        let signature = key.sign(Speaker::Writer, b"all is well");
        assert!(key.public().accepts(Speaker::Writer, b"all is well", &signature));
        assert!(!key.public().accepts(Speaker::Owner, b"all is well", &signature));
        assert!(!key.public().accepts(Speaker::Steward, b"all is well", &signature));
        assert!(!key.public().accepts(Speaker::Writer, b"all is lost", &signature));
    }

    #[test]
    fn a_key_of_small_order_is_refused() {
        let identity = format!("01{}", "00".repeat(31));
        assert_eq!(identity.parse::<PublicKey>(), Err(BadPublicKey));
    }
}

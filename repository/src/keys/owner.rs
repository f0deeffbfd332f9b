//! The key that says who may write. It lies in the repository, encrypted to the people who own it.

use std::fmt;

use zeroize::Zeroizing;

use super::lines::first_fault;
use super::sign::{SIGNATURE_LEN, SecretSigningKey, Speaker};
use super::{KeyError, PublicKey};

const FIRST_LINE: &str = "lifeboat-owner-key 1";

/// The secret key that signs `repository.json` and trust documents.
#[derive(Clone)]
pub struct OwnerKey(SecretSigningKey);

impl OwnerKey {
    /// A new key from the operating system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        SecretSigningKey::generate().map(Self)
    }

    /// The public half, which trust documents list.
    pub fn public(&self) -> PublicKey {
        self.0.public()
    }

    /// Signs the bytes of `repository.json` or of a trust document.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.0.sign(Speaker::Owner, message)
    }

    /// Signs a maintenance statement, in the place of a steward.
    pub(super) fn sign_as_steward(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.0.sign(Speaker::Steward, message)
    }

    /// As text. Only ever encrypted.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{FIRST_LINE}\nsign {}\n", *self.0.to_hex()))
    }

    /// Reads what [`Self::to_text`] wrote.
    pub(crate) fn parse(text: &str) -> Result<Self, KeyError> {
        let bad = |line, what: &str| KeyError::Text { kind: "owner key", line, what: what.to_owned() };
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        if let Some(fault) = first_fault(FIRST_LINE, Some(first)) {
            return Err(bad(1, &fault));
        }
        let seed = rest.strip_prefix("sign ").and_then(|seed| seed.strip_suffix('\n'));
        seed.and_then(SecretSigningKey::from_hex).map(Self).ok_or_else(|| bad(2, "is not \"sign \" and 64 hexadecimal digits"))
    }
}

impl fmt::Debug for OwnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnerKey(of {})", self.public())
    }
}

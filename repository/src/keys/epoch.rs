//! The key that opens packs. Writers know its public half alone.

use std::fmt;
use std::str::FromStr;

use age::secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::KeyError;

/// The secret half: an X25519 age identity. Whoever holds it reads every pack of its epoch.
#[derive(Clone)]
pub struct EpochIdentity(age::x25519::Identity);

impl EpochIdentity {
    /// A new identity from the operating system's randomness.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// The public half.
    pub fn recipient(&self) -> EpochRecipient {
        EpochRecipient(self.0.to_public())
    }

    /// As the age crate takes it.
    pub fn as_age(&self) -> &age::x25519::Identity {
        &self.0
    }

    /// The `AGE-SECRET-KEY-1…` line, with a line feed, which stock `age -i` reads. Only ever encrypted.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}\n", self.0.to_string().expose_secret()))
    }

    /// Reads what [`Self::to_text`] wrote.
    pub(crate) fn parse(text: &str) -> Result<Self, KeyError> {
        let bad = |what: &str| KeyError::Text { kind: "epoch key", line: 1, what: what.to_owned() };
        text.trim_end().parse().map(Self).map_err(bad)
    }
}

impl fmt::Debug for EpochIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EpochIdentity(of {})", self.0.to_public())
    }
}

/// The public half: packs are encrypted to it alone. Written `age1…`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EpochRecipient(age::x25519::Recipient);

impl EpochRecipient {
    /// As the age crate takes it.
    pub fn as_age(&self) -> &age::x25519::Recipient {
        &self.0
    }
}

impl fmt::Display for EpochRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EpochRecipient {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        text.parse().map(Self).map_err(|_: &str| KeyError::BadRecipient { text: text.chars().take(80).collect() })
    }
}

impl TryFrom<String> for EpochRecipient {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<EpochRecipient> for String {
    fn from(recipient: EpochRecipient) -> Self {
        recipient.to_string()
    }
}

//! A key that signs maintenance statements: tombstones, holds, condemned lists, attestations.
//!
//! A maintainer signs all of them, a verifier attestations alone, and an owner whatever a maintainer may. None of these keys
//! opens anything. [`crate::trust::Trust::statement`] verifies what a [`Steward`] has sealed.

use std::fmt;
use std::str::FromStr;

use age::secrecy::SecretString;
use base::id::StewardId;
use jiff::Timestamp;

use super::lines::Lines;
use super::sign::{SIGNATURE_LEN, SecretSigningKey, Speaker};
use super::{KeyError, OwnerKey, PublicKey};
use crate::repository::{Repository, RepositoryUid};
use crate::trust;

const KIND: &str = "steward key";
const FIRST_LINE: &str = "lifeboat-steward-key 1";

/// What a steward's key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StewardRole {
    /// Signs tombstones, holds, condemned lists, and attestations.
    Maintainer,
    /// Signs attestations alone: what it looked at, and how it was.
    Verifier,
}

impl StewardRole {
    /// "maintainer" or "verifier", as it stands in key files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Maintainer => "maintainer",
            Self::Verifier => "verifier",
        }
    }
}

impl fmt::Display for StewardRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is \"maintainer\" or \"verifier\"")]
pub struct BadRole;

impl FromStr for StewardRole {
    type Err = BadRole;
    fn from_str(text: &str) -> Result<Self, BadRole> {
        [Self::Maintainer, Self::Verifier].into_iter().find(|role| role.as_str() == text).ok_or(BadRole)
    }
}

/// The key file of a steward, for one repository.
#[derive(Clone)]
pub struct StewardKey {
    repository: RepositoryUid,
    trust: u64,
    role: StewardRole,
    name: StewardId,
    signing: SecretSigningKey,
}

impl StewardKey {
    /// A new key. `trust` is the version of the trust document that first lists it.
    pub(crate) fn generate(repository: RepositoryUid, trust: u64, role: StewardRole, name: StewardId) -> Result<Self, KeyError> {
        Ok(Self { repository, trust, role, name, signing: SecretSigningKey::generate()? })
    }

    /// Reads what [`Self::to_text`] wrote; empty lines and lines that begin with `#` are notes. [`KeyError::Text`]
    /// names the line that is wrong and never quotes it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut lines = Lines::new(KIND, text);
        lines.first(FIRST_LINE)?;
        let key = Self {
            repository: lines.field("repository", |text| text.parse().ok())?,
            trust: lines.field("trust", |text| text.parse().ok().filter(|version| *version > 0))?,
            role: lines.field("role", |text| text.parse().ok())?,
            name: lines.field("name", |text| text.parse().ok())?,
            signing: lines.field("sign", SecretSigningKey::from_hex)?,
        };
        if lines.next().is_some() { Err(lines.bad("is one line too many")) } else { Ok(key) }
    }

    /// As text for a file of mode 0600.
    pub fn to_text(&self) -> SecretString {
        let Self { repository, trust, role, name, signing } = self;
        SecretString::from(format!(
            "# lifeboat {role} key: signs maintenance statements of one repository. It opens no backup. Keep it mode 0600.\n\
             {FIRST_LINE}\nrepository {repository}\ntrust {trust}\nrole {role}\nname {name}\nsign {}\n",
            *signing.to_hex(),
        ))
    }

    /// What it is for.
    pub fn role(&self) -> StewardRole {
        self.role
    }

    /// The name under which the trust document lists it.
    pub fn name(&self) -> &StewardId {
        &self.name
    }

    /// The one repository that it is for.
    pub fn repository(&self) -> RepositoryUid {
        self.repository
    }

    /// The public half, which the trust document lists.
    pub fn public(&self) -> PublicKey {
        self.signing.public()
    }

    /// The key, ready to sign, once the repository lists it in its role at `now`.
    pub fn open(&self, repository: &Repository, now: Timestamp) -> Result<Steward, KeyError> {
        let trust = repository.trust();
        if self.repository != repository.id() {
            return Err(KeyError::OtherRepository { wanted: self.repository, found: repository.id() });
        }
        if trust.version() < self.trust {
            return Err(KeyError::RolledBack { found: trust.version(), needed: self.trust });
        }
        let (role, name) = (self.role, self.name.to_string());
        let listed = trust.stewards(role).iter().find(|listed| listed.name == self.name && listed.key == self.public());
        match listed {
            None => Err(KeyError::NoSteward { role, name }),
            Some(listed) if listed.to.is_some_and(|to| to <= now) => Err(KeyError::Ended { who: format!("{role} {name}") }),
            Some(_) => Ok(Steward(Signs::Steward(self.clone()))),
        }
    }
}

impl fmt::Debug for StewardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StewardKey({} {}, signs as {})", self.role, self.name, self.public())
    }
}

/// A key that signs maintenance statements: a steward's, from [`StewardKey::open`], or the owners', from
/// [`super::ReaderKey::steward`].
#[derive(Debug, Clone)]
pub struct Steward(Signs);

#[derive(Debug, Clone)]
enum Signs {
    Steward(StewardKey),
    Owner(OwnerKey),
}

impl Steward {
    pub(super) fn owner(key: OwnerKey) -> Self {
        Self(Signs::Owner(key))
    }

    /// The public key that its signatures are verified with.
    pub fn public(&self) -> PublicKey {
        match &self.0 {
            Signs::Steward(key) => key.public(),
            Signs::Owner(key) => key.public(),
        }
    }

    /// Its role; `None` for an owner, who may sign everything.
    pub fn role(&self) -> Option<StewardRole> {
        match &self.0 {
            Signs::Steward(key) => Some(key.role),
            Signs::Owner(_) => None,
        }
    }

    /// Signs the bytes of a statement; [`crate::trust::Trust::verify_statement`] accepts it. The message must begin with a tag
    /// of its own kind, so that a hold never passes for a tombstone.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        match &self.0 {
            Signs::Steward(key) => key.signing.sign(Speaker::Steward, message),
            Signs::Owner(key) => key.sign_as_steward(message),
        }
    }

    /// A whole object: `document`, which is one line without a line feed, and the line with the signature.
    /// [`crate::trust::Trust::statement`] reads it.
    pub fn seal(&self, document: &[u8]) -> Vec<u8> {
        debug_assert!(!document.contains(&b'\n'), "a document is one line");
        trust::signed_object(&self.public(), &self.sign(document), document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use age::secrecy::ExposeSecret as _;
    use proptest::prelude::*;

    fn key() -> StewardKey {
        let uid = "00112233445566778899aabbccddeeff".parse().unwrap();
        StewardKey::generate(uid, 2, StewardRole::Verifier, "scrub".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_steward_key_survives_as_text_and_never_shows_in_debug() {
        let key = key();
        let again = StewardKey::parse(key.to_text().expose_secret()).unwrap();
        assert_eq!((again.role(), again.name().as_str(), again.public()), (StewardRole::Verifier, "scrub", key.public()));
        assert!(!format!("{key:?}").contains(key.signing.to_hex().as_str()));
        let other_role = key.to_text().expose_secret().replace("role verifier", "role owner");
        assert_eq!(StewardKey::parse(&other_role).unwrap_err().to_string(), "steward key, line 5: has no valid value after \"role\"");
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_an_error(text in any::<String>()) {
            let _ = StewardKey::parse(&text);
        }
    }
}

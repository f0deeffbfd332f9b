//! What a host that backs up holds: an age identity that opens its domain keys, and an Ed25519 key that signs what it
//! writes. Neither opens a pack.

use std::fmt;

use age::secrecy::{ExposeSecret as _, SecretString};
use base::id::{DomainId, WriterId};

use super::lines::Lines;
use super::sign::{SIGNATURE_LEN, SecretSigningKey, Speaker};
use super::{KeyError, PublicKey};
use crate::repository::RepositoryUid;

const KIND: &str = "writer key";
const FIRST_LINE: &str = "lifeboat-writer-key 1";

/// The key of one host for one repository.
#[derive(Clone)]
pub struct WriterKey {
    repository: RepositoryUid,
    trust: u64,
    writer: WriterId,
    domain: DomainId,
    identity: age::x25519::Identity,
    signing: SecretSigningKey,
}

impl WriterKey {
    /// A new key. `trust` is the version of the trust document that first lists it.
    pub(crate) fn generate(repository: RepositoryUid, trust: u64, writer: WriterId, domain: DomainId) -> Result<Self, KeyError> {
        let (identity, signing) = (age::x25519::Identity::generate(), SecretSigningKey::generate()?);
        Ok(Self { repository, trust, writer, domain, identity, signing })
    }

    /// Reads what [`Self::to_text`] wrote; empty lines and lines that begin with `#` are notes. [`KeyError::Text`]
    /// names the line that is wrong and never quotes it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut lines = Lines::new(KIND, text);
        lines.first(FIRST_LINE)?;
        let key = Self {
            repository: lines.field("repository", |text| text.parse().ok())?,
            trust: lines.field("trust", |text| text.parse().ok().filter(|version| *version > 0))?,
            writer: lines.field("writer", |text| text.parse().ok())?,
            domain: lines.field("domain", |text| text.parse().ok())?,
            identity: lines.field("identity", |text| text.parse().ok())?,
            signing: lines.field("sign", SecretSigningKey::from_hex)?,
        };
        if lines.next().is_some() { Err(lines.bad("is one line too many")) } else { Ok(key) }
    }

    /// As text for a file of mode 0600 on the host.
    pub fn to_text(&self) -> SecretString {
        let Self { repository, trust, writer, domain, .. } = self;
        SecretString::from(format!(
            "# lifeboat writer key: lets this host add backups to one repository. It opens no backup. Keep it mode 0600.\n\
             {FIRST_LINE}\nrepository {repository}\ntrust {trust}\nwriter {writer}\ndomain {domain}\nidentity {}\nsign {}\n",
            self.identity.to_string().expose_secret(),
            *self.signing.to_hex(),
        ))
    }

    /// The name of the host.
    pub fn writer(&self) -> &WriterId {
        &self.writer
    }

    /// The hosts whose chunks it shares.
    pub fn domain(&self) -> &DomainId {
        &self.domain
    }

    /// The one repository that it is for.
    pub fn repository(&self) -> RepositoryUid {
        self.repository
    }

    /// The trust document that first listed it: a store that offers only older ones has been rolled back.
    pub fn trust_version(&self) -> u64 {
        self.trust
    }

    /// The public half of its signing key, which the trust document lists.
    pub fn public(&self) -> PublicKey {
        self.signing.public()
    }

    /// The public half of its age identity, to which its domain keys are encrypted.
    pub fn recipient(&self) -> age::x25519::Recipient {
        self.identity.to_public()
    }

    /// Its age identity: opens its own domain keys and what is sealed to it, never a pack.
    pub fn identity(&self) -> &age::x25519::Identity {
        &self.identity
    }

    /// Signs the bytes of an index object or snapshot; [`crate::trust::Trust::verify`] accepts it. The message must
    /// begin with a tag of its own kind, so that an index object never passes for a snapshot.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.signing.sign(Speaker::Writer, message)
    }
}

impl fmt::Debug for WriterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriterKey({} of {}, signs as {})", self.writer, self.domain, self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> WriterKey {
        let uid = "00112233445566778899aabbccddeeff".parse().unwrap();
        WriterKey::generate(uid, 1, "web".parse().unwrap(), "office".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_writer_key_survives_as_text() {
        let key = key();
        let text = key.to_text();
        let again = WriterKey::parse(text.expose_secret()).unwrap();
        assert_eq!(again.to_text().expose_secret(), text.expose_secret());
        assert_eq!((again.writer().as_str(), again.domain().as_str(), again.public()), ("web", "office", key.public()));
    }

    #[test]
    fn a_fault_names_its_line_and_never_the_secret() {
        let text = key().to_text().expose_secret().to_owned();
        let line = |needle: &str| text.lines().find(|line| line.starts_with(needle)).unwrap().to_owned();
        for (from, to, fault) in [
            (
                "lifeboat-writer-key 1".to_owned(),
                "lifeboat-writer-key 7".to_owned(),
                "line 2: is of format 7, which a newer lifeboat reads",
            ),
            (
                "lifeboat-writer-key 1".to_owned(),
                "lifeboat-writer-key 0".to_owned(),
                "line 2: is of format 0, which was an unreleased draft",
            ),
            ("lifeboat-writer-key 1".to_owned(), "lifeboat-owner-key 1".to_owned(), "line 2: is not \"lifeboat-writer-key 1\""),
            (line("writer "), "writer ../etc".to_owned(), "line 5: has no valid value after \"writer\""),
            (line("identity "), "identity AGE-SECRET-KEY-1XYZ".to_owned(), "line 7: has no valid value after \"identity\""),
            (line("sign "), String::new(), "line 9: does not begin with \"sign \""),
            (line("sign "), format!("{}\nmore", line("sign ")), "line 9: is one line too many"),
        ] {
            let error = WriterKey::parse(&text.replace(&from, &to)).unwrap_err().to_string();
            assert_eq!(error, format!("writer key, {fault}"));
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = key();
        let shown = format!("{key:?}");
        assert!(!shown.contains("AGE-SECRET") && !shown.contains(key.signing.to_hex().as_str()), "{shown}");
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_an_error(text in any::<String>()) {
            let _ = WriterKey::parse(&text);
        }

        #[test]
        fn a_key_with_a_changed_byte_is_a_key_or_an_error(at in any::<prop::sample::Index>(), to in any::<char>()) {
            let mut text: Vec<char> = key().to_text().expose_secret().chars().collect();
            let at = at.index(text.len());
            text[at] = to;
            let _ = WriterKey::parse(&text.into_iter().collect::<String>());
        }
    }
}

//! What a person, an escrow or the drill runner holds: age identities that open the epoch key.

use std::fmt;
use std::sync::Arc;

use age::NoCallbacks;
use age::plugin;
use age::secrecy::{ExposeSecret as _, SecretString};

use super::KeyError;

const KIND: &str = "reader key";
/// The most identities in one file: more is no key file.
const MAX_IDENTITIES: usize = 256;

/// One or more age identities, as the lines of a key file: `AGE-SECRET-KEY-1…`, or `AGE-PLUGIN-…` for hardware.
#[derive(Clone)]
pub struct ReaderKey {
    identities: Vec<Arc<dyn age::Identity + Send + Sync>>,
    recipients: Vec<String>,
}

impl ReaderKey {
    /// Reads a key file as `age-keygen` writes it. [`KeyError::Text`] names the line that is wrong and never quotes it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bad = |line, what: &str| KeyError::Text { kind: KIND, line, what: what.to_owned() };
        let mut key = Self { identities: Vec::new(), recipients: Vec::new() };
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if key.identities.len() == MAX_IDENTITIES {
                return Err(bad(index + 1, "is one key too many"));
            }
            if let Ok(native) = line.parse::<age::x25519::Identity>() {
                key.push(native);
            } else if let Ok(identity) = line.parse::<plugin::Identity>() {
                key.push_plugin(identity)?;
            } else if line.starts_with("age1") {
                return Err(bad(index + 1, "is a recipient, the public half; the secret half is needed"));
            } else {
                return Err(bad(index + 1, "is not an age identity"));
            }
        }
        if key.identities.is_empty() { Err(bad(0, "there is no key in it")) } else { Ok(key) }
    }

    /// The public halves, `age1…`, one for each identity; a plugin's is known to its device alone and reads
    /// `plugin <name>`.
    pub fn recipients(&self) -> Vec<String> {
        self.recipients.clone()
    }

    /// A key for each of its identities, so that each can be tried by itself.
    pub fn each(&self) -> Vec<Self> {
        let one = |(identity, recipient): (&Arc<dyn age::Identity + Send + Sync>, &String)| Self {
            identities: vec![Arc::clone(identity)],
            recipients: vec![recipient.clone()],
        };
        self.identities.iter().zip(&self.recipients).map(one).collect()
    }

    /// The identities, as the age crate takes them.
    pub(crate) fn identities(&self) -> Vec<&dyn age::Identity> {
        self.identities.iter().map(|one| &**one as &dyn age::Identity).collect()
    }

    fn push(&mut self, native: age::x25519::Identity) {
        self.recipients.push(native.to_public().to_string());
        self.identities.push(Arc::new(native));
    }

    fn push_plugin(&mut self, identity: plugin::Identity) -> Result<(), KeyError> {
        let name = identity.plugin().to_owned();
        let plugin = plugin::IdentityPluginV1::new(&name, &[identity], NoCallbacks)
            .map_err(|error| KeyError::Plugin { plugin: name.clone(), what: error.to_string() })?;
        self.recipients.push(format!("plugin {name}"));
        self.identities.push(Arc::new(plugin));
        Ok(())
    }
}

impl fmt::Debug for ReaderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReaderKey").field(&self.recipients).finish()
    }
}

/// Makes a key for a person: the key, its text for a file of mode 0600 or for paper, and its recipient, which is public.
pub fn generate_reader_key() -> (ReaderKey, SecretString, String) {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let text = SecretString::from(format!(
        "# lifeboat recovery key: opens every backup of the repositories that it belongs to.\n# public key: {recipient}\n{}\n",
        identity.to_string().expose_secret()
    ));
    let mut key = ReaderKey { identities: Vec::new(), recipients: Vec::new() };
    key.push(identity);
    (key, text, recipient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_generated_key_is_read_back_from_its_text() {
        let (key, text, recipient) = generate_reader_key();
        let again = ReaderKey::parse(text.expose_secret()).unwrap();
        assert_eq!((again.recipients(), key.recipients()), (vec![recipient.clone()], vec![recipient]));
        assert!(!format!("{again:?}").contains("SECRET"));
    }

    #[test]
    fn a_fault_names_its_line() {
        let (_, text, recipient) = generate_reader_key();
        let with = |tail: &str| ReaderKey::parse(&format!("{}{tail}", text.expose_secret())).unwrap_err().to_string();
        assert_eq!(with("hello"), "reader key, line 4: is not an age identity");
        assert_eq!(with(&recipient), "reader key, line 4: is a recipient, the public half; the secret half is needed");
        assert_eq!(ReaderKey::parse("# nothing\n").unwrap_err().to_string(), "reader key, line 0: there is no key in it");
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_an_error(text in any::<String>()) {
            let _ = ReaderKey::parse(&text);
        }
    }
}

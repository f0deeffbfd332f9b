//! Small age files: to whom they are encrypted, and opening them with whatever identities are at hand.
//!
//! Packs are not written here; their header is small and constant and has its own code in `seal`.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{Read as _, Write as _};

use age::NoCallbacks;
use age::plugin;
use zeroize::Zeroizing;

use super::KeyError;

/// The largest plaintext of a key file, in bytes. A real one has a few hundred.
const MAX_PLAINTEXT: u64 = 1 << 20;

/// Somebody to whom a key can be encrypted: an X25519 recipient, or one of an age plugin (hardware, escrow).
#[derive(Clone)]
pub struct Recipient(Kind);

#[derive(Clone)]
enum Kind {
    X25519(age::x25519::Recipient),
    Plugin(plugin::Recipient),
}

/// Reads an `age1…` line. A plugin recipient is accepted as text; its program is needed when something is encrypted.
pub fn parse_recipient(text: &str) -> Result<Recipient, KeyError> {
    let text = text.trim();
    if let Ok(native) = text.parse() {
        return Ok(Recipient(Kind::X25519(native)));
    }
    let bad = |_: &str| KeyError::BadRecipient { text: text.chars().take(80).collect() };
    text.parse().map(|plugin| Recipient(Kind::Plugin(plugin))).map_err(bad)
}

impl Recipient {
    pub(crate) fn of(native: &age::x25519::Recipient) -> Self {
        Self(Kind::X25519(native.clone()))
    }

    fn to_age(&self) -> Result<Box<dyn age::Recipient>, KeyError> {
        match &self.0 {
            Kind::X25519(native) => Ok(Box::new(native.clone())),
            Kind::Plugin(one) => plugin::RecipientPluginV1::new(one.plugin(), std::slice::from_ref(one), &[], NoCallbacks)
                .map(|plugin| Box::new(plugin) as Box<dyn age::Recipient>)
                .map_err(|error| KeyError::Plugin { plugin: one.plugin().to_owned(), what: error.to_string() }),
        }
    }
}

impl fmt::Display for Recipient {
    /// The canonical text: two recipients are the same key exactly when their texts are equal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::X25519(native) => native.fmt(f),
            Kind::Plugin(plugin) => f.write_str(&plugin.to_string().to_lowercase()),
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

/// The recipients without repetitions, in the order of their texts.
pub(crate) fn distinct(texts: &[String]) -> Result<Vec<Recipient>, KeyError> {
    let mut seen = BTreeSet::new();
    let parsed = texts.iter().map(|text| parse_recipient(text)).collect::<Result<Vec<_>, _>>()?;
    Ok(parsed.into_iter().filter(|one| seen.insert(one.to_string())).collect())
}

/// An age file of `plaintext` that each of `recipients` opens. `object` names it in errors.
pub(crate) fn seal(object: &str, recipients: &[Recipient], plaintext: &[u8]) -> Result<Vec<u8>, KeyError> {
    let wrap = |source: age::EncryptError| KeyError::Wrap { object: object.to_owned(), source: Box::new(source) };
    let recipients = recipients.iter().map(Recipient::to_age).collect::<Result<Vec<_>, _>>()?;
    let encryptor = age::Encryptor::with_recipients(recipients.iter().map(|one| &**one as &dyn age::Recipient)).map_err(wrap)?;
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(|error| wrap(error.into()))?;
    writer.write_all(plaintext).and_then(|()| writer.finish()).map_err(|error| wrap(error.into()))?;
    Ok(sealed)
}

/// Why an age file stays closed.
#[derive(Debug)]
pub(crate) enum Closed {
    /// It is sound, as far as one can tell, but none of the identities is among its recipients.
    NotForUs,
    /// The program of a plugin, or the device behind it, did not do its part.
    Plugin(String),
    /// It is no age file, or its bytes were changed.
    Broken(String),
}

/// Opens an age file whose plaintext is text.
pub(crate) fn open(sealed: &[u8], identities: &[&dyn age::Identity]) -> Result<Zeroizing<String>, Closed> {
    let decryptor = age::Decryptor::new_buffered(sealed).map_err(|error| Closed::Broken(error.to_string()))?;
    let reader = decryptor.decrypt(identities.iter().copied()).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => Closed::NotForUs,
        age::DecryptError::Plugin(told) => Closed::Plugin(told.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
        error @ age::DecryptError::PluginResolve(_) => Closed::Plugin(error.to_string()),
        error => Closed::Broken(error.to_string()),
    })?;
    let mut text = Zeroizing::new(String::new());
    reader.take(MAX_PLAINTEXT).read_to_string(&mut text).map_err(|error| Closed::Broken(error.to_string()))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_written_twice_is_one_recipient() {
        let key = age::x25519::Identity::generate().to_public().to_string();
        let texts = [key.clone(), format!(" {key}\n"), key.to_uppercase()];
        let accepted: Vec<_> = texts.into_iter().filter(|text| parse_recipient(text).is_ok()).collect();
        assert_eq!(distinct(&accepted).unwrap().len(), 1);
    }

    #[test]
    fn a_sealed_text_opens_for_each_recipient_and_for_nobody_else() {
        let [ada, ben, eve] = [(); 3].map(|()| age::x25519::Identity::generate());
        let recipients = [&ada, &ben].map(|one| Recipient::of(&one.to_public()));
        let sealed = seal("keys/x.age", &recipients, b"text").unwrap();
        for identity in [&ada, &ben] {
            assert_eq!(open(&sealed, &[identity]).unwrap().as_str(), "text");
        }
        assert!(matches!(open(&sealed, &[&eve]), Err(Closed::NotForUs)));
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(matches!(open(&changed, &[&ada]), Err(Closed::Broken(_))));
    }
}

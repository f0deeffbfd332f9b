//! Key files that a passphrase protects: age files with a scrypt stanza, in ASCII armor, as `age -p -a` makes them. `age -d` opens them, too,
//! and `age -i` takes them as they are.

use std::io::{Read as _, Write as _};

use age::secrecy::SecretString;
use base::Hint;
use zeroize::Zeroizing;

/// A file that is longer is no key file.
const MAX_TEXT: u64 = 64 << 10;
/// The hardest scrypt work that is done for a file (2^22 rounds, 4 GiB): a file from elsewhere could ask for more memory than there is.
const MAX_WORK: u8 = 22;

/// Why a protected key file stays closed, or was not made.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// It is not an age file, or its bytes were changed.
    #[error("it is not a sound age file: {0}")]
    Broken(String),
    /// It is encrypted to keys.
    #[error("it is encrypted to other keys and not with a passphrase")]
    NoPassphrase,
    /// The passphrase is not the one.
    #[error("the passphrase does not open it")]
    Wrong,
    /// It asks for more work than is done.
    #[error("it asks for more work than a key file should")]
    Work,
    /// It could not be made.
    #[error("cannot encrypt the key: {0}")]
    Seal(String),
}

impl Hint for PassphraseError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Wrong => Some(
                "try again; nobody can open the file without its passphrase, but every other recovery key still opens the backups"
                    .to_owned(),
            ),
            Self::Broken(_) | Self::Work => Some("take the file as it was written, or another copy of it".to_owned()),
            Self::NoPassphrase => Some("decrypt it first with the key that it is for: age -d -i KEY FILE".to_owned()),
            Self::Seal(_) => None,
        }
    }
}

/// Whether these are the bytes of an age file, armored or not, and not the text of a key.
pub fn is_protected(bytes: &[u8]) -> bool {
    let begin = bytes.trim_ascii_start();
    begin.starts_with(b"age-encryption.org/") || begin.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

/// The text of a key file, encrypted with `passphrase` and armored. The work is measured on this machine: about a second.
pub fn protect(text: &SecretString, passphrase: &SecretString) -> Result<String, PassphraseError> {
    use age::secrecy::ExposeSecret as _;
    let failed = |error: std::io::Error| PassphraseError::Seal(error.to_string());
    let mut sealed = Vec::new();
    let armor = age::armor::ArmoredWriter::wrap_output(&mut sealed, age::armor::Format::AsciiArmor).map_err(failed)?;
    let mut writer = age::Encryptor::with_user_passphrase(passphrase.clone()).wrap_output(armor).map_err(failed)?;
    writer.write_all(text.expose_secret().as_bytes()).map_err(failed)?;
    writer.finish().and_then(age::armor::ArmoredWriter::finish).map_err(failed)?;
    String::from_utf8(sealed).map_err(|error| PassphraseError::Seal(error.to_string()))
}

/// The text behind `passphrase`.
pub fn unprotect(bytes: &[u8], passphrase: &SecretString) -> Result<Zeroizing<String>, PassphraseError> {
    let broken = |error: &dyn std::fmt::Display| PassphraseError::Broken(error.to_string());
    let armored = age::armor::ArmoredReader::new(std::io::BufReader::new(bytes));
    let decryptor = age::Decryptor::new_buffered(armored).map_err(|error| broken(&error))?;
    if !decryptor.is_scrypt() {
        return Err(PassphraseError::NoPassphrase);
    }
    let mut identity = age::scrypt::Identity::new(passphrase.clone());
    identity.set_max_work_factor(MAX_WORK);
    let reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).map_err(|error| match error {
        age::DecryptError::ExcessiveWork { .. } => PassphraseError::Work,
        age::DecryptError::DecryptionFailed | age::DecryptError::NoMatchingKeys => PassphraseError::Wrong,
        error => broken(&error),
    })?;
    let mut text = Zeroizing::new(String::new());
    reader.take(MAX_TEXT).read_to_string(&mut text).map_err(|error| broken(&error))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use age::secrecy::ExposeSecret as _;

    #[test]
    fn a_protected_key_opens_with_its_passphrase_and_with_no_other() {
        let text = SecretString::from("AGE-SECRET-KEY-1…\n".to_owned());
        let right = SecretString::from("correct horse".to_owned());
        let sealed = protect(&text, &right).unwrap();
        assert!(is_protected(sealed.as_bytes()) && !is_protected(text.expose_secret().as_bytes()) && !sealed.contains("SECRET"));
        assert_eq!(unprotect(sealed.as_bytes(), &right).unwrap().as_str(), text.expose_secret());
        let wrong = unprotect(sealed.as_bytes(), &SecretString::from("wrong".to_owned())).unwrap_err();
        assert!(matches!(wrong, PassphraseError::Wrong) && wrong.hint().is_some(), "{wrong}");
        let cut = unprotect(&sealed.as_bytes()[..sealed.len() / 2], &right).unwrap_err();
        assert!(matches!(cut, PassphraseError::Broken(_) | PassphraseError::Wrong), "{cut}");
    }
}

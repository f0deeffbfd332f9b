//! SSH keys in files, as OpenSSH keeps them: the private key of mode 0600, the public one beside it. The evidence key of this host is one.

use std::path::{Path, PathBuf};

use base::Hint as _;
use orchestrator::{ConnectError, ConnectKind};
use plans::Plan;
use records::event::KeyCreated;
use records::journal::Journal;
use records::seal::{SealError, SigningKey};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::{private_file, secrets, wiring};

/// Makes an Ed25519 key at `path`, which must not be there, and its public half beside it.
pub(crate) fn make(path: &Path, comment: &str) -> Result<SigningKey, Failure> {
    let sealed = |error: SealError| Failure::of("LB0223", Exit::Failed, &error);
    let key = SigningKey::generate(comment).map_err(sealed)?;
    private_file::write_new(path, &key.to_openssh().map_err(sealed)?)?;
    private_file::write_public(&public_file(path), &format!("{}\n", key.public_line()))?;
    Ok(key)
}

/// The file of the public half: "evidence.key" and "evidence.key.pub", as `ssh-keygen` names it.
pub(crate) fn public_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// Reads a private key that has no passphrase.
pub(crate) fn read(path: &Path) -> Result<SigningKey, ConnectError> {
    let text = secrets::read_private(path)?;
    SigningKey::parse(&text, None).map_err(|error| ConnectError {
        what: format!("the signing key {} cannot be used", path.display()),
        hint: error.hint(),
        kind: ConnectKind::Key,
        source: Some(Box::new(error)),
    })
}

/// Where the key is that signs evidence: the one that the plan names, or else this host's own.
pub(crate) fn evidence_path(settings: &Settings, plan: &Plan) -> PathBuf {
    plan.evidence.sign_with.clone().unwrap_or_else(|| settings.evidence_key())
}

/// The key that signs evidence. This host's own is made on first use; one that the plan names is never made here.
pub(crate) async fn evidence(settings: &Settings, plan: &Plan, journal: &Journal) -> Result<(SigningKey, bool), Failure> {
    let path = evidence_path(settings, plan);
    if plan.evidence.sign_with.is_some() || path.exists() {
        return read(&path).map(|key| (key, false)).map_err(|error| Failure::of("LB0223", Exit::Key, &error));
    }
    let key = make(&path, &issuer_of_host())?;
    record(journal, &key.fingerprint(), "evidence").await?;
    Ok((key, true))
}

/// Writes down that a key was made.
pub(crate) async fn record(journal: &Journal, fingerprint: &str, purpose: &str) -> Result<(), Failure> {
    let made = KeyCreated { fingerprint: fingerprint.to_owned(), purpose: purpose.to_owned() };
    let done = journal.append(&wiring::person(), made, wiring::clock().now()).await;
    done.map(|_| ()).map_err(|error| Failure::of("LB0301", Exit::Failed, &error))
}

/// The name under which this host issues evidence: "lifeboat@bcm01".
pub(crate) fn issuer_of_host() -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    format!("lifeboat@{}", wiring::host().chars().map(plain).collect::<String>())
}

/// The name under which the holder of `key` issues evidence: its comment, where that is one word that a list of signers takes.
pub(crate) fn issuer(key: &SigningKey) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._-+:/".contains(c);
    let comment = key.comment();
    let fits = !comment.is_empty() && comment.len() <= 100 && comment.chars().all(plain);
    if fits { comment.to_owned() } else { issuer_of_host() }
}

//! The keys that people bring: key files, files behind a passphrase, and shares of a split key; all of them become the lines of one key.
//!
//! A passphrase comes from a file or from the terminal, never from an argument or a variable of the environment.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use base::Hint;
use orchestrator::{ConnectError, ConnectKind};
use repository::keys::{KeyShare, ReaderKey, SHARE_PREFIX, ShareError, combine_key, is_protected, parse_shares, unprotect};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::secrets;
use crate::settings::Settings;

/// The key at hand, or none where no key file was given.
pub(crate) fn reader_key(settings: &Settings) -> Result<Option<ReaderKey>, ConnectError> {
    if settings.key_files.is_empty() {
        return Ok(None);
    }
    ReaderKey::parse(&lines(settings)?).map(Some).map_err(|error| refused("the key file cannot be used".to_owned(), error))
}

/// The lines of all key files, opened and put together.
pub(crate) fn lines(settings: &Settings) -> Result<Zeroizing<String>, ConnectError> {
    let (mut lines, mut shares) = (Zeroizing::new(String::new()), Vec::new());
    for path in &settings.key_files {
        let text = open(path, settings)?;
        take(&text, &path.display().to_string(), &mut lines, &mut shares)?;
    }
    for secret in keys_of(&shares)? {
        lines.push_str(secret.expose_secret());
        lines.push('\n');
    }
    Ok(lines)
}

/// Puts the lines of one file where they belong: shares apart from keys.
pub(crate) fn take(text: &str, name: &str, lines: &mut String, shares: &mut Vec<KeyShare>) -> Result<(), ConnectError> {
    let is_share = |line: &&str| line.trim_start().get(..SHARE_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(SHARE_PREFIX));
    let found = parse_shares(text.lines().filter(is_share));
    shares.extend(found.map_err(|error| refused(format!("the shares in {name} cannot be used"), error))?);
    for line in text.lines().filter(|line| !is_share(line)) {
        lines.push_str(line);
        lines.push('\n');
    }
    Ok(())
}

/// The keys that the shares give back, one for each set.
pub(crate) fn keys_of(shares: &[KeyShare]) -> Result<Vec<SecretString>, ConnectError> {
    let failed = |error: ShareError| refused("the shares give no key".to_owned(), error);
    let mut sets: Vec<Vec<KeyShare>> = Vec::new();
    for share in shares {
        match sets.iter_mut().find(|set| set.iter().all(|one| (one.set(), one.key()) == (share.set(), share.key()))) {
            Some(set) => set.push(share.clone()),
            None => sets.push(vec![share.clone()]),
        }
    }
    let n_sets = sets.len();
    let combined = sets.iter().map(|set| match combine_key(set) {
        // One of two sets is short: most likely papers were mixed up, and then both are to be named.
        Err(ShareError::TooFew { .. }) if n_sets > 1 => combine_key(shares),
        told => told,
    });
    combined.map(|key| key.map(|key| key.secret).map_err(failed)).collect()
}

/// The text of one key file; one behind a passphrase is opened.
fn open(path: &Path, settings: &Settings) -> Result<Zeroizing<String>, ConnectError> {
    let text = Zeroizing::new(secrets::read_private(path)?);
    if !is_protected(text.as_bytes()) {
        return Ok(text);
    }
    let passphrase = passphrase(settings, &format!("Passphrase of {}: ", path.display()), Ask::Once)?;
    unprotect(text.as_bytes(), &passphrase).map_err(|error| refused(format!("the key file {} stays closed", path.display()), error))
}

/// How a passphrase is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To open something.
    Once,
    /// To make something: what is mistyped once would lock its owner out.
    Twice,
}

/// The passphrase: from the file that was named, or else from whoever sits at the terminal.
pub(crate) fn passphrase(settings: &Settings, prompt: &str, ask: Ask) -> Result<SecretString, ConnectError> {
    let bad =
        |what: &str, hint: &str| ConnectError { what: what.to_owned(), hint: Some(hint.to_owned()), kind: ConnectKind::Key, source: None };
    let given = if let Some(path) = &settings.passphrase_file {
        SecretString::from(secrets::read_private(path)?)
    } else {
        let first = from_terminal(prompt)?;
        if ask == Ask::Twice && from_terminal("The same again: ")?.expose_secret() != first.expose_secret() {
            return Err(bad("the two passphrases differ", "type it again"));
        }
        first
    };
    if given.expose_secret().is_empty() { Err(bad("the passphrase is empty", "choose several words")) } else { Ok(given) }
}

/// Asks at the terminal without showing what is typed.
fn from_terminal(prompt: &str) -> Result<SecretString, ConnectError> {
    let failed = |error: std::io::Error| ConnectError {
        what: "a passphrase is needed, and there is no terminal to ask for it".to_owned(),
        hint: Some("name a file that holds it: --passphrase-file FILE".to_owned()),
        kind: ConnectKind::Key,
        source: Some(Box::new(error)),
    };
    let mut terminal = std::fs::OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(failed)?;
    let echo = |mode: &str| {
        let input = terminal.try_clone()?;
        let done = Command::new("stty").arg(mode).stdin(Stdio::from(input)).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        if done.success() { Ok(()) } else { Err(std::io::Error::other("stty does not switch the echo of the terminal")) }
    };
    echo("-echo").map_err(failed)?;
    let mut line = Zeroizing::new(String::new());
    let asked = write!(&terminal, "{prompt}").and_then(|()| BufReader::new(&terminal).read_line(&mut line));
    echo("echo").map_err(failed)?;
    asked.and_then(|_| writeln!(terminal)).map_err(failed)?;
    Ok(SecretString::from(line.trim_end_matches(['\n', '\r'])))
}

/// A key that cannot be used, with its reason.
pub(crate) fn refused(what: String, error: impl Hint + Send + Sync + 'static) -> ConnectError {
    ConnectError { what, hint: error.hint(), kind: ConnectKind::Key, source: Some(Box::new(error)) }
}

//! Resolves references to secrets: a file, an environment variable, a systemd credential. A plan never holds the secret itself.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use orchestrator::{ConnectError, ConnectKind};
use plans::plan::SecretRef;

/// A secret is a line or a small file, never more.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// The text behind a reference, without the line feed at its end.
pub(crate) fn resolve(reference: &SecretRef) -> Result<String, ConnectError> {
    match reference {
        SecretRef::File(path) => read_private(path),
        SecretRef::Env(name) => std::env::var(name).map_err(|error| ConnectError {
            what: format!("the environment variable {name}, which the plan names, cannot be used"),
            hint: Some(format!("set {name} for this process")),
            kind: ConnectKind::Key,
            source: Some(Box::new(error)),
        }),
        SecretRef::Credential(_) => read_private(&path_of(reference)?),
    }
}

/// The file behind a reference, for readers that open it themselves.
pub(crate) fn path_of(reference: &SecretRef) -> Result<PathBuf, ConnectError> {
    match reference {
        SecretRef::File(path) => Ok(path.clone()),
        SecretRef::Credential(name) => match std::env::var_os("CREDENTIALS_DIRECTORY") {
            Some(folder) => Ok(Path::new(&folder).join(name)),
            None => Err(ConnectError {
                what: format!("there is no systemd credential {name}"),
                hint: Some(format!("run under a systemd unit with LoadCredential={name}:FILE, or name a file in the plan")),
                kind: ConnectKind::Key,
                source: None,
            }),
        },
        SecretRef::Env(name) => Err(ConnectError {
            what: format!("{name} is an environment variable, and a file is needed here"),
            hint: Some("name a file: {file: /etc/lifeboat/…}".to_owned()),
            kind: ConnectKind::Plan,
            source: None,
        }),
    }
}

/// Reads standard input, as far as a secret goes.
pub(crate) fn read_input() -> Result<String, ConnectError> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_SECRET_BYTES).read_to_string(&mut text);
    read.map(|_| text).map_err(|error| ConnectError {
        what: "standard input cannot be read".to_owned(),
        hint: None,
        kind: ConnectKind::Key,
        source: Some(Box::new(error)),
    })
}

/// Reads a file that only its owner may read.
pub(crate) fn read_private(path: &Path) -> Result<String, ConnectError> {
    let failed = |error: std::io::Error| ConnectError {
        what: format!("the secret file {} cannot be read", path.display()),
        hint: Some("check its name and that this user owns it".to_owned()),
        kind: ConnectKind::Key,
        source: Some(Box::new(error)),
    };
    let meta = std::fs::metadata(path).map_err(failed)?;
    let refused = |what: String, hint: String| ConnectError { what, hint: Some(hint), kind: ConnectKind::Key, source: None };
    if meta.is_file() && meta.mode() & 0o077 != 0 {
        let what = format!("the secret file {} can be read by others (mode {:03o})", path.display(), meta.mode() & 0o777);
        return Err(refused(what, format!("chmod 600 {}", path.display())));
    }
    if meta.len() > MAX_SECRET_BYTES {
        return Err(refused(format!("{} is too large to be a secret", path.display()), "is this the right file?".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

//! Writes a pack: renders every file, hashes them into the manifest, signs that.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base::{Digest, Hint};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::input::PackInput;
use super::manifest::{self, Files, MANIFEST, SIGNATURE};
use super::render;
use crate::seal::{self, BadAllowedSigners, EVIDENCE_NAMESPACE, SealError, SigningKey};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The folder.
    pub folder: PathBuf,
    /// SHA-256 of its MANIFEST.sha256, for the record [`crate::event::EvidenceExported`].
    pub manifest_digest: Digest,
    /// The first and the last record in it; none where the period has no records.
    pub records: Option<(u64, u64)>,
    /// The answer to "can we recover?", in a sentence.
    pub answer: String,
}

/// Why no pack was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The entries do not follow each other.
    #[error("the records of the period do not form a chain: at record {seq}, {why}")]
    Chain {
        /// Which record.
        seq: u64,
        /// Why.
        why: String,
    },
    /// A name that cannot stand in a list of allowed signers.
    #[error("\"{principal}\" cannot stand in a list of allowed signers")]
    Principal {
        /// The name.
        principal: String,
    },
    /// A public key that cannot stand in a list of allowed signers.
    #[error("the public key of {principal} cannot stand in a list of allowed signers")]
    SignerKey {
        /// Whose.
        principal: String,
        /// Why.
        source: BadAllowedSigners,
    },
    /// Something is there already.
    #[error("{} is there already", folder.display())]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// A file could not be rendered.
    #[error("cannot render {file}")]
    Render {
        /// The file.
        file: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The manifest could not be signed.
    #[error("cannot sign the manifest")]
    Sign(#[source] SealError),
    /// The folder could not be written.
    #[error("cannot write the pack to {}", folder.display())]
    Write {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Hint for ExportError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Chain { .. } => Some("run `lifeboat audit verify`, and tell whoever answers for the records".to_owned()),
            Self::Principal { .. } => Some("use letters, digits and \"@._-+:/\", like bcm01@example.org".to_owned()),
            Self::SignerKey { .. } => {
                Some("give the whole line of the .pub file, for a reviewer as `ssh_key` of the contact in the plan".to_owned())
            }
            Self::Exists { .. } => Some("name another folder; a pack is never overwritten".to_owned()),
            Self::Sign(error) => error.hint(),
            Self::Write { folder, .. } => Some(format!("see that {} can be written", folder.parent().unwrap_or(folder).display())),
            Self::Render { .. } => None,
        }
    }
}

/// Writes the pack of `input` to `folder`, which must not be there, signed by `key`. It appears whole or not at all.
pub fn export(input: &PackInput, key: &SigningKey, folder: &Path) -> Result<Exported, ExportError> {
    render::check_entries(&input.facts, &input.entries)?;
    let public_line = key.public_line();
    let figures = render::figures(&input.facts, &input.entries, &public_line)?;
    let files = render::files(&input.facts, &input.entries, &figures, &public_line)?;
    let manifest = manifest::of(&files);
    let signature = seal::sign(manifest.as_bytes(), key, EVIDENCE_NAMESPACE).map_err(ExportError::Sign)?;
    write(folder, &files, &manifest, &signature)?;
    let records = figures.chain.after.zip(figures.chain.head).map(|(after, head)| (after.seq + 1, head.seq));
    Ok(Exported { folder: folder.to_owned(), manifest_digest: Digest::of(manifest.as_bytes()), records, answer: figures.answer.sentence })
}

/// Writes into a temporary folder beside, and renames that without replacing anything.
fn write(folder: &Path, files: &Files, manifest: &str, signature: &str) -> Result<(), ExportError> {
    let failed = |source| ExportError::Write { folder: folder.to_owned(), source };
    if folder.symlink_metadata().is_ok() {
        return Err(ExportError::Exists { folder: folder.to_owned() });
    }
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let new = tempfile::Builder::new().prefix(".evidence-").tempdir_in(parent).map_err(failed)?;
    let own = files.iter().map(|(name, bytes)| (*name, bytes.as_slice()));
    for (name, bytes) in own.chain([(MANIFEST, manifest.as_bytes()), (SIGNATURE, signature.as_bytes())]) {
        let mut file = File::create_new(new.path().join(name)).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        if name == "verify.sh" {
            file.set_permissions(Permissions::from_mode(0o755)).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
    }
    File::open(new.path()).and_then(|folder| folder.sync_all()).map_err(failed)?;
    match renameat_with(CWD, new.path(), CWD, folder, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Err(ExportError::Exists { folder: folder.to_owned() }),
        // Some file systems cannot rename without replacing; nothing was there a moment ago, and a folder replaces only an empty one.
        Err(Errno::INVAL | Errno::NOSYS) => std::fs::rename(new.path(), folder).map_err(failed)?,
        Err(errno) => return Err(failed(errno.into())),
    }
    let _ = new.keep(); // it stands under its own name now
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)
}

//! Writes a pack: renders every file, hashes them into the manifest, signs that.

use std::path::{Path, PathBuf};

use base::{Digest, Hint};

use super::input::PackInput;
use crate::seal::{SealError, SigningKey};

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
            Self::Exists { .. } => Some("name another folder; a pack is never overwritten".to_owned()),
            Self::Sign(error) => error.hint(),
            Self::Write { folder, .. } => Some(format!("see that {} can be written", folder.parent().unwrap_or(folder).display())),
            Self::Render { .. } => None,
        }
    }
}

/// Writes the pack of `input` to `folder`, which must not be there, signed by `key`.
pub fn export(input: &PackInput, key: &SigningKey, folder: &Path) -> Result<Exported, ExportError> {
    todo!()
}

//! Verifies a pack: every file, the signature, the chain of records, and every figure computed again.

use std::path::{Path, PathBuf};

use base::Hint;
use jiff::Timestamp;
use serde::Serialize;

use crate::seal::AllowedSigners;

/// Whose signature counts.
#[derive(Debug, Clone)]
pub enum Trust {
    /// These signers, known from outside of the pack.
    Signers(AllowedSigners),
    /// Whoever the pack itself names: that proves only that the pack fits together, and not who signed it.
    PackItself,
}

/// What was found, line by line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Id of the pack; empty where it could not be read.
    pub id: String,
    /// Who signed it: name and fingerprint.
    pub signed_by: Option<(String, String)>,
    /// Whether the signer was known from outside.
    pub trusted: bool,
    /// What fits, one line each.
    pub ok: Vec<String>,
    /// What the verification does not show, one line each.
    pub notes: Vec<String>,
    /// What does not fit, one line each, worst first. The pack verifies if this is empty.
    pub faults: Vec<String>,
}

impl VerifyReport {
    /// Whether nothing was found wrong.
    pub fn verifies(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Why a pack could not be looked at. A pack that does not verify is a report, not an error.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is no such folder, or it is no pack.
    #[error("there is no evidence pack at {}", path.display())]
    NoPack {
        /// Where.
        path: PathBuf,
    },
    /// It could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Hint for VerifyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPack { .. } => Some("name the folder that holds MANIFEST.sha256; unpack an archive first".to_owned()),
            Self::Read { .. } => None,
        }
    }
}

/// Verifies the pack in `folder`. `now` is the time by which the dates in a list of signers are judged.
pub fn verify(folder: &Path, trust: &Trust, now: Timestamp) -> Result<VerifyReport, VerifyError> {
    todo!()
}

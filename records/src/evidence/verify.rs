//! Verifies a pack: every file, the signature, the chain of records, and every figure computed again.

mod contents;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base::Hint;
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::Serialize;

use super::manifest::{self, MANIFEST, NAMES, SIGNATURE};
use super::text;
use crate::seal::{self, AllowedSigners, EVIDENCE_NAMESPACE};

/// The longest file that is read, in bytes: a year of records of a large installation is far below.
const MAX_FILE: u64 = 1 << 30;
/// How many files that do not belong there are named.
const MAX_STRANGE: usize = 20;

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
    let mut report =
        VerifyReport { id: String::new(), signed_by: None, trusted: false, ok: Vec::new(), notes: Vec::new(), faults: Vec::new() };
    let found = read(folder, &mut report.faults)?;
    check_manifest(&found, &mut report);
    check_signature(&found, trust, now, &mut report);
    contents::check(&found.files, &mut report);
    report.notes.push("events that were never recorded, and records after the last one here, cannot be missed by this".to_owned());
    Ok(report)
}

/// What is in the folder.
struct Found {
    files: BTreeMap<&'static str, Vec<u8>>,
    manifest: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
}

fn read(folder: &Path, faults: &mut Vec<String>) -> Result<Found, VerifyError> {
    let listing = std::fs::read_dir(folder).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => VerifyError::NoPack { path: folder.to_owned() },
        _ => VerifyError::Read { path: folder.to_owned(), source },
    })?;
    let mut strange = Vec::new();
    let mut known = 0;
    for entry in listing {
        let name = entry.map_err(|source| VerifyError::Read { path: folder.to_owned(), source })?.file_name();
        match name.to_str() {
            Some(name) if NAMES.contains(&name) || name == MANIFEST || name == SIGNATURE => known += 1,
            _ if strange.len() < MAX_STRANGE => strange.push(text::plain(&name.to_string_lossy())),
            _ => {}
        }
    }
    if known == 0 {
        return Err(VerifyError::NoPack { path: folder.to_owned() });
    }
    strange.sort();
    faults.extend(strange.into_iter().map(|name| format!("{name} does not belong to the pack")));
    let mut files = BTreeMap::new();
    for name in NAMES {
        if let Some(bytes) = read_file(folder, name, faults)? {
            files.insert(name, bytes);
        }
    }
    Ok(Found { files, manifest: read_file(folder, MANIFEST, faults)?, signature: read_file(folder, SIGNATURE, faults)? })
}

/// A regular file of the pack; none, and a fault, where it is missing, a link, or too long.
fn read_file(folder: &Path, name: &'static str, faults: &mut Vec<String>) -> Result<Option<Vec<u8>>, VerifyError> {
    let path = folder.join(name);
    let opened = rustix::fs::open(&path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
    let file = match opened {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => {
            faults.push(format!("{name} is missing"));
            return Ok(None);
        }
        Err(Errno::LOOP) => {
            faults.push(format!("{name} is a link, and not a file of the pack"));
            return Ok(None);
        }
        Err(errno) => return Err(VerifyError::Read { path, source: errno.into() }),
    };
    let failed = |source| VerifyError::Read { path: folder.join(name), source };
    if !file.metadata().map_err(failed)?.is_file() {
        faults.push(format!("{name} is not a file"));
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        faults.push(format!("{name} is longer than {MAX_FILE} bytes"));
        return Ok(None);
    }
    Ok(Some(bytes))
}

fn check_manifest(found: &Found, report: &mut VerifyReport) {
    let Some(manifest) = &found.manifest else { return };
    let wanted = manifest::of(&found.files);
    if manifest == wanted.as_bytes() {
        report.ok.push(format!("{} files match {MANIFEST}", found.files.len()));
        return;
    }
    let listed = String::from_utf8_lossy(manifest);
    let before = report.faults.len();
    for line in wanted.lines().filter(|line| !listed.lines().any(|other| other == *line)) {
        report.faults.push(format!("{} is not what {MANIFEST} says", &line[66..]));
    }
    if report.faults.len() == before {
        report.faults.push(format!("{MANIFEST} lists something else than the files of a pack"));
    }
}

fn check_signature(found: &Found, trust: &Trust, now: Timestamp, report: &mut VerifyReport) {
    let (Some(manifest), Some(signature)) = (&found.manifest, &found.signature) else { return };
    let own = found.files.get("allowed_signers").map(|bytes| AllowedSigners::parse(&String::from_utf8_lossy(bytes)));
    let own = match own {
        Some(Ok(own)) => own,
        Some(Err(error)) => return report.faults.push(format!("allowed_signers of the pack cannot be read: {error}")),
        None => return,
    };
    let (allowed, trusted) = match trust {
        Trust::Signers(signers) => (signers, true),
        Trust::PackItself => (&own, false),
    };
    let verified = match std::str::from_utf8(signature) {
        Ok(armored) if armored.ends_with('\n') => seal::verify(manifest, armored, allowed, EVIDENCE_NAMESPACE, now),
        Ok(_) => return report.faults.push(format!("{SIGNATURE} is cut short")),
        Err(_) => return report.faults.push(format!("{SIGNATURE} is not an SSH signature")),
    };
    match verified {
        Ok(signer) => {
            report.ok.push(format!("the manifest is signed by {} ({})", signer.principal, signer.fingerprint));
            report.signed_by = Some((signer.principal, signer.fingerprint));
            report.trusted = trusted;
        }
        Err(error) => return report.faults.push(format!("{SIGNATURE}: {error}")),
    }
    // The issuer's own line must be the key that signed, or the pack contradicts itself.
    if let Err(error) = seal::verify(manifest, &String::from_utf8_lossy(signature), &own, EVIDENCE_NAMESPACE, now) {
        report.faults.push(format!("allowed_signers of the pack does not name the key that signed it: {error}"));
    }
    if !trusted {
        report.notes.push(
            "the signer was taken from the pack itself: this proves that the pack fits together, not who signed it; \
             name a list of allowed signers that reached you by another way"
                .to_owned(),
        );
    }
}

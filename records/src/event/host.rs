//! Records about this host: its keys, its daemon, the evidence it issued.

use base::Digest;
use serde::{Deserialize, Serialize};

/// A key was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCreated {
    /// Fingerprint or public part of the key, never the key.
    pub fingerprint: String,
    /// What it is for: "recovery", "evidence", "writer".
    pub purpose: String,
}

/// An evidence pack was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceExported {
    /// The period: "2026-Q3".
    pub period: String,
    /// SHA-256 of its MANIFEST.sha256.
    pub manifest_digest: Digest,
    /// First and last record in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<(u64, u64)>,
}

/// The daemon began to work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStarted {
    /// The host it runs on.
    pub host: String,
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
}

/// The daemon ended in order. A start that follows a start without this was a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonStopped {
    /// The host it ran on.
    pub host: String,
    /// What made it stop.
    pub reason: String,
}

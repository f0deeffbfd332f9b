//! Records about the keys of repositories: who was shut out, who can open what, whether a key still opens.

use base::id::{RecoveryKeyId, RepositoryId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A host may not write any more, or a steward may not sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRevoked {
    /// The repository whose owners ended the right.
    pub repository: RepositoryId,
    /// "writer", "maintainer", "verifier".
    pub role: String,
    /// The name under which the repository lists it.
    pub name: String,
    /// Nothing that the storage dates from then on is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The last restore point of a writer that is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// Objects of a writer that are not believed any more.
    pub n_dropped: u64,
}

/// Who can open a repository was brought in line with the plan, or new packs go to a new key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotated {
    /// The repository.
    pub repository: RepositoryId,
    /// Public keys that can open it from then on.
    pub added: Vec<String>,
    /// Public keys that cannot open what is written from then on.
    pub removed: Vec<String>,
    /// The new epoch, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_epoch: Option<u32>,
}

/// A custodian's key was tried on a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTried {
    /// The repository.
    pub repository: RepositoryId,
    /// Public half of the key: "age1…".
    pub fingerprint: String,
    /// Its name in the plan, where the plan has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RecoveryKeyId>,
    /// Whether it opened all that a recovery key must open.
    pub opened: bool,
    /// What it opened, or why it did not.
    pub seen: String,
}

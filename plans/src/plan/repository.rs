//! Repositories and recovery keys: where copies live and who can open them.

use std::fmt;
use std::path::PathBuf;

use base::id::{ContactId, RecoveryKeyId, RepositoryId};
use serde::Serialize;

/// A place that keeps copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repository {
    /// How the plan calls it.
    pub id: RepositoryId,
    /// Where it is.
    pub url: Url,
    /// The kind of media ("disk", "object", "tape"); the 2 of 3-2-1 counts different ones.
    pub media: String,
    /// Where it stands; copies at another site than the first are the 1 of 3-2-1.
    pub site: Option<String>,
    /// The account that owns it, where that differs from the account of the rest.
    pub account: Option<String>,
    /// What opens the store itself (never what opens the data).
    pub credential: Option<SecretRef>,
    /// File with the certificate authority of a private endpoint (PEM).
    pub ca: Option<PathBuf>,
}

/// Where a repository is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Url {
    /// `file:///srv/backup`
    File {
        /// The absolute folder.
        path: PathBuf,
    },
    /// `s3://bucket/prefix?region=&endpoint=&path_style=`
    S3 {
        /// Name of the bucket.
        bucket: String,
        /// Leading part of all keys, without a slash at either end; may be empty.
        prefix: String,
        /// Region, where the endpoint wants one.
        region: Option<String>,
        /// `http(s)://host[:port]` of a server that is not AWS.
        endpoint: Option<String>,
        /// The bucket stands in the path instead of the host name.
        path_style: bool,
    },
}

impl fmt::Display for Url {
    /// As a plan writes it, without parameters: "file:///srv/backup", "s3://bucket/prefix".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => write!(f, "file://{}", path.display()),
            Self::S3 { bucket, prefix, .. } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix, .. } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// Where a secret is found. The plan never holds the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    /// A file, mode 0600.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A systemd credential, below `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// The public half of a key that opens what was backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoveryKey {
    /// How the plan calls it.
    pub id: RecoveryKeyId,
    /// An age recipient, "age1…".
    pub recipient: String,
    /// Who holds the private half.
    pub custodian: Option<ContactId>,
    /// Where it is kept, in words.
    pub kept: Option<String>,
}

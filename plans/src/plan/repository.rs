//! Repositories and recovery keys: where copies live and who can open them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use base::Span;
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
    /// The maintainer's key with which the daemon applies retention; none: a person does, with `lifeboat prune`.
    pub maintainer: Option<SecretRef>,
    /// The lock that its store keeps objects under; none: they can be deleted at any time.
    pub lock: Option<Lock>,
}

impl Repository {
    /// Whether somebody with all rights of this host cannot empty it: a lock, or another account, stands before that.
    pub fn is_isolated(&self) -> bool {
        self.account.is_some() || self.lock.is_some()
    }
}

/// A lock under which a store refuses to delete or change an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lock {
    /// Who may lift it.
    pub mode: LockMode,
    /// How long it holds after an object was written.
    #[serde(rename = "for")]
    pub period: Span,
}

/// Who may lift a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LockMode {
    /// Nobody before its end.
    Compliance,
    /// Whoever has a right of its own for that.
    Governance,
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
    /// As a plan writes it, without parameters: `file:///srv/backup`, `s3://bucket/prefix`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => write!(f, "file://{}", path.display()),
            Self::S3 { bucket, prefix, .. } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix, .. } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// Text that is not the place of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not the place of a repository: {reason}")]
pub struct BadUrl {
    text: String,
    reason: &'static str,
}

impl FromStr for Url {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let bad = |reason| BadUrl { text: text.chars().take(80).collect(), reason };
        if text.contains(|c: char| c.is_control()) {
            return Err(bad("it holds a control character"));
        }
        if let Some(path) = text.strip_prefix("file://") {
            if !path.starts_with('/') {
                return Err(bad("after file:// an absolute path must follow"));
            }
            if path.split('/').any(|part| part == "..") {
                return Err(bad("it climbs up by \"..\""));
            }
            return Ok(Self::File { path: path.into() });
        }
        let rest = text.strip_prefix("s3://").ok_or_else(|| bad("it begins with neither file:// nor s3://"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        // The rules for names of buckets in Amazon's user guide, without those for reserved prefixes.
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(plain) {
            return Err(bad("the name of a bucket has 3 to 63 lower-case letters, digits, dots and hyphens"));
        }
        let prefix = prefix.trim_matches('/');
        let good_part = |part: &str| !part.is_empty() && !part.starts_with('.');
        let good_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
        let good_prefix = prefix.split('/').all(good_part) && prefix.chars().all(good_char);
        if !prefix.is_empty() && !good_prefix {
            return Err(bad("the prefix is made of letters, digits, \".\", \"_\" and \"-\", and no part begins with a dot"));
        }
        let (mut region, mut endpoint, mut path_style) = (None, None, false);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("region", value)) if !value.is_empty() => region = Some(value.to_owned()),
                Some(("endpoint", value)) if value.starts_with("http://") || value.starts_with("https://") => {
                    endpoint = Some(value.trim_end_matches('/').to_owned());
                }
                Some(("endpoint", _)) => return Err(bad("an endpoint begins with https:// or http://")),
                Some(("path_style", "true")) => path_style = true,
                Some(("path_style", "false")) => path_style = false,
                _ => return Err(bad("its parameters are region=, endpoint= and path_style=true")),
            }
        }
        Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned(), region, endpoint, path_style })
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
    /// How often it has to open a repository, in somebody's hands; nobody asks unless set.
    pub try_every: Option<Span>,
}

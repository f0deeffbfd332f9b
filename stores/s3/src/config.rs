//! Which bucket, where, with which credential, and how long to wait for it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use base::Hint;

/// Where a store in S3 is and how it is reached.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// The bucket's name.
    pub bucket: String,
    /// Folders in the bucket that hold the store, without slashes at the ends; empty for the whole bucket.
    pub prefix: String,
    /// The region; without one the environment of the SDK decides, and then `us-east-1`.
    pub region: Option<String>,
    /// `https://…` or `http://…` of a server that is not Amazon's.
    pub endpoint: Option<String>,
    /// The bucket as the first part of the path, not of the host name: what most servers other than Amazon's need.
    pub path_style: bool,
    /// Who asks.
    pub credential: Credential,
    /// PEM certificates that are trusted beside those of the system.
    pub ca: Option<PathBuf>,
    /// How long to wait.
    pub patience: Patience,
}

impl S3Config {
    /// The whole `bucket` of Amazon's S3, with the SDK's credential chain.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: String::new(),
            region: None,
            endpoint: None,
            path_style: false,
            credential: Credential::Chain,
            ca: None,
            patience: Patience::default(),
        }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Credential {
    /// What the AWS SDK finds: environment, shared files, web identity, container, instance.
    Chain,
    /// A file with one key: JSON (`{"access_key_id": …, "secret_access_key": …, "session_token": …}`), or the lines
    /// `aws_access_key_id = …` of an AWS credentials file, of which the first profile counts.
    File(PathBuf),
    /// A key in memory.
    Static(StaticKey),
}

/// An access key. Its secret is never printed.
#[derive(Clone)]
pub struct StaticKey {
    /// Names the key.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: String,
    /// Of a temporary key.
    pub session_token: Option<String>,
}

impl fmt::Debug for StaticKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticKey").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// How long a call waits before it counts as unanswered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For an answer, and for each further piece of a body that is read.
    pub answer: Duration,
    /// A body is expected to be sent at least this fast, in bytes a second; its time is added to `answer`.
    pub slowest_upload: u32,
}

impl Default for Patience {
    /// 10 s, 60 s, 32 KiB/s: a pack of 64 MiB has 35 minutes, which a weak uplink needs and no hung server should get more of.
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), answer: Duration::from_mins(1), slowest_upload: 32 << 10 }
    }
}

impl Patience {
    /// For the answer to a request with `len` bytes of body.
    pub(crate) fn for_upload(&self, len: usize) -> Duration {
        self.answer + Duration::from_secs(len as u64 / u64::from(self.slowest_upload.max(1)))
    }
}

/// Why a store in S3 cannot even be asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No bucket has such a name.
    #[error("\"{bucket}\" is not the name of a bucket")]
    Bucket { bucket: String },
    /// No store has such a prefix.
    #[error("\"{prefix}\" is not a folder in a bucket")]
    Prefix { prefix: String, source: stores::key::BadKey },
    /// The endpoint is no URL.
    #[error("\"{endpoint}\" is not the address of an S3 server")]
    Endpoint { endpoint: String },
    /// The credential file is missing, unreadable or too long.
    #[error("cannot read the credential file {}", path.display())]
    ReadCredential { path: PathBuf, source: io::Error },
    /// The credential file holds no key. What it holds is not told.
    #[error("the credential file {} holds no access key", path.display())]
    NoCredential { path: PathBuf },
    /// The certificates are missing or unreadable.
    #[error("cannot read the certificates {}", path.display())]
    ReadCa { path: PathBuf, source: io::Error },
    /// The file holds no certificate.
    #[error("{} holds no certificate that can be used", path.display())]
    BadCa { path: PathBuf },
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls { source: Box<dyn std::error::Error + Send + Sync> },
}

impl Hint for ConnectError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Bucket { .. } => "write the bucket's name alone, like s3://backups; folders go behind a slash",
            Self::Prefix { .. } => "use letters, digits, '.', '_' and '-' between slashes",
            Self::Endpoint { .. } => "write it with its scheme, like https://s3.example.org",
            Self::NoCredential { .. } => {
                "write {\"access_key_id\": …, \"secret_access_key\": …}, or the lines aws_access_key_id = … and aws_secret_access_key = …"
            }
            Self::ReadCredential { .. } | Self::ReadCa { .. } => "check the path and who may read the file",
            Self::BadCa { .. } => "name a file of PEM certificates, which begin with -----BEGIN CERTIFICATE-----",
            Self::Tls { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

//! The id of a repository: a digest of the key that made it, so that an id on paper is enough to tell a repository from
//! an imitation.

use std::fmt;
use std::str::FromStr;

use base::Digest;
use serde::{Deserialize, Serialize};

use crate::keys::PublicKey;

/// 16 bytes, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryUid([u8; 16]);

impl RepositoryUid {
    /// The id of the repository that `owner` made with `nonce`, which tells several repositories of one owner apart:
    /// the first 16 bytes of SHA-256 over `lifeboat repository 1 <owner> <nonce>` and a line feed, both in hexadecimal.
    pub fn derive(owner: &PublicKey, nonce: &str) -> Self {
        let digest = Digest::of(format!("lifeboat repository 1 {owner} {nonce}\n").as_bytes());
        Self(*digest.as_bytes().first_chunk().expect("a digest has 32 bytes"))
    }

    /// Its 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Text that is not the id of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not the id of a repository, which is 32 hexadecimal digits")]
pub struct BadUid {
    text: String,
}

impl FromStr for RepositoryUid {
    type Err = BadUid;

    fn from_str(text: &str) -> Result<Self, BadUid> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadUid { text: text.chars().take(80).collect() })?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for RepositoryUid {
    type Error = BadUid;
    fn try_from(text: String) -> Result<Self, BadUid> {
        text.parse()
    }
}

impl From<RepositoryUid> for String {
    fn from(uid: RepositoryUid) -> Self {
        uid.to_string()
    }
}

impl fmt::Display for RepositoryUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode(self.0))
    }
}

impl fmt::Debug for RepositoryUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepositoryUid({self})")
    }
}

//! Where objects lie: the keys of packs, index objects and snapshots.
//!
//! Every name says what its bytes are. Numbers alone would let two processes of one writer want one name, and then a store that
//! takes no condition on a put would lose one of two objects; with the digest behind the number both are there, whatever the store does.

use std::fmt;
use std::str::FromStr;

use base::Digest;
use base::id::{DomainId, WriterId};
use serde::{Deserialize, Serialize};
use stores::key::{Key, Prefix};

fn key(text: &str) -> Key {
    text.parse().expect("ids, digests and numbers are made of characters that keys allow, and are short")
}

fn prefix(text: &str) -> Prefix {
    text.parse().expect("ids are made of characters that keys allow, and are short")
}

/// `packs/<domain>/<hh>/<sha256>`; `hh` are the first two digits.
pub fn pack(domain: &DomainId, digest: &Digest) -> Key {
    let hex = digest.to_string();
    key(&format!("packs/{domain}/{}/{hex}", hex.get(..2).unwrap_or_default()))
}

/// The domain and digest in the name of a pack, which has one spelling.
pub fn pack_at(key: &Key) -> Option<(DomainId, Digest)> {
    let domain: DomainId = key.as_str().strip_prefix("packs/")?.split('/').next()?.parse().ok()?;
    let digest: Digest = key.name().parse().ok()?;
    (pack(&domain, &digest) == *key).then_some((domain, digest))
}

/// `index/<domain>/<writer>/<seq>-<sha256>`
pub fn index(domain: &DomainId, writer: &WriterId, name: &Name) -> Key {
    key(&format!("index/{domain}/{writer}/{name}"))
}

/// All index objects of a writer.
pub fn index_by(domain: &DomainId, writer: &WriterId) -> Prefix {
    prefix(&format!("index/{domain}/{writer}/"))
}

/// All index objects of a domain.
pub fn index_of(domain: &DomainId) -> Prefix {
    prefix(&format!("index/{domain}/"))
}

/// `snapshots/<domain>/<writer>/<seq>-<sha256>`
pub fn snapshot(domain: &DomainId, writer: &WriterId, name: &Name) -> Key {
    key(&format!("snapshots/{domain}/{writer}/{name}"))
}

/// The leading part of the names of all objects with this number, for messages about one whose digest nobody knows. `first` is
/// "index" or "snapshots".
pub fn with_number(first: &str, domain: &DomainId, writer: &WriterId, seq: u64) -> String {
    format!("{first}/{domain}/{writer}/{seq:010}")
}

/// All snapshots of a writer.
pub fn snapshots_of(domain: &DomainId, writer: &WriterId) -> Prefix {
    prefix(&format!("snapshots/{domain}/{writer}/"))
}

/// The leading part of the names of all lists of packs that are being deleted.
pub const CONDEMNED: &str = "condemned/";

/// All packs of a domain.
pub fn packs_of(domain: &DomainId) -> Prefix {
    prefix(&format!("packs/{domain}/"))
}

/// The last segment of the key of an index object or a snapshot: `<seq>-<sha256>`, the number in ten digits or more. Ordered by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name {
    /// The writer's own count, from 0. Two objects have the same one when two processes wrote at once.
    pub seq: u64,
    /// SHA-256 of the object.
    pub digest: Digest,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}-{}", self.seq, self.digest)
    }
}

/// Text that is not the name of a numbered object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number of ten digits, a hyphen and a SHA-256")]
pub struct BadName;

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let (digits, digest) = text.split_once('-').ok_or(BadName)?;
        let name = Self { seq: digits.parse().map_err(|_| BadName)?, digest: digest.parse().map_err(|_| BadName)? };
        // One object has one name: a second spelling of it would be a second object.
        if name.to_string() == text { Ok(name) } else { Err(BadName) }
    }
}

impl TryFrom<String> for Name {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.to_string()
    }
}

/// What the key of a numbered object says: `<first>/<domain>/<writer>/<seq>-<sha256>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numbered {
    /// Whose chunks it speaks of.
    pub domain: DomainId,
    /// Who wrote it.
    pub writer: WriterId,
    /// Its number and digest.
    pub name: Name,
}

/// Reads the key of an index object (`first` is "index") or of a snapshot (`first` is "snapshots").
pub fn numbered(first: &str, key: &Key) -> Option<Numbered> {
    let mut parts = key.as_str().split('/');
    if parts.next() != Some(first) {
        return None;
    }
    let domain = parts.next()?.parse().ok()?;
    let writer = parts.next()?.parse().ok()?;
    let name = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some(Numbered { domain, writer, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numbered_key_is_read_in_one_spelling_only() {
        let (domain, writer): (DomainId, WriterId) = ("lab".parse().unwrap(), "host-1".parse().unwrap());
        let name = Name { seq: 7, digest: Digest::of(b"x") };
        let key = snapshot(&domain, &writer, &name);
        let hex = Digest::of(b"x");
        assert_eq!(key.as_str(), format!("snapshots/lab/host-1/0000000007-{hex}"));
        assert_eq!(numbered("snapshots", &key), Some(Numbered { domain, writer, name }));
        for bad in [
            "snapshots/lab/host-1/0000000007".to_owned(),
            format!("snapshots/lab/host-1/7-{hex}"),
            format!("snapshots/lab/host-1/+000000007-{hex}"),
            format!("snapshots/lab/host-1/0000000007-{}", hex.to_string().to_uppercase()),
            format!("snapshots/lab/host-1/0000000007-{hex}-"),
            format!("index/lab/host-1/0000000007-{hex}"),
            "snapshots/lab/host-1".to_owned(),
        ] {
            assert_eq!(numbered("snapshots", &bad.parse().unwrap_or(super::key("x"))), None, "{bad}");
        }
    }
}

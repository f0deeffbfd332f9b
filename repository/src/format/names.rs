//! Where objects lie: the keys of packs, index objects and snapshots.

use base::Digest;
use base::id::{DomainId, WriterId};
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

/// `index/<domain>/<writer>/<seq>`
pub fn index(domain: &DomainId, writer: &WriterId, seq: u64) -> Key {
    key(&format!("index/{domain}/{writer}/{seq:010}"))
}

/// All index objects of a writer.
pub fn index_by(domain: &DomainId, writer: &WriterId) -> Prefix {
    prefix(&format!("index/{domain}/{writer}/"))
}

/// All index objects of a domain.
pub fn index_of(domain: &DomainId) -> Prefix {
    prefix(&format!("index/{domain}/"))
}

/// `snapshots/<domain>/<writer>/<seq>`
pub fn snapshot(domain: &DomainId, writer: &WriterId, seq: u64) -> Key {
    key(&format!("snapshots/{domain}/{writer}/{seq:010}"))
}

/// All snapshots of a writer.
pub fn snapshots_of(domain: &DomainId, writer: &WriterId) -> Prefix {
    prefix(&format!("snapshots/{domain}/{writer}/"))
}

/// All packs of a domain.
pub fn packs_of(domain: &DomainId) -> Prefix {
    prefix(&format!("packs/{domain}/"))
}

/// The place that a numbered object's key names: `<first>/<domain>/<writer>/<seq>`, with the number in ten digits or more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Numbered {
    /// Whose chunks it speaks of.
    pub domain: DomainId,
    /// Who wrote it.
    pub writer: WriterId,
    /// The writer's own count, from 0.
    pub seq: u64,
}

/// Reads the key of an index object (`first` is "index") or of a snapshot (`first` is "snapshots").
pub fn numbered(first: &str, key: &Key) -> Option<Numbered> {
    let mut parts = key.as_str().split('/');
    if parts.next() != Some(first) {
        return None;
    }
    let domain = parts.next()?.parse().ok()?;
    let writer = parts.next()?.parse().ok()?;
    let digits = parts.next()?;
    let seq: u64 = digits.parse().ok()?;
    // One number has one name: a second spelling of it would be a second object with the same number.
    (parts.next().is_none() && digits == format!("{seq:010}")).then_some(Numbered { domain, writer, seq })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numbered_key_is_read_in_one_spelling_only() {
        let (domain, writer): (DomainId, WriterId) = ("lab".parse().unwrap(), "host-1".parse().unwrap());
        let key = snapshot(&domain, &writer, 7);
        assert_eq!(key.as_str(), "snapshots/lab/host-1/0000000007");
        assert_eq!(numbered("snapshots", &key), Some(Numbered { domain, writer, seq: 7 }));
        for bad in ["snapshots/lab/host-1/7", "snapshots/lab/host-1/+000000007", "index/lab/host-1/0000000007", "snapshots/lab/host-1"] {
            assert_eq!(numbered("snapshots", &bad.parse().unwrap_or(super::key("x"))), None, "{bad}");
        }
    }
}

//! The keys that the writers of one domain share, as they are kept inside `keys/domain/<domain>/<writer>.age`.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::KeyError;
use super::lines::first_fault;
use super::sign::random;

const KIND: &str = "domain keys";
const FIRST_LINE: &str = "lifeboat-domain-keys 1";

/// What the writers of one domain need to name, cut and index: none of it opens a pack.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct DomainKeys {
    /// Names chunks: HMAC-SHA-256 under this key.
    pub k_id: [u8; 32],
    /// Drives the chunker, so that cut points do not fingerprint known files.
    pub k_cut: [u8; 32],
    /// Seals index objects and the private part of snapshots.
    pub k_index: [u8; 32],
}

impl DomainKeys {
    /// New keys from the operating system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self { k_id: random()?, k_cut: random()?, k_index: random()? })
    }

    /// As text: one key a line, in hexadecimal digits, so that a person with `age` can read it. Only ever encrypted.
    pub fn to_text(&self) -> Zeroizing<String> {
        let [id, cut, index] = [&self.k_id, &self.k_cut, &self.k_index].map(|key| Zeroizing::new(hex::encode(key)));
        Zeroizing::new(format!("{FIRST_LINE}\nid {}\ncut {}\nindex {}\n", *id, *cut, *index))
    }

    /// Reads what [`Self::to_text`] wrote. [`KeyError::Text`] names the line that is wrong.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bad = |line, what: &str| KeyError::Text { kind: KIND, line, what: what.to_owned() };
        let mut lines = text.lines();
        if let Some(fault) = first_fault(FIRST_LINE, lines.next()) {
            return Err(bad(1, &fault));
        }
        let mut key = |line: usize, name: &str| {
            let mut bytes = [0; 32];
            let digits = lines.next().and_then(|text| text.strip_prefix(name)?.strip_prefix(' '));
            let digits = digits.ok_or_else(|| bad(line, &format!("does not begin with \"{name} \"")))?;
            hex::decode_to_slice(digits, &mut bytes).map_err(|_| bad(line, "has no 64 hexadecimal digits"))?;
            Ok(bytes)
        };
        let keys = Self { k_id: key(2, "id")?, k_cut: key(3, "cut")?, k_index: key(4, "index")? };
        if lines.next().is_some() { Err(bad(5, "is one line too many")) } else { Ok(keys) }
    }
}

impl fmt::Debug for DomainKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DomainKeys(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_keys_survive_as_text_and_never_show_in_debug() {
        let keys = DomainKeys::generate().unwrap();
        let text = keys.to_text();
        assert_eq!(DomainKeys::parse(&text).unwrap(), keys);
        assert_eq!(format!("{keys:?}"), "DomainKeys(…)");
        let short = text.replace("cut ", "cut 0");
        assert_eq!(DomainKeys::parse(&short).unwrap_err().to_string(), "domain keys, line 3: has no 64 hexadecimal digits");
    }
}

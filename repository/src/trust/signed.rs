//! Signed documents: `repository.json` and `trust/<n>.json`.
//!
//! The first line, without its line feed, is the document and is what is signed. Each further line is one signature:
//! `{"key":"<public key>","signature":"<signature>"}`, both in hexadecimal digits. One object, so that no crash leaves a
//! document without its signature or a signature that fits no document.

use serde::{Deserialize, Serialize};

use crate::keys::{OwnerKey, PublicKey, SIGNATURE_LEN};

/// More signatures than this are not looked at.
const MAX_SIGNATURES: usize = 64;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: PublicKey,
    signature: String,
}

impl Line {
    fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("maps with text keys always become JSON")
    }
}

/// The bytes of the object: `document`, which is one line, and `owner`'s signature.
pub(crate) fn seal(owner: &OwnerKey, document: &[u8]) -> Vec<u8> {
    signed_object(&owner.public(), &owner.sign(document), document)
}

/// The bytes of the object: `document`, which is one line, and one signature.
pub(crate) fn signed_object(key: &PublicKey, signature: &[u8; SIGNATURE_LEN], document: &[u8]) -> Vec<u8> {
    let line = Line { key: *key, signature: hex::encode(signature) };
    [document, b"\n", &line.to_bytes(), b"\n"].concat()
}

/// The document, and the lines behind it. Says nothing of who signed.
pub(crate) fn split(object: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let mut parts = object.splitn(2, |byte| *byte == b'\n');
    let document = parts.next().unwrap_or_default();
    Ok((document, parts.next().ok_or("its first line does not end")?))
}

/// The signatures in the lines behind a document, as [`split`] gives them: at least one. Says nothing of whether they fit.
pub(super) fn signatures(lines: &[u8]) -> Result<Vec<(PublicKey, [u8; SIGNATURE_LEN])>, String> {
    let lines = lines.strip_suffix(b"\n").ok_or("it has no signature, or its last line does not end")?;
    let mut found = Vec::new();
    for (index, text) in lines.split(|byte| *byte == b'\n').enumerate() {
        if index == MAX_SIGNATURES {
            return Err("it has too many signatures".to_owned());
        }
        let line: Line = serde_json::from_slice(text).map_err(|_| format!("line {} is not a signature", index + 2))?;
        // One object has one spelling, so that every changed bit of it is noticed.
        if line.to_bytes() != text || line.signature.bytes().any(|digit| digit.is_ascii_uppercase()) {
            return Err(format!("line {} is not written as it should be", index + 2));
        }
        let mut signature = [0; SIGNATURE_LEN];
        hex::decode_to_slice(&line.signature, &mut signature).map_err(|_| format!("line {} has no 128 hexadecimal digits", index + 2))?;
        found.push((line.key, signature));
    }
    Ok(found)
}

/// The document inside `object`, if one of `owners` signed it; otherwise what is wrong.
pub(crate) fn signed_by_any<'a>(owners: &[PublicKey], object: &'a [u8]) -> Result<&'a [u8], String> {
    let (document, lines) = split(object)?;
    let (mut fits, mut known) = (false, false);
    for (key, signature) in signatures(lines)? {
        known |= owners.contains(&key);
        fits |= owners.contains(&key) && key.accepts_owner(document, &signature);
    }
    match (fits, known) {
        (true, _) => Ok(document),
        (false, true) => Err("its signature does not fit".to_owned()),
        (false, false) => Err("no owner has signed it".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_an_owners_signature_over_these_bytes_is_accepted() {
        let [owner, other] = [(); 2].map(|()| OwnerKey::generate().unwrap());
        let object = seal(&owner, b"{}");
        assert_eq!(signed_by_any(&[other.public(), owner.public()], &object), Ok(&b"{}"[..]));
        assert_eq!(signed_by_any(&[other.public()], &object), Err("no owner has signed it".to_owned()));
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_is_noticed() {
        let owner = OwnerKey::generate().unwrap();
        let object = seal(&owner, b"{\"a\":1}");
        for bit in 0..object.len() * 8 {
            let mut changed = object.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(signed_by_any(&[owner.public()], &changed).is_err(), "bit {bit}");
        }
        for length in 0..object.len() {
            assert!(signed_by_any(&[owner.public()], &object[..length]).is_err(), "length {length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused(bytes in any::<Vec<u8>>(), tail in any::<String>()) {
            let owner = OwnerKey::generate().unwrap();
            prop_assert!(signed_by_any(&[owner.public()], &bytes).is_err());
            let object = format!("{{}}\n{tail}\n");
            prop_assert!(signed_by_any(&[owner.public()], object.as_bytes()).is_err());
        }
    }
}

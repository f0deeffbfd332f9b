//! The header of an age file for one X25519 recipient, and the key of its payload.
//!
//! `pack::fill` writes headers, `pack::read` and the reader open them. The format is C2SP's age specification, version 1.

use std::fmt;

use age::secrecy::ExposeSecret as _;
use age::{Identity, Recipient};
use age_core::format::{FileKey, Stanza};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::format::limits::HEADER_MAX;

const VERSION_LINE: &[u8] = b"age-encryption.org/v1\n";
/// Bytes of the nonce that follows the header and goes into the payload key.
pub const NONCE_LEN: usize = 16;
const MAC_LEN: usize = 32;
const BODY_COLUMNS: usize = 64;

/// The key of one payload. It opens one pack and nothing else.
#[derive(Clone)]
pub struct PayloadKey(Zeroizing<[u8; 32]>);

impl PayloadKey {
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PayloadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayloadKey(…)")
    }
}

/// A header that could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// The recipient refused the key.
    #[error("the file key could not be encrypted to the recipient")]
    Wrap(#[source] age::EncryptError),
    /// Bytes that are no age header.
    #[error("the age header {0}")]
    Malformed(&'static str),
    /// None of the identities opens it.
    #[error("none of the keys at hand opens it")]
    WrongKey,
}

/// Writes the header and the nonce for a new file to `recipient` alone, and makes the key of its payload.
pub fn write(recipient: &dyn Recipient) -> Result<(Vec<u8>, PayloadKey), HeaderError> {
    let file_key = FileKey::try_init_with_mut(|key| getrandom::fill(key)).map_err(HeaderError::Random)?;
    let (stanzas, _labels) = recipient.wrap_file_key(&file_key).map_err(HeaderError::Wrap)?;
    let mut header = VERSION_LINE.to_vec();
    for stanza in &stanzas {
        put_stanza(&mut header, stanza);
    }
    header.extend_from_slice(b"---");
    let mac = mac(&file_key, &header).finalize().into_bytes();
    header.push(b' ');
    header.extend_from_slice(BASE64_STANDARD_NO_PAD.encode(mac).as_bytes());
    header.push(b'\n');
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).map_err(HeaderError::Random)?;
    header.extend_from_slice(&nonce);
    Ok((header, payload_key(&file_key, &nonce)))
}

/// Opens the header that `file` begins with; also tells how long header and nonce are, which is where the payload begins.
pub fn open(file: &[u8], identities: &mut dyn Iterator<Item = &dyn Identity>) -> Result<(PayloadKey, usize), HeaderError> {
    let parsed = parse(file)?;
    let mut opened = identities.filter_map(|identity| identity.unwrap_stanzas(&parsed.stanzas));
    let file_key = opened.find_map(Result::ok).ok_or(HeaderError::WrongKey)?;
    let signed = file.get(..parsed.signed_len).ok_or(HeaderError::Malformed("is cut short"))?;
    mac(&file_key, signed).verify_slice(&parsed.mac).map_err(|_| HeaderError::Malformed("was changed after it was written"))?;
    Ok((payload_key(&file_key, &parsed.nonce), parsed.len))
}

/// The length of header and nonce at the beginning of `file`.
pub fn length(file: &[u8]) -> Result<usize, HeaderError> {
    parse(file).map(|parsed| parsed.len)
}

struct Parsed {
    stanzas: Vec<Stanza>,
    mac: [u8; MAC_LEN],
    nonce: [u8; NONCE_LEN],
    /// Bytes that the MAC covers: up to and with the three dashes.
    signed_len: usize,
    len: usize,
}

fn parse(file: &[u8]) -> Result<Parsed, HeaderError> {
    let bad = HeaderError::Malformed;
    let head = file.get(..file.len().min(HEADER_MAX)).unwrap_or(file);
    let mut rest = head.strip_prefix(VERSION_LINE).ok_or(bad("does not begin as age v1 files do"))?;
    let mut stanzas = Vec::new();
    loop {
        let at = head.len() - rest.len();
        let line = take_line(&mut rest)?;
        if let Some(mac) = line.strip_prefix(b"--- ") {
            let mac = BASE64_STANDARD_NO_PAD.decode(mac).ok().and_then(|mac| mac.try_into().ok()).ok_or(bad("has a MAC that is none"))?;
            let nonce = *rest.first_chunk().ok_or(bad("is cut short"))?;
            let len = head.len() - rest.len() + NONCE_LEN;
            return Ok(Parsed { stanzas, mac, nonce, signed_len: at + 3, len });
        }
        let words = line.strip_prefix(b"-> ").ok_or(bad("has a line that is no stanza"))?;
        stanzas.push(take_stanza(words, &mut rest)?);
    }
}

fn take_stanza(words: &[u8], rest: &mut &[u8]) -> Result<Stanza, HeaderError> {
    let bad = HeaderError::Malformed;
    let words = std::str::from_utf8(words).map_err(|_| bad("has a stanza that is not ASCII"))?;
    let mut args: Vec<String> = words.split(' ').map(str::to_owned).collect();
    if args.iter().any(|arg| !age_core::format::is_arbitrary_string(arg)) {
        return Err(bad("has a stanza with an argument that is none"));
    }
    let tag = args.remove(0);
    let mut encoded = Vec::new();
    loop {
        let line = take_line(rest)?;
        encoded.extend_from_slice(line);
        match line.len() {
            BODY_COLUMNS => {}
            0..BODY_COLUMNS => break,
            _ => return Err(bad("has a stanza line that is too long")),
        }
    }
    let body = BASE64_STANDARD_NO_PAD.decode(encoded).map_err(|_| bad("has a stanza that is not base64"))?;
    Ok(Stanza { tag, args, body })
}

fn take_line<'b>(rest: &mut &'b [u8]) -> Result<&'b [u8], HeaderError> {
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or(HeaderError::Malformed("is cut short or too long"))?;
    let (line, after) = rest.split_at(end);
    *rest = after.strip_prefix(b"\n").unwrap_or_default();
    Ok(line)
}

fn put_stanza(header: &mut Vec<u8>, stanza: &Stanza) {
    header.extend_from_slice(b"-> ");
    header.extend_from_slice(stanza.tag.as_bytes());
    for arg in &stanza.args {
        header.push(b' ');
        header.extend_from_slice(arg.as_bytes());
    }
    header.push(b'\n');
    let body = BASE64_STANDARD_NO_PAD.encode(&stanza.body);
    for line in body.as_bytes().chunks(BODY_COLUMNS) {
        header.extend_from_slice(line);
        header.push(b'\n');
    }
    if body.len().is_multiple_of(BODY_COLUMNS) {
        header.push(b'\n'); // a body always ends with a line that is not full
    }
}

fn mac(file_key: &FileKey, signed: &[u8]) -> Hmac<Sha256> {
    let key = Zeroizing::new(age_core::primitives::hkdf(&[], b"header", file_key.expose_secret()));
    let mut mac = <Hmac<Sha256>>::new_from_slice(key.as_ref()).expect("HMAC takes a key of any length");
    mac.update(signed);
    mac
}

fn payload_key(file_key: &FileKey, nonce: &[u8; NONCE_LEN]) -> PayloadKey {
    PayloadKey(Zeroizing::new(age_core::primitives::hkdf(nonce, b"payload", file_key.expose_secret())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_right_key_opens_a_header_and_a_flipped_bit_closes_it() {
        let (right, wrong) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
        let (header, key) = write(&right.to_public()).unwrap();
        let open_with = |file: &[u8], identity: &age::x25519::Identity| open(file, &mut [identity as &dyn Identity].into_iter());
        let (again, len) = open_with(&header, &right).unwrap();
        assert_eq!((again.as_bytes(), len), (key.as_bytes(), header.len()));
        assert!(matches!(open_with(&header, &wrong), Err(HeaderError::WrongKey)));
        for at in 0..header.len() - NONCE_LEN {
            let mut flipped = header.clone();
            flipped[at] ^= 1;
            assert!(open_with(&flipped, &right).is_err(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_header_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400), begin in any::<bool>()) {
            let file = if begin { [VERSION_LINE, b"-> X25519 ", &bytes].concat() } else { bytes };
            let _ = parse(&file);
        }
    }
}

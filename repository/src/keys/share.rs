//! One share of a recovery key, as it stands on paper: `lifeboat-share1…`, a bech32m text. Says of itself how many are needed, how many there
//! are, which one it is, of which splitting, and of which key by the fingerprint of its public half; so that a wrong or mixed share is named
//! before anything is opened.

use std::fmt;

use base::Digest;
use bech32::{Bech32m, Hrp};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The text before the `1`.
const HRP: Hrp = Hrp::parse_unchecked("lifeboat-share");
/// How a share line begins; the letters may be large, too.
pub const SHARE_PREFIX: &str = "lifeboat-share1";
const FORMAT: u8 = 1;
/// The longest text that is looked at: a real one has about a hundred characters.
const MAX_TEXT: usize = 400;

/// The digest of a public key `age1…`, cut to eight bytes: enough to tell keys of people apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPrint([u8; 8]);

impl KeyPrint {
    /// Of a recipient, as text.
    pub fn of(recipient: &str) -> Self {
        let digest = Digest::of(recipient.as_bytes());
        Self(*digest.as_bytes().first_chunk().expect("a digest has 32 bytes"))
    }
}

impl fmt::Display for KeyPrint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyPrint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPrint({self})")
    }
}

/// One share of a key.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct KeyShare {
    pub(super) need: u8,
    pub(super) of: u8,
    pub(super) number: u8,
    pub(super) set: [u8; 4],
    #[zeroize(skip)]
    pub(super) key: KeyPrint,
    pub(super) points: [u8; 32],
}

/// Why a text is not a share. Never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadShare {
    /// It does not begin as a share does.
    #[error("is not a share, which begins with \"lifeboat-share1\"")]
    Kind,
    /// Its checksum does not fit.
    #[error("has a wrong or missing character")]
    Mistyped,
    /// A later version wrote it.
    #[error("is a share of a newer format")]
    Newer,
}

impl KeyShare {
    /// Reads the text of a share. White space, hyphens in groups and the size of letters do not matter.
    pub fn parse(text: &str) -> Result<Self, BadShare> {
        let plain: Zeroizing<String> =
            Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).take(MAX_TEXT).flat_map(char::to_lowercase).collect());
        if !plain.starts_with(SHARE_PREFIX) {
            return Err(BadShare::Kind);
        }
        let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32m>(&plain).map_err(|_| BadShare::Mistyped)?;
        let bytes = Zeroizing::new(checked.byte_iter().collect::<Vec<u8>>());
        if bytes.first().is_some_and(|format| *format > FORMAT) {
            return Err(BadShare::Newer);
        }
        let bytes: &[u8; 52] = bytes.as_slice().try_into().map_err(|_| BadShare::Mistyped)?;
        let (body, sum) = bytes.split_last_chunk::<4>().expect("52 is more than 4");
        let part = |from: usize, len: usize| body.get(from..from + len).expect("48 bytes, counted below");
        let share = Self {
            need: body[1],
            of: body[2],
            number: body[3],
            set: part(4, 4).try_into().expect("four bytes"),
            key: KeyPrint(part(8, 8).try_into().expect("eight bytes")),
            points: part(16, 32).try_into().expect("32 bytes"),
        };
        // The bech32 checksum alone is sure of four mistakes in up to 89 characters; a share is longer.
        let sound = *sum == checksum(body)
            && body[0] == FORMAT
            && share.need >= 2
            && share.need <= share.of
            && (1..=share.of).contains(&share.number);
        if sound { Ok(share) } else { Err(BadShare::Mistyped) }
    }

    /// The text, in lower case and without spaces.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(vec![FORMAT, self.need, self.of, self.number]);
        bytes.extend_from_slice(&self.set);
        bytes.extend_from_slice(&self.key.0);
        bytes.extend_from_slice(&self.points);
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        Zeroizing::new(bech32::encode::<Bech32m>(HRP, &bytes).expect("52 bytes fit into a bech32m text"))
    }

    /// The text in groups of five letters, for people who read and type it.
    pub fn to_groups(&self) -> Zeroizing<String> {
        let plain = self.to_text();
        let mut text = Zeroizing::new(SHARE_PREFIX.to_owned());
        for (n, letter) in plain.chars().skip(SHARE_PREFIX.len()).enumerate() {
            if n % 5 == 0 {
                text.push(' ');
            }
            text.push(letter);
        }
        text
    }

    /// How many shares give the key back.
    pub fn need(&self) -> u8 {
        self.need
    }

    /// How many shares were made.
    pub fn of(&self) -> u8 {
        self.of
    }

    /// Which one this is, from 1.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// The splitting that it belongs to: a key that is split twice has two sets of shares, which do not mix.
    pub fn set(&self) -> String {
        hex::encode(self.set)
    }

    /// Of which key.
    pub fn key(&self) -> KeyPrint {
        self.key
    }
}

fn checksum(body: &[u8]) -> [u8; 4] {
    let digest = Digest::of(&[b"lifeboat share 1\n", body].concat());
    *digest.as_bytes().first_chunk().expect("a digest has 32 bytes")
}

impl fmt::Debug for KeyShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyShare({} of {}, {} needed, set {}, key {})", self.number, self.of, self.need, self.set(), self.key)
    }
}

//! Splits a recovery key into shares of which some give it back and fewer tell nothing, and puts it together again (Shamir's scheme).
//!
//! Called by `lifeboat key split`, and wherever key files hold shares in the place of a key. A share never leaves this as `Debug`.

use std::collections::{BTreeMap, BTreeSet};

use age::secrecy::{ExposeSecret as _, SecretString};
use base::Hint;
use bech32::{Bech32, Hrp};
use blahaj::{Share, Sharks};
use zeroize::Zeroizing;

use super::KeyError;
use super::share::{BadShare, KeyPrint, KeyShare};
use super::sign::random;

/// The most shares of one key.
pub const MAX_SHARES: u8 = 32;

/// Why a key was not split, or shares gave no key.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// Numbers that make no sense.
    #[error("{need} of {of} shares cannot be made: two shares or more must be needed, and 32 is the most")]
    Numbers {
        /// How many were to give the key back.
        need: u8,
        /// How many were to be made.
        of: u8,
    },
    /// A key that has no 32 secret bytes of its own.
    #[error("only a key that begins with AGE-SECRET-KEY-1 can be split")]
    Kind,
    /// A line that is no share.
    #[error("share text {nth} {what}")]
    Text {
        /// Which one, from 1, in the order given.
        nth: usize,
        /// What is wrong.
        what: BadShare,
    },
    /// Shares of several keys or splittings.
    #[error("the shares belong to different sets: {}", sets.join("; "))]
    Mixed {
        /// Each set, with its key and the numbers that were given.
        sets: Vec<String>,
    },
    /// Not enough of them.
    #[error("{need} shares of key {key} are needed, and only {} given", given(.numbers))]
    TooFew {
        /// How many are needed.
        need: u8,
        /// Those at hand.
        numbers: Vec<u8>,
        /// Whose.
        key: KeyPrint,
    },
    /// Two texts say different things of one share.
    #[error("share {number} was given twice, with different contents")]
    Contradiction {
        /// Its number.
        number: u8,
    },
    /// What they give is not the key that they name.
    #[error("shares {} do not give the key {key} that they name: at least one of them was forged", list(.numbers))]
    Wrong {
        /// Those that were used.
        numbers: Vec<u8>,
        /// The key they name.
        key: KeyPrint,
    },
    /// No randomness.
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn list(numbers: &[u8]) -> String {
    numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(", ")
}

fn given(numbers: &[u8]) -> String {
    let verb = if numbers.len() == 1 { "is" } else { "are" };
    format!("{} ({} {}) {verb}", numbers.len(), if numbers.len() == 1 { "share" } else { "shares" }, list(numbers))
}

impl Hint for ShareError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Numbers { .. } => Some("for instance --need 3 --of 5".to_owned()),
            Self::Kind => Some("a key on hardware cannot be copied; make a second key for escrow and split that one".to_owned()),
            Self::Text { .. } => {
                Some("compare it with the paper, letter by letter; b, i, o and the digit 1 do not occur behind lifeboat-share1".to_owned())
            }
            Self::Mixed { .. } => Some("give the shares of one set alone".to_owned()),
            Self::TooFew { .. } => Some("ask the holders of further shares of the same set; which numbers does not matter".to_owned()),
            Self::Contradiction { .. } | Self::Wrong { .. } => Some("ask for another share in the place of each, and try again".to_owned()),
            Self::Key(error) => error.hint(),
        }
    }
}

/// A key that shares gave back.
#[derive(Debug)]
pub struct Combined {
    /// The `AGE-SECRET-KEY-1…` line.
    pub secret: SecretString,
    /// Its public half.
    pub recipient: String,
    /// The shares that were used.
    pub numbers: Vec<u8>,
}

/// Makes `of` shares of the key in `line`, of which any `need` give it back.
pub fn split_key(line: &str, need: u8, of: u8) -> Result<(String, Vec<KeyShare>), ShareError> {
    if need < 2 || need > of || of > MAX_SHARES {
        return Err(ShareError::Numbers { need, of });
    }
    let identity: age::x25519::Identity = line.trim().parse().map_err(|_: &str| ShareError::Kind)?;
    let recipient = identity.to_public().to_string();
    let text = identity.to_string();
    let (_, bytes) = bech32::decode(text.expose_secret()).map_err(|_| ShareError::Kind)?;
    let secret = Zeroizing::new(bytes);
    let (set, key) = (random::<4>()?, KeyPrint::of(&recipient));
    let shares = Sharks(need).dealer(&secret).take(usize::from(of)).map(|share| {
        let bytes = Zeroizing::new(Vec::from(&share));
        let (number, points) = bytes.split_first().expect("a point has its number first");
        KeyShare { need, of, number: *number, set, key, points: points.try_into().expect("one byte for each of the key") }
    });
    Ok((recipient, shares.collect()))
}

/// Reads shares, one text each.
pub fn parse_shares<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<KeyShare>, ShareError> {
    (1..).zip(texts).map(|(nth, text)| KeyShare::parse(text).map_err(|what| ShareError::Text { nth, what })).collect()
}

/// The key that `shares` are of. All of them must be of one set; one that is given twice counts once.
pub fn combine_key(shares: &[KeyShare]) -> Result<Combined, ShareError> {
    let mut sets: BTreeMap<([u8; 4], KeyPrint, u8, u8), BTreeSet<u8>> = BTreeMap::new();
    let mut distinct: BTreeMap<u8, &KeyShare> = BTreeMap::new();
    for share in shares {
        sets.entry((share.set, share.key, share.need, share.of)).or_default().insert(share.number);
    }
    if sets.len() > 1 {
        let one = |((set, key, need, of), numbers): (&([u8; 4], KeyPrint, u8, u8), &BTreeSet<u8>)| {
            let numbers: Vec<u8> = numbers.iter().copied().collect();
            format!("{} of set {} of key {key} ({need} of {of} needed)", list(&numbers), hex::encode(set))
        };
        return Err(ShareError::Mixed { sets: sets.iter().map(one).collect() });
    }
    for share in shares {
        if distinct.insert(share.number, share).is_some_and(|before| before != share) {
            return Err(ShareError::Contradiction { number: share.number });
        }
    }
    let Some(first) = shares.first() else {
        return Err(ShareError::Text { nth: 1, what: BadShare::Kind });
    };
    let (need, key, numbers): (u8, KeyPrint, Vec<u8>) = (first.need, first.key, distinct.keys().copied().collect());
    if numbers.len() < usize::from(need) {
        return Err(ShareError::TooFew { need, numbers, key });
    }
    let wrong = || ShareError::Wrong { numbers: numbers.clone(), key };
    let points: Vec<Share> = distinct
        .values()
        .filter_map(|share| {
            let bytes = Zeroizing::new([&[share.number][..], &share.points].concat());
            Share::try_from(bytes.as_slice()).ok()
        })
        .collect();
    let secret = Zeroizing::new(Sharks(need).recover(&points).map_err(|_| wrong())?);
    let hrp = Hrp::parse_unchecked("age-secret-key-");
    let line = Zeroizing::new(bech32::encode_upper::<Bech32>(hrp, &secret).map_err(|_| wrong())?);
    let identity: age::x25519::Identity = line.parse().map_err(|_: &str| wrong())?;
    let recipient = identity.to_public().to_string();
    if KeyPrint::of(&recipient) != key {
        return Err(wrong());
    }
    Ok(Combined { secret: SecretString::from(line.as_str()), recipient, numbers })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> (SecretString, String) {
        let identity = age::x25519::Identity::generate();
        (identity.to_string(), identity.to_public().to_string())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_that_are_enough_give_the_key_back_and_one_fewer_does_not(
            (need, of) in (2_u8..7).prop_flat_map(|need| (Just(need), need..10)),
            order in Just((0_u8..10).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let (secret, recipient) = key();
            let (told, shares) = split_key(secret.expose_secret(), need, of).unwrap();
            prop_assert_eq!(&told, &recipient);
            let texts: Vec<_> = shares.iter().map(KeyShare::to_text).collect();
            let picked: Vec<&str> = order.iter().filter_map(|at| texts.get(usize::from(*at)).map(|text| text.as_str())).collect();
            let enough = parse_shares(picked.iter().copied().take(usize::from(need))).unwrap();
            let combined = combine_key(&enough).unwrap();
            prop_assert_eq!(combined.secret.expose_secret(), secret.expose_secret());
            let all = parse_shares(picked.iter().copied()).unwrap();
            prop_assert_eq!(combine_key(&all).unwrap().recipient, recipient);
            let fewer = &enough[1..];
            let is_too_few = matches!(combine_key(fewer), Err(ShareError::TooFew { .. }));
            prop_assert!(is_too_few);
            // Nor do they when they lie about how many are needed.
            let lying: Vec<KeyShare> = fewer.iter().map(|share| { let mut one = share.clone(); one.need = need - 1; one }).collect();
            if need > 2 {
                let is_wrong = matches!(combine_key(&lying), Err(ShareError::Wrong { .. }));
                prop_assert!(is_wrong);
            }
        }

        #[test]
        fn any_text_is_a_share_or_an_error(text in "(lifeboat-share1)?[a-z0-9 ]{0,120}") {
            let _ = KeyShare::parse(&text);
        }
    }

    #[test]
    fn a_mistyped_character_anywhere_is_noticed_and_spaces_and_large_letters_are_not_minded() {
        let (_, shares) = split_key(key().0.expose_secret(), 2, 3).unwrap();
        let text = shares[0].to_text();
        let spaced: String = text.to_uppercase().chars().enumerate().flat_map(|(n, c)| [c, if n % 5 == 4 { ' ' } else { '\n' }]).collect();
        assert_eq!(KeyShare::parse(&spaced).unwrap(), shares[0]);
        for at in 0..text.len() {
            let mut changed = text.to_string();
            let other = if &text[at..=at] == "q" { "p" } else { "q" };
            changed.replace_range(at..=at, other);
            assert!(KeyShare::parse(&changed).is_err(), "character {at}");
            assert!(KeyShare::parse(&text[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn mixed_contradicting_and_forged_shares_are_named() {
        let (secret, _) = key();
        let split = |secret: &SecretString| split_key(secret.expose_secret(), 2, 3).unwrap().1;
        let (one, again, other) = (split(&secret), split(&secret), split(&key().0));
        for mixed in [&again, &other] {
            let error = combine_key(&[one[0].clone(), mixed[1].clone()]).unwrap_err();
            let told = error.to_string();
            assert!(told.contains(&one[0].set()) && told.contains(&mixed[1].set()) && error.hint().is_some(), "{told}");
        }
        let mut forged = one[1].clone();
        forged.points[3] ^= 1;
        let told = combine_key(&[one[0].clone(), forged.clone()]).unwrap_err().to_string();
        assert!(told.starts_with("shares 1, 2 do not give the key"), "{told}");
        let told = combine_key(&[one[0].clone(), one[1].clone(), forged]).unwrap_err().to_string();
        assert_eq!(told, "share 2 was given twice, with different contents");
        let told = combine_key(&[one[0].clone(), one[0].clone()]).unwrap_err().to_string();
        assert!(told.contains("and only 1 (share 1) is given"), "{told}");
        assert!(combine_key(&[]).is_err());
        assert!(matches!(split_key(secret.expose_secret(), 1, 3), Err(ShareError::Numbers { .. })));
        assert!(matches!(split_key("AGE-PLUGIN-X-1QQ", 2, 3), Err(ShareError::Kind)));
        assert!(!format!("{:?}", one[0]).contains(&hex::encode(one[0].points)));
    }
}

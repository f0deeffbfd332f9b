//! Names of objects in a store, and leading parts of names.
//!
//! The alphabet is the one that every file system and every S3 server takes as it is, so that a copy of a repository from
//! one kind of store to another keeps all names. Keys come from outside (lists, indexes): parsing never panics.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest key, in bytes. S3 ends at 1,024; half of it leaves room for the prefix of a bucket.
pub const MAX_KEY_LEN: usize = 512;
/// The longest segment of a key, in bytes: the longest file name of Linux file systems.
pub const MAX_SEGMENT_LEN: usize = 255;

/// The name of an object: segments of `[A-Za-z0-9._-]+`, joined by `/`; none begins with a dot; at most 512 bytes.
///
/// No key may be a folder of another one: a store that holds `a/b` does not take `a`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

/// Text that is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not the name of an object: {why}")]
pub struct BadKey {
    text: String,
    why: &'static str,
}

impl BadKey {
    fn new(text: &str, why: &'static str) -> Self {
        Self { text: text.chars().take(80).collect(), why }
    }
}

const fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// Why `segment` cannot be a whole segment of a key, if it cannot.
fn fault_of(segment: &str) -> Option<&'static str> {
    if segment.is_empty() {
        Some("a segment is empty")
    } else if segment.len() > MAX_SEGMENT_LEN {
        Some("a segment is longer than 255 bytes")
    } else if segment.starts_with('.') {
        Some("a segment begins with a dot")
    } else if !segment.bytes().all(allowed) {
        Some("a segment may hold letters, digits, '.', '_' and '-'")
    } else {
        None
    }
}

/// Whether `name` can be a whole segment of a key.
pub(crate) fn is_segment(name: &str) -> bool {
    fault_of(name).is_none()
}

impl Key {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments between the slashes, in order; there is at least one.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// This key with one more segment, or several, behind it.
    pub fn join(&self, rest: &str) -> Result<Self, BadKey> {
        format!("{}/{rest}", self.0).parse()
    }

    /// Whether the key begins with `prefix`.
    pub fn starts_with(&self, prefix: &Prefix) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

impl FromStr for Key {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        if text.len() > MAX_KEY_LEN {
            return Err(BadKey::new(text, "it is longer than 512 bytes"));
        }
        match text.split('/').find_map(fault_of) {
            Some(why) => Err(BadKey::new(text, why)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

/// A leading part of keys: "" (all of them), `packs/`, `packs/laptop/0`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix(String);

impl Prefix {
    /// The prefix of every key.
    pub const fn all() -> Self {
        Self(String::new())
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key that this prefix followed by `rest` makes.
    pub fn key(&self, rest: &str) -> Result<Key, BadKey> {
        format!("{}{rest}", self.0).parse()
    }

    /// The whole folders of the prefix and what follows its last slash: `packs/laptop/0` is (`packs/laptop`, `0`).
    pub(crate) fn folder_and_rest(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }
}

impl FromStr for Prefix {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        if text.len() > MAX_KEY_LEN {
            return Err(BadKey::new(text, "it is longer than 512 bytes"));
        }
        let (folder, rest) = text.rsplit_once('/').map_or((None, text), |(folder, rest)| (Some(folder), rest));
        let fault = folder.and_then(|folder| folder.split('/').find_map(fault_of));
        match fault.or_else(|| if rest.is_empty() { None } else { fault_of(rest) }) {
            Some(why) => Err(BadKey::new(text, why)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

macro_rules! text_forms {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = BadKey;
            fn try_from(text: String) -> Result<Self, BadKey> {
                text.parse()
            }
        }

        impl TryFrom<&str> for $name {
            type Error = BadKey;
            fn try_from(text: &str) -> Result<Self, BadKey> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )*};
}

text_forms! { Key Prefix }

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_plain_segments_joined_by_slashes() {
        let longest = format!("{}/{}", "x".repeat(255), "y".repeat(255));
        for good in ["a", "repository.json", "packs/lab-1/0a/_-.9", "-a/--", "a..b", &longest] {
            assert_eq!(good.parse::<Key>().map(String::from), Ok(good.to_owned()));
        }
        let too_long = format!("{longest}/zz");
        for bad in
            ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", ".a", "a/.b", "a b", "a\\b", "ü", "a\nb", "a\0", &"x".repeat(256), &too_long]
        {
            assert!(bad.parse::<Key>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn prefixes_may_end_anywhere_in_a_key() {
        for good in ["", "p", "packs/", "packs/laptop/0", "packs/laptop/0/"] {
            assert_eq!(good.parse::<Prefix>().map(String::from), Ok(good.to_owned()));
        }
        for bad in ["/", "a//", "../", "a/..", ".", "a/ "] {
            assert!(bad.parse::<Prefix>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn every_leading_part_of_a_key_that_parses_is_a_prefix_of_it(text in "[a-z0-9._/-]{1,40}", cut in 0_usize..40) {
            if let Ok(key) = text.parse::<Key>() {
                let part = &text[..cut.min(text.len())];
                prop_assert!(key.starts_with(&part.parse().unwrap()));
            }
        }

        #[test]
        fn any_text_is_a_key_or_an_error(text in ".*") {
            if let Ok(key) = text.parse::<Key>() {
                prop_assert!(key.segments().all(|segment| !segment.is_empty() && segment != "." && segment != ".."));
            }
        }
    }
}

//! Paths inside a restore point: raw bytes, relative to the root of the snapshot, free of anything that could climb out.
//!
//! [`crate::tree`], [`crate::plan`] and the commands use it. It never touches a disk.

use std::fmt;

pub use base::name::shown;

/// The longest path that is restored, in bytes. Longer ones are listed as findings; it bounds what a hostile tree can cost.
pub const MAX_PATH: usize = 64 * 1024;

/// Why bytes cannot be the name of an entry of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// No bytes at all.
    #[error("an empty name")]
    Empty,
    /// "." or "..".
    #[error("the name \".\" or \"..\"")]
    Dots,
    /// A "/" or a zero byte.
    #[error("a name with \"/\" or a zero byte in it")]
    Separator,
    /// More than 255 bytes, the limit of Linux (`NAME_MAX`).
    #[error("a name of more than 255 bytes")]
    TooLong,
}

/// Checks one name of a tree. Only a name that passes may be joined to a path below a target.
pub fn check_name(name: &[u8]) -> Result<(), BadName> {
    match name {
        [] => Err(BadName::Empty),
        b"." | b".." => Err(BadName::Dots),
        _ if name.iter().any(|b| matches!(b, b'/' | 0)) => Err(BadName::Separator),
        _ if name.len() > 255 => Err(BadName::TooLong),
        _ => Ok(()),
    }
}

/// A path in a restore point: "srv/www/index.html" as bytes, without a leading "/". The root is the empty path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreePath(Vec<u8>);

/// Text that cannot be a path in a restore point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a path in a restore point: it has {why}")]
pub struct BadPath {
    text: String,
    why: BadName,
}

impl base::Hint for BadPath {
    fn hint(&self) -> Option<String> {
        Some("write the path as it was in the source, like /srv/www/index.html".to_owned())
    }
}

impl TreePath {
    /// Parses a path as people write it. Leading, trailing and doubled "/" and "." segments do not matter; ".." is refused.
    pub fn parse(text: &[u8]) -> Result<Self, BadPath> {
        let mut path = Self::default();
        for part in text.split(|b| *b == b'/').filter(|part| !part.is_empty() && *part != b".") {
            check_name(part).map_err(|why| BadPath { text: shown(text), why })?;
            path = path.join(part);
        }
        Ok(path)
    }

    /// Parses a path as reports and restore points have it, in the form of [`shown`].
    pub fn from_shown(text: &str) -> Result<Self, BadPath> {
        Self::parse(&base::name::unshown(text.as_bytes()))
    }

    /// The path of the entry `name` below this one. `name` has passed [`check_name`].
    #[must_use]
    pub fn join(&self, name: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + 1 + name.len());
        bytes.extend_from_slice(&self.0);
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name);
        Self(bytes)
    }

    /// Its bytes, without a leading "/".
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Its names from the top.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/').filter(|part| !part.is_empty())
    }

    /// What is left of it below `other`, which it is within.
    #[must_use]
    pub fn below(&self, other: &TreePath) -> Self {
        let rest = self.0.strip_prefix(other.0.as_slice()).unwrap_or(&self.0);
        Self(rest.strip_prefix(b"/").unwrap_or(rest).to_vec())
    }

    /// The folder it is in; of the root, the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        let cut = self.0.iter().rposition(|b| *b == b'/').unwrap_or(0);
        Self(self.0[..cut].to_vec())
    }

    /// Whether it is `other` or lies below it.
    pub fn is_within(&self, other: &TreePath) -> bool {
        other.is_root() || self.0.strip_prefix(other.0.as_slice()).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
    }
}

impl fmt::Display for TreePath {
    /// As it was in the source, with a leading "/", and with escapes where bytes are not text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("/{}", shown(&self.0)))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreePath({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        for (name, why) in [
            (&b""[..], BadName::Empty),
            (b".", BadName::Dots),
            (b"..", BadName::Dots),
            (b"a/b", BadName::Separator),
            (b"/", BadName::Separator),
            (b"a\0b", BadName::Separator),
            (&[b'x'; 256], BadName::TooLong),
        ] {
            assert_eq!(check_name(name), Err(why), "{}", shown(name));
        }
        for name in [&b"..."[..], b"-rf", b" ", b"\xff\xfe", b"a\nb", &[b'x'; 255]] {
            assert_eq!(check_name(name), Ok(()), "{}", shown(name));
        }
    }

    #[test]
    fn a_path_is_read_as_people_write_it_and_never_climbs() {
        assert_eq!(TreePath::parse(b"//srv/./www/").unwrap().as_bytes(), b"srv/www");
        assert!(TreePath::parse(b"/").unwrap().is_root());
        assert!(TreePath::parse(b"/srv/../etc").is_err());
        let www = TreePath::parse(b"/srv/www").unwrap();
        assert!(www.join(b"x").is_within(&www) && www.is_within(&www));
        assert!(!TreePath::parse(b"/srv/www2").unwrap().is_within(&www));
        let odd = TreePath::parse(b"/srv/\xff/back\\slash").unwrap();
        assert_eq!(TreePath::from_shown(&odd.to_string()), Ok(odd));
        assert!(TreePath::from_shown("/srv/\\x2e\\x2e").is_err(), "an escape climbs no more than what it stands for");
    }
}

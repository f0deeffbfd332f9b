//! Reads what people type to name a restore point and a path in it: `POINT`, `POINT:PATH`.
//!
//! Pure. The commands parse with it and hand the outcome to [`crate::choose`].

use crate::path::{BadPath, TreePath};

/// What stands before the ":".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Point {
    /// Four to 64 hexadecimal digits: the beginning of a snapshot's id. It may be a name as well; a source or service of
    /// that name goes first.
    IdOrName(String),
    /// A name that cannot be an id: a source or service of the plan.
    Name(String),
}

impl Point {
    /// The text as typed, ids in lower case.
    pub fn as_str(&self) -> &str {
        match self {
            Self::IdOrName(text) | Self::Name(text) => text,
        }
    }
}

/// A restore point and, where given, a path in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Which restore point.
    pub point: Point,
    /// What of it; all when left out.
    pub path: Option<TreePath>,
}

/// Text that names no restore point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Nothing before the ":".
    #[error("no restore point is named before \":\"")]
    NoPoint,
    /// A point that is neither an id nor a name of a plan.
    #[error("\"{text}\" can be neither the id of a restore point nor a name from a plan")]
    Point {
        /// As typed.
        text: String,
    },
    /// The part after the ":".
    #[error("the path of \"{point}\" cannot be used")]
    Path {
        /// The part before the ":".
        point: String,
        /// What is wrong with it.
        source: BadPath,
    },
}

impl base::Hint for BadAddress {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoPoint | Self::Point { .. } => {
                "write POINT or POINT:PATH, like 9f3c41d7:/srv/www or web; lifeboat snapshots lists them".to_owned()
            }
            Self::Path { source, .. } => return source.hint(),
        })
    }
}

impl Address {
    /// Parses `POINT` or `POINT:PATH`; everything after the first ":" is the path, and may hold any bytes.
    pub fn parse(text: &[u8]) -> Result<Self, BadAddress> {
        let (point, path) = match text.iter().position(|b| *b == b':') {
            None => (text, None),
            Some(at) => (&text[..at], Some(&text[at + 1..])),
        };
        let point = parse_point(point)?;
        let path = path.map(TreePath::parse).transpose();
        let path = path.map_err(|source| BadAddress::Path { point: point.as_str().to_owned(), source })?;
        Ok(Self { point, path })
    }
}

fn parse_point(bytes: &[u8]) -> Result<Point, BadAddress> {
    if bytes.is_empty() {
        return Err(BadAddress::NoPoint);
    }
    let bad = || BadAddress::Point { text: crate::path::shown(bytes.get(..80).unwrap_or(bytes)) };
    let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
    if (4..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(Point::IdOrName(text.to_ascii_lowercase()));
    }
    text.parse::<base::id::SourceId>().map(|id| Point::Name(id.as_str().to_owned())).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_and_a_path_are_told_apart_at_the_first_colon() {
        let address = Address::parse(b"9F3C41d7:/srv/a:b").unwrap();
        assert_eq!(address.point, Point::IdOrName("9f3c41d7".into()));
        assert_eq!(address.path.unwrap().as_bytes(), b"srv/a:b");
        assert_eq!(Address::parse(b"web").unwrap(), Address { point: Point::Name("web".into()), path: None });
        assert!(Address::parse(b"web:").unwrap().path.unwrap().is_root());
    }

    #[test]
    fn what_names_nothing_is_refused_with_a_way_out() {
        use base::Hint;
        for text in [&b""[..], b":/srv", b"a b", b"\xff", b"../x"] {
            let error = Address::parse(text).unwrap_err();
            assert!(error.hint().unwrap().contains("POINT"), "{error}");
        }
        assert!(matches!(Address::parse(b"web:/a/../b"), Err(BadAddress::Path { .. })));
    }
}

//! Shell patterns over paths of a restore point: `*.conf`, `/srv/www/**`, `logs/`.
//!
//! [`crate::list::find`], partial restores and the `files` check of drills use it. Names that are not UTF-8 match as bytes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use globset::{GlobBuilder, GlobMatcher};

use crate::path::TreePath;

/// The longest pattern, in bytes; it bounds what compiling one can cost.
const MAX_PATTERN: usize = 4096;

/// A pattern. Without a "/" it is matched against the last name of a path, else against the whole path from the root.
/// `*` and `?` stay within a name, `**` crosses folders.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    matcher: GlobMatcher,
    whole: bool,
}

/// Text that is not a pattern.
#[derive(Debug, thiserror::Error)]
#[error("\"{text}\" is not a pattern")]
pub struct BadPattern {
    text: String,
    #[source]
    source: Option<globset::Error>,
}

impl base::Hint for BadPattern {
    fn hint(&self) -> Option<String> {
        Some("use *, ? and [abc] within a name and ** across folders, like '*.conf' or '/srv/**/x'; put it in quotes".to_owned())
    }
}

impl Pattern {
    /// Compiles `text`.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let bad = |source| BadPattern { text: text.chars().take(80).collect(), source };
        let trimmed = text.strip_prefix('/').unwrap_or(text).trim_end_matches('/');
        if trimmed.is_empty() || text.len() > MAX_PATTERN {
            return Err(bad(None));
        }
        let glob = GlobBuilder::new(trimmed).literal_separator(true).backslash_escape(true).build().map_err(|error| bad(Some(error)))?;
        Ok(Self { text: text.to_owned(), matcher: glob.compile_matcher(), whole: text.contains('/') })
    }

    /// Whether `path` itself matches.
    pub fn matches(&self, path: &TreePath) -> bool {
        let bytes = path.as_bytes();
        let subject = if self.whole { bytes } else { bytes.rsplit(|b| *b == b'/').next().unwrap_or(bytes) };
        !bytes.is_empty() && self.matcher.is_match(OsStr::from_bytes(subject))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_names_or_whole_paths() {
        for (pattern, path, expected) in [
            ("*.html", &b"srv/www/index.html"[..], true),
            ("/srv/*.html", b"srv/www/index.html", false),
            ("/srv/**/*.html", b"srv/www/index.html", true),
            ("srv/www", b"srv/www", true),
            ("www/", b"srv/www", false),
            ("/srv/www/", b"srv/www", true),
            ("?.bin", b"d/\xff.bin", true),
            ("a*", b"srv/a\nb", true),
            ("-*", b"-rf", true),
        ] {
            let found = Pattern::parse(pattern).unwrap().matches(&TreePath::parse(path).unwrap());
            assert_eq!(found, expected, "{pattern} on {}", crate::path::shown(path));
        }
    }

    #[test]
    fn text_that_is_no_pattern_is_refused() {
        for text in ["", "/", "[a", &"x".repeat(5000)] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}

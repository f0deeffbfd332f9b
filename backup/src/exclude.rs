//! Decides what a source leaves out: patterns in gitignore syntax, and folders that carry a cache tag.
//!
//! `walk` asks it for every entry. Matching is that of the `ignore` crate; the walk is our own.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::{Mode, OFlags};

use crate::run::BackupError;

/// The file that marks a folder as a cache.
pub(crate) const TAG: &[u8] = b"CACHEDIR.TAG";
/// What it must begin with (<https://bford.info/cachedir/>).
const SIGNATURE: &[u8; 43] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// The patterns of a source, as they apply below one of its paths.
#[derive(Debug)]
pub(crate) struct Excludes {
    patterns: Gitignore,
}

impl Excludes {
    /// The matcher for what lies below `root`, one of the source's `paths`.
    pub fn new(patterns: &[String], root: &Path, paths: &[PathBuf]) -> Result<Self, BackupError> {
        let bad = |pattern: &String| {
            let pattern = pattern.clone();
            move |source| BackupError::Pattern { pattern, source }
        };
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            if let Some(local) = below(pattern, root, paths) {
                builder.add_line(None, &local).map_err(bad(pattern))?;
            }
        }
        let all = patterns.join("\", \"");
        let patterns = builder.build().map_err(bad(&all))?;
        Ok(Self { patterns })
    }

    /// Whether there is anything to match.
    pub fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    /// Whether the entry at `relative` (bytes of its path below the root, without a leading slash) is left out.
    pub fn leaves_out(&self, relative: &[u8], is_directory: bool) -> bool {
        !self.patterns.is_empty() && self.patterns.matched(Path::new(OsStr::from_bytes(relative)), is_directory).is_ignore()
    }
}

/// `pattern` as it applies below `root`, or `None` when it names a place below another path of the source.
fn below(pattern: &str, root: &Path, paths: &[PathBuf]) -> Option<String> {
    let (not, body) = pattern.strip_prefix('!').map_or(("", pattern), |body| ("!", body));
    // The longest path that the pattern begins with is the one that is meant.
    let rest_below = |path: &PathBuf| {
        let rest = body.strip_prefix(path.to_str()?.trim_end_matches('/'))?;
        (path.as_os_str().len() > 1 && rest.starts_with('/') && rest.len() > 1).then(|| (path.clone(), rest.to_owned()))
    };
    let named = paths.iter().filter_map(rest_below).max_by_key(|(path, _)| path.as_os_str().len());
    match named {
        Some((path, rest)) if path == root => Some(format!("{not}{rest}")),
        Some(_) => None,
        None => Some(pattern.to_owned()),
    }
}

/// Whether the folder that is open as `dir` and lists a [`TAG`] is a cache: the tag must be a file with the signature.
pub(crate) fn is_cache(dir: BorrowedFd<'_>) -> bool {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let Ok(tag) = rustix::fs::openat(dir, TAG, flags, Mode::empty()) else { return false };
    let mut start = [0; SIGNATURE.len()];
    matches!(rustix::io::read(&tag, &mut start), Ok(n) if n == start.len()) && &start == SIGNATURE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excludes(patterns: &[&str], root: &str) -> Excludes {
        let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
        Excludes::new(&patterns, Path::new(root), &["/srv/www".into(), "/etc".into(), "/srv/www/in/side".into()]).unwrap()
    }

    #[test]
    fn patterns_mean_what_they_mean_in_a_gitignore_file() {
        let rules = excludes(&["*.tmp", "!keep.tmp", "/top", "folder/", "a/**/z", "# a comment", "", "\\#hash"], "/srv/www");
        for (path, is_directory, out) in [
            ("x.tmp", false, true),
            ("deep/down/x.tmp", false, true),
            ("deep/keep.tmp", false, false),
            ("top", false, true),
            ("below/top", false, false),
            ("folder", false, false),
            ("deep/folder", true, true),
            ("a/b/c/z", false, true),
            ("#hash", false, true),
            ("a comment", false, false),
        ] {
            assert_eq!(rules.leaves_out(path.as_bytes(), is_directory), out, "{path}");
        }
        assert!(rules.leaves_out(b"bad\xff\n.tmp", false), "names are bytes");
    }

    #[test]
    fn a_pattern_with_a_source_path_in_front_is_taken_as_that_place() {
        let patterns = ["/srv/www/cache", "!/srv/www/cache/keep", "/etc/ssl"];
        let www = excludes(&patterns, "/srv/www");
        assert!(www.leaves_out(b"cache", true));
        assert!(!www.leaves_out(b"below/cache", true));
        assert!(!www.leaves_out(b"etc/ssl", true), "it belongs to another path");
        let etc = excludes(&patterns, "/etc");
        assert!(etc.leaves_out(b"ssl", true));
        assert!(!etc.leaves_out(b"cache", true));
    }

    #[test]
    fn a_broken_pattern_is_named() {
        let error = Excludes::new(&["a{b".to_owned()], Path::new("/x"), &[]).unwrap_err();
        assert_eq!(error.to_string(), "exclude pattern \"a{b\" is not gitignore syntax");
    }
}

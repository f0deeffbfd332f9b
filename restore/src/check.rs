//! The checks of a drill: what each looks at, and the order of their stages.
//!
//! [`crate::drill`] runs them with [`run`]. A check that does not hold is a result, never an error.

mod canary;
mod command;
mod files;

pub(crate) use canary::{SKEW, path as canary_path};

use base::Digest;
use jiff::Timestamp;
use plans::plan::{Check, CheckKind};
use tokio_util::sync::CancellationToken;

use crate::drill::PointUsed;
use crate::path::TreePath;
use crate::pattern::{BadPattern, Pattern};
use crate::seen::Seen;

/// What a check saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What it asked for, in words.
    pub expected: String,
    /// What it found, in words.
    pub observed: String,
    /// Whether the claim holds.
    pub outcome: Held,
}

/// Whether a claim holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// The check cannot be run in this mode, so that nothing is known.
    Unknown,
}

/// What checks may know beside the restored data.
#[derive(Debug)]
pub struct Facts<'a> {
    /// When the drill started; ages count from then.
    pub started: Timestamp,
    /// The restore points and the objectives of their sources.
    pub points: &'a [PointUsed],
}

/// Runs one check.
pub async fn run(check: &Check, seen: &Seen, facts: &Facts<'_>, cancel: &CancellationToken) -> Observation {
    match &check.kind {
        CheckKind::Files(files) => files::run(files, seen),
        CheckKind::Command(command) => command::run(command, seen, cancel).await,
        CheckKind::Canary(canary) => canary::run(canary, seen, facts),
        // The jobs refuse such a drill before it begins; whoever comes here by another way learns that nothing is known.
        CheckKind::Sql(_) | CheckKind::Http(_) | CheckKind::Fact(_) => Observation {
            expected: format!("an answer to the {} check", kind(check)),
            observed: "this version cannot run it".to_owned(),
            outcome: Held::Unknown,
        },
    }
}

/// "files", "command", "canary", "sql", "http", "fact".
pub fn kind(check: &Check) -> &'static str {
    match check.kind {
        CheckKind::Files(_) => "files",
        CheckKind::Command(_) => "command",
        CheckKind::Canary(_) => "canary",
        CheckKind::Sql(_) => "sql",
        CheckKind::Http(_) => "http",
        CheckKind::Fact(_) => "fact",
    }
}

/// The digest of what a check asks, so that a record shows that two drills asked the same.
pub fn query_digest(check: &Check) -> Digest {
    Digest::of(&serde_json::to_vec(&check.kind).expect("checks are plain data"))
}

/// A path or pattern of a check. A relative one starts at the restored root, one with a leading "/" is as in the source.
#[derive(Debug, Clone)]
pub struct Wanted {
    exact: TreePath,
    pattern: Pattern,
    absolute: bool,
}

impl Wanted {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        // The leading "/" makes a pattern of one name match at the root only and not at every depth.
        let pattern = Pattern::parse(&format!("/{}", text.trim_start_matches('/')))?;
        Ok(Self { exact: TreePath::parse(text.as_bytes()).unwrap_or_default(), pattern, absolute: text.starts_with('/') })
    }

    /// Whether it means the file at `path`: the file itself, or a folder that the file is in.
    pub fn matches(&self, root: &TreePath, path: &TreePath) -> bool {
        let subject = if self.absolute {
            path.clone()
        } else if path.is_within(root) {
            path.names().skip(root.names().count()).fold(TreePath::default(), |at, name| at.join(name))
        } else {
            return false;
        };
        let mut prefix = TreePath::default();
        (!self.exact.is_root() && subject.is_within(&self.exact))
            || subject.names().any(|name| {
                prefix = prefix.join(name);
                self.pattern.matches(&prefix)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_checks_start_at_the_restored_root_or_at_the_top() {
        let root = TreePath::parse(b"/srv/www").unwrap();
        for (wanted, path, expected) in [
            ("index.html", "/srv/www/index.html", true),
            ("index.html", "/srv/www/sub/index.html", false),
            ("**/index.html", "/srv/www/sub/index.html", true),
            ("sub", "/srv/www/sub/deep/x", true),
            ("*.html", "/srv/www/a.html", true),
            ("*.html", "/etc/a.html", false),
            ("/etc/*.html", "/etc/a.html", true),
            ("/srv/www/index.html", "/srv/www/index.html", true),
            ("[1].txt", "/srv/www/[1].txt", true),
        ] {
            let path = TreePath::parse(path.as_bytes()).unwrap();
            assert_eq!(Wanted::parse(wanted).unwrap().matches(&root, &path), expected, "{wanted} on {path}");
        }
    }
}

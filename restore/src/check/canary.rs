//! The `canary` check: the nonce that the backup wrote into the source has come back, and it is young enough.

use std::time::Duration;

use base::span;
use plans::plan::{CanaryCheck, MaxAge};

use super::{Facts, Held, Observation};
use crate::path::TreePath;
use crate::seen::Seen;

/// How far a canary may lie in the future: clocks of two hosts are never equal.
pub(crate) const SKEW: Duration = Duration::from_mins(5);

pub(super) fn run(check: &CanaryCheck, seen: &Seen, facts: &Facts<'_>) -> Observation {
    let point = facts.points.iter().find(|point| point.facts.source == check.source);
    let limit = match check.max_age {
        MaxAge::Span(span) => Some(span.at_least()),
        MaxAge::Rpo => point.and_then(|point| point.rpo).map(base::Span::at_least),
    };
    let expected = match limit {
        Some(limit) => format!("the recorded nonce, at most {} old", span::human(limit)),
        None => "the recorded nonce, no older than the RPO".to_owned(),
    };
    let (observed, held) = look(check, seen, facts, limit);
    Observation { expected, observed, outcome: if held { Held::Yes } else { Held::No } }
}

fn look(check: &CanaryCheck, seen: &Seen, facts: &Facts<'_>, limit: Option<Duration>) -> (String, bool) {
    let no = |text: String| (text, false);
    let Some(point) = facts.points.iter().find(|point| point.facts.source == check.source) else {
        return no(format!("no restore point of source {} takes part", check.source));
    };
    let Some(canary) = &point.canary else {
        return no("the restore point carries no canary".to_owned());
    };
    let Some(limit) = limit else {
        return no(format!("source {} has no RPO to measure against", check.source));
    };
    let path = match path(&canary.path, point.facts.paths.first().map(String::as_str)) {
        Ok(path) => path,
        Err(error) => return no(error.to_string()),
    };
    match seen.look(&path) {
        Ok(None) => return no(format!("{path} is not there")),
        Err(error) => return no(format!("{path} cannot be read: {error}")),
        // An empty nonce would be found in any file.
        Ok(Some(bytes)) if canary.nonce.is_empty() || !contains(&bytes, canary.nonce.as_bytes()) => {
            return no(format!("{path} does not hold the nonce that was recorded"));
        }
        Ok(Some(_)) => {}
    }
    let age = facts.started.duration_since(canary.at);
    if age.is_negative() && age.unsigned_abs() > SKEW {
        return no(format!("the nonce is {} in the future", span::human(age.unsigned_abs())));
    }
    let age = if age.is_negative() { Duration::ZERO } else { age.unsigned_abs() };
    (format!("the recorded nonce, {} old", span::human(age)), age <= limit)
}

/// Where the canary is in the restore point: as written, or below the first backed-up path.
pub(crate) fn path(recorded: &str, first: Option<&str>) -> Result<TreePath, crate::path::BadPath> {
    let path = TreePath::from_shown(recorded)?;
    match first {
        Some(first) if !recorded.starts_with('/') => Ok(path.names().fold(TreePath::from_shown(first)?, |at, name| at.join(name))),
        _ => Ok(path),
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

//! Chooses a restore point from a list: the newest of a source, one by the beginning of its id, the last at a time.
//!
//! Pure. Commands and drills call it. An incomplete snapshot is never chosen unless it is named by its id.

use std::collections::BTreeSet;

use base::id::SourceId;
use jiff::Timestamp;
use repository::snapshots::Snapshot;

/// The fewest digits of an id that name a snapshot.
pub const MIN_PREFIX: usize = 4;

/// How a restore point is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The newest complete one of a source.
    Newest {
        /// The source.
        source: SourceId,
    },
    /// The one whose id begins with these hexadecimal digits; complete or not.
    Id(String),
    /// The newest complete one of a source that is not suspicious: of these the newest that was verified, where there is one.
    Best {
        /// The source.
        source: SourceId,
        /// Ids of those that look as if something had gone through the files.
        suspicious: BTreeSet<String>,
        /// Ids of those that a drill has restored, or a check has read in full.
        verified: BTreeSet<String>,
    },
    /// The newest complete one of a source that was taken at or before an instant.
    At {
        /// The source.
        source: SourceId,
        /// The instant.
        at: Timestamp,
    },
}

impl std::fmt::Display for Choice {
    /// The rule in words, as it stands in the drill record.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Newest { source } => write!(f, "newest complete restore point of {source}"),
            Self::Best { source, .. } => write!(f, "best complete restore point of {source}"),
            Self::Id(prefix) => write!(f, "restore point {prefix}"),
            Self::At { source, at } => write!(f, "newest complete restore point of {source} at or before {at}"),
        }
    }
}

/// Why no restore point could be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// Nothing of that source, or nothing that early.
    #[error("there is no complete restore point of {source_id}{}", before(*at))]
    None {
        /// The source.
        source_id: SourceId,
        /// The instant asked for.
        at: Option<Timestamp>,
        /// Incomplete ones that would have fitted.
        n_incomplete: usize,
    },
    /// None that can be called good.
    #[error("there is no complete restore point of {source_id} that is not suspicious")]
    NoneGood {
        /// The source.
        source_id: SourceId,
        /// Those that are.
        n_suspicious: usize,
    },
    /// No id begins so.
    #[error("no restore point's id begins with {prefix}")]
    Unknown {
        /// As asked.
        prefix: String,
    },
    /// Several ids begin so.
    #[error("{} restore points have ids that begin with {prefix}: {}", candidates.len(), some(candidates))]
    Ambiguous {
        /// As asked.
        prefix: String,
        /// Each id with its source and time.
        candidates: Vec<String>,
    },
    /// Too short, or not hexadecimal.
    #[error("\"{prefix}\" cannot be the beginning of an id")]
    BadPrefix {
        /// As asked.
        prefix: String,
    },
}

fn before(at: Option<Timestamp>) -> String {
    at.map_or_else(String::new, |at| format!(" at or before {at}"))
}

fn some(candidates: &[String]) -> String {
    let shown: Vec<&str> = candidates.iter().take(8).map(String::as_str).collect();
    shown.join(", ") + if candidates.len() > shown.len() { ", …" } else { "" }
}

impl base::Hint for ChooseError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::None { n_incomplete: n_incomplete @ 1.., .. } => {
                format!("{n_incomplete} incomplete ones exist; name one by its id to use it all the same: lifeboat snapshots")
            }
            Self::NoneGood { n_suspicious: n @ 1.., .. } => {
                format!("{n} are suspicious; see them with lifeboat snapshots, and name one by its id to use it all the same")
            }
            Self::NoneGood { .. } | Self::None { .. } | Self::Unknown { .. } => "see what there is: lifeboat snapshots".to_owned(),
            Self::Ambiguous { .. } => "type more digits of the id".to_owned(),
            Self::BadPrefix { .. } => format!("type {MIN_PREFIX} to 64 hexadecimal digits of the id: lifeboat snapshots"),
        })
    }
}

/// The snapshot of `snapshots` that `choice` means. When two were taken at the same instant, the later one of the list wins.
pub fn choose<'a>(snapshots: &'a [Snapshot], choice: &Choice) -> Result<&'a Snapshot, ChooseError> {
    match choice {
        Choice::Newest { source } => newest(snapshots, source, None),
        Choice::At { source, at } => newest(snapshots, source, Some(*at)),
        Choice::Best { source, suspicious, verified } => best(snapshots, source, suspicious, verified),
        Choice::Id(prefix) => by_prefix(snapshots, prefix),
    }
}

fn newest<'a>(snapshots: &'a [Snapshot], source: &SourceId, at: Option<Timestamp>) -> Result<&'a Snapshot, ChooseError> {
    let fits = |s: &&Snapshot| s.source == *source && at.is_none_or(|at| s.taken <= at);
    let found = snapshots.iter().filter(fits).filter(|s| s.complete).max_by_key(|s| s.taken);
    found.ok_or_else(|| ChooseError::None {
        source_id: source.clone(),
        at,
        n_incomplete: snapshots.iter().filter(fits).filter(|s| !s.complete).count(),
    })
}

fn best<'a>(
    snapshots: &'a [Snapshot],
    source: &SourceId,
    suspicious: &BTreeSet<String>,
    verified: &BTreeSet<String>,
) -> Result<&'a Snapshot, ChooseError> {
    let good = |s: &&Snapshot| s.source == *source && s.complete && !suspicious.contains(&s.id.to_string());
    let best = snapshots.iter().filter(good).max_by_key(|s| (verified.contains(&s.id.to_string()), s.taken));
    best.ok_or_else(|| ChooseError::NoneGood {
        source_id: source.clone(),
        n_suspicious: snapshots.iter().filter(|s| s.source == *source && suspicious.contains(&s.id.to_string())).count(),
    })
}

fn by_prefix<'a>(snapshots: &'a [Snapshot], prefix: &str) -> Result<&'a Snapshot, ChooseError> {
    let wanted = prefix.to_ascii_lowercase();
    if !(MIN_PREFIX..=64).contains(&wanted.len()) || !wanted.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(ChooseError::BadPrefix { prefix: crate::path::shown(prefix.as_bytes()) });
    }
    let found: Vec<&Snapshot> = snapshots.iter().filter(|s| s.id.to_string().starts_with(&wanted)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(ChooseError::Unknown { prefix: wanted }),
        several => Err(ChooseError::Ambiguous {
            prefix: wanted,
            candidates: several.iter().map(|s| format!("{} ({} of {})", s.id, s.source, s.taken)).collect(),
        }),
    }
}

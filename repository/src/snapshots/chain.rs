//! Which snapshots of a writer whose right has ended are believed: its last one, and those that lead to it. Pure.
//!
//! Each snapshot names the one before it, so the last one that the owners named stands for a whole chain. A host in false hands can
//! sign another snapshot under an older number after its right has ended; it cannot make the last one name it.

use std::collections::{BTreeMap, BTreeSet};

use base::Digest;

use crate::format::names::{self, Name, Numbered};
use crate::trust::Trust;

/// Sound snapshots, each with the digest of the one before it.
pub(crate) type Links = BTreeMap<Numbered, Option<Digest>>;

/// The snapshot before the one at `at`, which names it by its digest.
pub(crate) fn before(at: &Numbered, prev: Option<Digest>) -> Option<Numbered> {
    let name = Name { seq: at.name.seq.checked_sub(1)?, digest: prev? };
    Some(Numbered { name, ..at.clone() })
}

/// What [`apart`] finds.
#[derive(Debug, Default)]
pub(crate) struct Apart {
    /// Snapshots that are not to be believed, although their writer signed them and their numbers are not too high, and why.
    pub(crate) told: BTreeMap<Numbered, String>,
    /// Where the chain to the last snapshot of a writer is broken: the one that is missing or damaged. What lies below it may be sound.
    pub(crate) broken: BTreeSet<Numbered>,
}

/// Those of `links` that are not to be believed.
pub(crate) fn apart(trust: &Trust, links: &Links) -> Apart {
    let mut apart = Apart::default();
    for listed in trust.writers() {
        let Some((ended, last)) = listed.to.zip(listed.last) else { continue };
        let mut believed = BTreeSet::new();
        let mut next = last.snapshot.map(|name| Numbered { domain: listed.domain.clone(), writer: listed.writer.clone(), name });
        let mut broken = String::new();
        while let Some(at) = next {
            let Some(prev) = links.get(&at) else {
                broken = format!("; that chain is broken at {}", names::snapshot(&at.domain, &at.writer, &at.name));
                apart.broken.insert(at);
                break;
            };
            next = before(&at, *prev);
            believed.insert(at);
        }
        let (domain, writer) = (&listed.domain, &listed.writer);
        for at in links.keys().filter(|at| at.domain == *domain && at.writer == *writer && !believed.contains(at)) {
            let what = format!(
                "the right of writer {writer} of domain {domain} ended at {ended}, and this is not in the chain that leads to its last \
                 restore point{broken}"
            );
            apart.told.insert(at.clone(), what);
        }
    }
    apart
}

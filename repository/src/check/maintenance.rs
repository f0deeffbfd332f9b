//! Verifies what maintenance said: condemned lists, tombstones, holds, attestations, packs that are retired and what was measured of them. No key is needed.

use std::collections::BTreeSet;

use stores::key::{Key, Prefix};
use stores::store::list_all;

use super::CheckError;
use super::report::CheckReport;
use crate::finding::Finding;
use crate::format::names::Name;
use crate::format::statement::{Attestation, Condemned, Hold, Release, Retired, Tombstone, Undo, Usage};
use crate::prune::{Doubt, Lies, believed, either};
use crate::repository::Repository;

/// The most numbers of missing lists that are named: a stray high number must not fill the report.
const MISSING_MAX: usize = 1000;

/// Reads and verifies all of them.
pub(super) async fn look(repository: &Repository, report: &mut CheckReport) -> Result<(), CheckError> {
    let mut numbers = BTreeSet::new();
    for place in ["condemned/", "tombstones/", "holds/", "attest/", "retired/", "usage/"] {
        let prefix: Prefix = place.parse().expect("a plain prefix");
        let listed = list_all(&**repository.store(), &prefix).await;
        for entry in listed.map_err(|source| CheckError::List { place: prefix.to_string(), source })? {
            let name = entry.key.name();
            let numbered: Option<Name> = (place == "condemned/").then(|| name.parse().ok()).flatten();
            numbers.extend(numbered.map(|name| name.seq));
            let Some(digest) = numbered.map(|name| name.digest).or_else(|| name.parse().ok()) else {
                report.found(Finding::new(&entry.key, "its name is not one that such an object has"));
                continue;
            };
            let answer = repository.store().get(&entry.key).await;
            let Some(object) = report.read(&entry.key, answer) else { continue };
            report.bytes += object.len() as u64;
            if let Err(doubt) = verified(repository, place, Lies { digest, object: &object, stored: entry.modified }) {
                let told = if doubt.has_ended { &mut report.aside } else { &mut report.findings };
                told.push(Finding::new(&entry.key, doubt.what));
            }
        }
    }
    let highest = numbers.last().copied().unwrap_or_default();
    for missing in (0..highest).filter(|number| !numbers.contains(number)).take(MISSING_MAX) {
        let key: Key = format!("condemned/{missing:010}").parse().expect("digits are characters that keys allow");
        report.found(Finding::new(key, "it is missing: a later list is there"));
    }
    Ok(())
}

/// What is wrong with an object of `place`. Where two kinds lie there, the first one says it.
fn verified(repository: &Repository, place: &str, lies: Lies<'_>) -> Result<(), Doubt> {
    match place {
        "condemned/" => believed::<Condemned>(repository, lies).map(drop),
        "tombstones/" => either::<Tombstone, Undo>(repository, lies).map(drop),
        "holds/" => either::<Hold, Release>(repository, lies).map(drop),
        "retired/" => believed::<Retired>(repository, lies).map(drop),
        "usage/" => believed::<Usage>(repository, lies).map(drop),
        _ => believed::<Attestation>(repository, lies).map(drop),
    }
}

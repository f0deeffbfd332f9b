//! Looks at good bytes that lie beside damaged objects.

use base::Digest;
use stores::key::Key;

use super::report::CheckReport;
use crate::copy::verify::digest_in;
use crate::finding::Finding;
use crate::healed::{self, Good};
use crate::repository::Repository;

/// Reads all of them. What is sound is told beside the findings, since the damaged bytes are still there.
pub(super) async fn look(repository: &Repository, report: &mut CheckReport) {
    for (key, goods) in repository.healed() {
        for good in goods {
            one(repository, key, good, report).await;
        }
    }
}

async fn one(repository: &Repository, key: &Key, good: &Good, report: &mut CheckReport) {
    let answer = healed::read(&**repository.store(), good).await;
    let Some(read) = report.read(&good.at, answer) else { return };
    let Some(bytes) = read else {
        return report.found(Finding::new(&good.at, "it is damaged, or cannot be read: it stands for a damaged object no longer"));
    };
    report.bytes += bytes.len() as u64;
    let is_right = match digest_in(key) {
        Some(named) => named == good.digest,
        // What readers get under the name: it was chosen by signatures when the repository was opened.
        None => repository.store().get(key).await.is_ok_and(|read| Digest::of(&read) == good.digest),
    };
    if is_right {
        report.healed.push(Finding::new(key, format!("it is damaged, and {} is read in its place", good.at)));
    } else {
        report.found(Finding::new(&good.at, "it has not the bytes that it should stand for; nobody reads it"));
    }
}

//! Which missing packs are no damage: a maintainer's signed list condemned them, and no snapshot that counts needs them.

use std::collections::BTreeSet;

use base::Digest;

use super::statements::Told;
use super::survey::Survey;
use crate::prune::{condemned, dropped};
use crate::repository::Repository;

/// Takes packs out of `told` that are gone by rights. Where the statements cannot be read nothing is taken out: better a finding too many.
///
/// A pack that a snapshot needs which was not dropped is damage, whoever condemned it.
pub(super) async fn take_out(repository: &Repository, survey: &Survey, told: &mut Told) {
    if told.keys().all(|at| survey.packs.contains_key(at)) {
        return;
    }
    let (Ok(condemned), Ok(dropped)) = (condemned(repository).await, dropped(repository).await) else { return };
    let dropped: BTreeSet<Digest> = dropped.into_keys().collect();
    told.retain(|at, pack| {
        let needed = pack.snapshots.iter().any(|id| !dropped.contains(id.digest()));
        survey.packs.contains_key(at) || needed || !condemned.contains(at)
    });
}

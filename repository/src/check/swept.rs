//! Which missing packs are no damage: those that only restore points name which nobody wants any more, and those that a maintainer's signed
//! list condemned and no other needs.

use super::statements::Told;
use super::survey::Survey;
use crate::prune::{condemned, expired};
use crate::repository::Repository;

/// Takes packs out of `told` that are gone by rights. Where the statements cannot be read nothing is taken out: better a finding too many.
///
/// A pack that another snapshot needs is damage, whoever condemned it. A copy has no condemned lists of its original.
pub(super) async fn take_out(repository: &Repository, survey: &Survey, told: &mut Told) {
    if told.keys().all(|at| survey.packs.contains_key(at)) {
        return;
    }
    let (Ok(condemned), Ok(expired)) = (condemned(repository).await, expired(repository).await) else { return };
    told.retain(|at, pack| {
        let needed = pack.snapshots.iter().any(|id| !expired.contains(id.digest()));
        let was_needed = !pack.snapshots.is_empty();
        survey.packs.contains_key(at) || needed || !(was_needed || condemned.contains(at))
    });
}

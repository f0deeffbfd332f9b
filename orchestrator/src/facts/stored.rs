//! What the repositories hold, as far as the journal knows: which restore points are damaged, or gone, and which older one is whole.
//!
//! `lifeboat status` asks it for `plans::posture`; a look at the stores themselves ([`gone`]) is laid over it.

use std::collections::{BTreeMap, BTreeSet};

use base::id::{RepositoryId, SourceId};
use jiff::Timestamp;
use plans::Plan;
use plans::posture::{Harm, Stored};
use registers::facts::{Acknowledged, Damage};

use super::Facts;

/// What a look at one repository saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// The snapshots that its store lists.
    Listed(BTreeSet<String>),
    /// There is no repository any more; why, in words.
    Gone(String),
}

/// The restore points that were acknowledged and not dropped, and that a store does not list.
pub fn gone<'a>(facts: &'a Facts, repository: &RepositoryId, there: &'a BTreeSet<String>) -> impl Iterator<Item = &'a Acknowledged> {
    let known = facts.register.points.get(repository);
    known.into_iter().flat_map(|points| points.wanted()).filter(|point| !there.contains(&point.snapshot))
}

impl Facts {
    /// What is known of the repositories of `plan`, by the journal and by a look at those that are in `seen`.
    pub fn stored(&self, plan: &Plan, seen: &BTreeMap<RepositoryId, Kept>) -> Stored {
        let errors = self.register.checks.iter().map(|(repository, check)| (repository.clone(), check.n_findings())).collect();
        let mut stored = Stored { errors, ..Stored::default() };
        for source in plan.sources.values() {
            for repository in &source.to {
                if let Some(harm) = self.harm(&source.id, repository, seen.get(repository)) {
                    stored.harmed.insert((source.id.clone(), repository.clone()), harm);
                }
            }
        }
        stored
    }

    /// What is wrong with the newest restore point of a source in a repository.
    fn harm(&self, source: &SourceId, repository: &RepositoryId, seen: Option<&Kept>) -> Option<Harm> {
        let newest = self.register.points.get(repository)?.of(source).max_by_key(|point| point.taken)?;
        let damage = self.register.checks.get(repository).and_then(|check| check.damage.as_ref());
        let what = match (seen, damage) {
            (Some(Kept::Gone(why)), _) => return Some(Harm { what: format!("{repository} is gone: {why}"), whole: None }),
            (Some(Kept::Listed(there)), _) if !there.contains(&newest.snapshot) => {
                format!("its newest restore point, acknowledged {}, is gone from {repository}", instant(newest.at))
            }
            (None, Some(damage)) if damage.missing.contains(&newest.snapshot) => {
                format!("its newest restore point, acknowledged {}, is gone from {repository}", instant(newest.at))
            }
            (_, Some(damage)) if is_suspect(damage, newest) => {
                format!("{repository} is damaged, as the check of {} found", instant(damage.at))
            }
            _ => return None,
        };
        Some(Harm { what, whole: self.whole(source, repository, seen, damage) })
    }

    /// The newest restore point of a source that nothing is known against.
    fn whole(
        &self,
        source: &SourceId,
        repository: &RepositoryId,
        seen: Option<&Kept>,
        damage: Option<&Damage>,
    ) -> Option<(String, Timestamp)> {
        let listed = |point: &&Acknowledged| match seen {
            Some(Kept::Listed(there)) => there.contains(&point.snapshot),
            Some(Kept::Gone(_)) => false,
            None => true,
        };
        let sound =
            |point: &&Acknowledged| damage.is_none_or(|damage| !damage.missing.contains(&point.snapshot) && !is_suspect(damage, point));
        let points = self.register.points.get(repository)?.of(source);
        points.filter(listed).filter(sound).max_by_key(|point| point.taken).map(|point| (point.snapshot.clone(), point.taken))
    }
}

/// Whether damage is known to touch a restore point, or may: nobody knows what it touches, or the point was stored since and may be built on it.
fn is_suspect(damage: &Damage, point: &Acknowledged) -> bool {
    match &damage.damaged {
        None => true,
        Some(damaged) => damaged.contains(&point.snapshot) || (damage.spreads && point.at > damage.at),
    }
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

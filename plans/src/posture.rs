//! Answers "can we recover?" for each service and for the plan, by what drills proved and never by what was ticked.
//!
//! A service is *proven* while its latest drill passed, on the plan as it is now, within its cadence; otherwise it is *stale*, *failed* or *never*
//! drilled. `lifeboat status` and the console show it; `orchestrator` gathers the facts from the journal.

use std::collections::{BTreeMap, BTreeSet};

use base::Digest;
use base::id::{DrillId, RepositoryId, ServiceId};
use jiff::Timestamp;
use serde::Serialize;

use crate::Plan;
use crate::plan::Service;

/// How a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything held, and the negative control failed as it should.
    Pass,
    /// Something did not hold.
    Fail,
    /// It proved nothing.
    Void,
    /// It was stopped.
    Aborted,
}

/// One drill that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillFact {
    /// Which.
    pub drill: DrillId,
    /// Services it covered.
    pub services: Vec<ServiceId>,
    /// When it started.
    pub started: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Material fingerprint of the plan it ran under.
    pub fingerprint: Digest,
}

/// Whether a service is proven recoverable. Worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Posture {
    /// Its latest drill passed, on the plan as it is, within its cadence.
    Proven,
    /// It passed once, but the plan changed or the cadence has passed.
    Stale,
    /// No drill of it ever came to an end.
    Never,
    /// Its latest drill did not pass.
    Failed,
}

/// The posture of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServicePosture {
    /// Which.
    pub service: ServiceId,
    /// The word.
    pub posture: Posture,
    /// Why it is not proven, in words.
    pub reason: Option<String>,
    /// The drill that it rests on.
    pub drill: Option<DrillId>,
    /// When that drill started.
    pub started: Option<Timestamp>,
    /// Its copies.
    pub copies: Copies,
}

/// 3-2-1-1-0 as five numbers, those of the weakest source of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Copies {
    /// Repositories that hold it.
    pub copies: u32,
    /// Different media.
    pub media: u32,
    /// Copies at another site than the first one.
    pub offsite: u32,
    /// Copies under a lock, or under a separate account.
    pub isolated: u32,
    /// Errors that the last check of these repositories found; `None` while one of them was never checked.
    pub errors: Option<u64>,
}

/// Facts for the one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Every service that has to be recovered, worst first.
    pub services: Vec<ServicePosture>,
}

/// The posture of one service at `now`. `drills` may be in any order and of any service. A drill that was aborted says nothing.
/// `errors`: what the last check of each repository found.
pub fn of_service(
    plan: &Plan,
    service: &Service,
    drills: &[DrillFact],
    errors: &BTreeMap<RepositoryId, u64>,
    now: Timestamp,
) -> ServicePosture {
    let ended = drills.iter().filter(|fact| fact.outcome != Outcome::Aborted && fact.services.contains(&service.id));
    let latest = ended.filter(|fact| fact.started <= now).max_by_key(|fact| fact.started);
    let (posture, reason) = match latest {
        None => (Posture::Never, Some("no drill of it ever came to an end".to_owned())),
        Some(fact) => judge(plan, fact, now),
    };
    ServicePosture {
        service: service.id.clone(),
        posture,
        reason,
        drill: latest.map(|fact| fact.drill.clone()),
        started: latest.map(|fact| fact.started),
        copies: copies(plan, service, errors),
    }
}

fn judge(plan: &Plan, fact: &DrillFact, now: Timestamp) -> (Posture, Option<String>) {
    match fact.outcome {
        Outcome::Fail => return (Posture::Failed, Some(format!("the drill {} failed", fact.drill))),
        Outcome::Void => return (Posture::Failed, Some(format!("the drill {} proved nothing", fact.drill))),
        Outcome::Pass | Outcome::Aborted => {}
    }
    if fact.fingerprint != plan.fingerprint {
        return (Posture::Stale, Some("the plan has changed since the last drill".to_owned()));
    }
    let Some(drill) = plan.drills.get(&fact.drill) else {
        return (Posture::Stale, Some(format!("the drill {} is no longer in the plan", fact.drill)));
    };
    if now > crate::drill::holds_until(drill, fact.started) {
        let cadence = drill.schedule.longest_gap();
        return (Posture::Stale, Some(format!("the last drill is older than its cadence of {}", base::span::human(cadence))));
    }
    (Posture::Proven, None)
}

/// The five numbers of a service: for each of them the weakest among its sources.
pub(crate) fn copies(plan: &Plan, service: &Service, errors: &BTreeMap<RepositoryId, u64>) -> Copies {
    let numbers = service.sources.iter().filter_map(|id| plan.sources.get(id)).map(|source| {
        let places: Vec<_> = source.to.iter().filter_map(|id| plan.repositories.get(id)).collect();
        let media: BTreeSet<&str> = places.iter().map(|place| place.media.as_str()).collect();
        // A place whose site is not told may be beside the first: it counts as no other site.
        let first = places.first().and_then(|place| place.site.as_deref());
        let offsite = places.iter().filter(|place| place.site.is_some() && first.is_some() && place.site.as_deref() != first).count();
        let checked: Option<Vec<u64>> = places.iter().map(|place| errors.get(&place.id).copied()).collect();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Copies {
            copies: count(places.len()),
            media: count(media.len()),
            offsite: count(offsite),
            isolated: count(places.iter().filter(|place| place.is_isolated()).count()),
            errors: checked.map(|found| found.into_iter().fold(0, u64::saturating_add)),
        }
    });
    let weakest = numbers.reduce(|a, b| Copies {
        copies: a.copies.min(b.copies),
        media: a.media.min(b.media),
        offsite: a.offsite.min(b.offsite),
        isolated: a.isolated.min(b.isolated),
        errors: a.errors.zip(b.errors).map(|(a, b)| a.max(b)),
    });
    weakest.unwrap_or(Copies { copies: 0, media: 0, offsite: 0, isolated: 0, errors: None })
}

/// The facts of the one sentence at `now`: services that have data of their own, worst first. What is external is relied on, not recovered.
pub fn answer(plan: &Plan, drills: &[DrillFact], errors: &BTreeMap<RepositoryId, u64>, now: Timestamp) -> Answer {
    let own = plan.services.values().filter(|service| !service.external && !service.sources.is_empty());
    let mut services: Vec<ServicePosture> = own.map(|service| of_service(plan, service, drills, errors, now)).collect();
    let tier = |id: &ServiceId| plan.services.get(id).map(|service| service.tier);
    services.sort_by(|a, b| (b.posture, tier(&b.service), &a.service).cmp(&(a.posture, tier(&a.service), &b.service)));
    Answer { services }
}

impl Answer {
    /// The one sentence: "web can be recovered, but only from one place.", "2 of 3 services are proven recoverable; lims failed its last drill."
    pub fn sentence(&self) -> String {
        let proven = self.services.iter().filter(|one| one.posture == Posture::Proven).count();
        let Some(worst) = self.services.first() else {
            return "The plan names no service whose data is backed up, so nothing is proven.".to_owned();
        };
        let name = &worst.service;
        let but = match worst.posture {
            Posture::Failed => format!("{name} failed its last drill"),
            Posture::Never => format!("{name} was never drilled"),
            Posture::Stale => format!("the proof of {name} is out of date"),
            Posture::Proven => {
                let single = self.services.iter().filter(|one| one.copies.offsite == 0).map(|one| one.service.as_str()).collect::<Vec<_>>();
                return match (self.services.len(), single.len()) {
                    (1, 0) => format!("{name} can be recovered."),
                    (1, _) => format!("{name} can be recovered, but only from one site."),
                    (n, 0) => format!("All {n} services can be recovered."),
                    (n, lone) if n == lone => format!("All {n} services can be recovered, but only from one site."),
                    (n, _) => format!("All {n} services can be recovered, but only from one site: {}.", single.join(", ")),
                };
            }
        };
        match self.services.len() {
            1 => format!("{name} is not proven recoverable: {}.", worst.reason.as_deref().unwrap_or("no proof is known")),
            n => format!("{proven} of {n} services are proven recoverable; {but}."),
        }
    }
}

impl std::fmt::Display for Copies {
    /// "3-2-1-1-0"; "?" for errors that nobody has looked for.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let errors = self.errors.map_or_else(|| "?".to_owned(), |errors| errors.to_string());
        f.pad(&format!("{}-{}-{}-{}-{errors}", self.copies, self.media, self.offsite, self.isolated))
    }
}

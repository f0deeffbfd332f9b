//! Answers "can we recover?" for each service and for the plan, by what drills proved and never by what was ticked.
//!
//! A service is *proven* while its latest drill passed, on the plan as it is now, within its cadence; otherwise it is *stale*, *failed* or *never*
//! drilled. Whatever a drill proved, a service is *lost* while no repository is known to hold the newest restore point of its data whole. `lifeboat status` and the console show it; `orchestrator` gathers the facts from the journal.

use std::collections::{BTreeMap, BTreeSet};

use base::Digest;
use base::id::{DrillId, RepositoryId, ServiceId, SourceId};
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
    /// Of some of its data, no repository is known to hold the newest restore point whole.
    Lost,
}

/// What is wrong with the newest restore point of one source in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Harm {
    /// What, in words: "its newest restore point is damaged in main".
    pub what: String,
    /// The newest older restore point that nothing is known against: its snapshot, and when its data was taken.
    pub whole: Option<(String, Timestamp)>,
}

/// What is known of the repositories, apart from what drills proved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Findings of checks that are not mended, for the last number of 3-2-1-1-0; nothing where no check was made.
    pub errors: BTreeMap<RepositoryId, u64>,
    /// What is wrong with what each repository holds of each source.
    pub harmed: BTreeMap<(SourceId, RepositoryId), Harm>,
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
    /// What is wrong in one repository where another one still has it.
    pub harmed: Option<String>,
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
    /// Findings of checks of these repositories that are not mended; `None` while one of them was never checked.
    pub errors: Option<u64>,
}

/// Facts for the one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Every service that has to be recovered, worst first.
    pub services: Vec<ServicePosture>,
}

/// The posture of one service at `now`. `drills` may be in any order and of any service. A drill that was aborted says nothing.
pub fn of_service(plan: &Plan, service: &Service, drills: &[DrillFact], stored: &Stored, now: Timestamp) -> ServicePosture {
    let ended = drills.iter().filter(|fact| fact.outcome != Outcome::Aborted && fact.services.contains(&service.id));
    let latest = ended.filter(|fact| fact.started <= now).max_by_key(|fact| fact.started);
    let (posture, reason) = match latest {
        None => (Posture::Never, Some("no drill of it ever came to an end".to_owned())),
        Some(fact) => judge(plan, fact, now),
    };
    let harmed = harmed(plan, service, &stored.harmed);
    let (posture, reason) = match lost(plan, service, &stored.harmed) {
        Some(what) => (Posture::Lost, Some(what)),
        None => (posture, reason),
    };
    ServicePosture {
        service: service.id.clone(),
        posture,
        reason,
        harmed,
        drill: latest.map(|fact| fact.drill.clone()),
        started: latest.map(|fact| fact.started),
        copies: copies(plan, service, &stored.errors),
    }
}

/// What is wrong with the newest restore points of a service in any repository.
fn harmed(plan: &Plan, service: &Service, harmed: &BTreeMap<(SourceId, RepositoryId), Harm>) -> Option<String> {
    let pairs =
        service.sources.iter().filter_map(|id| plan.sources.get(id)).flat_map(|source| source.to.iter().map(move |to| (&source.id, to)));
    let words: BTreeSet<&str> =
        pairs.filter_map(|(source, to)| harmed.get(&(source.clone(), to.clone()))).map(|harm| harm.what.as_str()).collect();
    (!words.is_empty()).then(|| words.into_iter().collect::<Vec<_>>().join("; "))
}

/// Why a service cannot be recovered to its newest restore points: data of which every repository is harmed.
fn lost(plan: &Plan, service: &Service, harmed: &BTreeMap<(SourceId, RepositoryId), Harm>) -> Option<String> {
    let mut words = Vec::new();
    for source in service.sources.iter().filter_map(|id| plan.sources.get(id)) {
        let harms: Vec<&Harm> = source.to.iter().filter_map(|to| harmed.get(&(source.id.clone(), to.clone()))).collect();
        let Some(first) = harms.first().filter(|_| harms.len() == source.to.len()) else { continue };
        let whole = harms.iter().filter_map(|harm| harm.whole.as_ref()).max_by_key(|(_, taken)| *taken);
        let older = match whole {
            Some((id, taken)) => {
                let id: String = id.chars().take(8).collect();
                format!("nothing is known against {id} of {}", taken.strftime("%Y-%m-%d %H:%M UTC"))
            }
            None => "no older one is known to be whole".to_owned(),
        };
        words.push(format!("{}: {}; {older}", source.id, first.what));
    }
    (!words.is_empty()).then(|| words.join("; "))
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
pub fn answer(plan: &Plan, drills: &[DrillFact], stored: &Stored, now: Timestamp) -> Answer {
    let own = plan.services.values().filter(|service| !service.external && !service.sources.is_empty());
    let mut services: Vec<ServicePosture> = own.map(|service| of_service(plan, service, drills, stored, now)).collect();
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
            Posture::Lost => format!("{name} cannot be recovered to its newest restore point"),
            Posture::Failed => format!("{name} failed its last drill"),
            Posture::Never => format!("{name} was never drilled"),
            Posture::Stale => format!("the proof of {name} is out of date"),
            Posture::Proven => {
                if let Some(one) = self.services.iter().find(|one| one.harmed.is_some()) {
                    let what = one.harmed.as_deref().unwrap_or_default();
                    return match self.services.len() {
                        1 => format!("{name} can be recovered, but not from every copy: {what}."),
                        n => format!("All {n} services can be recovered, but not from every copy: {}: {what}.", one.service),
                    };
                }
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
            1 if worst.posture == Posture::Lost => {
                format!(
                    "{name} CANNOT be recovered to its newest restore point: {}.",
                    worst.reason.as_deref().unwrap_or("no copy is whole")
                )
            }
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

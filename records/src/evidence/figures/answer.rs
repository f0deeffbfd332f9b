//! The first sentence of a report: can we recover?

use serde::{Deserialize, Serialize};

use super::DrillCounts;
use super::damage::Damage;
use super::service::{ServiceFigures, ServiceState};

/// How many names a sentence lists before it counts the rest.
const MAX_NAMES: usize = 4;

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every service was recovered, in every drill that was planned.
    Yes,
    /// Every service was recovered in its latest drill; not all went well before.
    YesWithLapses,
    /// Some services were recovered; of the others nothing is known.
    InPart,
    /// Nothing was recovered, and nothing failed: there is no proof.
    NotProven,
    /// The latest drill of some service did not recover it within its objectives, or what it would be recovered from is damaged.
    No,
}

/// The answer, in a sentence, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// In one word.
    pub verdict: Verdict,
    /// In a sentence.
    pub sentence: String,
    /// What it rests on: sentences.
    pub because: Vec<String>,
}

/// "1 service", "2 services".
pub(in crate::evidence) fn counted(n: u64, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}

fn names(services: &[&ServiceFigures]) -> String {
    let ids: Vec<&str> = services.iter().map(|figures| figures.service.as_str()).collect();
    match ids.as_slice() {
        [one] => (*one).to_owned(),
        [most @ .., last] if ids.len() <= MAX_NAMES => format!("{} and {last}", most.join(", ")),
        more => {
            let shown: Vec<&str> = more.iter().copied().take(MAX_NAMES - 1).collect();
            format!("{} and {} others", shown.join(", "), more.len() - shown.len())
        }
    }
}

/// The answer that `services` and `drills` give, and the repositories that checks have found damaged: whatever a drill proved before, what
/// is damaged now does not come back.
pub(super) fn answer(services: &[ServiceFigures], drills: DrillCounts, damage: &Damage<'_>) -> Answer {
    let own: Vec<&ServiceFigures> = services.iter().filter(|service| service.state != ServiceState::External).collect();
    let with = |states: &[ServiceState]| -> Vec<&ServiceFigures> {
        own.iter().filter(|service| states.contains(&service.state)).copied().collect()
    };
    let failed = with(&[ServiceState::Failed]);
    let missed = with(&[ServiceState::Missed]);
    let open = with(&[ServiceState::Unproven, ServiceState::NotDrilled]);
    let lapsed = with(&[ServiceState::Lapsed]);
    let stale = with(&[ServiceState::Stale]);
    let gaps = with(&[ServiceState::MetNotAllRun]);
    let lost: Vec<&ServiceFigures> = own.iter().filter(|service| damage.lost.contains(&service.service)).copied().collect();
    let recovered = own.len() - failed.len() - missed.len() - open.len();
    let (verdict, sentence) = if own.is_empty() {
        (Verdict::NotProven, "Not proven: the plan names no service of its own.".to_owned())
    } else if !lost.is_empty() {
        (Verdict::No, format!("No: the newest restore points of {} are damaged or gone.", names(&lost)))
    } else if !failed.is_empty() {
        (Verdict::No, format!("No: the latest drill could not recover {}.", names(&failed)))
    } else if !missed.is_empty() {
        (Verdict::No, format!("Not in time: the latest drill of {} missed an objective.", names(&missed)))
    } else if recovered == 0 {
        (Verdict::NotProven, "Not proven: no drill in this period recovered a service.".to_owned())
    } else if !open.is_empty() {
        (Verdict::InPart, format!("Only in part: {recovered} of {} were recovered in a drill.", counted(own.len() as u64, "service")))
    } else if !lapsed.is_empty() {
        (Verdict::YesWithLapses, format!("Yes, after {} that a later drill made good.", counted(lapsed.len() as u64, "lapse")))
    } else if !stale.is_empty() {
        (Verdict::YesWithLapses, format!("Yes, but the plan has changed since the latest drill of {}.", names(&stale)))
    } else if drills.not_run > 0 {
        (Verdict::YesWithLapses, format!("Yes, but {} not run.", was(drills.not_run, "planned drill")))
    } else if !gaps.is_empty() {
        (Verdict::YesWithLapses, format!("Yes, but a planned drill of {} was cut off and not run again.", names(&gaps)))
    } else if let Some((repository, _)) = damage.open().next() {
        (Verdict::YesWithLapses, format!("Yes, but a check found {repository} damaged, and none has found it mended."))
    } else {
        (Verdict::Yes, "Yes. Every service was recovered in a drill, within its objectives.".to_owned())
    };
    Answer {
        verdict,
        sentence,
        because: because(
            damage,
            recovered,
            own.len(),
            &[
                (&failed, "failed in the latest drill"),
                (&missed, "came back too late or too old in the latest drill"),
                (&open, "not proven by any drill of the period"),
                (&lapsed, "passed in the latest drill, after one that did not"),
                (&stale, "drilled on an earlier version of the plan"),
            ],
            drills,
        ),
    }
}

fn was(n: u64, thing: &str) -> String {
    format!("{} {}", counted(n, thing), if n == 1 { "was" } else { "were" })
}

fn because(
    damage: &Damage<'_>,
    recovered: usize,
    all: usize,
    groups: &[(&Vec<&ServiceFigures>, &str)],
    drills: DrillCounts,
) -> Vec<String> {
    let mut sentences =
        vec![format!("{recovered} of {} recovered within the objectives in the latest drill.", counted(all as u64, "service"))];
    for (repository, at) in damage.open() {
        sentences.push(format!(
            "{repository} is damaged: so the check of {} found, and none that looks as closely has found it mended.",
            at.strftime("%Y-%m-%d %H:%M UTC")
        ));
    }
    for (services, words) in groups {
        if !services.is_empty() {
            sentences.push(format!("{}: {words}.", names(services)));
        }
    }
    if drills.not_run > 0 {
        sentences.push(format!("{} not run.", was(drills.not_run, "planned drill")));
    }
    if drills.aborted > 0 {
        sentences.push(format!("{} cut off.", was(drills.aborted, "drill")));
    }
    if drills.void > 0 {
        sentences.push(format!("{} void: it could not have failed, so it proves nothing.", was(drills.void, "drill")));
    }
    sentences
}

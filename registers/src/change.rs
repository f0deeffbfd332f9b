//! Changes of services: when one began and ended, and the drill that must follow it.

use jiff::Timestamp;
use plans::Plan;
use records::drill::Verdict;

use crate::Facts;
use crate::ledger::{Kept, field};
use crate::matter::{Kind, Matter};

/// The services of a change for which no drill passed since it ended.
pub fn unproven(plan: &Plan, facts: &Facts, kept: &Kept, now: Timestamp) -> Vec<base::id::ServiceId> {
    let Some(ended) = kept.parsed::<Timestamp>("ended") else { return Vec::new() };
    let proven = |service: &base::id::ServiceId| {
        let covering = plan.drills.values().filter(|drill| plan.recovery_order(drill).contains(service));
        covering.filter_map(|drill| facts.last_verdict_by(&drill.id, now)).any(|run| run.verdict == Verdict::Pass && run.started >= ended)
    };
    field::services(kept.text("services")).into_iter().filter(|service| !proven(service)).collect()
}

/// Changes that ended and that no drill has proven since.
pub fn late(plan: &Plan, facts: &Facts, now: Timestamp) -> Vec<Matter> {
    let late = |kept: &Kept| {
        let since = kept.parsed::<Timestamp>("ended").filter(|ended| *ended <= now)?;
        let services = unproven(plan, facts, kept, now);
        let drill = plan.drills.values().find(|drill| plan.recovery_order(drill).iter().any(|id| services.contains(id)));
        let names: Vec<String> = services.iter().map(ToString::to_string).collect();
        (!services.is_empty()).then(|| Matter {
            kind: Kind::ChangeUnproven,
            object: kept.id.clone(),
            since,
            owner: field::contact(kept.text("owner")).or_else(|| plan.owner.clone()),
            what: format!("{}: no drill of {} has passed since", kept.text("title").unwrap_or_default(), names.join(", ")),
            todo: drill.map_or_else(|| "add a drill of it to the plan".to_owned(), |drill| format!("lifeboat drill run {}", drill.id)),
        })
    };
    facts.ledger.live("change").filter_map(late).collect()
}

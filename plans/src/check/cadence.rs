//! Whether drills run as often as the standards ask that the plan wants to answer.

use std::collections::BTreeMap;
use std::time::Duration;

use base::id::ServiceId;
use base::span::human;

use super::Context;
use crate::plan::Drill;
use crate::rules::meaning as rules;

/// A standard that says how often recovery is tested at least.
struct Asks {
    /// How `evidence.map` may call it.
    names: &'static [&'static str],
    /// What people call the clause.
    clause: &'static str,
    /// "each quarter"
    word: &'static str,
    /// The longest such stretch on the calendar, and a day for changes of the clock.
    at_most: Duration,
}

/// Others ask for planned intervals, or for those that the organisation sets: that is what the schedule of a drill is.
const ASKS: [Asks; 2] = [
    Asks { names: &["cis", "cis8", "cis-controls"], clause: "CIS 11.5", word: "each quarter", at_most: days(92 + 1) },
    Asks { names: &["dora"], clause: "DORA, article 11,", word: "each year", at_most: days(366 + 1) },
];

const fn days(n: u64) -> Duration {
    Duration::from_hours(24 * n)
}

pub(super) fn check(context: &mut Context<'_>) {
    let plan = context.plan;
    if context.faults.has(&rules::CYCLE) || !context.sound("evidence/map") {
        return;
    }
    let chosen = |asks: &&Asks| plan.evidence.map.keys().any(|name| asks.names.contains(&name.to_ascii_lowercase().as_str()));
    let Some(asks) = ASKS.iter().filter(chosen).min_by_key(|asks| asks.at_most) else { return };
    for (id, (gap, drill)) in densest(context) {
        let place = format!("drills/{}/schedule", drill.id);
        if gap > asks.at_most && context.sound(&format!("drills/{}", drill.id)) {
            let what = format!("up to {} pass between two drills of {id}, {} asks for one {}", human(gap), asks.clause, asks.word);
            context.at_value(&rules::RARE_DRILL, &place, what).hint = Some(format!("let a drill of {id} run more often"));
        }
    }
}

/// For each service with data the drill that recovers it most often, and how often that is. What no drill recovers is told elsewhere.
fn densest<'a>(context: &Context<'a>) -> BTreeMap<&'a ServiceId, (Duration, &'a Drill)> {
    let plan = context.plan;
    let mut drills: Vec<(Duration, &Drill)> =
        plan.drills.values().filter(|drill| !drill.is_tabletop()).map(|drill| (drill.schedule.longest_gap(), drill)).collect();
    drills.sort_by_key(|(gap, drill)| (*gap, &drill.id));
    let mut found: BTreeMap<&ServiceId, (Duration, &Drill)> = BTreeMap::new();
    for (gap, drill) in drills {
        // What a denser drill has reached, it has reached with all that it needs: nothing is walked twice.
        let mut stack: Vec<&ServiceId> = drill.services.iter().collect();
        while let Some(id) = stack.pop() {
            let Some(service) = plan.services.get(id).filter(|service| !service.external && !found.contains_key(id)) else { continue };
            found.insert(id, (gap, drill));
            stack.extend(&service.needs);
        }
    }
    found.retain(|id, _| plan.services.get(*id).is_some_and(|service| !service.sources.is_empty()));
    found
}

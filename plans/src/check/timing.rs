//! Schedules: whether they fire, and whether they meet the RPO.

use std::collections::HashMap;
use std::time::Duration;

use base::span::human;
use jiff::tz::TimeZone;

use super::Context;
use crate::plan::Source;
use crate::rules::meaning as rules;
use crate::schedule::Schedule;

/// Schedules that are well formed and match no day.
pub(super) fn never_fires(context: &mut Context<'_>) {
    let plan = context.plan;
    let sources = plan.sources.keys().map(|id| format!("sources/{id}/schedule"));
    let drills = plan.drills.keys().map(|id| format!("drills/{id}/schedule"));
    // Few schedules are written often in a large plan, and each is looked at once.
    let mut known: HashMap<&str, bool> = HashMap::new();
    for path in sources.chain(drills).collect::<Vec<_>>() {
        let Some(text) = context.places.text(&path) else { continue };
        let never = || Schedule::parse(text, &TimeZone::UTC).is_err_and(|error| error.never_fires);
        if *known.entry(text).or_insert_with(never) {
            let what = format!("the schedule \"{text}\" never fires: no day of the calendar matches it");
            context.at_value(&rules::NEVER_FIRES, &path, what).hint = Some("correct the day or the month".to_owned());
        }
    }
}

pub(super) fn check(context: &mut Context<'_>) {
    let plan = context.plan;
    let mut gaps = HashMap::new();
    for (id, source) in &plan.sources {
        let sound = ["schedule", "expect_run", "rpo"].iter().all(|key| context.sound(&format!("sources/{id}/{key}")));
        if sound && context.places.text(&format!("sources/{id}/schedule")).is_some() {
            rpo(context, source, &mut gaps);
        }
    }
}

fn rpo<'a>(context: &mut Context<'a>, source: &'a Source, gaps: &mut HashMap<&'a str, (Duration, Duration)>) {
    let Some(rpo) = context.rpo_of(source) else { return };
    let id = &source.id;
    let whose = match (source.rpo, context.users_of(id).iter().find(|service| service.objectives.rpo == Some(rpo))) {
        (None, Some(service)) if context.sound(&format!("services/{}/objectives", service.id)) => format!("of {} ", service.id),
        (None, _) => return,
        (Some(_), _) => String::new(),
    };
    let path = format!("sources/{id}/schedule");
    let run = source.expect_run.at_least();
    let (usual, longest) =
        *gaps.entry(source.schedule.text()).or_insert_with(|| (source.schedule.usual_gap(), source.schedule.longest_gap()));
    let worst = |gap: Duration| human(gap.saturating_add(run));
    let taken = if context.places.text(&format!("sources/{id}/expect_run")).is_some() { "" } else { ", as expect_run is not set" };
    if usual.saturating_add(run) > rpo.at_least() {
        let what = format!("{id} cannot meet the RPO {whose}of {rpo}: up to {} of data could be lost", worst(usual));
        let fault = context.at_value(&rules::RPO_UNREACHABLE, &path, what);
        fault.why = Some(format!("{} between two runs, and {} for a run{taken}", human(usual), human(run)));
        fault.hint = Some("back up more often, or promise a longer RPO".to_owned());
        return;
    }
    if longest.saturating_add(run) > rpo.at_least() {
        let what = format!("{id} misses the RPO {whose}of {rpo} in the night when clocks change: up to {} of data", worst(longest));
        let fault = context.at_value(&rules::RPO_CLOCK_CHANGE, &path, what);
        fault.why = Some(format!("{} between two runs in that night, and {} for a run{taken}", human(longest), human(run)));
        fault.hint = Some("choose a denser schedule, or one that leaves the hour open (* in the second field)".to_owned());
    }
}

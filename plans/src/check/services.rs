//! Services: circles, recovery times against each other and against the tolerable outage, impact tables.

use std::collections::{BTreeSet, HashMap};

use base::id::ServiceId;

use super::Context;
use crate::rules::meaning as rules;

pub(super) fn check(context: &mut Context<'_>) {
    circles(context);
    slow_needs(context);
    tolerable_outage(context);
    impact(context);
    places(context);
}

/// Each circle is told once, at the first service of it in the order of names.
fn circles(context: &mut Context<'_>) {
    let plan = context.plan;
    let mut done: BTreeSet<&ServiceId> = BTreeSet::new();
    for start in plan.services.keys() {
        let mut path: Vec<&ServiceId> = Vec::new();
        let mut depth: HashMap<&ServiceId, usize> = HashMap::new();
        // A walk of its own stack: services that were finished are never walked again, so that the time stays linear.
        let mut stack: Vec<(&ServiceId, bool)> = vec![(start, false)];
        while let Some((id, leaving)) = stack.pop() {
            if leaving {
                path.pop();
                depth.remove(id);
                done.insert(id);
                continue;
            }
            if let Some(from) = depth.get(id) {
                let names: Vec<&str> = path.iter().skip(*from).map(|id| id.as_str()).chain([id.as_str()]).collect();
                let what = format!("services need each other in a circle: {}", way(&names));
                let fault = context.at_key(&rules::CYCLE, &format!("services/{id}/needs"), what);
                fault.why = Some("none of them could be recovered first".to_owned());
                fault.hint = Some("remove the need that does not hold for recovery".to_owned());
                continue;
            }
            if done.contains(id) {
                continue;
            }
            depth.insert(id, path.len());
            path.push(id);
            stack.push((id, true));
            let needs = plan.services.get(id).map_or(&[][..], |service| &service.needs).iter();
            stack.extend(needs.filter(|need| plan.services.contains_key(*need)).map(|need| (need, false)));
        }
    }
}

/// "a needs b needs a"; a long way by its beginning and its end.
fn way(names: &[&str]) -> String {
    match names {
        [first, second, third, middle @ .., last] if middle.len() > 8 => {
            format!("{first} needs {second} needs {third} needs … {} more … needs {last}", middle.len())
        }
        _ => names.join(" needs "),
    }
}

fn slow_needs(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, service) in &plan.services {
        let Some(rto) = service.objectives.rto else { continue };
        for (n, need) in service.needs.iter().enumerate() {
            let Some(slower) = plan.services.get(need).and_then(|need| need.objectives.rto) else { continue };
            if slower.at_least() > rto.at_least() && context.sound(&format!("services/{id}/objectives")) {
                let what = format!("{id} promises to be back in {rto}, but needs {need}, which may take {slower}");
                let fault = context.at_value(&rules::SLOW_NEED, &format!("services/{id}/needs/{n}"), what);
                fault.hint = Some(format!("give {need} an RTO of at most {rto}, or {id} one of at least {slower}"));
            }
        }
    }
}

fn tolerable_outage(context: &mut Context<'_>) {
    let plan = context.plan;
    for (id, service) in &plan.services {
        let (Some(rto), Some(mtpd)) = (service.objectives.rto, &service.mtpd) else { continue };
        let sound = context.sound(&format!("services/{id}/objectives")) && context.sound(&format!("services/{id}/impact"));
        if sound && rto.at_least() >= mtpd.after.at_least() {
            let what = format!("the RTO of {id} is {rto}, but after {} the {} impact is intolerable", mtpd.after, mtpd.category);
            let fault = context.at_value(&rules::RTO_BEYOND_MTPD, &format!("services/{id}/objectives/rto"), what);
            fault.hint = Some(format!("promise recovery in less than {}", mtpd.after));
        }
    }
}

fn impact(context: &mut Context<'_>) {
    let plan = context.plan;
    if plan.impact_scale.levels.len() != 5 && context.sound("impact_scale/levels") {
        let what = format!("the impact scale has {} levels in place of 5", plan.impact_scale.levels.len());
        context.at_value(&rules::BAD_IMPACT, "impact_scale/levels", what).hint = Some("name five levels, the least harm first".to_owned());
    }
    for (id, service) in &plan.services {
        for (category, levels) in &service.impact {
            let path = format!("services/{id}/impact/{category}");
            if !plan.impact_scale.categories.contains(category) && context.sound("impact_scale/categories") {
                let known = plan.impact_scale.categories.join(", ");
                let fault = context.at_key(&rules::BAD_IMPACT, &path, format!("\"{category}\" is no category of the impact scale"));
                fault.hint = Some(format!("it has {known}"));
            }
            if context.sound(&path) && !levels.is_sorted_by_key(|(_, level)| *level) {
                let fault =
                    context.at_key(&rules::BAD_IMPACT, &path, format!("the {category} impact of {id} shrinks while the outage lasts"));
                fault.hint = Some("let the levels stay or grow with time".to_owned());
            }
        }
    }
}

/// Two repositories at one place would be one copy.
fn places(context: &mut Context<'_>) {
    let plan = context.plan;
    let mut seen: HashMap<String, &base::id::RepositoryId> = HashMap::new();
    for (id, repository) in &plan.repositories {
        let path = format!("repositories/{id}/url");
        if !context.sound(&path) || context.places.text(&path).is_none() {
            continue;
        }
        let mut place = repository.url.to_string();
        if let crate::plan::Url::S3 { endpoint: Some(endpoint), .. } = &repository.url {
            place = format!("{place} at {endpoint}");
        }
        match seen.get(&place) {
            Some(first) => {
                let what = format!("{id} is at the same place as {first}");
                let fault = context.at_value(&rules::SAME_PLACE, &path, what);
                fault.hint = Some("two copies at one place are one copy".to_owned());
            }
            None => drop(seen.insert(place, id)),
        }
    }
}

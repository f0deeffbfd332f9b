//! Compares two plans: what differs, whether it is material, and what it does to the promises.
//!
//! `lifeboat plan diff` asks. Parts are compared as they are understood, so that a default that is now written out is no difference here, though it
//! may still call for a review: that is decided by the fingerprint, which is taken from the text.

use std::collections::BTreeSet;
use std::time::Duration;

use base::id::ServiceId;
use base::span::human;
use serde::Serialize;
use serde_json::Value;

use crate::fingerprint::MATERIAL;
use crate::plan::{Occasion, Service};
use crate::{Plan, posture, workflow};

/// What differs between two plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Whether a review that signed the old plan does not cover the new one.
    pub needs_review: bool,
    /// Each place that differs, in the order of sections.
    pub changes: Vec<Change>,
    /// What the changes do to the promises of services.
    pub effects: Vec<Effect>,
}

/// One place that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Path of keys: "sources/orders/schedule".
    pub place: String,
    /// Whether reviews sign for its section.
    pub material: bool,
    /// What it was; nothing where it is new.
    pub old: Option<Value>,
    /// What it is now; nothing where it is gone.
    pub new: Option<Value>,
}

/// What a change does to one promise of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// Whose.
    pub service: ServiceId,
    /// Which: "RTO promised", "RPO promised", "data lost at most", "recovery takes", "copies", "RPO kept".
    pub what: &'static str,
    /// Before.
    pub old: Option<String>,
    /// After.
    pub new: Option<String>,
    /// Whether the new is worse than the old; nothing where that cannot be said.
    pub worse: Option<bool>,
}

/// What differs from `old` to `new`.
pub fn between(old: &Plan, new: &Plan) -> Difference {
    let (before, after) = (as_value(old), as_value(new));
    let mut changes = Vec::new();
    // What calls for a review is what either of the two plans says.
    let material = |place: &str| [old, new].iter().any(|plan| signs_for(plan, place));
    let sections: BTreeSet<&String> = before.as_object().into_iter().chain(after.as_object()).flat_map(serde_json::Map::keys).collect();
    for section in sections.into_iter().filter(|section| *section != "fingerprint") {
        let name = if section == "id" { "plan" } else { section };
        compare(name, before.get(section), after.get(section), &material, &mut changes);
    }
    Difference { needs_review: old.fingerprint != new.fingerprint, changes, effects: effects(old, new) }
}

fn as_value(plan: &Plan) -> Value {
    serde_json::to_value(plan).unwrap_or_default() // a plan has no keys but texts, so that it always becomes a value
}

fn signs_for(plan: &Plan, place: &str) -> bool {
    let chosen = &plan.review.on_change;
    let section = place.split('/').next().unwrap_or_default();
    MATERIAL.contains(&section)
        && (chosen.is_empty() || section == "review" || chosen.iter().any(|name| name == section) || makes_a_signer(plan, place))
}

/// The key and the roles of a contact who signs are always reviewed.
fn makes_a_signer(plan: &Plan, place: &str) -> bool {
    let parts: Vec<&str> = place.split('/').collect();
    let ["contacts", id, rest @ ..] = parts.as_slice() else { return false };
    let signs = plan.contacts.get(*id).is_some_and(|contact| contact.ssh_key.is_some());
    signs && rest.first().is_none_or(|key| ["roles", "ssh_key"].contains(key))
}

fn compare(place: &str, old: Option<&Value>, new: Option<&Value>, material: &dyn Fn(&str) -> bool, changes: &mut Vec<Change>) {
    let (old, new) = (old.filter(|value| !is_nothing(value)), new.filter(|value| !is_nothing(value)));
    if old == new {
        return;
    }
    match (old, new) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            for key in before.keys().chain(after.keys()).filter(|key| *key != "id").collect::<BTreeSet<_>>() {
                compare(&format!("{place}/{key}"), before.get(key), after.get(key), material, changes);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) if named(before) && named(after) => {
            let id = |value: &Value| value.get("id").and_then(Value::as_str).map(str::to_owned);
            let find = |list: &[Value], wanted: &str| list.iter().find(|value| id(value).as_deref() == Some(wanted)).cloned();
            let order = |list: &[Value]| list.iter().filter_map(id).collect::<Vec<_>>();
            let ids: BTreeSet<String> = before.iter().chain(after).filter_map(id).collect();
            let first = changes.len();
            for wanted in &ids {
                compare(&format!("{place}/{wanted}"), find(before, wanted).as_ref(), find(after, wanted).as_ref(), material, changes);
            }
            if changes.len() == first {
                let list = |list| Some(Value::from(order(list)));
                changes.push(Change { place: place.to_owned(), material: material(place), old: list(before), new: list(after) });
            }
        }
        _ => changes.push(Change { place: place.to_owned(), material: material(place), old: old.cloned(), new: new.cloned() }),
    }
}

/// Parts with names of their own, each once.
fn named(list: &[Value]) -> bool {
    let ids: BTreeSet<&str> = list.iter().filter_map(|value| value.get("id").and_then(Value::as_str)).collect();
    ids.len() == list.len()
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        _ => false,
    }
}

/// The promises of a service, and what the plan can keep of them.
#[derive(Debug, Default)]
struct Promises {
    rto: Option<Duration>,
    rpo: Option<Duration>,
    lost: Option<Duration>,
    takes: Option<Duration>,
    copies: Option<[u32; 4]>,
    kept: Option<bool>,
}

fn promises(plan: &Plan, service: &Service) -> Promises {
    let sources = || service.sources.iter().filter_map(|id| plan.sources.get(id));
    let lost = |source: &crate::plan::Source| source.schedule.usual_gap().saturating_add(source.expect_run.at_least());
    let flows = plan.workflows.values().filter(|flow| flow.services.contains(&service.id));
    let promised = |source: &crate::plan::Source| source.rpo.or(service.objectives.rpo);
    let kept: Vec<bool> = sources().filter_map(|source| Some(lost(source) <= promised(source)?.at_least())).collect();
    let copies = posture::copies(plan, service, &std::collections::BTreeMap::new());
    Promises {
        rto: service.objectives.rto.map(base::Span::at_least),
        rpo: service.objectives.rpo.map(base::Span::at_least),
        lost: sources().map(lost).max(),
        takes: flows.filter_map(|flow| workflow::critical_path(flow, Occasion::Recovery).ok()).map(|path| path.takes).max(),
        copies: sources().next().map(|_| [copies.copies, copies.media, copies.offsite, copies.isolated]),
        kept: (!kept.is_empty()).then(|| kept.iter().all(|kept| *kept)),
    }
}

fn effects(old: &Plan, new: &Plan) -> Vec<Effect> {
    let ids: BTreeSet<&ServiceId> = old.services.keys().chain(new.services.keys()).collect();
    let mut effects = Vec::new();
    for id in ids {
        let of = |plan: &Plan| plan.services.get(id).map(|service| promises(plan, service)).unwrap_or_default();
        let (before, after) = (of(old), of(new));
        for (what, old, new) in [
            ("RTO promised", before.rto, after.rto),
            ("RPO promised", before.rpo, after.rpo),
            ("data lost at most", before.lost, after.lost),
            ("recovery takes", before.takes, after.takes),
        ] {
            // To promise nothing is worse than any promise, and to lose or take an unknown time is not better than a known one.
            let worse = Some(old.zip(new).map_or(new.is_none(), |(old, new)| new > old));
            add(&mut effects, id, what, old.map(human), new.map(human), worse);
        }
        let words = |copies: [u32; 4]| copies.map(|n| n.to_string()).join("-");
        let fewer = |new: [u32; 4]| before.copies.is_some_and(|old| old.iter().zip(new).any(|(old, new)| new < *old));
        let worse = Some(after.copies.map_or(before.copies.is_some(), fewer));
        add(&mut effects, id, "copies", before.copies.map(words), after.copies.map(words), worse);
        let word = |kept: bool| if kept { "yes" } else { "no" }.to_owned();
        add(&mut effects, id, "RPO kept", before.kept.map(word), after.kept.map(word), Some(after.kept != Some(true)));
    }
    effects
}

fn add(effects: &mut Vec<Effect>, id: &ServiceId, what: &'static str, old: Option<String>, new: Option<String>, worse: Option<bool>) {
    if old != new {
        effects.push(Effect { service: id.clone(), what, old, new, worse });
    }
}

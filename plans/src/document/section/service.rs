//! `services` and `impact_scale`: what the organisation relies on, and how long it can go without.

use std::collections::BTreeMap;

use base::Span;
use base::id::ServiceId;

use super::super::formats::{ID, LONG_SPAN, WORD};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::{MAYBE_NAMES, list, parsed, span, text, truth};
use crate::plan::{ImpactScale, Mtpd, Objectives, Service, Tier, Workaround};

pub(crate) static SERVICE: Record = Record {
    name: "a service",
    fields: &[
        optional("title", Type::Text, "what people call it"),
        optional("process", Type::Text, "the process of the business that it serves"),
        optional("owner", Type::Format(&ID), "the contact who answers for it"),
        optional("tier", Type::Word(&["low", "moderate", "high"]), "how much depends on it; moderate unless set"),
        optional("external", Type::Truth, "run by someone else: relied on, not recovered"),
        optional("needs", MAYBE_NAMES, "services that must run before this one can"),
        optional("objectives", Type::Record(&OBJECTIVES), "what recovery has to reach"),
        optional("impact", Type::Map { key: &WORD, of: &IMPACT }, "level of harm, 1 to 5, that an outage reaches after a time"),
        optional("peak", Type::Text, "when an outage hurts most, in words"),
        optional("workaround", Type::Record(&WORKAROUND), "how people go on without it"),
        optional("sources", MAYBE_NAMES, "data that it needs back"),
    ],
    one_of: &[],
};
static WORKAROUND: Record = Record {
    name: "a workaround",
    fields: &[
        required("form", Type::Text, "what people do, in words"),
        optional("holds_for", Type::Format(&LONG_SPAN), "how long that works"),
    ],
    one_of: &[],
};
static IMPACT: Type = Type::Map { key: &LONG_SPAN, of: &Type::Integer { min: 1, max: 5 } };

static OBJECTIVES: Record = Record {
    name: "objectives",
    fields: &[
        optional("rto", Type::Format(&LONG_SPAN), "longest time from the outage to the confirmed service"),
        optional("rpo", Type::Format(&LONG_SPAN), "longest time of data that may be lost"),
        optional("minimum", Type::Text, "the least service that counts as recovered"),
    ],
    one_of: &[],
};

pub(crate) static IMPACT_SCALE: Record = Record {
    name: "the impact scale",
    fields: &[
        optional("levels", Type::List { of: &Type::Format(&WORD), least: 5 }, "five words, mildest first"),
        optional("intolerable", Type::Integer { min: 1, max: 5 }, "the level that cannot be tolerated; 4 unless set"),
        optional("categories", Type::List { of: &Type::Format(&WORD), least: 1 }, "kinds of harm"),
    ],
    one_of: &[],
};

pub(crate) fn read(id: ServiceId, node: &Node) -> Service {
    let objectives = node.get("objectives").map_or_else(Objectives::default, |node| Objectives {
        rto: span(node, "rto"),
        rpo: span(node, "rpo"),
        minimum: text(node, "minimum"),
    });
    let impact = node.get("impact").map_or(&[][..], Node::entries).iter();
    Service {
        title: text(node, "title").unwrap_or_else(|| id.to_string()),
        id,
        process: text(node, "process"),
        owner: parsed(node, "owner"),
        tier: match node.get("tier").and_then(Node::text) {
            Some("low") => Tier::Low,
            Some("high") => Tier::High,
            _ => Tier::Moderate,
        },
        external: truth(node, "external", false),
        needs: list(node, "needs"),
        objectives,
        impact: impact.map(|entry| (entry.key.clone(), levels(&entry.value))).collect(),
        mtpd: None,
        peak: text(node, "peak"),
        workaround: node
            .get("workaround")
            .map(|node| Workaround { form: text(node, "form").unwrap_or_default(), holds_for: span(node, "holds_for") }),
        sources: list(node, "sources"),
    }
}

/// The levels of a category in order of time.
fn levels(node: &Node) -> Vec<(Span, u8)> {
    let entries = node.entries().iter();
    let mut levels: Vec<(Span, u8)> =
        entries.filter_map(|entry| Some((entry.key.parse().ok()?, entry.value.text()?.parse().ok()?))).collect();
    levels.sort_by_key(|(span, _)| span.at_least());
    levels
}

/// Derives the MTPD of each service: the first time at which any category reaches the intolerable level.
pub(crate) fn with_mtpd(mut services: BTreeMap<ServiceId, Service>, scale: &ImpactScale) -> BTreeMap<ServiceId, Service> {
    for service in services.values_mut() {
        let first = |levels: &[(Span, u8)]| levels.iter().find(|(_, level)| *level >= scale.intolerable).map(|(after, _)| *after);
        let reached = service.impact.iter().filter_map(|(category, levels)| Some((first(levels)?, category)));
        service.mtpd =
            reached.min_by_key(|(after, _)| after.at_least()).map(|(after, category)| Mtpd { after, category: category.clone() });
    }
    services
}

pub(crate) fn read_scale(node: &Node) -> ImpactScale {
    let default = ImpactScale::default();
    let or = |read: Vec<String>, default: Vec<String>| if read.is_empty() { default } else { read };
    ImpactScale {
        levels: or(list(node, "levels"), default.levels),
        intolerable: parsed(node, "intolerable").unwrap_or(default.intolerable),
        categories: or(list(node, "categories"), default.categories),
    }
}

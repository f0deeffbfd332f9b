//! The sections of a plan, one file each: their shape, and how they become types.

pub(crate) mod alert;
pub(crate) mod contact;
pub(crate) mod drill;
pub(crate) mod hold;
pub(crate) mod incident;
pub(crate) mod knowledge;
pub(crate) mod repository;
pub(crate) mod review;
pub(crate) mod roster;
pub(crate) mod service;
pub(crate) mod source;
pub(crate) mod threat;
pub(crate) mod workflow;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use base::{Digest, Span};
use jiff::tz::TimeZone;

use super::formats::{ENV_NAME, ID, PATH, ZONE};
use super::node::Node;
use super::shape::{Field, Record, Type, optional, required};
use crate::Plan;
use crate::plan::SecretRef;

/// The whole document.
pub(crate) static ROOT: Record = Record {
    name: "a plan",
    fields: &[
        required("lifeboat", Type::Integer { min: 1, max: 1 }, "version of the plan language, 1"),
        required("plan", Type::Format(&ID), "name of the plan"),
        optional("title", Type::Text, "what people call it"),
        optional("scope", Type::Text, "what it covers and what not"),
        optional("owner", Type::Format(&ID), "the contact who answers for it"),
        optional("timezone", Type::Format(&ZONE), "zone of schedules and calendar spans; UTC unless set"),
        optional("activate", Type::Record(&roster::ACTIVATION), "when the plan is activated, and by whom"),
        optional("stand_down", Type::Record(&roster::ACTIVATION), "when it is stood down, and by whom"),
        optional("contacts", map(&Type::Record(&contact::CONTACT)), "people and suppliers"),
        optional("roster", map(&Type::Record(&roster::SHIFT)), "who is on call when"),
        optional("impact_scale", Type::Record(&service::IMPACT_SCALE), "the scale that impacts and threats share"),
        optional("services", map(&Type::Record(&service::SERVICE)), "what the organisation relies on"),
        required("repositories", map(&Type::Record(&repository::REPOSITORY)), "where copies live"),
        required("recovery_keys", map(&Type::Record(&repository::RECOVERY_KEY)), "keys that open what was backed up"),
        required("sources", map(&Type::Record(&source::SOURCE)), "data that is backed up"),
        optional("copies", map(&Type::Record(&source::COPIES)), "named lists of repositories"),
        optional("retention", map(&Type::Record(&source::RETENTION)), "named rules for how long copies are kept"),
        optional("legal_hold", Type::List { of: &Type::Record(&hold::HOLD), least: 0 }, "restore points that must not go"),
        optional("drills", map(&Type::Record(&drill::DRILL)), "recoveries that are practised"),
        optional("threats", map(&Type::Record(&threat::THREAT)), "the threat register"),
        optional("appetite", Type::Record(&threat::APPETITE), "how much residual risk is accepted"),
        optional("workflows", map(&Type::Record(&workflow::WORKFLOW)), "how services are brought back, step by step"),
        optional("incidents", Type::Record(&incident::INCIDENTS), "how incidents are handled"),
        optional("feedback", Type::Record(&incident::FEEDBACK), "how feedback is handled"),
        optional("knowledge", Type::Record(&knowledge::KNOWLEDGE), "where the articles of the knowledge base lie"),
        optional("alerts", Type::Record(&alert::ALERTS), "who is told of what"),
        optional("review", Type::Record(&review::REVIEW), "how often people look at the plan, and who signs"),
        optional("evidence", Type::Record(&review::EVIDENCE), "how evidence is signed and kept"),
        optional(
            "waivers",
            Type::List { of: &Type::Record(&hold::WAIVER), least: 0 },
            "rules that are let pass, where, by whom and until when",
        ),
    ],
    one_of: &[],
};

const fn map(of: &'static Type) -> Type {
    Type::Map { key: &ID, of }
}

/// A list of names.
pub(crate) static NAMES: Type = Type::List { of: &Type::Format(&ID), least: 1 };
/// A list that may be empty.
pub(crate) static MAYBE_NAMES: Type = Type::List { of: &Type::Format(&ID), least: 0 };
/// A list of texts.
pub(crate) static TEXTS: Type = Type::List { of: &Type::Text, least: 0 };
/// A program and its arguments.
pub(crate) static COMMAND: Type = Type::List { of: &Type::Text, least: 1 };

/// Where a secret is found.
pub(crate) static SECRET_REF: Record =
    Record { name: "a reference to a secret", fields: &SECRET_FIELDS, one_of: &["file", "env", "credential"] };
static SECRET_FIELDS: [Field; 3] = [
    optional("file", Type::Format(&PATH), "a file, mode 0600"),
    optional("env", Type::Format(&ENV_NAME), "an environment variable"),
    optional("credential", Type::Format(&ID), "a systemd credential"),
];

/// Reads what was checked. What is missing or faulty gets a default; the faults keep the plan from being used.
pub(crate) fn read(root: &Node, fingerprint: Digest) -> Option<Plan> {
    let id = parsed(root, "plan").or_else(|| "plan".parse().ok())?;
    let timezone = root.get("timezone").and_then(Node::text).and_then(|name| TimeZone::get(name).ok()).unwrap_or(TimeZone::UTC);
    let repositories: BTreeMap<_, _> = keyed(root, "repositories", repository::read);
    let copies = root.get("copies").map_or(&[][..], Node::entries).iter();
    let copies: BTreeMap<_, _> = copies.map(|entry| (entry.key.clone(), source::read_copies(&entry.value))).collect();
    let impact_scale = root.get("impact_scale").map(service::read_scale).unwrap_or_default();
    let everywhere: Vec<_> = repositories.keys().cloned().collect();
    Some(Plan {
        title: text(root, "title").unwrap_or_else(|| format!("{id}")),
        id,
        scope: text(root, "scope"),
        owner: parsed(root, "owner"),
        activate: root.get("activate").map(roster::read_activation),
        stand_down: root.get("stand_down").map(roster::read_activation),
        contacts: keyed(root, "contacts", contact::read),
        roster: keyed(root, "roster", roster::read),
        services: service::with_mtpd(keyed(root, "services", service::read), &impact_scale),
        impact_scale,
        repositories,
        recovery_keys: keyed(root, "recovery_keys", repository::read_key),
        sources: keyed(root, "sources", |id, node| source::read(id, node, &timezone, &copies, &everywhere)),
        copies,
        retention: keyed(root, "retention", source::read_retention),
        legal_hold: root.get("legal_hold").map(hold::read).unwrap_or_default(),
        drills: keyed(root, "drills", |id, node| drill::read(id, node, &timezone)),
        threats: keyed(root, "threats", threat::read),
        appetite: root.get("appetite").map(threat::read_appetite),
        workflows: keyed(root, "workflows", workflow::read),
        incidents: root.get("incidents").map(incident::read).unwrap_or_default(),
        feedback: root.get("feedback").map(incident::read_feedback).unwrap_or_default(),
        knowledge: root.get("knowledge").map(knowledge::read).unwrap_or_default(),
        alerts: root.get("alerts").map(|node| alert::read(node, &timezone)).unwrap_or_default(),
        review: root.get("review").map(review::read).unwrap_or_default(),
        evidence: root.get("evidence").map(review::read_evidence).unwrap_or_default(),
        waivers: root.get("waivers").map(hold::read_waivers).unwrap_or_default(),
        timezone,
        fingerprint,
    })
}

/// The text behind a key.
pub(crate) fn text(node: &Node, key: &str) -> Option<String> {
    node.get(key).and_then(Node::text).map(str::to_owned)
}

/// The text behind a key as a type; `None` where it is no such thing, which the shape has told already.
pub(crate) fn parsed<T: FromStr>(node: &Node, key: &str) -> Option<T> {
    node.get(key).and_then(Node::text).and_then(|text| text.parse().ok())
}

/// The items behind a key as a type.
pub(crate) fn list<T: FromStr>(node: &Node, key: &str) -> Vec<T> {
    node.get(key).map_or(&[][..], Node::items).iter().filter_map(Node::text).filter_map(|text| text.parse().ok()).collect()
}

/// The paths behind a key.
pub(crate) fn paths(node: &Node, key: &str) -> Vec<PathBuf> {
    list::<String>(node, key).into_iter().map(PathBuf::from).collect()
}

/// Whether "true" stands behind a key.
pub(crate) fn truth(node: &Node, key: &str, unless_set: bool) -> bool {
    node.get(key).and_then(Node::text).map_or(unless_set, |text| text == "true")
}

/// The span behind a key.
pub(crate) fn span(node: &Node, key: &str) -> Option<Span> {
    parsed(node, key)
}

/// A mapping from ids to parts.
pub(crate) fn keyed<I: FromStr + Ord + Clone, T>(node: &Node, key: &str, read: impl Fn(I, &Node) -> T) -> BTreeMap<I, T> {
    let entries = node.get(key).map_or(&[][..], Node::entries).iter();
    entries.filter_map(|entry| entry.key.parse::<I>().ok().map(|id| (id.clone(), read(id, &entry.value)))).collect()
}

/// A reference to a secret.
pub(crate) fn secret(node: &Node) -> Option<SecretRef> {
    text(node, "file")
        .map(|path| SecretRef::File(path.into()))
        .or_else(|| text(node, "env").map(SecretRef::Env))
        .or_else(|| text(node, "credential").map(SecretRef::Credential))
}

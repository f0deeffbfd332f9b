//! `review` and `evidence`: how often people look at the plan, who signs, and how evidence is signed.

use super::super::formats::{ID, LONG_SPAN, PATH, SECTION, WORD};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::{NAMES, TEXTS, list, parsed, span, text, truth};
use crate::plan::{Evidence, Review, Role, SignRule};

pub(crate) static REVIEW: Record = Record {
    name: "the review",
    fields: &[
        optional("every", Type::Format(&LONG_SPAN), "time between two signed reviews; 6 months unless set, never longer"),
        optional("remind", Type::List { of: &Type::Format(&LONG_SPAN), least: 0 }, "how long before the day a reminder goes out"),
        optional("sign", Type::Record(&SIGN), "whose signatures complete it"),
        optional(
            "on_change",
            Type::List { of: &Type::Format(&SECTION), least: 1 },
            "sections whose change calls for a review; all that are material unless set",
        ),
        optional("minutes", TEXTS, "what the minutes have to speak of"),
    ],
    one_of: &[],
};

static SIGN: Record = Record {
    name: "the signature rule",
    fields: &[
        optional("roles", Type::List { of: &Type::Format(&WORD), least: 0 }, "one signature for each role"),
        optional("distinct", Type::Truth, "each role is signed by another person"),
        optional("not_author", Type::Integer { min: 0, max: 9 }, "so many signers did not write the change that they sign"),
    ],
    one_of: &[],
};

pub(crate) static EVIDENCE: Record = Record {
    name: "evidence",
    fields: &[
        optional("sign_with", Type::ScalarOr(&Type::Format(&PATH), &KEY_FILE), "file of the OpenSSH key that signs packs"),
        optional("keep", Type::Format(&LONG_SPAN), "how long it is kept; for ever unless set"),
        optional("anchor", Type::Record(&ANCHOR), "where the head of the chain of records is written"),
        optional("export", Type::List { of: &Type::Word(&["json", "html", "csv", "oscal"]), least: 1 }, "forms in which it is given out"),
        optional("map", Type::Map { key: &ID, of: &TEXTS }, "for each standard the clauses that it has to answer"),
    ],
    one_of: &[],
};

static ANCHOR: Record = Record {
    name: "an anchor",
    fields: &[required("to", NAMES, "repositories that get it"), required("every", Type::Format(&LONG_SPAN), "time between two anchors")],
    one_of: &[],
};

static KEY_FILE: Record = Record {
    name: "a key file",
    fields: &[required("file", Type::Format(&PATH), "file of an OpenSSH private key, mode 0600")],
    one_of: &[],
};

pub(crate) fn read(node: &Node) -> Review {
    let default = Review::default();
    let mut remind: Vec<base::Span> = list(node, "remind");
    remind.sort_by_key(|span| std::cmp::Reverse(span.at_least()));
    Review {
        every: span(node, "every").unwrap_or(default.every),
        remind: if node.get("remind").is_some() { remind } else { default.remind },
        sign: node.get("sign").map_or_else(SignRule::default, |sign| SignRule {
            roles: list::<String>(sign, "roles").into_iter().map(Role).collect(),
            distinct: truth(sign, "distinct", false),
            not_author: parsed(sign, "not_author").unwrap_or(0),
        }),
        on_change: list(node, "on_change"),
        minutes: list(node, "minutes"),
    }
}

pub(crate) fn read_evidence(node: &Node) -> Evidence {
    let written = node.get("sign_with");
    let path = written.and_then(Node::text).map(str::to_owned).or_else(|| written.and_then(|key| text(key, "file")));
    let anchor = node.get("anchor");
    let map = node.get("map").map_or(&[][..], Node::entries).iter();
    Evidence {
        sign_with: path.map(Into::into),
        keep: span(node, "keep"),
        anchor_to: anchor.map(|anchor| list(anchor, "to")).unwrap_or_default(),
        anchor_every: anchor.and_then(|anchor| span(anchor, "every")),
        export: list(node, "export"),
        map: map.map(|entry| (entry.key.clone(), entry.value.items().iter().filter_map(Node::text).map(str::to_owned).collect())).collect(),
    }
}

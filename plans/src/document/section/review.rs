//! `review` and `evidence`: how often people look at the plan, who signs, and how evidence is signed.

use super::super::formats::{LONG_SPAN, PATH, WORD};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::{list, span, text, truth};
use crate::plan::{Evidence, Review, Role, SignRule};

pub(crate) static REVIEW: Record = Record {
    name: "the review",
    fields: &[
        optional("every", Type::Format(&LONG_SPAN), "time between two signed reviews; 6 months unless set, never longer"),
        optional("remind", Type::List { of: &Type::Format(&LONG_SPAN), least: 0 }, "how long before the day a reminder goes out"),
        optional("sign", Type::Record(&SIGN), "whose signatures complete it"),
    ],
    one_of: &[],
    later: &["on_change", "minutes"],
};

static SIGN: Record = Record {
    name: "the signature rule",
    fields: &[
        optional("roles", Type::List { of: &Type::Format(&WORD), least: 0 }, "one signature for each role"),
        optional("distinct", Type::Truth, "each role is signed by another person"),
    ],
    one_of: &[],
    later: &["not_author"],
};

pub(crate) static EVIDENCE: Record = Record {
    name: "evidence",
    fields: &[optional("sign_with", Type::ScalarOr(&Type::Format(&PATH), &KEY_FILE), "file of the OpenSSH key that signs packs")],
    one_of: &[],
    later: &["keep", "anchor", "export", "map"],
};

static KEY_FILE: Record = Record {
    name: "a key file",
    fields: &[required("file", Type::Format(&PATH), "file of an OpenSSH private key, mode 0600")],
    one_of: &[],
    later: &[],
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
        }),
    }
}

pub(crate) fn read_evidence(node: &Node) -> Evidence {
    let written = node.get("sign_with");
    let path = written.and_then(Node::text).map(str::to_owned).or_else(|| written.and_then(|key| text(key, "file")));
    Evidence { sign_with: path.map(Into::into) }
}

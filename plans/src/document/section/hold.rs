//! `legal_hold` and `waivers`: what is kept, and what is let pass, by someone's word.

use super::super::formats::{DATE, ID, RULE};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::{NAMES, list, parsed, text};
use crate::plan::{LegalHold, Waiver};

pub(crate) static HOLD: Record = Record {
    name: "a legal hold",
    fields: &[
        required("id", Type::Format(&ID), "name of the hold"),
        required("sources", NAMES, "sources whose restore points it holds"),
        required("from", Type::Format(&DATE), "the first day of the restore points that it holds"),
        optional("until", Type::Format(&DATE), "the last of them; all later ones unless set"),
        required("by", Type::Format(&ID), "the contact who ordered it"),
        required("reason", Type::Text, "why"),
    ],
    one_of: &[],
};

pub(crate) static WAIVER: Record = Record {
    name: "a waiver",
    fields: &[
        required("rule", Type::Format(&RULE), "the rule that is let pass"),
        required("place", Type::Text, "the part of the plan, like sources/orders"),
        required("reason", Type::Text, "why it is let pass"),
        required("by", Type::Format(&ID), "the contact who answers for that"),
        required("until", Type::Format(&DATE), "the last day on which it holds"),
    ],
    one_of: &[],
};

pub(crate) fn read(node: &Node) -> Vec<LegalHold> {
    let read = |node: &Node| {
        Some(LegalHold {
            id: parsed(node, "id")?,
            sources: list(node, "sources"),
            from: parsed(node, "from")?,
            until: parsed(node, "until"),
            by: parsed(node, "by")?,
            reason: text(node, "reason")?,
        })
    };
    node.items().iter().filter_map(read).collect()
}

pub(crate) fn read_waivers(node: &Node) -> Vec<Waiver> {
    let read = |node: &Node| {
        Some(Waiver {
            rule: text(node, "rule")?.to_ascii_uppercase(),
            place: text(node, "place")?,
            reason: text(node, "reason")?,
            by: parsed(node, "by")?,
            until: parsed(node, "until")?,
        })
    };
    node.items().iter().filter_map(read).collect()
}

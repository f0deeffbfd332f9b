//! `threats` and `appetite`: what can happen, and how much of it is accepted.

use std::collections::BTreeMap;

use base::id::ThreatId;

use super::super::formats::{DATE, ID, LONG_SPAN, WORD};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::{MAYBE_NAMES, TEXTS, list, parsed, span, text};
use crate::plan::{Appetite, Band, Score, Threat, Treat};

const LEVEL: Type = Type::Integer { min: 1, max: 5 };

pub(crate) static THREAT: Record = Record {
    name: "a threat",
    fields: &[
        required("title", Type::Text, "the scenario"),
        optional("category", Type::Format(&WORD), "malicious, environment, supplier, people, change…"),
        required("likelihood", LEVEL, "before controls: 1 rarer than once in 30 years, 5 yearly or more"),
        required("impact", LEVEL, "before controls: a level of the impact scale"),
        optional("services", MAYBE_NAMES, "services that it harms"),
        optional("controls", TEXTS, "what is done against it"),
        optional("residual", Type::Record(&RESIDUAL), "what is left with the controls in place"),
        optional("treat", Type::Word(&["reduce", "accept", "avoid", "transfer"]), "what was decided; reduce unless set"),
        optional("accepted_by", Type::Format(&ID), "the contact who accepted what is left"),
        optional("until", Type::Format(&DATE), "when the acceptance ends"),
        optional("owner", Type::Format(&ID), "the contact who answers for it"),
        optional("reviewed", Type::Format(&DATE), "when someone last looked at it"),
        optional("drill", Type::Format(&ID), "the drill that proves its controls"),
    ],
    one_of: &[],
};

static RESIDUAL: Record = Record {
    name: "a residual score",
    fields: &[required("likelihood", LEVEL, "1 to 5"), required("impact", LEVEL, "1 to 5")],
    one_of: &[],
};

pub(crate) static APPETITE: Record = Record {
    name: "the appetite",
    fields: &[
        required("max_residual", Type::Integer { min: 1, max: 25 }, "greatest residual score that needs no more treatment"),
        optional("review_every", Type::Record(&REVIEW_EVERY), "time between looks at a threat, by its band"),
    ],
    one_of: &[],
};

static REVIEW_EVERY: Record = Record {
    name: "review_every",
    fields: &[
        optional("extreme", Type::Format(&LONG_SPAN), "score 15 to 25; as high unless set"),
        optional("high", Type::Format(&LONG_SPAN), "score 10 to 14; 3 months unless set"),
        optional("medium", Type::Format(&LONG_SPAN), "score 5 to 9; 6 months unless set"),
        optional("low", Type::Format(&LONG_SPAN), "score 1 to 4; 6 months unless set, and never longer"),
    ],
    one_of: &[],
};

pub(crate) fn read(id: ThreatId, node: &Node) -> Threat {
    let score = |node: &Node| Some(Score { likelihood: parsed(node, "likelihood")?, impact: parsed(node, "impact")? });
    Threat {
        title: text(node, "title").unwrap_or_else(|| id.to_string()),
        id,
        category: text(node, "category"),
        inherent: score(node).unwrap_or(Score { likelihood: 1, impact: 1 }),
        services: list(node, "services"),
        controls: list(node, "controls"),
        residual: node.get("residual").and_then(score),
        treat: match node.get("treat").and_then(Node::text) {
            Some("accept") => Treat::Accept,
            Some("avoid") => Treat::Avoid,
            Some("transfer") => Treat::Transfer,
            _ => Treat::Reduce,
        },
        accepted_by: parsed(node, "accepted_by"),
        until: parsed(node, "until"),
        owner: parsed(node, "owner"),
        reviewed: parsed(node, "reviewed"),
        drill: parsed(node, "drill"),
    }
}

pub(crate) fn read_appetite(node: &Node) -> Appetite {
    let bands = [("extreme", Band::Extreme), ("high", Band::High), ("medium", Band::Medium), ("low", Band::Low)];
    let review: BTreeMap<_, _> = node
        .get("review_every")
        .map(|node| bands.iter().filter_map(|(word, band)| Some((*band, span(node, word)?))).collect())
        .unwrap_or_default();
    Appetite { max_residual: parsed(node, "max_residual").unwrap_or(25), review }
}

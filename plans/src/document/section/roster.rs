//! `roster`, `activate` and `stand_down`: who is on call, and who decides.

use base::id::ShiftId;

use super::super::formats::WORD;
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::super::week::{self, DAYS, HOURS, MOMENT};
use super::{NAMES, list, text};
use crate::plan::{Activation, Role, Shift};

pub(crate) static SHIFT: Record = Record {
    name: "a shift",
    fields: &[
        optional("days", Type::Format(&DAYS), "days of the week on which it begins; with hours"),
        optional("hours", Type::Format(&HOURS), "its hours, which may reach into the next day"),
        optional("from", Type::Format(&MOMENT), "the moment of the week at which it begins; with to"),
        optional("to", Type::Format(&MOMENT), "the moment of the week at which it ends"),
        required("on_call", NAMES, "contacts, in the order in which they are called"),
    ],
    one_of: &["days", "from"],
};

pub(crate) static ACTIVATION: Record = Record {
    name: "a decision",
    fields: &[
        required("when", Type::Text, "the condition, in words"),
        required("by", Type::List { of: &Type::Format(&WORD), least: 1 }, "roles whose holders may decide"),
    ],
    one_of: &[],
};

pub(crate) fn read(id: ShiftId, node: &Node) -> Shift {
    let part = |key| text(node, key).unwrap_or_default();
    let daily = node.get("days").is_some();
    let (text, spans) = if daily {
        (format!("{} {}", part("days"), part("hours")), week::daily(&part("days"), &part("hours")))
    } else {
        (format!("{} to {}", part("from"), part("to")), week::between(&part("from"), &part("to")))
    };
    Shift { id, text, spans, on_call: list(node, "on_call") }
}

pub(crate) fn read_activation(node: &Node) -> Activation {
    Activation { when: text(node, "when").unwrap_or_default(), by: list::<String>(node, "by").into_iter().map(Role).collect() }
}

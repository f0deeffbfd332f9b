//! `incidents` and `feedback`: clocks, deadlines, and who may close.

use std::collections::BTreeMap;

use base::id::SeverityId;

use super::super::formats::{EVENT, ID, LONG_SPAN, PERCENT, WORD, read_percent};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::super::week::{self, DAYS, HOURS};
use super::{keyed, list, parsed, span, text};
use crate::plan::{Capa, Feedback, FeedbackClass, Incidents, Recurrence, Role, ServiceClock, Severity};

static WORDS: Type = Type::List { of: &Type::Format(&WORD), least: 1 };

pub(crate) static INCIDENTS: Record = Record {
    name: "incidents",
    fields: &[
        optional("clock", Type::ScalarOr(&Type::Word(&["24x7"]), &CLOCK), "hours that deadlines count: 24x7 unless set"),
        optional("severity", Type::Map { key: &ID, of: &Type::Record(&SEVERITY) }, "severities and their deadlines"),
        optional("warn_at", Type::List { of: &Type::Format(&PERCENT), least: 1 }, "parts of a deadline after which people are warned"),
        optional("open_for", Type::List { of: &Type::Format(&EVENT), least: 0 }, "events that open an incident"),
        optional("capa", Type::Record(&CAPA), "corrective and preventive action"),
        optional("recurrence", Type::Record(&RECURRENCE), "when the same trouble has come back"),
    ],
    one_of: &[],
};

static CLOCK: Record = Record {
    name: "a clock",
    fields: &[required("days", Type::Format(&DAYS), "days of the week"), required("hours", Type::Format(&HOURS), "hours of these days")],
    one_of: &[],
};

static SEVERITY: Record = Record {
    name: "a severity",
    fields: &[
        required("impact", Type::Integer { min: 1, max: 5 }, "level of the impact scale from which on it holds"),
        required("respond", Type::Format(&LONG_SPAN), "time to acknowledge"),
        required("resolve", Type::Format(&LONG_SPAN), "time to restore or to answer"),
        optional("update", Type::Format(&LONG_SPAN), "time between updates to those concerned"),
    ],
    one_of: &[],
};

static CAPA: Record = Record {
    name: "corrective action",
    fields: &[
        optional("on", WORDS, "what calls for it"),
        optional("due", Type::Format(&LONG_SPAN), "time until it is done; 30d unless set"),
        optional("fields", WORDS, "fields that must be filled in before it is closed"),
        optional("close_by", WORDS, "roles whose holders may close it, never its owner"),
        optional("effectiveness_after", Type::Format(&LONG_SPAN), "time until its effect is checked; 90d unless set"),
    ],
    one_of: &[],
};

static RECURRENCE: Record = Record {
    name: "recurrence",
    fields: &[
        required("same", Type::List { of: &Type::Word(&["service", "cause"]), least: 1 }, "what the incidents have in common"),
        required("times", Type::Integer { min: 2, max: 100 }, "how many of them"),
        required("in", Type::Format(&LONG_SPAN), "within which time"),
        optional("require", Type::Format(&WORD), "what is asked for then"),
    ],
    one_of: &[],
};

pub(crate) static FEEDBACK: Record = Record {
    name: "feedback",
    fields: &[
        optional("classes", Type::Record(&CLASSES), "the severity that each class is handled as, or none"),
        optional("acknowledge", Type::Format(&LONG_SPAN), "time to acknowledge; 1d unless set"),
        optional("survey", Type::Format(&LONG_SPAN), "time between surveys"),
    ],
    one_of: &[],
};

static CLASSES: Record = Record {
    name: "the classes of feedback",
    fields: &[
        optional("appreciation", Type::Format(&ID), "praise: a severity, or none"),
        optional("undertone", Type::Format(&ID), "something between the lines: a severity, or none"),
        optional("concern", Type::Format(&ID), "a worry that is said: a severity, or none"),
        optional("complaint", Type::Format(&ID), "a fault that is named: a severity, or none"),
        optional("escalation", Type::Format(&ID), "a complaint to someone above: a severity, or none"),
    ],
    one_of: &[],
};

pub(crate) fn read(node: &Node) -> Incidents {
    let default = Incidents::default();
    let severity: BTreeMap<SeverityId, Severity> = keyed(node, "severity", read_severity);
    let mut warn_at: Vec<u8> = list::<String>(node, "warn_at").iter().filter_map(|text| read_percent(text)).collect();
    warn_at.sort_unstable();
    Incidents {
        clock: node.get("clock").filter(|clock| clock.text().is_none()).map_or(ServiceClock::Always, |clock| {
            let part = |key| text(clock, key).unwrap_or_default();
            ServiceClock::Hours(week::daily(&part("days"), &part("hours")))
        }),
        severity: if severity.is_empty() { default.severity } else { severity },
        warn_at: if warn_at.is_empty() { default.warn_at } else { warn_at },
        open_for: list(node, "open_for"),
        capa: node.get("capa").map_or(default.capa, read_capa),
        recurrence: node.get("recurrence").and_then(|node| {
            Some(Recurrence {
                same: list(node, "same"),
                times: parsed(node, "times")?,
                within: span(node, "in")?,
                require: text(node, "require"),
            })
        }),
    }
}

fn read_severity(id: SeverityId, node: &Node) -> Severity {
    let time = |key| span(node, key).unwrap_or(base::Span::seconds(0));
    Severity {
        id,
        impact: parsed(node, "impact").unwrap_or(1),
        respond: time("respond"),
        resolve: time("resolve"),
        update: span(node, "update"),
    }
}

fn read_capa(node: &Node) -> Capa {
    let default = Capa::default();
    Capa {
        on: list(node, "on"),
        due: span(node, "due").unwrap_or(default.due),
        fields: if node.get("fields").is_some() { list(node, "fields") } else { default.fields },
        close_by: list::<String>(node, "close_by").into_iter().map(Role).collect(),
        effectiveness_after: span(node, "effectiveness_after").unwrap_or(default.effectiveness_after),
    }
}

pub(crate) fn read_feedback(node: &Node) -> Feedback {
    let default = Feedback::default();
    let class = |class: FeedbackClass| {
        let written = node.get("classes").and_then(|classes| text(classes, class.word()));
        (class, written.filter(|word| word != NO_INCIDENT).and_then(|word| word.parse().ok()))
    };
    Feedback {
        classes: FeedbackClass::ALL.map(class).into(),
        acknowledge: span(node, "acknowledge").unwrap_or(default.acknowledge),
        survey: span(node, "survey"),
    }
}

/// The word for a class of feedback that is no incident.
pub(crate) const NO_INCIDENT: &str = "none";

//! `workflows`: how services are brought back, step by step.

use base::Span;
use base::id::WorkflowId;

use super::super::formats::{ID, LONG_SPAN, WORD};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::{COMMAND, MAYBE_NAMES, NAMES, SECRET_REF, list, parsed, secret, span, text, truth};
use crate::plan::{Approval, Occasion, Role, Step, StepAction, Workflow};

pub(crate) static WORKFLOW: Record = Record {
    name: "a workflow",
    fields: &[
        required("for", NAMES, "services that it brings back"),
        required("steps", Type::List { of: &Type::Record(&STEP), least: 1 }, "what is done"),
    ],
    one_of: &[],
};

static STEP: Record = Record {
    name: "a step",
    fields: &[
        required("id", Type::Format(&ID), "name of the step"),
        optional("approve", Type::Record(&APPROVE), "people agree"),
        optional("notify", Type::Record(&NOTIFY), "people are told"),
        optional("manual", Type::Text, "someone does it by hand"),
        optional("restore", Type::Record(&RESTORE), "a source is restored"),
        optional("run", COMMAND, "a program and its arguments, never a shell"),
        optional("check", Type::Record(&CHECK), "the checks of a drill are run"),
        optional("needs", MAYBE_NAMES, "steps that must be done before"),
        optional("only", Type::Word(&["drill", "recovery"]), "the mode that it belongs to; both unless set"),
        required("within", Type::Format(&LONG_SPAN), "the longest that one attempt may take"),
        optional("retry", Type::Integer { min: 0, max: 20 }, "how often it is tried again; never unless set"),
        optional("role", Type::Format(&WORD), "the role that does it"),
        optional("after_service", Type::Truth, "it comes after the service is back, and does not count towards the RTO"),
    ],
    one_of: &["approve", "notify", "manual", "restore", "run", "check"],
};

static ROLES: Type = Type::List { of: &Type::Format(&WORD), least: 1 };

static APPROVE: Record = Record {
    name: "an approval",
    fields: &[
        required("roles", ROLES, "roles whose holders may agree"),
        optional("min", Type::Integer { min: 1, max: 20 }, "how many different people have to; 1 unless set"),
        optional("not", ROLES, "holders of these roles may not"),
    ],
    one_of: &[],
};

static NOTIFY: Record = Record {
    name: "a notice",
    fields: &[
        required("route", Type::Format(&ID), "the route that it takes"),
        required("template", Type::Format(&WORD), "name of the text that goes out"),
    ],
    one_of: &[],
};

static RESTORE: Record = Record {
    name: "a restore",
    fields: &[required("source", Type::Format(&ID), "the source"), optional("to", Type::Record(&SECRET_REF), "where to, as a reference")],
    one_of: &[],
};

static CHECK: Record = Record { name: "the checks of a drill", fields: &[required("drill", Type::Format(&ID), "the drill")], one_of: &[] };

pub(crate) fn read(id: WorkflowId, node: &Node) -> Workflow {
    let steps = node.get("steps").map_or(&[][..], Node::items).iter();
    Workflow { id, services: list(node, "for"), steps: steps.filter_map(read_step).collect() }
}

fn roles(node: &Node, key: &str) -> Vec<Role> {
    list::<String>(node, key).into_iter().map(Role).collect()
}

fn read_step(node: &Node) -> Option<Step> {
    Some(Step {
        id: parsed(node, "id")?,
        action: action(node)?,
        needs: list(node, "needs"),
        only: match node.get("only").and_then(Node::text) {
            Some("drill") => Some(Occasion::Drill),
            Some("recovery") => Some(Occasion::Recovery),
            _ => None,
        },
        within: span(node, "within").unwrap_or(Span::seconds(0)),
        retry: parsed(node, "retry").unwrap_or(0),
        role: text(node, "role").map(Role),
        after_service: truth(node, "after_service", false),
    })
}

fn action(node: &Node) -> Option<StepAction> {
    if let Some(approve) = node.get("approve") {
        let min = parsed(approve, "min").unwrap_or(1);
        return Some(StepAction::Approve(Approval { roles: roles(approve, "roles"), min, not: roles(approve, "not") }));
    }
    if let Some(notify) = node.get("notify") {
        return Some(StepAction::Notify { route: parsed(notify, "route")?, template: text(notify, "template")? });
    }
    if let Some(restore) = node.get("restore") {
        return Some(StepAction::Restore { source: parsed(restore, "source")?, to: restore.get("to").and_then(secret) });
    }
    if node.get("run").is_some() {
        return Some(StepAction::Run(list(node, "run")));
    }
    if let Some(check) = node.get("check") {
        return Some(StepAction::Check { drill: parsed(check, "drill")? });
    }
    text(node, "manual").map(StepAction::Manual)
}

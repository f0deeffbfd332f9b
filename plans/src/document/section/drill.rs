//! `drills`: recoveries that are practised.

use base::Span;
use base::id::DrillId;
use jiff::tz::TimeZone;

use super::super::formats::{ID, INNER_PATH, LONG_SPAN, SCHEDULE, SIZE};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::source::schedule;
use super::{COMMAND, NAMES, list, parsed, span, text};
use crate::plan::{CanaryCheck, Check, CheckKind, CommandCheck, Depth, Drill, FilesCheck, From, MaxAge, Mode, MustFail, Stage, Tamper};

pub(crate) static DRILL: Record = Record {
    name: "a drill",
    fields: &[
        required("services", NAMES, "what it recovers; what these need comes along"),
        optional("depth", Type::Word(&["tabletop", "sample", "functional", "full"]), "how much it proves; sample unless set"),
        optional("mode", Type::Word(&["stream", "scratch"]), "read back, or restored to a scratch folder; scratch unless set"),
        required("schedule", Type::Format(&SCHEDULE), "when it runs, in the plan's zone"),
        optional("snapshot", Type::Record(&SNAPSHOT), "which restore point it takes"),
        optional("checks", Type::List { of: &Type::Record(&CHECK), least: 0 }, "what must hold afterwards"),
        optional("must_fail", Type::Record(&MUST_FAIL), "the negative control: after this tampering the check must fail"),
    ],
    one_of: &[],
    later: &["sandbox", "sign", "scenario", "participants", "rehearse", "window", "like", "contact", "expect"],
};

static SNAPSHOT: Record = Record {
    name: "the snapshot of a drill",
    fields: &[
        optional("newest_at", Type::Word(&["start"]), "the newest one when the drill starts"),
        optional("from", Type::Format(&ID), "a repository, or random-copy for any"),
    ],
    one_of: &[],
    later: &["key"],
};

static CHECK: Record = Record {
    name: "a check",
    fields: &[
        required("id", Type::Format(&ID), "name of the check"),
        optional("stage", Type::Word(&["sanity", "smoke", "functional"]), "when it runs; sanity unless set"),
        optional("files", Type::Record(&FILES), "files that must have come back"),
        optional("command", Type::Record(&RUN), "a program that must end well"),
        optional("canary", Type::Format(&ID), "the source whose canary must have come back"),
        optional("max_age", Type::Format(&AGE), "how old the canary may be: rpo, or a span; rpo unless set"),
        optional("proves", Type::Text, "the claim in the report"),
    ],
    one_of: &["files", "command", "canary"],
    later: &["sql", "http", "fact", "expect"],
};
static AGE: super::super::shape::Format = super::super::shape::Format {
    name: "an age",
    examples: &["rpo", "4h"],
    check: |text| if text == "rpo" { Ok(()) } else { (LONG_SPAN.check)(text) },
};

static FILES: Record = Record {
    name: "a files check",
    fields: &[
        required("paths", Type::List { of: &Type::Format(&INNER_PATH), least: 1 }, "paths or patterns below the restored source"),
        optional("min_count", Type::Integer { min: 1, max: u64::MAX }, "least number of files"),
        optional("min_bytes", Type::Format(&SIZE), "least sum of their sizes"),
    ],
    one_of: &[],
    later: &["sha256"],
};

static RUN: Record = Record {
    name: "a command check",
    fields: &[
        required("run", COMMAND, "program and arguments, never a shell; {root} is the restored folder"),
        optional("within", Type::Format(&LONG_SPAN), "longest time it may take; 1m unless set"),
        optional("exit", Type::Integer { min: 0, max: 255 }, "exit code that it must end with; 0 unless set"),
        optional("output_contains", Type::Text, "text that its output must contain"),
    ],
    one_of: &[],
    later: &[],
};

static MUST_FAIL: Record = Record {
    name: "the negative control",
    fields: &[
        required("check", Type::Format(&ID), "a check of this drill"),
        required("tamper", Type::Record(&TAMPER), "what is done to the scratch folder"),
    ],
    one_of: &[],
    later: &[],
};

static TAMPER: Record = Record {
    name: "a tampering",
    fields: &[
        optional("remove_file", Type::Format(&INNER_PATH), "removes the files that match"),
        optional("truncate_file", Type::Format(&INNER_PATH), "cuts the files that match to no bytes"),
        optional("append", Type::Format(&INNER_PATH), "adds a line to the files that match"),
    ],
    one_of: &["remove_file", "truncate_file", "append"],
    later: &["sql"],
};

pub(crate) fn read(id: DrillId, node: &Node, zone: &TimeZone) -> Drill {
    let from = node.get("snapshot").and_then(|snapshot| text(snapshot, "from")).filter(|from| from != ANY_COPY);
    Drill {
        id,
        services: list(node, "services"),
        depth: match node.get("depth").and_then(Node::text) {
            Some("tabletop") => Depth::Tabletop,
            Some("functional") => Depth::Functional,
            Some("full") => Depth::Full,
            _ => Depth::Sample,
        },
        mode: if node.get("mode").and_then(Node::text) == Some("stream") { Mode::Stream } else { Mode::Scratch },
        schedule: schedule(node, zone),
        from: from.and_then(|name| name.parse().ok()).map_or(From::Any, From::Repository),
        checks: node.get("checks").map_or(&[][..], Node::items).iter().filter_map(read_check).collect(),
        must_fail: node.get("must_fail").and_then(read_must_fail),
    }
}

/// The word for "whichever copy is picked".
pub(crate) const ANY_COPY: &str = "random-copy";

fn read_check(node: &Node) -> Option<Check> {
    let id: base::id::CheckId = parsed(node, "id")?;
    let kind = if let Some(files) = node.get("files") {
        CheckKind::Files(FilesCheck {
            paths: list(files, "paths"),
            min_count: parsed(files, "min_count"),
            min_bytes: parsed::<base::ByteSize>(files, "min_bytes").map(|size| size.0),
        })
    } else if let Some(command) = node.get("command") {
        CheckKind::Command(CommandCheck {
            run: list(command, "run"),
            within: span(command, "within").unwrap_or(Span::seconds(60)),
            exit: parsed(command, "exit").unwrap_or(0),
            output_contains: text(command, "output_contains"),
        })
    } else {
        CheckKind::Canary(CanaryCheck { source: parsed(node, "canary")?, max_age: span(node, "max_age").map_or(MaxAge::Rpo, MaxAge::Span) })
    };
    let stage = match node.get("stage").and_then(Node::text) {
        Some("smoke") => Stage::Smoke,
        Some("functional") => Stage::Functional,
        _ => Stage::Sanity,
    };
    Some(Check { proves: text(node, "proves").unwrap_or_else(|| id.to_string()), id, stage, kind })
}

fn read_must_fail(node: &Node) -> Option<MustFail> {
    let tamper = node.get("tamper")?;
    let tamper = text(tamper, "remove_file")
        .map(Tamper::RemoveFile)
        .or_else(|| text(tamper, "truncate_file").map(Tamper::TruncateFile))
        .or_else(|| text(tamper, "append").map(Tamper::Append))?;
    Some(MustFail { check: parsed(node, "check")?, tamper })
}

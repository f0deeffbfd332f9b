//! `drills`: recoveries that are practised.

use base::Span;
use base::id::DrillId;
use jiff::tz::TimeZone;

use super::super::formats::{ID, INNER_PATH, LONG_SPAN, N_OF_MONTHS, PERCENT, SCHEDULE, SIZE, WEB_URL, WORD, n_of_months, read_percent};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::source::schedule;
use super::{COMMAND, MAYBE_NAMES, list, parsed, span, text, truth};
use crate::plan::{
    Answered, CanaryCheck, Check, CheckKind, CommandCheck, Depth, Drill, DrillSign, Expect, FactCheck, FilesCheck, From, HttpCheck, MaxAge,
    Mode, MustFail, Rehearse, Role, Sandbox, SqlCheck, Stage, Tamper,
};
use crate::schedule::Schedule;

pub(crate) static DRILL: Record = Record {
    name: "a drill",
    fields: &[
        optional("services", MAYBE_NAMES, "what it recovers; what these need comes along"),
        optional("depth", Type::Word(&["tabletop", "sample", "functional", "full"]), "how much it proves; sample unless set"),
        optional("mode", Type::Word(&["stream", "scratch"]), "read back, or restored to a scratch folder; scratch unless set"),
        optional("schedule", Type::Format(&SCHEDULE), "when it runs, in the plan's zone"),
        optional("window", Type::Record(&WINDOW), "in place of a schedule: a moment within so many months"),
        optional("snapshot", Type::Record(&SNAPSHOT), "which restore point it takes"),
        optional("checks", Type::List { of: &Type::Record(&CHECK), least: 0 }, "what must hold afterwards"),
        optional("must_fail", Type::Record(&MUST_FAIL), "the negative control: after this tampering the check must fail"),
        optional("sandbox", Type::Record(&SANDBOX), "where what was restored is started"),
        optional("sign", Type::Record(&SIGN), "who signs its record"),
        optional("scenario", Type::Format(&ID), "the threat that it plays through"),
        optional("participants", Type::List { of: &Type::Format(&WORD), least: 1 }, "roles that take part"),
        optional(
            "rehearse",
            Type::List { of: &Type::Format(&ID), least: 1 },
            "steps that belong to an emergency and are carried out too, or all",
        ),
        optional("contact", Type::Word(&["all"]), "who is called"),
        optional("expect", Type::Record(&ANSWERED), "how many have to answer"),
    ],
    one_of: &["schedule", "window"],
};

static WINDOW: Record = Record {
    name: "a window",
    fields: &[
        required("months", Type::Format(&N_OF_MONTHS), "how often in how many months"),
        optional("notice", Type::Word(&["none"]), "nobody is told before"),
    ],
    one_of: &[],
};

static SANDBOX: Record = Record {
    name: "a sandbox",
    fields: &[
        required("kind", Type::Word(&["container", "host"]), "what it is"),
        optional("ref", Type::Format(&ID), "the host"),
        optional("network", Type::Word(&["none", "isolated"]), "what it may reach"),
        optional("postgres", Type::Format(&WORD), "version of PostgreSQL in it"),
        optional("cpu", Type::Integer { min: 1, max: 1024 }, "processors"),
        optional("memory", Type::Format(&SIZE), "memory"),
        optional("keep", Type::Format(&KEEP_TIME), "how long it is kept afterwards"),
    ],
    one_of: &[],
};
static KEEP_TIME: super::super::shape::Format = super::super::shape::Format {
    name: "a span of time",
    examples: &["0h", "24h"],
    check: |text| text.parse::<Span>().map(drop).map_err(|error| error.to_string()),
};

static SIGN: Record = Record {
    name: "the signatures of a drill",
    fields: &[
        optional("operator", Type::Integer { min: 1, max: 9 }, "signatures of operators"),
        optional("quality", Type::Integer { min: 1, max: 9 }, "signatures of quality"),
        optional("service-owner", Type::Integer { min: 1, max: 9 }, "signatures of owners of services"),
        optional("incident-lead", Type::Integer { min: 1, max: 9 }, "signatures of incident leads"),
        optional("distinct", Type::Truth, "each is of another person"),
    ],
    one_of: &[],
};

static ANSWERED: Record = Record {
    name: "what is expected of a call",
    fields: &[
        required("answer_within", Type::Format(&LONG_SPAN), "time to answer"),
        required("share", Type::Format(&PERCENT), "part of those called that has to"),
    ],
    one_of: &[],
};

static SNAPSHOT: Record = Record {
    name: "the snapshot of a drill",
    fields: &[
        optional("newest_at", Type::Word(&["start"]), "the newest one when the drill starts"),
        optional("from", Type::Format(&ID), "a repository, or random-copy for any"),
        optional("key", Type::Format(&ID), "the recovery key that it has to be opened with; any unless set"),
    ],
    one_of: &[],
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
        optional("sql", Type::Text, "a query on the restored database: one row, one column"),
        optional("http", Type::Format(&WEB_URL), "a request to what was started on the restored data"),
        optional("fact", Type::Format(&ID), "a fact of a source that must have come back"),
        optional("expect", Type::ScalarOr(&Type::Text, &EXPECT), "what sql, http or fact must say"),
        optional("proves", Type::Text, "the claim in the report"),
    ],
    one_of: &["files", "command", "canary", "sql", "http", "fact"],
};
static EXPECT: Record = Record {
    name: "what is expected",
    fields: &[
        optional("max_age", Type::Format(&LONG_SPAN), "the time that the query says is no older"),
        optional("status", Type::Integer { min: 100, max: 599 }, "the status of the answer; 200 unless set"),
        optional("within", Type::Format(&LONG_SPAN), "the longest time until it comes; 1m unless set"),
    ],
    one_of: &[],
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
};

static MUST_FAIL: Record = Record {
    name: "the negative control",
    fields: &[
        required("check", Type::Format(&ID), "a check of this drill"),
        required("tamper", Type::ScalarOr(&Type::Text, &TAMPER), "what is done to the scratch folder; a text is a statement of SQL"),
    ],
    one_of: &[],
};

static TAMPER: Record = Record {
    name: "a tampering",
    fields: &[
        optional("remove_file", Type::Format(&INNER_PATH), "removes the files that match"),
        optional("truncate_file", Type::Format(&INNER_PATH), "cuts the files that match to no bytes"),
        optional("append", Type::Format(&INNER_PATH), "adds a line to the files that match"),
    ],
    one_of: &["remove_file", "truncate_file", "append"],
};

pub(crate) fn read(id: DrillId, node: &Node, zone: &TimeZone) -> Drill {
    let from = node.get("snapshot").and_then(|snapshot| text(snapshot, "from")).filter(|from| from != ANY_COPY);
    Drill {
        services: list(node, "services"),
        depth: match node.get("depth").and_then(Node::text) {
            Some("tabletop") => Depth::Tabletop,
            Some("functional") => Depth::Functional,
            Some("full") => Depth::Full,
            _ => Depth::Sample,
        },
        mode: if node.get("mode").and_then(Node::text) == Some("stream") { Mode::Stream } else { Mode::Scratch },
        schedule: window(&id, node, zone).unwrap_or_else(|| schedule(node, zone)),
        from: from.and_then(|name| name.parse().ok()).map_or(From::Any, From::Repository),
        checks: node.get("checks").map_or(&[][..], Node::items).iter().filter_map(read_check).collect(),
        must_fail: node.get("must_fail").and_then(read_must_fail),
        key: node.get("snapshot").and_then(|snapshot| parsed(snapshot, "key")),
        sandbox: node.get("sandbox").map(read_sandbox),
        sign: node.get("sign").map(read_sign).unwrap_or_default(),
        scenario: parsed(node, "scenario"),
        participants: list::<String>(node, "participants").into_iter().map(Role).collect(),
        rehearse: match node.get("rehearse").map_or(&[][..], Node::items) {
            [] => Rehearse::None,
            [only] if only.text() == Some("all") => Rehearse::All,
            _ => Rehearse::Steps(list(node, "rehearse")),
        },
        contact_all: node.get("contact").is_some(),
        answered: node.get("expect").and_then(|expect| {
            Some(Answered { within: span(expect, "answer_within")?, share: text(expect, "share").and_then(|text| read_percent(&text))? })
        }),
        id,
    }
}

fn window(id: &DrillId, node: &Node, zone: &TimeZone) -> Option<Schedule> {
    let (times, months) = n_of_months(&text(node.get("window")?, "months")?).ok()?;
    Some(Schedule::window(times, months, id.as_str(), zone))
}

fn read_sandbox(node: &Node) -> Sandbox {
    Sandbox {
        kind: text(node, "kind").unwrap_or_default(),
        reference: text(node, "ref"),
        network: text(node, "network"),
        postgres: text(node, "postgres"),
        cpu: parsed(node, "cpu"),
        memory: parsed::<base::ByteSize>(node, "memory").map(|size| size.0),
        keep: span(node, "keep"),
    }
}

fn read_sign(node: &Node) -> DrillSign {
    let roles = node.entries().iter().filter(|entry| entry.key != "distinct");
    DrillSign {
        roles: roles.filter_map(|entry| Some((Role(entry.key.clone()), entry.value.text()?.parse().ok()?))).collect(),
        distinct: truth(node, "distinct", false),
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
    } else if let Some(query) = text(node, "sql") {
        let expect = node.get("expect")?;
        let age = span(expect, "max_age").map(Expect::MaxAge);
        CheckKind::Sql(SqlCheck { query, expect: age.or_else(|| expect.text().map(|text| Expect::Equal(text.to_owned())))? })
    } else if let Some(url) = text(node, "http") {
        let expect = |key| node.get("expect").and_then(|expect| text(expect, key));
        let within = expect("within").and_then(|text| text.parse().ok()).unwrap_or(Span::seconds(60));
        CheckKind::Http(HttpCheck { url, status: expect("status").and_then(|text| text.parse().ok()).unwrap_or(200), within })
    } else if let Some(fact) = text(node, "fact") {
        CheckKind::Fact(FactCheck { fact })
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
    let sql = tamper.text().map(|statement| Tamper::Sql(statement.to_owned()));
    let tamper = sql
        .or_else(|| text(tamper, "remove_file").map(Tamper::RemoveFile))
        .or_else(|| text(tamper, "truncate_file").map(Tamper::TruncateFile))
        .or_else(|| text(tamper, "append").map(Tamper::Append))?;
    Some(MustFail { check: parsed(node, "check")?, tamper })
}

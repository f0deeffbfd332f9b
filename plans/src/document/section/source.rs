//! `sources`, `copies` and `retention`: what is backed up, where to, and for how long it is kept.

use std::collections::BTreeMap;

use base::Span;
use base::id::{RepositoryId, RetentionId, SourceId};
use jiff::tz::TimeZone;

use super::super::formats::{ID, INNER_PATH, LONG_SPAN, PATH, SCHEDULE};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::{NAMES, TEXTS, list, parsed, paths, span, text, truth};
use crate::plan::{CanaryFile, CopyRule, FilesSource, Keep, Retention, Source, SourceKind};
use crate::schedule::Schedule;

pub(crate) static SOURCE: Record = Record {
    name: "a source",
    fields: &[
        optional("files", Type::Record(&FILES), "files of this host"),
        required("schedule", Type::Format(&SCHEDULE), "when it is backed up, in the plan's zone"),
        optional("rpo", Type::Format(&LONG_SPAN), "an RPO of its own, in place of that of its services"),
        optional("expect_run", Type::Format(&LONG_SPAN), "how long a run is expected to take; 10m unless set"),
        optional("retention", Type::Format(&ID), "rule for how long copies are kept; the built-in standard unless set"),
        optional("copies", Type::Format(&ID), "list of repositories that get it; all of them unless set"),
        optional("canary", Type::Record(&CANARY), "a file with a nonce, written before each backup"),
    ],
    one_of: &["files"],
    later: &["postgres", "mysql", "sqlite", "command", "facts", "after", "hooks"],
};

static FILES: Record = Record {
    name: "a files source",
    fields: &[
        required("paths", Type::List { of: &Type::Format(&PATH), least: 1 }, "absolute paths"),
        optional("exclude", TEXTS, "patterns in gitignore syntax"),
        optional("one_file_system", Type::Truth, "stay on the file system of each path; false unless set"),
        optional("exclude_caches", Type::Truth, "leave out folders with a CACHEDIR.TAG; true unless set"),
    ],
    one_of: &[],
    later: &[],
};

static CANARY: Record = Record {
    name: "a canary",
    fields: &[optional("file", Type::Format(&INNER_PATH), "relative to the first path of the source")],
    one_of: &["file"],
    later: &["sql"],
};

pub(crate) static COPIES: Record = Record {
    name: "a copy rule",
    fields: &[required("to", NAMES, "repositories that get a copy")],
    one_of: &[],
    later: &["rule", "verify", "lag"],
};

const COUNT: Type = Type::Integer { min: 0, max: 100_000 };

pub(crate) static RETENTION: Record = Record {
    name: "a retention rule",
    fields: &[required("keep", Type::Record(&KEEP), "how many restore points of each kind")],
    one_of: &[],
    later: &["at_expiry", "archive"],
};

static KEEP: Record = Record {
    name: "keep",
    fields: &[
        optional("last", COUNT, "the newest, whatever their time"),
        optional("hourly", COUNT, "one for each of the last hours that have one"),
        optional("daily", COUNT, "one for each of the last days that have one"),
        optional("weekly", COUNT, "one for each of the last weeks that have one"),
        optional("monthly", COUNT, "one for each of the last months that have one"),
        optional("yearly", COUNT, "one for each of the last years that have one"),
    ],
    one_of: &[],
    later: &["within"],
};

/// What a run is expected to take where the plan does not say.
pub(crate) const EXPECT_RUN: Span = Span::seconds(600);

pub(crate) fn read(id: SourceId, node: &Node, zone: &TimeZone, copies: &BTreeMap<String, CopyRule>, everywhere: &[RepositoryId]) -> Source {
    let rule = node.get("copies").and_then(Node::text).and_then(|name| copies.get(name));
    let nothing = Node { at: node.at.clone(), end: node.end, kind: super::super::node::Kind::Map(Vec::new()) };
    let files = node.get("files").unwrap_or(&nothing);
    Source {
        id,
        kind: SourceKind::Files(FilesSource {
            paths: paths(files, "paths"),
            exclude: list(files, "exclude"),
            one_file_system: truth(files, "one_file_system", false),
            exclude_caches: truth(files, "exclude_caches", true),
        }),
        schedule: schedule(node, zone),
        expect_run: span(node, "expect_run").unwrap_or(EXPECT_RUN),
        rpo: span(node, "rpo"),
        retention: parsed(node, "retention"),
        to: rule.map_or_else(|| everywhere.to_vec(), |rule| rule.to.clone()),
        canary: node.get("canary").and_then(|node| text(node, "file")).map(|path| CanaryFile { path: path.into() }),
    }
}

/// The schedule of a part. A faulty one, which the shape has told already, is taken as daily so that reading can go on.
pub(crate) fn schedule(node: &Node, zone: &TimeZone) -> Schedule {
    let written = node.get("schedule").and_then(Node::text);
    written.and_then(|text| Schedule::parse(text, zone).ok()).unwrap_or_else(|| Schedule::daily(zone))
}

pub(crate) fn read_copies(node: &Node) -> CopyRule {
    CopyRule { to: list(node, "to") }
}

pub(crate) fn read_retention(id: RetentionId, node: &Node) -> Retention {
    let count = |key: &str| node.get("keep").and_then(|keep| parsed(keep, key)).unwrap_or(0);
    let keep = Keep {
        last: count("last"),
        hourly: count("hourly"),
        daily: count("daily"),
        weekly: count("weekly"),
        monthly: count("monthly"),
        yearly: count("yearly"),
    };
    Retention { id, keep }
}

//! `sources`, `copies` and `retention`: what is backed up, where to, and for how long it is kept.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base::Span;
use base::id::{RepositoryId, RetentionId, SourceId};
use jiff::tz::TimeZone;

use super::super::formats::{COPY_TARGET, FILE_NAME, ID, INNER_PATH, LONG_SPAN, PATH, PERCENT, SCHEDULE, read_copy_target, read_percent};
use super::super::node::Node;
use super::super::shape::{Record, Type, optional, required};
use super::{COMMAND, NAMES, SECRET_REF, TEXTS, list, parsed, paths, secret, span, text, truth};
use crate::plan::{
    Archive, AtExpiry, Canary, CommandSource, CopyRule, CopyTarget, FilesSource, Hooks, Keep, MysqlSource, PostgresFormat, PostgresSource,
    Retention, SecretRef, Source, SourceKind, SqliteSource, StdinSource, Verify,
};
use crate::schedule::Schedule;

pub(crate) static SOURCE: Record = Record {
    name: "a source",
    fields: &[
        optional("files", Type::Record(&FILES), "files of this host"),
        optional("postgres", Type::Record(&POSTGRES), "a PostgreSQL database"),
        optional("mysql", Type::Record(&MYSQL), "a MySQL or MariaDB server"),
        optional("sqlite", Type::Record(&SQLITE), "SQLite files"),
        optional("command", Type::Record(&PROGRAM), "what a program writes to its standard output"),
        optional("stdin", Type::Record(&STDIN), "what is piped into lifeboat backup --stdin"),
        required("schedule", Type::Format(&SCHEDULE), "when it is backed up, in the plan's zone"),
        optional("rpo", Type::Format(&LONG_SPAN), "an RPO of its own, in place of that of its services"),
        optional("expect_run", Type::Format(&LONG_SPAN), "how long a run is expected to take; 10m unless set"),
        optional("within", Type::Format(&LONG_SPAN), "a program that reads it and takes longer is ended; 12h unless set"),
        optional("retention", Type::Format(&ID), "rule for how long copies are kept; the built-in standard unless set"),
        optional("copies", Type::Format(&ID), "list of repositories that get it; all of them unless set"),
        optional("canary", Type::Record(&CANARY), "a nonce, written before each backup"),
        optional("facts", Type::Map { key: &ID, of: &Type::Text }, "queries whose answers are kept with the restore point"),
        optional("after", Type::Format(&ID), "the source that is backed up before this one"),
        optional("hooks", Type::Record(&HOOKS), "programs that are run around a backup"),
    ],
    one_of: &["files", "postgres", "mysql", "sqlite", "command", "stdin"],
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
};

static POSTGRES: Record = Record {
    name: "a postgres source",
    fields: &[
        required("dsn", Type::Record(&SECRET_REF), "where the connection string is found"),
        optional("format", Type::Word(&["custom", "directory", "plain"]), "form of the dump; custom unless set"),
        optional("all", Type::Truth, "every database of the server, and not the one of the connection string alone; false unless set"),
        optional("globals", Type::Truth, "roles and tablespaces too, which takes a superuser; true unless set"),
        optional("tools", Type::Format(&PATH), "the folder of pg_dump and its kin; where packages put them unless set"),
    ],
    one_of: &[],
};

static MYSQL: Record = Record {
    name: "a mysql source",
    fields: &[
        required("dsn", Type::Record(&SECRET_REF), "where the connection string is found"),
        optional("databases", TEXTS, "databases; that of the connection string, or else all, unless set"),
        optional("tools", Type::Format(&PATH), "the folder of mariadb-dump or mysqldump; where packages put them unless set"),
    ],
    one_of: &[],
};

static SQLITE: Record = Record {
    name: "a sqlite source",
    fields: &[
        required("paths", Type::List { of: &Type::Format(&PATH), least: 1 }, "absolute paths of the files"),
        optional("tools", Type::Format(&PATH), "the folder of sqlite3; where packages put it unless set"),
    ],
    one_of: &[],
};

static PROGRAM: Record = Record {
    name: "a command source",
    fields: &[
        required("run", COMMAND, "program, with its whole path, and arguments; never a shell"),
        optional("as", Type::Format(&FILE_NAME), "name of the file that its output becomes; that of the source unless set"),
    ],
    one_of: &[],
};

static STDIN: Record = Record {
    name: "a stdin source",
    fields: &[optional("as", Type::Format(&FILE_NAME), "name of the file that comes out of it; that of the source unless set")],
    one_of: &[],
};

static HOOKS: Record = Record {
    name: "hooks",
    fields: &[
        optional("before", COMMAND, "run before a backup; a failure ends it"),
        optional("after", COMMAND, "run after a backup that was made"),
        optional("on_failure", COMMAND, "run after a backup that was not made"),
        optional("always", COMMAND, "run last, whatever came of it"),
        optional("within", Type::Format(&LONG_SPAN), "each is ended when it takes longer; 10m unless set"),
    ],
    one_of: &[],
};

static CANARY: Record = Record {
    name: "a canary",
    fields: &[
        optional("file", Type::Format(&INNER_PATH), "relative to the first path of the source"),
        optional("sql", Type::Text, "a statement that writes :nonce into the database"),
    ],
    one_of: &["file", "sql"],
};

pub(crate) static COPIES: Record = Record {
    name: "a copy rule",
    fields: &[
        required("to", NAMES, "repositories that get a copy"),
        optional("rule", Type::Format(&COPY_TARGET), "copies, media, sites, isolated copies and errors that they have to reach"),
        optional("verify", Type::Record(&VERIFY), "how often they are read back"),
        optional("lag", Type::Map { key: &ID, of: &Type::Format(&LONG_SPAN) }, "how far a copy may be behind"),
    ],
    one_of: &[],
};

static VERIFY: Record = Record {
    name: "verify",
    fields: &[
        required("every", Type::Format(&LONG_SPAN), "time between two checks"),
        required("sample", Type::Format(&PERCENT), "part of the data that is read each time"),
    ],
    one_of: &[],
};

const COUNT: Type = Type::Integer { min: 0, max: 100_000 };

pub(crate) static RETENTION: Record = Record {
    name: "a retention rule",
    fields: &[
        required("keep", Type::Record(&KEEP), "how many restore points of each kind"),
        optional("at_expiry", Type::Word(&["delete", "archive"]), "what becomes of a restore point then; delete unless set"),
        optional("archive", Type::Record(&ARCHIVE), "where it goes"),
        optional("legal_minimum", Type::Format(&LONG_SPAN), "the time for which a law or a contract asks that data is kept"),
    ],
    one_of: &[],
};

static ARCHIVE: Record = Record {
    name: "an archive",
    fields: &[
        required("to", Type::Format(&ID), "the repository"),
        required("for", Type::Format(&LONG_SPAN), "how long it is kept there"),
        optional("form", Type::Text, "the form, in words"),
        optional("read_back", Type::Format(&LONG_SPAN), "time between two readings that prove that it can be read"),
    ],
    one_of: &[],
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
        optional("within", Type::Format(&LONG_SPAN), "all that are younger than this, counted back from the newest"),
    ],
    one_of: &[],
};

/// What a run is expected to take where the plan does not say.
pub(crate) const EXPECT_RUN: Span = Span::seconds(600);
/// What a program that reads a source may take where the plan does not say.
const WITHIN: Span = Span::seconds(12 * 3600);
/// What a hook may take where the plan does not say.
pub(crate) const HOOK_WITHIN: Span = Span::seconds(600);

pub(crate) fn read(id: SourceId, node: &Node, zone: &TimeZone, copies: &BTreeMap<String, CopyRule>, everywhere: &[RepositoryId]) -> Source {
    let rule = node.get("copies").and_then(Node::text).and_then(|name| copies.get(name));
    Source {
        kind: kind(&id, node),
        id,
        schedule: schedule(node, zone),
        expect_run: span(node, "expect_run").unwrap_or(EXPECT_RUN),
        rpo: span(node, "rpo"),
        retention: parsed(node, "retention"),
        to: rule.map_or_else(|| everywhere.to_vec(), |rule| rule.to.clone()),
        canary: node.get("canary").and_then(|node| {
            let file = text(node, "file").map(|path| Canary::File(path.into()));
            file.or_else(|| text(node, "sql").map(Canary::Sql))
        }),
        facts: node
            .get("facts")
            .map_or(&[][..], Node::entries)
            .iter()
            .filter_map(|fact| Some((fact.key.clone(), fact.value.text()?.to_owned())))
            .collect(),
        after: parsed(node, "after"),
        within: span(node, "within").unwrap_or(WITHIN),
        hooks: node.get("hooks").map(hooks).unwrap_or_default(),
    }
}

fn hooks(node: &Node) -> Hooks {
    Hooks {
        before: list(node, "before"),
        after: list(node, "after"),
        on_failure: list(node, "on_failure"),
        always: list(node, "always"),
        within: span(node, "within").unwrap_or(HOOK_WITHIN),
    }
}

fn kind(id: &SourceId, node: &Node) -> SourceKind {
    // What is not there was told already.
    let file_name = |node: &Node| text(node, "as").unwrap_or_else(|| id.to_string());
    let tools = |node: &Node| text(node, "tools").map(PathBuf::from);
    let dsn = |node: &Node| node.get("dsn").and_then(secret).unwrap_or_else(|| SecretRef::Env(String::new()));
    if let Some(node) = node.get("postgres") {
        let format = match node.get("format").and_then(Node::text) {
            Some("directory") => PostgresFormat::Directory,
            Some("plain") => PostgresFormat::Plain,
            _ => PostgresFormat::Custom,
        };
        let (all, globals) = (truth(node, "all", false), truth(node, "globals", true));
        return SourceKind::Postgres(PostgresSource { dsn: dsn(node), format, all, globals, tools: tools(node) });
    }
    if let Some(node) = node.get("mysql") {
        return SourceKind::Mysql(MysqlSource { dsn: dsn(node), databases: list(node, "databases"), tools: tools(node) });
    }
    if let Some(node) = node.get("sqlite") {
        return SourceKind::Sqlite(SqliteSource { paths: paths(node, "paths"), tools: tools(node) });
    }
    if let Some(node) = node.get("command") {
        return SourceKind::Command(CommandSource { run: list(node, "run"), file_name: file_name(node) });
    }
    if let Some(node) = node.get("stdin") {
        return SourceKind::Stdin(StdinSource { file_name: file_name(node) });
    }
    let files = node.get("files");
    SourceKind::Files(FilesSource {
        paths: files.map(|files| paths(files, "paths")).unwrap_or_default(),
        exclude: files.map(|files| list(files, "exclude")).unwrap_or_default(),
        one_file_system: files.is_some_and(|files| truth(files, "one_file_system", false)),
        exclude_caches: files.is_none_or(|files| truth(files, "exclude_caches", true)),
    })
}

/// The schedule of a part. A faulty one, which the shape has told already, is taken as daily so that reading can go on.
pub(crate) fn schedule(node: &Node, zone: &TimeZone) -> Schedule {
    let written = node.get("schedule").and_then(Node::text);
    written.and_then(|text| Schedule::parse(text, zone).ok()).unwrap_or_else(|| Schedule::daily(zone))
}

pub(crate) fn read_copies(node: &Node) -> CopyRule {
    let lag = node.get("lag").map_or(&[][..], Node::entries).iter();
    CopyRule {
        to: list(node, "to"),
        rule: text(node, "rule").and_then(|text| read_copy_target(&text)).map(|[copies, media, offsite, isolated, errors]| CopyTarget {
            copies,
            media,
            offsite,
            isolated,
            errors,
        }),
        verify: node.get("verify").and_then(|node| {
            Some(Verify { every: span(node, "every")?, sample: text(node, "sample").and_then(|text| read_percent(&text))? })
        }),
        lag: lag.filter_map(|entry| Some((entry.key.parse().ok()?, entry.value.text()?.parse().ok()?))).collect(),
    }
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
        within: node.get("keep").and_then(|keep| span(keep, "within")),
    };
    let archive = node.get("archive").and_then(|node| {
        Some(Archive { to: parsed(node, "to")?, period: span(node, "for")?, form: text(node, "form"), read_back: span(node, "read_back") })
    });
    let at_expiry = if node.get("at_expiry").and_then(Node::text) == Some("archive") { AtExpiry::Archive } else { AtExpiry::Delete };
    Retention { id, keep, at_expiry, archive, legal_minimum: span(node, "legal_minimum") }
}

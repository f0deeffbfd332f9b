//! What this version does not carry out of what the language can say. The one place that knows: `plan check` warns of it, and the jobs that come to
//! such a part refuse it by the same words. Whoever builds a runner takes its line out here.

use crate::plan::{Canary, Channel, CheckKind, Drill, PostgresFormat, Source, SourceKind, Tamper};

/// A part that is not carried out: its path below the part that was asked about, and what is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotDone {
    /// "postgres", "checks/1/sql".
    pub path: String,
    /// One line, lower case.
    pub what: String,
}

fn not_done(path: impl Into<String>, what: impl Into<String>) -> NotDone {
    NotDone { path: path.into(), what: what.into() }
}

/// What keeps a source from being backed up; empty: nothing.
pub fn source(source: &Source) -> Vec<NotDone> {
    let mut missing = Vec::new();
    if let SourceKind::Postgres(postgres) = &source.kind
        && postgres.format == PostgresFormat::Directory
    {
        let what = format!("this version dumps as custom or plain, and not into a folder, as {} asks", source.id);
        missing.push(not_done("postgres/format", what));
    }
    if let Some(Canary::Sql(_)) = source.canary {
        missing.push(not_done("canary/sql", format!("this version writes no canary into a database, as {} asks", source.id)));
    }
    let is_database = matches!(source.kind, SourceKind::Postgres(_) | SourceKind::Mysql(_) | SourceKind::Sqlite(_));
    if !source.facts.is_empty() && !is_database {
        missing.push(not_done("facts", format!("this version keeps facts of databases alone, and {} is none", source.id)));
    }
    missing
}

/// What keeps a drill from being run; empty: nothing.
pub fn drill(drill: &Drill) -> Vec<NotDone> {
    let id = &drill.id;
    if drill.is_tabletop() {
        return vec![not_done("depth", format!("people carry out the tabletop {id}, and this version keeps no record of it"))];
    }
    let mut missing = Vec::new();
    for (n, check) in drill.checks.iter().enumerate() {
        let word = match &check.kind {
            CheckKind::Sql(_) => "sql",
            CheckKind::Http(_) => "http",
            CheckKind::Fact(_) => "fact",
            CheckKind::Files(_) | CheckKind::Command(_) | CheckKind::Canary(_) => continue,
        };
        missing.push(not_done(format!("checks/{n}/{word}"), format!("this version runs no {word} check like {} of {id}", check.id)));
    }
    if let Some(Tamper::Sql(_)) = drill.must_fail.as_ref().map(|control| &control.tamper) {
        missing.push(not_done("must_fail/tamper", format!("this version tampers with files alone, and {id} with a database")));
    }
    if drill.sandbox.is_some() {
        missing.push(not_done("sandbox", format!("this version starts no sandbox, as {id} asks")));
    }
    if drill.key.is_some() {
        missing.push(not_done("snapshot/key", format!("this version opens with any key that the host has, and {id} asks for one")));
    }
    missing
}

/// What keeps a channel from being used; none: nothing.
pub fn channel(channel: &Channel) -> Option<NotDone> {
    match channel {
        Channel::EventsV2 { .. } => Some(not_done("events_v2", "this version does not speak the Events API")),
        Channel::Tickets(_) => Some(not_done("project", "this version opens no tickets")),
        Channel::Webhook { .. } | Channel::Command { .. } | Channel::Smtp(_) => None,
    }
}

/// Of what was found, one line.
pub fn in_one_line(missing: &[NotDone]) -> Option<String> {
    let all: Vec<&str> = missing.iter().map(|one| one.what.as_str()).collect();
    if all.is_empty() { None } else { Some(all.join("; ")) }
}

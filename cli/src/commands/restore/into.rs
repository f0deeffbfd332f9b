//! `lifeboat restore POINT --into REFERENCE`: fills an empty database, and compares what came back with the facts of the dump.

use std::fmt::Write as _;

use base::ByteSize;
use orchestrator::Parts;
use orchestrator::jobs::restore::into::{fill, live, server};
use plans::Plan;
use plans::plan::SecretRef;
use restore::address::Address;
use restore::database::{Found, IntoReport, Target, find};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::RestoreArgs;
use crate::failure::{Exit, Failure};
use crate::output::number::counted;
use crate::output::{Output, instant, printable};
use crate::points::Chosen;

#[derive(Debug, clap::Args)]
pub(super) struct IntoArgs {
    /// Fill this empty database, whose connection string is behind `env:NAME`, `file:/path` or `credential:NAME`
    #[arg(long, value_name = "REFERENCE", value_parser = reference, conflicts_with_all = ["to", "include", "existing", "special_bits"])]
    pub(super) into: Option<SecretRef>,
    /// With --into: everything belongs to the user of that database, whoever it belonged to
    #[arg(long, requires = "into")]
    pub(super) no_owner: bool,
}

/// What was asked for.
pub(super) struct Asked<'a> {
    pub(super) args: &'a RestoreArgs,
    pub(super) into: &'a SecretRef,
    pub(super) address: &'a Address,
}

/// What would be done.
#[derive(Debug, Serialize)]
struct Planned {
    snapshot: String,
    source: String,
    file: String,
    databases: Vec<String>,
    from_server: String,
    target: String,
    facts: usize,
}

/// The most facts that are shown.
const MAX_SHOWN: usize = 20;

/// Reads `env:NAME`, `file:/path` or `credential:NAME`.
fn reference(text: &str) -> Result<SecretRef, String> {
    match text.split_once(':') {
        Some(("env", name)) if !name.is_empty() => Ok(SecretRef::Env(name.to_owned())),
        Some(("file", path)) if path.starts_with('/') => Ok(SecretRef::File(path.into())),
        Some(("credential", name)) if !name.is_empty() && !name.contains('/') => Ok(SecretRef::Credential(name.to_owned())),
        // It may be a connection string with a password, and is not shown.
        _ => Err("a database is named by where its connection string is found: env:NAME, file:/path or credential:NAME".to_owned()),
    }
}

pub(super) async fn run(
    asked: Asked<'_>,
    plan: &Plan,
    parts: &Parts,
    chosen: &Chosen,
    stop: &CancellationToken,
    output: Output,
) -> Result<Exit, Failure> {
    let Asked { args, into, address } = asked;
    let snapshot = &chosen.snapshot;
    let source = plan.sources.get(&snapshot.source).ok_or_else(|| {
        let what = format!("the plan has no source {}, which says how its database is reached", snapshot.source);
        Failure::new("LB0255", Exit::Failed, what).fix("restore its files into a folder, and fill a database by hand: docs/databases.md")
    })?;
    let target = Target { server: server(&*parts.connect, source, into)?, no_owner: args.fill.no_owner };
    let found = find(&chosen.reader, snapshot, address.path.as_ref()).await.map_err(failed)?;
    target.examine(&found, live(&*parts.connect, source).as_ref(), stop).await.map_err(failed)?;
    let planned = planned(chosen, &found, &target);
    let text = || preview(&planned, chosen, parts);
    if args.dry_run {
        output.answer("restore_into_preview", &planned, text);
        return Ok(Exit::Done);
    }
    output.note(&text());
    if !args.yes {
        super::ask(output)?;
    }
    let report = fill(parts, &chosen.reader, snapshot, &found, &target, args.reason.clone(), stop).await?;
    output.answer("restore_into", &report, || result(&report));
    Ok(if report.is_same() { Exit::Done } else { Exit::Damage })
}

fn failed(error: restore::database::IntoError) -> Failure {
    orchestrator::jobs::restore::RestoreError::from(error).into()
}

fn planned(chosen: &Chosen, found: &Found, target: &Target) -> Planned {
    Planned {
        snapshot: chosen.snapshot.id.to_string(),
        source: chosen.snapshot.source.to_string(),
        file: found.file().to_owned(),
        databases: found.databases.iter().map(|database| database.name.clone()).collect(),
        from_server: found.server.clone(),
        target: target.place(),
        facts: found.databases.iter().map(|database| database.facts.len()).sum(),
    }
}

fn preview(planned: &Planned, chosen: &Chosen, parts: &Parts) -> String {
    let taken = chosen.snapshot.taken;
    let facts = counted(planned.facts as u64, "fact");
    [
        format!("  from    {}:/{} in {}", chosen.snapshot.id.short(), printable(&planned.file), chosen.repository),
        format!("  taken   {}, {}", instant::utc(taken), instant::distance(taken, parts.clock.now())),
        format!("  holds   {}, of a server of version {}", printable(&planned.databases.join(", ")), printable(&planned.from_server)),
        format!("  to      {}  (it is empty)", printable(&planned.target)),
        format!("  then    {facts} of the dump are asked again and compared"),
    ]
    .join("\n")
}

fn result(report: &IntoReport) -> String {
    let different: Vec<_> = report.facts.iter().filter(|fact| !fact.same).collect();
    let mut text = format!("filled {} with {}\n", printable(&report.target), ByteSize(report.bytes));
    let count = report.facts.len() as u64;
    let _ = match (different.len(), count) {
        (0, 0) => writeln!(text, "     nothing could be compared: the dump has no exact fact"),
        (0, _) => writeln!(text, "     {} came back the same", counted(count, "fact")),
        (n, _) => writeln!(text, "     {n} of {} did NOT come back the same", counted(count, "fact")),
    }; // writing to a String cannot fail
    for fact in different.iter().take(MAX_SHOWN) {
        let (expected, observed) = (printable(&fact.expected), printable(&fact.observed));
        let _ = writeln!(text, "     {} of {}: {expected} in the dump, {observed} now", printable(&fact.name), printable(&fact.database));
    }
    if report.n_inexact > 0 {
        let _ =
            writeln!(text, "     {} changed while the dump was made, and could not be compared", counted(report.n_inexact as u64, "fact"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_named_by_reference_and_never_by_its_password() {
        assert_eq!(reference("env:TARGET"), Ok(SecretRef::Env("TARGET".to_owned())));
        assert_eq!(reference("file:/etc/dsn"), Ok(SecretRef::File("/etc/dsn".into())));
        for text in ["postgresql://joy:s3cret@host/db", "env:", "file:dsn", "credential:a/b"] {
            assert!(!reference(text).unwrap_err().contains("s3cret"));
        }
    }
}

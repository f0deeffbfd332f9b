//! `lifeboat audit …`: what happened on this host, and whether its record is whole.

use std::path::Path;

use jiff::Timestamp;
use records::chain::Entry;
use records::event::ACTIONS;
use records::journal::{Filter, Journal, JournalError};
use serde_json::Value;

use crate::failure::{Exit, Failure};
use crate::output::table::Table;
use crate::output::{Output, instant};
use crate::settings::Settings;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum AuditCommand {
    /// Show what happened, newest last
    Log(LogArgs),
    /// Verify that no entry of the journal was changed, removed or put in
    Verify,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    /// Only this action, like backup.finished; several times for several
    #[arg(long, value_name = "ACTION")]
    action: Vec<String>,
    /// Only from this time on, with its zone: 2026-11-24T06:00Z
    #[arg(long, value_name = "TIME", value_parser = instant::parse)]
    since: Option<Timestamp>,
    /// At most so many, the newest
    #[arg(long, short = 'n', default_value_t = 50)]
    count: u64,
}

#[derive(serde::Serialize)]
struct Verified {
    whole: bool,
    entries: u64,
    head: String,
    first_bad: Option<u64>,
    why: Option<String>,
}

pub(crate) async fn run(command: &AuditCommand, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let journal = open(&settings.journal()).await?;
    match command {
        AuditCommand::Log(args) => log(args, &journal, output).await,
        AuditCommand::Verify => verify(&journal, output).await,
    }
}

/// The journal, which must be there: looking never makes one.
async fn open(path: &Path) -> Result<Journal, Failure> {
    if !path.exists() {
        return Err(Failure::new("LB0302", Exit::Failed, format!("there is no journal at {}", path.display()))
            .fix("name the folder that holds it: --state FOLDER; the first command that does something makes it"));
    }
    Journal::open_existing(path).await.map_err(|error| failed(&error))
}

fn failed(error: &JournalError) -> Failure {
    Failure::of("LB0301", Exit::Failed, error)
}

async fn log(args: &LogArgs, journal: &Journal, output: Output) -> Result<Exit, Failure> {
    if let Some(action) = args.action.iter().find(|action| !ACTIONS.contains(&action.as_str())) {
        let near = ACTIONS.iter().min_by_key(|known| strsim::levenshtein(known, action)).unwrap_or(&"backup.finished");
        return Err(Failure::new("LB0002", Exit::Usage, format!("there is no action {action}")).fix(format!("did you mean {near}?")));
    }
    let actions = args.action.iter().map(String::as_str);
    let filter = Filter { since: args.since, limit: Some(args.count), newest_first: true, ..Filter::actions(actions) };
    let mut entries = journal.entries(filter).await.map_err(|error| failed(&error))?;
    entries.reverse();
    let lines: Vec<Value> = entries.iter().filter_map(|entry| serde_json::from_str(&entry.line).ok()).collect();
    output.answer("audit_log", &lines, || {
        let mut table = Table::new(["SEQ", "UTC", "WHO", "ACTION", "OBJECT", "OUTCOME"]);
        for entry in &entries {
            table.row(cells(entry));
        }
        table.render()
    });
    Ok(Exit::Done)
}

fn cells(entry: &Entry) -> [String; 6] {
    let outcome = match entry.event.reason() {
        Some(reason) => format!("{}: {reason}", entry.event.outcome()),
        None => entry.event.outcome().to_owned(),
    };
    let (action, object) = (entry.event.action().to_owned(), shortened(&entry.event.object()));
    [entry.seq.to_string(), instant::utc(entry.at), entry.actor.name.clone(), action, object, outcome]
}

/// Long ids are cut: the whole one is in `--json`.
fn shortened(object: &str) -> String {
    match object.split_once('/') {
        Some((kind, id)) if id.chars().count() > 20 => format!("{kind}/{}…", id.chars().take(16).collect::<String>()),
        _ => object.to_owned(),
    }
}

async fn verify(journal: &Journal, output: Output) -> Result<Exit, Failure> {
    let report = journal.verify().await.map_err(|error| failed(&error))?;
    let verified = Verified {
        whole: report.is_whole(),
        entries: report.entries,
        head: report.head.hash.to_string(),
        first_bad: report.fault.as_ref().map(|fault| fault.seq),
        why: report.fault.as_ref().map(|fault| fault.why.clone()),
    };
    output.answer("audit_verify", &verified, || match &report.fault {
        None => format!("{} entries, consecutive and hash-chained; head {}\n", report.entries, report.head.hash.short()),
        Some(fault) => {
            format!("x entry {} does not fit the chain: {}\n  the {} entries before it are whole\n", fault.seq, fault.why, report.entries)
        }
    });
    if report.is_whole() {
        return Ok(Exit::Done);
    }
    output.note("Somebody or something changed the journal. Keep it as it is, and compare it with the last evidence pack.");
    Ok(Exit::Evidence)
}

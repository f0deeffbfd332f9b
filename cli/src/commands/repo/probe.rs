//! `lifeboat repo probe`: asks a store what it really does, and keeps the answer as a record.

use records::event::{ProbeLine, RepositoryProbed};
use stores::probe::{ProbeReport, Question, Verdict, probe};

use crate::failure::{Exit, Failure};
use crate::output::{Output, folded};
use crate::settings::Settings;
use crate::{plan_files, wiring};

#[derive(Debug, clap::Args)]
pub(crate) struct ProbeArgs {
    /// A repository of the plan, or a place as init takes it: a folder or the URL of a bucket
    #[arg(value_name = "ID|PLACE")]
    what: String,
}

pub(crate) async fn run(args: &ProbeArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let is_place = is_place(&args.what);
    let repository = location(&args.what, settings)?;
    let store = wiring::glance_store(&repository).await?;
    let clock = wiring::clock();
    let run = getrandom::u64().map_err(|error| Failure::from_error("LB0001", Exit::Failed, &error))?;
    let report = probe(&*store, &*clock, run).await.map_err(|error| {
        let (code, exit) = if error.is_transient() { ("LB0212", Exit::TryAgain) } else { ("LB0213", Exit::Failed) };
        Failure::of(code, exit, &error)
    })?;
    if !is_place {
        let journal = wiring::journal(settings).await?;
        let event = RepositoryProbed { repository: repository.id, location: report.location.clone(), lines: lines(&report) };
        let done = journal.append(&wiring::person(), event, clock.now()).await;
        done.map_err(|error| Failure::of("LB0301", Exit::Failed, &error))?;
    }
    output.answer("probe", &report, || text(&report));
    let left = report.left_behind.len();
    if left > 0 {
        output.note(&format!("{left} small objects below probe/ stay: this credential may not delete, which is good"));
    }
    Ok(if report.verdict(Question::ReadsBack) == Verdict::No { Exit::Failed } else { Exit::Done })
}

/// A repository as people name it: by its id in the plan, or by its place.
pub(crate) fn location(text: &str, settings: &Settings) -> Result<plans::plan::Repository, Failure> {
    if is_place(text) { place(text) } else { named(text, settings) }
}

/// An id holds no slash.
fn is_place(text: &str) -> bool {
    text.contains('/') || text == "."
}

fn named(id: &str, settings: &Settings) -> Result<plans::plan::Repository, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let unknown = || orchestrator::jobs::open::unknown("repository", id, plan.repositories.keys());
    plan.repositories.get(id).cloned().ok_or_else(|| unknown().into())
}

/// A place that no plan names: reached with the usual credentials, and not recorded.
fn place(text: &str) -> Result<plans::plan::Repository, Failure> {
    let url = wiring::parse_url(text)?;
    let id = "place".parse().expect("a plain word is an id");
    Ok(plans::plan::Repository {
        id,
        url,
        media: "disk".to_owned(),
        site: None,
        account: None,
        credential: None,
        ca: None,
        maintainer: None,
        lock: None,
    })
}

fn lines(report: &ProbeReport) -> Vec<ProbeLine> {
    let line = |line: &stores::probe::Line| ProbeLine {
        what: question(line.question).to_owned(),
        verdict: word(line.verdict).trim().to_lowercase(),
        seen: line.seen.clone(),
    };
    report.lines.iter().map(line).collect()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Yes => "yes    ",
        Verdict::No => "NO     ",
        Verdict::Unknown => "unknown",
    }
}

fn question(question: Question) -> &'static str {
    match question {
        Question::ReadsBack => "reads back what was stored",
        Question::RefusesSecondPut => "refuses a second put",
        Question::OneWinnerOfARace => "lets one racer win",
        Question::ChecksChecksum => "checks the checksum",
        Question::ListsAfterWrite => "lists at once",
        Question::TellsTime => "tells its time",
        Question::ClocksAgree => "agrees with our clock",
        Question::AllowsDelete => "lets us delete",
        Question::LocksObjects => "locks objects",
    }
}

fn text(report: &ProbeReport) -> String {
    let lines = report.lines.iter();
    let line = |line: &stores::probe::Line| folded(&format!("{}  {:<26}", word(line.verdict), question(line.question)), &line.seen);
    format!("{}\n{}", report.location, lines.map(line).collect::<String>())
}

//! `lifeboat evidence export`: writes the pack of a period, signs it, and says what is in it and what is open.

use std::fmt::Write as _;
use std::path::PathBuf;

use base::Digest;
use jiff::Timestamp;
use orchestrator::evidence::{self, Issuer, period};
use records::event::EvidenceExported;

use records::evidence::figures::{Exception, Figures, SignatureState};
use records::evidence::{ExportError, Exported, Facts, PackInput, export};
use records::seal::{AllowedSigners, REVIEW_NAMESPACE, SigningKey, allowed_line};

use crate::failure::{Exit, Failure};
use crate::output::{Output, counted, folded, instant};
use crate::settings::Settings;
use crate::{plan_files, signing_key, wiring};

/// How many open exceptions are shown; the pack has all of them.
const SHOWN: usize = 10;
/// How many characters of each are shown.
const STORY: usize = 220;

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Year, quarter, month, or first and last day, in UTC: 2026, 2026-Q3, 2026-11, 2026-07-01..2026-08-15
    #[arg(long, value_name = "PERIOD")]
    period: String,
    /// New folder for the pack [default: evidence-PERIOD in this folder]
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

#[derive(serde::Serialize)]
struct Pack<'a> {
    folder: &'a PathBuf,
    id: &'a str,
    period: &'a str,
    since: Timestamp,
    until: Timestamp,
    answer: &'a str,
    planned: u64,
    planned_run: u64,
    not_run: u64,
    run: u64,
    passed: u64,
    exceptions: usize,
    review_due_at: Option<Timestamp>,
    review_overdue_since: Option<Timestamp>,
    records: Option<(u64, u64)>,
    manifest_digest: Digest,
    signed_by: &'a str,
    fingerprint: String,
}

pub(crate) async fn run(args: &ExportArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let period = period::parse(&args.period).map_err(|error| Failure::of("LB0320", Exit::Usage, &error))?;
    let folder = args.to.clone().unwrap_or_else(|| PathBuf::from(format!("evidence-{}", period.name)));
    let parts = wiring::parts(settings, wiring::person()).await?;
    let facts = wiring::facts(&parts, &plan, settings).await?;
    let (key, made) = signing_key::evidence(settings, &plan, &parts.journal).await?;
    if made {
        output.note(&format!("made the evidence key of this host, {}", settings.evidence_key().display()));
    }
    let now = parts.clock.now();
    let journal = |error| Failure::of("LB0301", Exit::Failed, &error);
    let entries = parts.journal.period(period.since, period.until).await.map_err(journal)?;
    let issuer = Issuer { name: signing_key::issuer(&key), host: parts.host.clone() };
    let input =
        evidence::input(&plan, &facts, entries, period.clone(), issuer, now).map_err(|error| Failure::of("LB0320", Exit::Usage, &error))?;
    let exported = export(&input, &key, &folder).map_err(|error| failure(&error))?;
    let event = EvidenceExported { period: period.name.clone(), manifest_digest: exported.manifest_digest, records: exported.records };
    parts.record(event).await.map_err(journal)?;
    let figures = Figures::compute(&input.facts, &input.entries, &reviewers(&input)?);
    tell(&input, &figures, &exported, &key, output);
    if evidence::plan_changed_since(&plan, &facts, &period) {
        output.warn("the plan has changed since this period ended: services and objectives in the pack are those of now");
    }
    output.next(&format!("sh {}", folder.join("verify.sh").display()), "verify it with stock tools");
    Ok(Exit::Done)
}

fn failure(error: &ExportError) -> Failure {
    match error {
        ExportError::Chain { .. } => Failure::of("LB0303", Exit::Evidence, error),
        ExportError::Exists { .. } | ExportError::Write { .. } => Failure::of("LB0006", Exit::Failed, error),
        ExportError::Sign(_) | ExportError::Principal { .. } | ExportError::SignerKey { .. } => Failure::of("LB0223", Exit::Key, error),
        ExportError::Render { .. } => Failure::of("LB0321", Exit::Failed, error),
    }
}

/// The keys of the people who review, as the pack lists them.
fn reviewers(input: &PackInput) -> Result<AllowedSigners, Failure> {
    let line = |one: &records::evidence::Reviewer| allowed_line(&one.principal, REVIEW_NAMESPACE, &one.public_key) + "\n";
    let text: String = input.facts.reviewers.iter().map(line).collect();
    AllowedSigners::parse(&text).map_err(|error| Failure::of("LB0321", Exit::Failed, &error))
}

fn tell(input: &PackInput, figures: &Figures, exported: &Exported, key: &SigningKey, output: Output) {
    let facts = &input.facts;
    let pack = Pack {
        folder: &exported.folder,
        id: &facts.id,
        period: &facts.period.name,
        since: facts.period.since,
        until: facts.period.until,
        answer: &exported.answer,
        planned: figures.drills.planned,
        planned_run: figures.drills.planned_run,
        not_run: figures.drills.not_run,
        run: figures.drills.run,
        passed: figures.drills.passed,
        exceptions: figures.exceptions.iter().filter(|one| one.kind.is_open()).count(),
        review_due_at: facts.review.due_at,
        review_overdue_since: facts.review.overdue_since,
        records: exported.records,
        manifest_digest: exported.manifest_digest,
        signed_by: &facts.issued_by,
        fingerprint: key.fingerprint(),
    };
    output.answer("evidence", &pack, || text(facts, figures, &pack));
}

fn text(facts: &Facts, figures: &Figures, pack: &Pack<'_>) -> String {
    let drills = figures.drills;
    let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let last = facts.period.until.min(facts.issued_at) - std::time::Duration::from_nanos(1);
    let mut text = format!("{}\n\n", pack.answer);
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<10} {value}"); // writing to a String cannot fail
    };
    let so_far = if facts.issued_at < facts.period.until { ", which still runs" } else { "" };
    line("pack", format!("{} in {}", pack.id, pack.folder.display()));
    line("period", format!("{} to {} UTC{so_far}", day(facts.period.since), day(last)));
    line("planned", format!("{}: {} run, {} not run", counted(drills.planned, "drill"), drills.planned_run, drills.not_run));
    let not_passed = drills.run.saturating_sub(drills.passed);
    line("run", format!("{} in all: {} passed, {not_passed} did not", counted(drills.run, "drill"), drills.passed));
    let good = figures.reviews.iter().filter(|review| review.signature == SignatureState::Good).count();
    let good = counted(u64::try_from(good).unwrap_or(u64::MAX), "good signature");
    line("reviews", format!("{good}; {}", review(facts)));
    line("records", pack.records.map_or_else(|| "none in this period".to_owned(), |(first, last)| format!("{first} to {last}")));
    line("signed by", format!("{}\n{:<10} {}", pack.signed_by, "", pack.fingerprint));
    text.push('\n');
    text += &open(&figures.exceptions);
    text
}

fn review(facts: &Facts) -> String {
    match (facts.review.overdue_since, facts.review.due_at) {
        (Some(since), _) => format!("OVERDUE since {}", instant::utc(since)),
        (None, Some(due)) => format!("next due {}", due.strftime("%Y-%m-%d")),
        (None, None) => "none due".to_owned(),
    }
}

/// The exceptions, gravest first.
fn open(exceptions: &[Exception]) -> String {
    let mut sorted: Vec<&Exception> = exceptions.iter().filter(|one| one.kind.is_open()).collect();
    if sorted.is_empty() {
        return "Open exceptions: none\n".to_owned();
    }
    let mut text = format!("Open exceptions: {}\n", sorted.len());
    sorted.sort_by_key(|exception| exception.kind.rank());
    for one in sorted.iter().take(SHOWN) {
        let about = if one.object.is_empty() { String::new() } else { format!("  {}", one.object) };
        let _ = writeln!(text, "  {}  {}{about}", instant::utc(one.at), one.kind.words());
        text += &folded("   ", &shortened(&one.what));
    }
    if sorted.len() > SHOWN {
        let _ = writeln!(text, "  and {} more, in exceptions.csv", sorted.len() - SHOWN);
    }
    text
}

/// The beginning of a long story; exceptions.csv has all of it.
fn shortened(what: &str) -> String {
    if what.chars().count() <= STORY {
        return what.to_owned();
    }
    let mut short: String = what.chars().take(STORY).collect();
    short.push('…');
    short
}

//! `lifeboat copy`: bring a copy of a repository up to date, byte for byte and without a key.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use base::ByteSize;
use base::span::human;
use repository::copy::{CopyError, CopyPlan, CopyReport, Limits, Progress, look, run as carry_out};
use repository::fence::FenceError;
use repository::finding::Finding;
use repository::repository::Repository;
use stores::Store;

use super::repo::location;
use crate::failure::{Exit, Failure, store_code};
use crate::output::number::counted;
use crate::output::{Output, printable};
use crate::settings::Settings;
use crate::{signals, wiring};

/// The most objects that are named under one heading; `--json` has them all.
const MAX_SHOWN: usize = 20;

#[derive(Debug, clap::Args)]
pub(crate) struct CopyArgs {
    /// What is copied: a repository of the plan, or a place: a folder or the URL of a bucket
    #[arg(long, value_name = "ID|PLACE")]
    from: String,
    /// The copy, which is made where there is none: a repository of the plan, or a place
    #[arg(long, value_name = "ID|PLACE")]
    to: String,
    /// Say what is missing in the copy, and store nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

#[derive(serde::Serialize)]
struct Answer {
    from: String,
    to: String,
    dry_run: bool,
    missing_objects: u64,
    missing_bytes: u64,
    missing_snapshots: u64,
    /// How far the copy was behind before, in seconds by the clock of the original; null where it had no restore point.
    lag_s: Option<i64>,
    /// Objects that only the copy has.
    only_in_copy: u64,
    objects: u64,
    bytes: u64,
    snapshots: u64,
    /// Objects of the original that nobody believes, or that the copy once deleted: they are not copied, and nothing is wrong.
    left_out: Vec<Line>,
    damaged: Vec<Line>,
    held_back: Vec<Line>,
    differs: Vec<Line>,
    took_ms: u64,
}

#[derive(serde::Serialize)]
struct Line {
    object: String,
    what: String,
}

pub(crate) async fn run(args: &CopyArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let (from, to) = (location(&args.from, settings)?, location(&args.to, settings)?);
    let source = wiring::open_store(&from).await?;
    let source = Repository::open(source).await.map_err(|error| Failure::of_open(&error))?;
    let target = if args.dry_run { wiring::open_store(&to).await? } else { wiring::create_store(&to).await? };
    let clock = wiring::clock();
    let (began, stop) = (clock.monotonic(), signals::stop());
    let copied = stop.run_until_cancelled(copy(args, &source, &*target, output)).await;
    // What is stored by then stays, and each object is there whole or not at all.
    let (plan, report) = copied.ok_or_else(Failure::interrupted)?.map_err(|error| failed(&error))?;
    let took = clock.monotonic().saturating_sub(began);
    let answer = answer(args, &source, &*target, &plan, &report, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    output.answer("copy", &answer, || text(&answer, &human(took)));
    if !report.findings.is_empty() || !plan.differs.is_empty() {
        output.next("lifeboat check", "which of the two is damaged, and who needs what is?");
        return Ok(Exit::Damage);
    }
    Ok(if report.held_back.is_empty() { Exit::Done } else { Exit::Incomplete })
}

async fn copy(args: &CopyArgs, source: &Repository, target: &dyn Store, output: Output) -> Result<(CopyPlan, CopyReport), CopyError> {
    let plan = look(source, target).await?;
    if args.dry_run {
        return Ok((plan, CopyReport::default()));
    }
    if !plan.missing.is_empty() {
        output.note(&format!("copying {}, {} …", counted(plan.missing.len() as u64, "object"), ByteSize(plan.bytes())));
    }
    let told = Told { output, all: plan.bytes(), stored: AtomicU64::new(0) };
    let report = carry_out(source, target, &plan, Limits::default(), &told).await?;
    Ok((plan, report))
}

/// Says at each tenth how far the copy is.
struct Told {
    output: Output,
    all: u64,
    stored: AtomicU64,
}

impl Progress for Told {
    fn stored(&self, bytes: u64) {
        let before = self.stored.fetch_add(bytes, Ordering::Relaxed);
        let tenths = |bytes: u64| bytes.saturating_mul(10).checked_div(self.all).unwrap_or(10);
        let now = tenths(before.saturating_add(bytes));
        if now > tenths(before) && now < 10 {
            self.output.note(&format!("{now}0 % of {}", ByteSize(self.all)));
        }
    }
}

pub(super) fn failed(error: &CopyError) -> Failure {
    let (code, exit) = match error {
        CopyError::Store { source, .. } | CopyError::Fence(FenceError::Store { source, .. }) => store_code(source),
        CopyError::Another { .. } => ("LB0215", Exit::Failed),
        CopyError::Damaged { .. } | CopyError::DamagedCopy { .. } | CopyError::RolledBack { .. } => ("LB0230", Exit::Damage),
        CopyError::TooMany { .. } | CopyError::Fence(FenceError::NoTime { .. }) => ("LB0213", Exit::Failed),
    };
    Failure::of(code, exit, error)
}

fn answer(args: &CopyArgs, source: &Repository, target: &dyn Store, plan: &CopyPlan, report: &CopyReport, took_ms: u64) -> Answer {
    let lines = |findings: &[Finding]| {
        let line = |finding: &Finding| Line { object: finding.object.clone(), what: finding.what.clone() };
        findings.iter().map(line).collect()
    };
    Answer {
        from: source.store().location(),
        to: target.location(),
        dry_run: args.dry_run,
        missing_objects: plan.missing.len() as u64,
        missing_bytes: plan.bytes(),
        missing_snapshots: plan.lag.snapshots,
        lag_s: plan.lag.span().map(|span| span.as_secs()),
        only_in_copy: plan.only_here.len() as u64,
        objects: report.objects,
        bytes: report.bytes,
        snapshots: report.snapshots,
        left_out: lines(&plan.left_out),
        damaged: lines(&report.findings),
        held_back: lines(&report.held_back),
        differs: lines(&plan.differs),
        took_ms,
    }
}

fn text(answer: &Answer, took: &str) -> String {
    let points = |n| counted(n, "restore point");
    let behind = match answer.lag_s.and_then(|lag| u64::try_from(lag).ok()) {
        Some(0) if answer.missing_snapshots == 0 => "it had every restore point".to_owned(),
        Some(lag) => format!("it was {} behind: {}", human(std::time::Duration::from_secs(lag)), points(answer.missing_snapshots)),
        None => format!("it had none of {}", points(answer.missing_snapshots)),
    };
    let short = !answer.damaged.is_empty() || !answer.held_back.is_empty() || !answer.differs.is_empty();
    let mut out = match (answer.dry_run, short) {
        (true, _) => format!(
            "{} lacks {}, {}\n     {behind}\n",
            printable(&answer.to),
            counted(answer.missing_objects, "object"),
            ByteSize(answer.missing_bytes)
        ),
        (false, false) => format!("{} is up to date\n", printable(&answer.to)),
        (false, true) => format!("{} is INCOMPLETE\n", printable(&answer.to)),
    };
    if !answer.dry_run {
        let stored =
            format!("{}, {}, {} stored in {took}", counted(answer.objects, "object"), ByteSize(answer.bytes), points(answer.snapshots));
        let _ = writeln!(out, "     {stored}; {behind}");
    }
    if !answer.left_out.is_empty() {
        let _ =
            writeln!(out, "     {} left out: believed by nobody, or deleted in the copy", counted(answer.left_out.len() as u64, "object"));
    }
    heading(&mut out, "damaged in the original, not copied", &answer.damaged);
    heading(&mut out, "restore points held back", &answer.held_back);
    heading(&mut out, "differs, left as it is", &answer.differs);
    out
}

fn heading(out: &mut String, heading: &str, lines: &[Line]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "{heading}");
    for line in lines.iter().take(MAX_SHOWN) {
        let _ = writeln!(out, "  {}\n    {}", printable(&line.object), printable(&line.what));
    }
    if lines.len() > MAX_SHOWN {
        let _ = writeln!(out, "  and {} more; --json has all", lines.len() - MAX_SHOWN);
    }
}

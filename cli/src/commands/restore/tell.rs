//! What a restore says: before it begins, and when it has ended.

use std::fmt::Write as _;
use std::time::Duration;

use base::ByteSize;
use base::span::human;
use jiff::Timestamp;
use orchestrator::Facts;
use orchestrator::jobs::restore::last_drill;
use plans::Plan;
use restore::plan::{Obstacle, Preview};
use restore::report::{Counts, RestoreReport};

use crate::output::number::{counted, grouped};
use crate::output::{Output, instant, printable};
use crate::points::Chosen;

/// The most lines that are shown of anything.
const MAX_SHOWN: usize = 10;

/// What would be done, line by line: from, to, what, what it loses, how long it takes, what is in the way.
/// `is_whole`: all of the restore point is asked for.
pub(super) fn preview(preview: &Preview, chosen: &Chosen, is_whole: bool, plan: &Plan, facts: &Facts, now: Timestamp) -> String {
    let (point, snapshot) = (&preview.point, &chosen.snapshot);
    let mut out = String::new();
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<7} {text}"); // writing to a String cannot fail
    };
    let state = if point.complete { "" } else { ", INCOMPLETE" };
    line("from", format!("{} of {} in {}{state}", snapshot.id.short(), point.source, chosen.repository));
    line(
        "taken",
        format!("{}, {} ({})", instant::utc(point.taken), instant::distance(point.taken, now), instant::local(point.taken, &plan.timezone)),
    );
    let place = if preview.resumes { "goes on where it stopped" } else { place_word(preview) };
    line("to", format!("{}  ({place})", printable(&preview.target)));
    let free = preview.free_bytes.map(|free| format!(", {} free", ByteSize(free))).unwrap_or_default();
    // A folder that is lost takes all that is in it along, and nobody sees how much by what is left.
    let all = snapshot.stats.files;
    let short = if is_whole && !preview.findings.is_empty() && preview.total.files < all {
        format!(" of the {} of the restore point", counted(all, "file"))
    } else {
        String::new()
    };
    line("what", format!("{}{short}; needs {}{free}", counts(preview.total), ByteSize(preview.needed_bytes)));
    line("loses", loses(chosen, now));
    line("time", time(preview, chosen, plan, facts, now));
    for (name, list) in [("writes over", &preview.replaces), ("keeps", &preview.keeps), ("in the way", &preview.conflicts)] {
        obstacles(&mut out, name, list);
    }
    if !preview.findings.is_empty() {
        let _ = writeln!(out, "  cannot be had: {}", counted(preview.findings.len() as u64, "path"));
        for finding in preview.findings.iter().take(MAX_SHOWN) {
            let _ = writeln!(out, "    {}: {}", printable(&finding.path), printable(&finding.what));
        }
    }
    out.trim_end().to_owned()
}

fn place_word(preview: &Preview) -> &'static str {
    let touches = preview.compares > 0 || [&preview.replaces, &preview.keeps, &preview.conflicts].iter().any(|list| !list.is_empty());
    match (preview.refusals.is_empty(), touches) {
        (false, _) => "cannot be restored to as it is",
        (true, true) => "something is there",
        (true, false) => "nothing is in the way",
    }
}

fn counts(counts: Counts) -> String {
    let mut parts = vec![counted(counts.files, "file"), counted(counts.folders, "folder")];
    if counts.symlinks > 0 {
        parts.push(counted(counts.symlinks, "link"));
    }
    format!("{}, {}", parts.join(", "), ByteSize(counts.bytes))
}

/// What is newer than the restore point: the price of going back to it.
fn loses(chosen: &Chosen, now: Timestamp) -> String {
    let since = format!("what changed in the last {}", span(chosen.snapshot.taken, now));
    match chosen.newer.iter().max_by_key(|newer| newer.taken) {
        None => format!("{since}; no newer restore point exists"),
        Some(newest) => format!(
            "{since}; {} newer {}, the last {} of {}",
            chosen.newer.len(),
            if chosen.newer.len() == 1 { "one exists" } else { "ones exist" },
            newest.id.short(),
            instant::utc(newest.taken)
        ),
    }
}

fn span(from: Timestamp, to: Timestamp) -> String {
    human(Duration::from_secs(to.duration_since(from).unsigned_abs().as_secs()))
}

/// About how long it takes, against the strictest objective of the services that need the source.
fn time(preview: &Preview, chosen: &Chosen, plan: &Plan, facts: &Facts, now: Timestamp) -> String {
    let services: Vec<_> = plan.services_of(&chosen.snapshot.source).collect();
    let rto = services.iter().filter_map(|service| service.objectives.rto).min_by_key(|rto| rto.at_least());
    let rto = rto.map(|rto| format!(" (objective {})", human(rto.at_least()))).unwrap_or_default();
    let drill = services.iter().filter_map(|service| last_drill(facts, service)).max_by_key(|(at, _)| *at);
    let drill = drill.map(|(at, ms)| format!("; the drill {} took {}", instant::distance(at, now), human(Duration::from_millis(ms))));
    match preview.estimate_ms {
        Some(ms) => format!("about {}{rto}{}", human(Duration::from_millis(ms)), drill.unwrap_or_default()),
        None => format!("unknown{rto}: no drill of this source has measured it yet"),
    }
}

fn obstacles(out: &mut String, name: &str, list: &[Obstacle]) {
    if list.is_empty() {
        return;
    }
    let _ = writeln!(out, "  {name}: {}", counted(list.len() as u64, "thing"));
    for obstacle in list.iter().take(MAX_SHOWN) {
        let _ = writeln!(out, "    {}  {}", printable(&obstacle.path), obstacle.what);
    }
    if list.len() > MAX_SHOWN {
        let _ = writeln!(out, "    and {} more", grouped((list.len() - MAX_SHOWN) as u64));
    }
}

/// What came of it. `wanted`: the files of the restore point, where all of it was asked for.
pub(super) fn result(report: &RestoreReport, wanted: Option<u64>) -> String {
    let took = human(Duration::from_millis(report.write_took_ms.saturating_add(report.compare_took_ms)));
    let written = format!("{}, {}", counted(report.written.files, "file"), ByteSize(report.written.bytes));
    let mut out = format!("Restored {written} to {} in {took}\n", printable(&report.target));
    let compared = format!("{} compared with their recorded hashes", counted(report.files_compared, "file"));
    let _ = match report.problems.len() {
        0 if report.files_compared == 0 => writeln!(out, "  nothing was written, so nothing was compared"),
        0 => writeln!(out, "  {compared}: all equal"),
        n => writeln!(out, "  {compared}; {} did NOT come back", counted(n as u64, "path")),
    };
    let there = report.written.files.saturating_add(report.files_left).saturating_add(report.kept);
    if let Some(wanted) = wanted.filter(|wanted| !report.problems.is_empty() && there < *wanted) {
        let _ = writeln!(out, "  {} of the {} of the restore point did NOT come back", grouped(wanted - there), counted(wanted, "file"));
    }
    if report.files_left > 0 {
        let _ = writeln!(out, "  {} there already with the recorded content", counted(report.files_left, "file"));
    }
    if report.kept > 0 {
        let _ = writeln!(out, "  {} in the way kept, as asked", counted(report.kept, "thing"));
    }
    out
}

/// What went wrong, path by path, and metadata that could not be set.
pub(super) fn problems(report: &RestoreReport, output: Output) {
    for problem in &report.problems {
        output.warn(&format!("{}: {}", printable(&problem.path), printable(&problem.what)));
    }
    for gap in report.gaps.iter().take(MAX_SHOWN) {
        output.note(&format!("  note: {} of {} could not be set: {}", gap.what, printable(&gap.path), gap.why));
    }
    if report.n_gaps > MAX_SHOWN as u64 {
        output.note(&format!("  note: and {} more that could not be set; --json has them", grouped(report.n_gaps - MAX_SHOWN as u64)));
    }
    if !report.problems.is_empty() {
        let rest = if report.written.files == 0 && report.files_left == 0 {
            "No file came back."
        } else {
            "What is neither named above nor below a folder that is named is there."
        };
        output.note(&format!("{rest} The folder keeps its marker: the same command tries again what is missing."));
    }
}

/// The restore point before one that did not come back, and how to find out whether it will.
pub(super) fn another(chosen: &Chosen, output: Output) {
    let source = &chosen.snapshot.source;
    match &chosen.older {
        Some(older) => {
            let why = format!("the restore point of {source} before it, of {}", instant::utc(older.taken));
            output.next(&format!("lifeboat restore {}", older.id.short()), &why);
        }
        None => output.note(&format!("There is no older complete restore point of {source} in {}.", chosen.repository)),
    }
    output.next(&format!("lifeboat check --repository {}", chosen.repository), "which restore points are damaged, and which are not?");
}

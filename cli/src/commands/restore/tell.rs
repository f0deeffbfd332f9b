//! What a restore says: before it begins, and when it has ended.

use std::fmt::Write as _;
use std::time::Duration;

use base::ByteSize;
use base::span::human;
use jiff::Timestamp;
use orchestrator::Facts;
use orchestrator::jobs::restore::last_drill;
use plans::Plan;
use restore::plan::{InTheWay, Obstacle, Preview};
use restore::report::{Counts, GapKind, RestoreReport};

use crate::output::number::{counted, grouped};
use crate::output::{Output, instant, printable};
use crate::points::Chosen;

/// The most lines that are shown of anything.
const MAX_SHOWN: usize = 10;

/// What would be done, line by line: from, to, what, what it loses, how long it takes, what is in the way.
pub(super) fn preview(preview: &Preview, chosen: &Chosen, plan: &Plan, facts: &Facts, now: Timestamp) -> String {
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
    line("what", format!("{}; needs {}{free}", counts(preview.total), ByteSize(preview.needed_bytes)));
    line("loses", loses(chosen, now));
    line("time", time(preview, chosen, plan, facts, now));
    if !rustix::process::geteuid().is_root() {
        line("note", "not as root: owners other than yours, devices and attributes of the system cannot be set".to_owned());
    }
    for (name, list) in [
        ("moves aside, as it is not in the restore point", &preview.extras),
        (writes_over(preview), &preview.replaces),
        ("keeps", &preview.keeps),
        ("in the way", &preview.conflicts),
    ] {
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
    if preview.in_the_way == InTheWay::InPlace && preview.refusals.is_empty() {
        return "IN PLACE; what differs is moved aside and can be put back";
    }
    match (preview.refusals.is_empty(), touches) {
        (false, _) => "cannot be restored to as it is",
        (true, true) => "something is there",
        (true, false) => "nothing is in the way",
    }
}

fn writes_over(preview: &Preview) -> &'static str {
    if preview.in_the_way == InTheWay::InPlace { "replaces" } else { "writes over" }
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

/// What came of it.
pub(super) fn result(report: &RestoreReport) -> String {
    let took = human(Duration::from_millis(report.write_took_ms.saturating_add(report.compare_took_ms)));
    let written = format!("{}, {}", counted(report.written.files, "file"), ByteSize(report.written.bytes));
    let mut out = format!("Restored {written} to {} in {took}\n", printable(&report.target));
    let compared = format!("{} compared with their recorded hashes", counted(report.files_compared, "file"));
    let _ = match report.problems.len() {
        0 => writeln!(out, "  {compared}: all equal"),
        n => writeln!(out, "  {compared}; {} did NOT come back", counted(n as u64, "path")),
    };
    if report.bytes_reused > 0 || report.files_left > 0 {
        let fetched = ByteSize(report.bytes_read);
        let _ = writeln!(
            out,
            "  {fetched} fetched from the repository; {} taken from the files that were there",
            ByteSize(report.bytes_reused)
        );
    }
    for given in &report.from_copies {
        let _ = writeln!(
            out,
            "  {} fetched from {}: the repository has them damaged, lifeboat heal mends it",
            counted(given.n, "part"),
            given.copy
        );
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
    gaps(&report.gap_kinds, output);
    if !report.problems.is_empty() {
        if !report.aside.is_empty() {
            return output.note("Everything else is there. The same command tries again what is missing.");
        }
        output.note("Everything else is there. The folder keeps its marker: the same command tries again what is missing.");
    }
}

/// What could not be set: one line for each kind, with its count and the first path.
fn gaps(kinds: &[GapKind], output: Output) {
    if kinds.is_empty() {
        return;
    }
    output.note("Not set:");
    for kind in kinds.iter().take(MAX_SHOWN) {
        let first = if kind.n > 1 {
            format!("{}, the first is {}", counted(kind.n, "path"), printable(&kind.first))
        } else {
            printable(&kind.first)
        };
        output.note(&format!("  {}: {} ({first})", printable(&kind.what), kind.why));
    }
    if kinds.len() > MAX_SHOWN {
        output.note(&format!("  and {} more kinds; --json has them", grouped((kinds.len() - MAX_SHOWN) as u64)));
    }
}

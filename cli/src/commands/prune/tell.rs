//! What `lifeboat prune` says to people: one table of restore points, then the sums.

use std::fmt::Write as _;

use base::ByteSize;
use orchestrator::jobs::prune::Fate;

use super::{Answer, Line};
use crate::output::table::Table;
use crate::output::{counted, instant, printable};

/// What becomes of each restore point.
pub(super) fn points(lines: &[Line], dry_run: bool) -> String {
    let mut table = Table::new(["POINT", "SOURCE", "STORED", "", "WHY"]);
    for line in lines {
        table.row(row(line, dry_run));
    }
    let mut out = table.render();
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// The sums.
pub(super) fn text(answer: &Answer) -> String {
    let mut out = String::new();
    let (drops, condemns, deletes) =
        if answer.dry_run { ("would be dropped", "would be condemned", "would be deleted") } else { ("dropped", "condemned", "deleted") };
    let _ = writeln!(
        out,
        "{}: {} {drops}, {} {condemns}, {} {deletes} ({})",
        answer.repository,
        counted(answer.dropped, "restore point"),
        counted(answer.condemned, "pack"),
        counted(answer.deleted, "pack"),
        ByteSize(answer.deleted_bytes),
    );
    let share = answer.unneeded_bytes.saturating_mul(100).checked_div(answer.stored_bytes).unwrap_or(0);
    let _ = writeln!(
        out,
        "     {} stored, {} of it in packs that no restore point needs ({share} %)",
        ByteSize(answer.stored_bytes),
        ByteSize(answer.unneeded_bytes)
    );
    if let Some(until) = answer.locked_until {
        let _ = writeln!(out, "     {} still locked, the last of them until {}", counted(answer.locked, "pack"), instant::utc(until));
    }
    if answer.attested > 0 {
        let _ = writeln!(out, "     {} attested", counted(answer.attested, "restore point"));
    }
    if let Some(told) = &answer.compacted {
        out.push_str(&compacted(told));
    }
    if answer.held > 0 {
        let held = if answer.dry_run { "would be held after all" } else { "held after all" };
        let _ = writeln!(
            out,
            "     {} {held}, since a legal hold of the plan covers what was dropped before",
            counted(answer.held, "restore point")
        );
    }
    if let Some(agreement) = &answer.agreement {
        let _ = writeln!(out, "     a second person who agrees to exactly this: --saw {agreement}");
    }
    out
}

/// What a compaction did.
fn compacted(told: &super::compact::Told) -> String {
    let dead = format!("{} in packs that restore points need are dead ({} %)", ByteSize(told.dead_bytes), told.dead_per_mille / 10);
    let mut out = if told.emptied == 0 {
        format!("     {dead}: nothing was emptied\n")
    } else {
        let (packs, points) = (counted(told.emptied, "pack"), counted(told.restore_points, "restore point"));
        format!("     {dead}: {packs} emptied ({}), {points} stored again; later prunes delete the packs\n", ByteSize(told.emptied_bytes))
    };
    if !told.without_key.is_empty() {
        let _ = writeln!(out, "     left as they are: packs of {}; name a writer's key with --writer-key", told.without_key.join(", "));
    }
    out
}

fn row(line: &Line, dry_run: bool) -> [String; 5] {
    let fate = match line.fate {
        Fate::Stays => "stays",
        Fate::Goes if dry_run => "GOES",
        Fate::Goes => "DROPPED", // said before it is done: the sums say what came of it
        Fate::Dropped => "dropped",
        Fate::Gone => "gone",
    };
    [
        line.snapshot.chars().take(8).collect(),
        line.source.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string),
        line.stored.map_or_else(|| "-".to_owned(), instant::utc),
        fate.to_owned(),
        printable(&line.why.join("; ")),
    ]
}

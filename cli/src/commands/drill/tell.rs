//! A drill in lines: what was done, what held, and the verdict with its reasons.

use std::fmt::Write as _;
use std::time::Duration;

use base::span::human;
use records::drill::{CheckOutcome, CheckResult, DrillRecord, FrozenObjective, Step, Verdict, rpo_objective_ms};

use crate::output::{printable, wrap};

/// The columns of a line: mark, what, amount, time. 78 characters, so that a terminal of 80 holds them.
fn line(out: &mut String, mark: &str, what: &str, amount: &str, took_ms: u64) {
    let gap = 62_usize.saturating_sub(amount.chars().count());
    let (first, rest) = wrapped(&printable(what), gap.saturating_sub(2));
    let took = human(Duration::from_millis(took_ms));
    let _ = writeln!(out, "{mark:>4}  {first:<gap$}{amount}{took:>10}"); // a String takes all
    for line in rest {
        let _ = writeln!(out, "      {line}");
    }
}

/// The first line of a wrapped text, and the others.
fn wrapped(text: &str, room: usize) -> (String, Vec<String>) {
    let mut lines = wrap(text, room);
    let rest = lines.split_off(1);
    (lines.pop().unwrap_or_default(), rest)
}

/// Text below a mark, wrapped to the terminal.
fn below(out: &mut String, name: &str, text: &str) {
    let (first, rest) = wrapped(&printable(text), 60);
    let _ = writeln!(out, "        {name:<9} {first}");
    for line in rest {
        let _ = writeln!(out, "        {:<9} {line}", "");
    }
}

/// What was done and what held, then the verdict, then where it is recorded.
pub(super) fn outcome(record: &DrillRecord, number: Option<u64>) -> String {
    let mut out = String::new();
    for done in &record.steps {
        if done.name == "checks" {
            record.checks.iter().for_each(|check| self::check(&mut out, check));
        } else {
            step(&mut out, done, record);
        }
    }
    verdict(&mut out, record);
    if let Some(number) = number {
        let _ = writeln!(out, "        record {number} added to the evidence chain");
    }
    out
}

fn step(out: &mut String, done: &Step, record: &DrillRecord) {
    let detail = done.detail.as_deref().unwrap_or_default();
    // "9f3c41d7: 18204 files, 2.1 GiB"
    let (point, amounts) = detail.split_once(": ").unwrap_or(("", detail));
    let (files, bytes) = amounts.split_once(", ").unwrap_or((amounts, ""));
    let mark = if done.ok { "ok" } else { "FAIL" };
    match done.name.as_str() {
        // What went well here is told by the lines that follow.
        "open" | "choose" if done.ok => {}
        "open" => line(out, mark, "the repository could not be opened", "", done.took_ms),
        "choose" => line(out, mark, "no restore point could be chosen", "", done.took_ms),
        "restore" if !done.ok => line(out, mark, &format!("not all of {point} came back to a scratch folder"), bytes, done.took_ms),
        "restore" => line(out, mark, &format!("restored {point} to a scratch folder"), bytes, done.took_ms),
        "stream" if !done.ok => line(out, mark, &format!("not every byte of {point} could be read"), bytes, done.took_ms),
        "stream" => line(out, mark, &format!("read every byte of {point} back"), bytes, done.took_ms),
        "compare" if done.ok => line(out, mark, "every file equals its recorded hash", files, done.took_ms),
        "compare" => line(out, mark, "not every file equals its recorded hash", files, done.took_ms),
        "negative control" => control(out, done, record),
        "wipe" if done.ok => line(out, mark, "scratch folder wiped", "", done.took_ms),
        "wipe" => line(out, mark, "scratch folder NOT wiped", "", done.took_ms),
        other => line(out, mark, other, "", done.took_ms),
    }
    // What else went wrong is among the reasons; these say here what they saw.
    if !done.ok && matches!(done.name.as_str(), "open" | "choose" | "wipe") && !detail.is_empty() {
        below(out, "seen", detail);
    }
}

fn control(out: &mut String, done: &Step, record: &DrillRecord) {
    let Some(control) = &record.negative_control else { return };
    if control.noticed {
        line(out, "ok", &format!("check \"{}\" notices: {}", control.check, control.tamper), "", done.took_ms);
    } else {
        line(out, "--", &format!("check \"{}\" was to notice: {}", control.check, control.tamper), "", done.took_ms);
        below(out, "seen", &control.observed);
    }
}

fn check(out: &mut String, check: &CheckResult) {
    let (mark, explain) = match check.result {
        CheckOutcome::Pass => ("ok", false),
        CheckOutcome::Fail => ("FAIL", true),
        CheckOutcome::Skipped => ("--", true),
    };
    line(out, mark, &format!("check \"{}\": {}", check.check, check.claim), "", check.took_ms);
    if explain {
        if !check.expected.is_empty() {
            below(out, "expected", &check.expected);
        }
        below(out, "observed", &check.observed);
    }
}

/// The verdict in a word, what was measured against the objectives, and the reasons.
pub(super) fn verdict(out: &mut String, record: &DrillRecord) {
    let word = match record.outcome {
        Verdict::Pass => "PASSED",
        Verdict::Fail => "FAILED",
        Verdict::Void => "VOID",
        Verdict::Aborted => "ABORTED",
    };
    let mut measured = Vec::new();
    if let Some(ms) = record.measured.rto_ms() {
        measured.push(against("recovery took", ms, strictest(&record.objectives, |o| o.rto_ms)));
    }
    if let Some(ms) = record.measured.rpo_ms {
        measured.push(against("data lost", ms, rpo_objective_ms(&record.objectives)));
    }
    let mut texts: Vec<String> = record.reasons.clone();
    if record.outcome == Verdict::Void {
        texts.insert(0, "it could not have failed, so it proves nothing".to_owned());
    }
    if !measured.is_empty() {
        texts.insert(0, measured.join(", "));
    }
    let mut mark = word;
    for text in &texts {
        let (first, rest) = wrapped(&printable(text), 70);
        let _ = writeln!(out, "{mark:<7} {first}");
        for line in rest {
            let _ = writeln!(out, "        {line}");
        }
        mark = "";
    }
    if texts.is_empty() {
        let _ = writeln!(out, "{word}");
    }
}

fn against(what: &str, ms: u64, objective: Option<u64>) -> String {
    let objective = objective.map_or_else(|| "no objective".to_owned(), |ms| format!("objective {}", human(Duration::from_millis(ms))));
    format!("{what} {} ({objective})", human(Duration::from_millis(ms)))
}

fn strictest(objectives: &[FrozenObjective], of: fn(&FrozenObjective) -> Option<u64>) -> Option<u64> {
    objectives.iter().filter_map(of).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_eighty_columns_and_what_is_long_goes_on_below() {
        let mut out = String::new();
        line(&mut out, "ok", "restored 9f3c41d7 to a scratch folder", "2.1 GiB", 9000);
        line(&mut out, "FAIL", &"long words of a claim ".repeat(8), "", 3_600_000);
        assert!(out.lines().all(|line| line.chars().count() <= 78), "{out}");
        assert!(out.lines().count() > 3, "{out}");
    }

    #[test]
    fn words_longer_than_the_line_are_kept_whole() {
        let word = "x".repeat(100);
        assert_eq!(wrapped(&format!("a {word}"), 20), ("a".to_owned(), vec![word]));
    }
}

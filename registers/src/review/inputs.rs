//! What the reviewers are given to look at: what happened since the last signed review, and what stands open.
//!
//! ISO 22301:2019, 9.3.2 names what goes into a management review; here it is what lifeboat knows of that: drills and their
//! results, objectives that were missed, backups that failed, changes of the plan, threats, and what is late. Each is one line
//! of text, because the lines are stored in the journal and their digest is signed.

use std::fmt::Write as _;
use std::time::Duration;

use base::Digest;
use base::span::human;
use jiff::Timestamp;
use plans::Plan;
use plans::review::SignedReview;
use records::drill::Verdict;
use serde::Serialize;

use crate::capa;
use crate::facts::{DrillRun, Facts};
use crate::incident::Phase;
use crate::ledger::Kept;
use crate::matter::Matter;
use crate::threat::{self, Credit, ThreatRow};
use crate::{overdue, trouble};

/// The most lines of one kind; more are counted, not shown.
pub const MAX_LINES: usize = 200;
/// The longest line, in characters.
pub const MAX_CHARS: usize = 500;

/// What the reviewers are given to look at.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Inputs {
    /// Since when: the last signed review, or the beginning.
    pub since: Option<Timestamp>,
    /// Drills that ended since then.
    pub drills: Vec<String>,
    /// Objectives that these drills missed.
    pub missed: Vec<String>,
    /// Changes of what is material in the plan.
    pub changes: Vec<String>,
    /// Changes of services that the change register has, since then or still running.
    pub service_changes: Vec<String>,
    /// What went wrong and is not mended, failed backups among it.
    pub trouble: Vec<String>,
    /// Incidents, corrective actions and feedback that wait for somebody.
    pub waiting: Vec<String>,
    /// What is late.
    pub late: Vec<String>,
    /// The threat register, worst first.
    pub threats: Vec<String>,
}

/// Gathers the inputs of a review at `now`.
pub fn gather(plan: &Plan, facts: &Facts, last_signed: Option<&SignedReview>, now: Timestamp) -> Inputs {
    let since = last_signed.map(|signed| signed.at);
    let fresh = |at: Timestamp| since.is_none_or(|since| at > since);
    let mut runs: Vec<(&str, &DrillRun)> =
        facts.drills.iter().flat_map(|(id, runs)| runs.iter().map(|run| (id.as_str(), run))).filter(|(_, run)| fresh(run.ended)).collect();
    runs.sort_by_key(|(id, run)| (run.ended, *id));
    let missed = runs.iter().flat_map(|(id, run)| {
        let words = run.objectives.iter().filter_map(|objective| trouble::beyond(objective, run));
        words.map(move |words| format!("{words} (drill {id} on {})", day(run.started)))
    });
    let loads = facts.loads.windows(2).filter_map(|pair| match pair {
        [before, after] if fresh(after.at) => {
            Some(format!("plan changed on {}: {} -> {}", day(after.at), before.fingerprint.short(), after.fingerprint.short()))
        }
        _ => None,
    });
    Inputs {
        since,
        missed: missed.collect(),
        changes: loads.collect(),
        service_changes: facts
            .ledger
            .live("change")
            .filter(|kept| kept.text("ended").is_none() || fresh(kept.added))
            .map(service_change)
            .collect(),
        waiting: waiting(facts),
        drills: runs.iter().map(|(id, run)| drill(id, run)).collect(),
        trouble: trouble::list(plan, facts).iter().map(row).collect(),
        late: overdue::list(plan, facts, last_signed, now).iter().map(row).collect(),
        threats: threat::rows(plan, facts, now).iter().map(threat).collect(),
    }
}

impl Inputs {
    /// All of it, one line each, in a fixed order; a kind of which there is nothing says so.
    pub fn lines(&self) -> Vec<String> {
        let since =
            self.since.map_or_else(|| "since the beginning".to_owned(), |since| format!("since {}", since.strftime("%Y-%m-%dT%H:%M:%SZ")));
        let mut lines = vec![since];
        for (kind, of_kind, none) in [
            ("drill", &self.drills, "no drill ended"),
            ("objective missed", &self.missed, "none"),
            ("change of the plan", &self.changes, "none"),
            ("change of a service", &self.service_changes, "none"),
            ("trouble", &self.trouble, "none"),
            ("open", &self.waiting, "no incident, no corrective action, no feedback"),
            ("late", &self.late, "nothing"),
            ("threat", &self.threats, "the plan names none"),
        ] {
            if of_kind.is_empty() {
                lines.push(format!("{kind}: {none}"));
            }
            lines.extend(of_kind.iter().take(MAX_LINES).map(|line| format!("{kind}: {}", one_line(line))));
            if of_kind.len() > MAX_LINES {
                lines.push(format!("{kind}: and {} more", of_kind.len() - MAX_LINES));
            }
        }
        lines
    }
}

/// The digest of inputs as they are stored: SHA-256 of the lines, each ended by a line feed.
pub fn digest(lines: &[String]) -> Digest {
    let mut text = String::new();
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    Digest::of(text.as_bytes())
}

fn drill(id: &str, run: &DrillRun) -> String {
    let took = |ms: Option<u64>| ms.map_or_else(|| "not measured".to_owned(), |ms| human(Duration::from_millis(ms)));
    let mut line = format!("{id} on {} {}", day(run.started), run.verdict.as_str());
    match run.verdict {
        Verdict::Pass => {
            let _ = write!(line, ", recovery {}, data lost {}", took(run.measured.rto_ms()), took(run.measured.rpo_ms)); // writing to a String cannot fail
        }
        _ => line.extend(run.reasons.first().map(|reason| format!(": {reason}"))),
    }
    line
}

fn row(matter: &Matter) -> String {
    format!("{} {} since {}: {}", matter.kind.event(), matter.object, day(matter.since), matter.what)
}

/// What people have still to do, wherever it is kept.
fn waiting(facts: &Facts) -> Vec<String> {
    let incidents = facts.incidents.all().iter().filter(|one| one.phase() != Phase::Closed);
    let incidents = incidents.map(|one| format!("{} {}: {}, {}", one.id, one.title, one.severity, one.phase().as_str()));
    let capas = facts.ledger.live("capa").filter(|kept| capa::phase(kept) != capa::Phase::Closed);
    let capas = capas.map(|kept| format!("{} {}: {}", kept.id, kept.text("title").unwrap_or_default(), capa::phase(kept).as_str()));
    let feedback = facts.ledger.live("feedback").filter(|kept| kept.text("answered").is_none());
    let feedback = feedback.map(|kept| {
        let (class, party) = (kept.text("class").unwrap_or_default(), kept.text("party").unwrap_or_default());
        format!("{} {class} of {party}: {}", kept.id, kept.text("text").unwrap_or_default())
    });
    incidents.chain(capas).chain(feedback).collect()
}

fn service_change(kept: &Kept) -> String {
    let (title, services) = (kept.text("title").unwrap_or_default(), kept.text("services").unwrap_or_default());
    let state = match (kept.text("ended"), kept.text("result")) {
        (Some(ended), Some(result)) => format!("{result}, ended {ended}"),
        (Some(ended), None) => format!("ended {ended}"),
        (None, _) => "not ended".to_owned(),
    };
    format!("{} {title} ({services}): {state}", kept.id)
}

fn threat(row: &ThreatRow) -> String {
    let proof = match &row.credit {
        Credit::Proven { at, .. } => format!("controls proven on {}", day(*at)),
        Credit::None { why } => why.to_string(),
    };
    format!("{} {}: {} x {} = {} ({proof})", row.id, row.title, row.shown.likelihood, row.shown.impact, row.shown.score)
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Texts come from plans and from what programs said: one line, no control characters, not endless.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect()
}

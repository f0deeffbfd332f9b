//! The minutes of a review: a Markdown document with what was looked at, what was decided, who has signed, and when the next one is due.
//!
//! People write what they decided, in the document or at the terminal; the rest is the program's. Once somebody has signed, the minutes stay
//! as they are: their digest is part of what is signed.

use std::fmt::Write as _;

use base::Hint;
use jiff::Timestamp;
use plans::Plan;
use records::Event;
use records::event::{Row, RowArchived, RowChanged};

use super::{Review, Standing};

/// The register's name.
pub const NAME: &str = "review";
/// The field that people write.
pub const DECISIONS: &str = "decisions";
/// The heading under which it stands.
const HEADING: &str = "## Decisions";
/// The most bytes of what was decided.
const MAX_BYTES: usize = 64 << 10;

/// Why a review is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MinutesRefused {
    /// There is none with this name.
    #[error("there is no review {id}")]
    Unknown {
        /// What was asked for.
        id: String,
    },
    /// No reason was given.
    #[error("the reason is empty")]
    NoReason,
    /// Somebody has signed.
    #[error("the minutes of review {id} are signed, and stay as they are")]
    Signed {
        /// Which.
        id: String,
    },
    /// It is archived already.
    #[error("review {id} is archived")]
    Archived {
        /// Which.
        id: String,
    },
    /// The text cannot stand in the minutes.
    #[error("the decisions {what}")]
    Text {
        /// What is wrong.
        what: &'static str,
    },
    /// Nothing would change.
    #[error("the minutes of review {id} say so already")]
    Same {
        /// Which.
        id: String,
    },
}

impl Hint for MinutesRefused {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Unknown { .. } => "see which there are: lifeboat review list --all",
                Self::NoReason => "say why in a few words; it is kept in the journal",
                Self::Signed { .. } | Self::Archived { .. } => "open another review: lifeboat review start",
                Self::Text { .. } => "write them as text under the heading \"## Decisions\", with headings of three # or more",
                Self::Same { .. } => "nothing was written",
            }
            .to_owned(),
        )
    }
}

/// The review whose name is, or ends in, `id`; the newest where none is named.
pub fn find<'r>(reviews: &'r [Review], id: Option<&str>) -> Result<&'r Review, MinutesRefused> {
    let unknown = || MinutesRefused::Unknown { id: id.unwrap_or("yet").to_owned() };
    let Some(id) = id else { return reviews.last().ok_or_else(unknown) };
    let mut fitting = reviews.iter().filter(|review| review.id.ends_with(id) && !id.is_empty());
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        _ => reviews.iter().find(|review| review.id == id).ok_or_else(unknown),
    }
}

/// Writes down what was decided.
pub fn decide(plan: &Plan, review: &Review, decisions: &str, reason: &str, by: &str) -> Result<Event, MinutesRefused> {
    let id = review.id.clone();
    let reason = said(reason)?;
    if review.archived.is_some() {
        return Err(MinutesRefused::Archived { id });
    }
    if !review.signatures.is_empty() {
        return Err(MinutesRefused::Signed { id });
    }
    let decisions = decisions.replace("\r\n", "\n").trim().to_owned();
    let text = |what| Err(MinutesRefused::Text { what });
    if decisions.is_empty() {
        return text("are empty");
    }
    if decisions.len() > MAX_BYTES {
        return text("are longer than 64 KiB");
    }
    if decisions.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return text("have control characters");
    }
    if decisions.lines().any(|line| line.starts_with("# ") || line.starts_with("## ")) {
        return text("have a heading of one or two #, which are those of the minutes");
    }
    if review.decisions.as_deref() == Some(decisions.as_str()) {
        return Err(MinutesRefused::Same { id });
    }
    let row = |text: String| Row::from([(DECISIONS.to_owned(), text)]);
    Ok(RowChanged {
        register: NAME.to_owned(),
        id,
        plan: plan.id.clone(),
        old: review.decisions.clone().map(row).unwrap_or_default(),
        new: row(decisions),
        reason,
        by: by.to_owned(),
    }
    .into())
}

/// Puts a review away: one that waits for signatures then waits no more, one that is done stays done.
pub fn archive(plan: &Plan, review: &Review, reason: &str, by: &str) -> Result<Event, MinutesRefused> {
    let (id, reason) = (review.id.clone(), said(reason)?);
    if review.archived.is_some() {
        return Err(MinutesRefused::Archived { id });
    }
    Ok(RowArchived { register: NAME.to_owned(), id, plan: plan.id.clone(), reason, by: by.to_owned() }.into())
}

fn said(reason: &str) -> Result<String, MinutesRefused> {
    let reason = reason.trim();
    if reason.is_empty() { Err(MinutesRefused::NoReason) } else { Ok(reason.to_owned()) }
}

/// The document.
pub fn document(plan: &Plan, review: &Review) -> String {
    let mut text = format!("# Minutes of the review of {}\n\n", plan.title);
    let mut line = |words: String| {
        let _ = writeln!(text, "{words}"); // writing to a String cannot fail
    };
    line(format!("- review: {}", review.id));
    line(format!("- plan: {}, material fingerprint {}", review.plan, review.fingerprint));
    line(format!("- opened: {}", review.started.strftime("%Y-%m-%d %H:%M UTC")));
    line(format!("- digest that is signed: {}", review.inputs_digest()));
    line(String::new() + "\n## Inputs\n");
    for input in &review.inputs {
        line(format!("- {input}"));
    }
    line(format!("\n{HEADING}\n"));
    match &review.decisions {
        Some(decisions) => line(decisions.clone()),
        None if plan.review.minutes.is_empty() => line("(write here what was decided)".to_owned()),
        None => plan.review.minutes.iter().for_each(|topic| line(format!("### {topic}\n\n(write here what was decided)\n"))),
    }
    line("\n## Signatures\n".to_owned());
    for signed in &review.signatures {
        let name = signed.name.clone().unwrap_or_else(|| signed.by.to_string());
        line(format!("- {name} as {}, {}: {}", signed.role, signed.at.strftime("%Y-%m-%d %H:%M UTC"), signed.meaning));
    }
    match review.standing(&plan.review.sign, plan.fingerprint) {
        Standing::Done { at } => line(format!("\nThe next review is due on {}.", next(plan, at))),
        Standing::Open { missing, .. } if missing.is_empty() => line("- still to sign: one contact of the plan".to_owned()),
        Standing::Open { missing, .. } => {
            line(format!("- still to sign: {}", missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")));
        }
        Standing::Superseded => line("\nThe plan changed while this review was open, so it was not completed.".to_owned()),
        Standing::Archived => line("\nThis review was archived before it was completed.".to_owned()),
    }
    text
}

fn next(plan: &Plan, at: Timestamp) -> String {
    plan.review.every.after(at, &plan.timezone).to_zoned_datetime(plan.timezone.clone()).date().to_string()
}

/// What was decided, out of the document that somebody edited.
pub fn read(document: &str) -> Result<String, MinutesRefused> {
    let document = document.replace("\r\n", "\n");
    let below = document.split_once(&format!("\n{HEADING}\n")).map(|(_, below)| below);
    let below = below.ok_or(MinutesRefused::Text { what: "have no heading \"## Decisions\"" })?;
    let decisions = below.split_once("\n## ").map_or(below, |(decisions, _)| decisions).trim();
    if decisions.contains("(write here what was decided)") {
        return Err(MinutesRefused::Text { what: "are not written yet" });
    }
    Ok(decisions.to_owned())
}

/// The columns of the register as a table.
const COLUMNS: [&str; 7] = ["id", "opened", "fingerprint", "state", "decisions", "signatures", "archived"];

/// The register as a table. It has no import: a signature cannot come from a spreadsheet.
pub fn export(plan: &Plan, reviews: &[Review]) -> Result<String, csv::Error> {
    let rows = reviews.iter().map(|review| {
        let signed = review.signatures.iter().map(|signed| {
            let name = signed.name.clone().unwrap_or_else(|| signed.by.to_string());
            format!("{name} as {}, {}: {}", signed.role, signed.at, signed.meaning)
        });
        vec![
            review.id.clone(),
            review.started.to_string(),
            review.fingerprint.to_string(),
            review.standing(&plan.review.sign, plan.fingerprint).as_str().to_owned(),
            review.decisions.clone().unwrap_or_default(),
            signed.collect::<Vec<_>>().join("; "),
            review.archived.map(|at| at.to_string()).unwrap_or_default(),
        ]
    });
    crate::ledger::sheet::write(&COLUMNS, rows)
}
